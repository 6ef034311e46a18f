"""Serialised protocol buffers of any type as tensors and back, and Examples that are written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.create import convert_to_tensor
from graphc.api.eager import EAGER, eager
from graphc.api.recorder import recorder_for
from graphc.api.resource import record
from graphc.api.tensor import EagerTensor
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.formats import message_fields
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.prims.act import python


def decode_proto(bytes, message_type, field_names, output_types, descriptor_source="local://",  # noqa: A002
                 message_format="binary", sanitize=False, name=None):  # fmt: skip
    """Fields of serialised messages as tensors. Runs on the host.

    Args:
        bytes: strings of any shape ``[...]``.
        message_type: full name of the message; field_names: its fields to extract, ``output_types``: their dtypes.
        descriptor_source: ``local://`` for TensorFlow's own messages, a file with a FileDescriptorSet, or
            ``bytes://`` and its content.
        message_format: ``binary`` or ``text``; sanitize: accepted for compatibility.

    Returns:
        ``(sizes, values)``: how many values every message has of each field, i32[..., fields], and for each field a
        tensor [..., most], filled up with the default of the field.

    Raises:
        UsageError: no such message or field, or a dtype that the field cannot have.
        DataLossError, while running: a string is no such message.
    """
    if len(field_names) != len(output_types):
        what = f"decode_proto: {len(field_names)} field_names for {len(output_types)} output_types"
        raise UsageError(explain(what))
    if message_format not in ("binary", "text"):
        raise UsageError(explain(f"decode_proto: message_format must be 'binary' or 'text', got {message_format!r}"))
    x, kinds = _strings("decode_proto", bytes), [dt.as_dtype(k) for k in output_types]
    fields = message_fields.Fields(message_type, descriptor_source, field_names, kinds)
    shape = _open_sizes("decode_proto", x)
    results = ((dt.i32, (*shape, len(kinds))), *[(k, (*shape, -1)) for k in kinds])

    def run(array):
        return fields.decoded(array, message_format == "text")

    sizes, *values = _on_host("DecodeProtoV2", run, [x], results, name)
    return sizes, values


def encode_proto(sizes, values, field_names, message_type, descriptor_source="local://", name=None):
    """Messages with these fields, serialised: the inverse of ``decode_proto``. Runs on the host.

    Args:
        sizes: i32[..., fields]: how many values each message has of each field; values: for each field [..., most].

    Returns:
        Strings of shape ``[...]``.

    Raises:
        UsageError, ShapeError: arguments do not fit each other or the message.
    """
    counts = convert_to_tensor(sizes, None if hasattr(sizes, "dtype") else dt.i32)
    if counts.dtype is not dt.i32:
        raise DtypeError(explain(f"encode_proto: sizes must be i32, got {counts.dtype.name}"))
    parts = [convert_to_tensor(v) for v in values]
    if len(parts) != len(field_names):
        raise UsageError(explain(f"encode_proto: {len(parts)} values for {len(field_names)} field_names"))
    fields = message_fields.Fields(message_type, descriptor_source, field_names, [p.dtype for p in parts])
    shape = _open_sizes("encode_proto", counts)
    if len(shape) < 2 or shape[-1] not in (-1, len(parts)):
        what = f"encode_proto: sizes must be of shape [n, ..., {len(parts)}], one for each field, got {counts.shape}"
        raise ShapeError(explain(what))
    return _on_host("EncodeProto", fields.encoded, [counts, *parts], ((dt.string, shape[:-1]),), name)[0]


def decode_json_example(json_examples, name=None):
    """Examples that are written as JSON (proto3's mapping), serialised. Runs on the host.

    Raises:
        InvalidArgumentError, while running: a string is no such example.
    """
    x = _strings("decode_json_example", json_examples)
    results = ((dt.string, _open_sizes("decode_json_example", x)),)
    return _on_host("DecodeJSONExample", message_fields.examples_of_json, [x], results, name)[0]


def _strings(op: str, value):
    x = convert_to_tensor(value, None if hasattr(value, "dtype") else dt.string)
    if x.dtype is not dt.string:
        raise DtypeError(explain(f"{op}: needs strings, not {x.dtype.name}{x.shape}"))
    return x


def _open_sizes(op: str, x) -> tuple:
    if x.shape.rank is None:
        raise ShapeError(explain(f"{op}: the number of axes must be known: call set_shape first"))
    return tuple([-1 if n is None else n for n in x.shape.as_list()])


def _on_host(kind: str, function: Callable, tensors: Sequence, results: tuple, name) -> list:
    """What ``function`` answers for arrays, as tensors: a list of arrays of the dtypes and sizes of ``results``."""
    recorder = recorder_for(tensors, eager)
    if recorder.is_eager:
        try:
            found = function(*[EAGER.convert(t).array for t in tensors])
        except InvalidArgumentError as error:
            raise type(error)(explain(str(error))) from None
        return [EagerTensor(EAGER, array=np.asarray(a)) for a in found]
    key = f"{kind}#{next(message_fields.NUMBERS)}"

    def build(token: Node, *nodes: Node) -> list[Node]:
        return python(token, *nodes, callback=function, key=key, results=results)

    return record(recorder, kind, kind, build, tensors, results, name)
