"""Serialised tensors and CSV records under TensorFlow's names."""

from __future__ import annotations

import functools

from graphc.api.callbacks import numpy_function
from graphc.api.composite import record
from graphc.api.create import convert_to_tensor
from graphc.api.eager import eager
from graphc.api.effect import EFFECT
from graphc.api.lift import construct, tensors_in
from graphc.api.recorder import recorder_for
from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor
from graphc.api.variable import Variable
from graphc.errors import InvalidArgumentError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import files, parsing
from graphc.prims import tensor_proto


def parse_tensor(serialized, out_type, name=None, *, shape=None):
    """The tensor of a serialised TensorProto.

    Args:
        shape: its shape, None for unknown sizes; of use inside of traced functions and graphs, which otherwise do not
            know even the number of axes before they run.

    Raises:
        InvalidArgumentError: it is damaged, or of another dtype.
    """
    x, kind = convert_to_tensor(serialized), dt.as_dtype(out_type)
    if shape is None and isinstance(x, EagerTensor) and not x.shape.ndims and x.dtype is dt.string:
        try:
            return convert_to_tensor(tensor_proto.parsed(x.array[()], kind))
        except InvalidArgumentError as error:
            raise type(error)(explain(str(error))) from None
    if shape is None:
        return numpy_function(functools.partial(_parsed, kind), [x], kind, stateful=False, name=name)
    sizes = [-1 if d is None else d for d in TensorShape(shape).as_list()]
    return record("ParseTensor", parsing.parse_tensor, "serialized", serialized=x, out_type=kind, shape=sizes)


def _parsed(kind, serialized: bytes):
    return tensor_proto.parsed(serialized, kind)


def match_filenames_once(pattern, name=None) -> Variable:
    """A variable with the names of files that match one of the patterns now, sorted; see ``matching_files``."""
    recorder = recorder_for(tensors_in([pattern]), eager)
    given = {"pattern": convert_to_tensor(pattern)}
    label = "MatchingFiles"
    found = construct(recorder, label, label, files.matching_files, given, {"pattern": 0}, effect=EFFECT)
    return Variable(found, trainable=False, name=name or "matching_filenames")


def decode_csv(
    records, record_defaults, field_delim=",", use_quote_delim=True, na_value="", select_cols=None, name=None
):
    if not isinstance(record_defaults, (list, tuple)):
        raise UsageError(explain(f"decode_csv: record_defaults must be a list, got {record_defaults!r}"))
    given = {"records": records, "record_defaults": [convert_to_tensor(d) for d in record_defaults],
             "field_delim": field_delim,
                 "use_quote_delim": use_quote_delim, "na_value": na_value, "select_cols": select_cols}  # fmt: skip
    recorder = recorder_for(tensors_in(given.values()), eager)
    groups = {"records": 0, "record_defaults": 1}
    return construct(recorder, "DecodeCSV", "DecodeCSV", parsing.decode_csv, given, groups, ("record_defaults",), name)


decode_csv.__doc__ = parsing.decode_csv.__doc__
