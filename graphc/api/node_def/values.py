"""Python values of arguments as text that reads back: numbers, texts, dtypes, slices, arrays, lists of them."""

from __future__ import annotations

import base64
import json

import numpy as np

from graphc.errors import FormatError, explain
from graphc.formats import protos
from graphc.formats.tensors import array_of, tensor_proto
from graphc.ir.dtype import DType, as_dtype


class Unwritable(Exception):
    """A value that has no text, such as a function."""


def written(value) -> str:
    """``value`` as JSON.

    Raises:
        Unwritable: it has no text.
    """
    return json.dumps(_plain(value), separators=(",", ":"))


def _plain(value):
    """Values that JSON has are themselves, others a list that begins with their kind."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, bytes):
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, DType):
        return ["dtype", value.name]
    if isinstance(value, (np.ndarray, np.generic)):
        data = tensor_proto(np.asarray(value)).SerializeToString()
        return ["array", base64.b64encode(data).decode()]
    if isinstance(value, slice):
        return ["slice", _plain(value.start), _plain(value.stop), _plain(value.step)]
    if value is Ellipsis:
        return ["ellipsis"]
    if isinstance(value, (list, tuple)):
        return ["list" if isinstance(value, list) else "tuple", *[_plain(v) for v in value]]
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return ["dict", *[[k, _plain(v)] for k, v in value.items()]]
    if hasattr(value, "as_list"):  # a TensorShape
        return _plain(value.as_list())
    if hasattr(value, "__index__") and not hasattr(value, "graph"):
        return value.__index__()
    raise Unwritable(type(value).__name__)


def read(text: str):
    """The value of a text.

    Raises:
        FormatError: it is none that ``written`` makes.
    """
    try:
        return _value(json.loads(text))
    except (ValueError, LookupError, TypeError) as error:
        raise FormatError(explain(f"an argument in a graph file is damaged: {error}")) from None


_READERS = {
    "float": float.fromhex,
    "bytes": base64.b64decode,
    "dtype": as_dtype,
    "array": lambda data: np.array(array_of(protos.TensorProto.FromString(base64.b64decode(data)))),
    "slice": lambda *parts: slice(*map(_value, parts)),
    "ellipsis": lambda: Ellipsis,
    "list": lambda *parts: [_value(p) for p in parts],
    "tuple": lambda *parts: tuple([_value(p) for p in parts]),
    "dict": lambda *pairs: {k: _value(v) for k, v in pairs},
}


def _value(plain):
    if isinstance(plain, list):
        return _READERS[plain[0]](*plain[1:])
    return plain
