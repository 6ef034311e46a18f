"""Operators of ai.onnx.ml that map labels: encoders, category mappers, one-hot codes."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import index, math, order, promote, shape, strings
from graphc.onnx.call import Call
from graphc.onnx.registry import ML, operator
from graphc.onnx.values import constant
from graphc.prims.table import apply

_LISTS = {"strings": "texts", "int64s": "ints", "floats": "floats"}
_TYPES = {"strings": object, "int64s": np.int64, "floats": np.float32}


def words_of(texts: list[str]) -> np.ndarray:
    """Strings as an array of bytes."""
    found = np.empty(len(texts), object)
    found[:] = [t.encode() for t in texts]
    return found


def listed_values(call: Call, prefix: str) -> np.ndarray | None:
    """The attribute ``prefix_strings``, ``_int64s`` or ``_floats`` that is there, or the tensor ``prefix_tensor``."""
    if f"{prefix}_tensor" in call.attributes:
        array = call.tensor(f"{prefix}_tensor").reshape(-1)
        return words_of([v if isinstance(v, str) else v.decode() for v in array]) if array.dtype == object else array
    for kind, read in _LISTS.items():
        found = getattr(call, read)(f"{prefix}_{kind}", None)
        if found:
            return words_of(found) if kind == "strings" else np.array(found, _TYPES[kind])
    return None


def places(x: Node, keys: np.ndarray) -> Node:
    """Where each element first stands among the keys, as i64; their number for one that is not there."""
    count = len(keys)
    if x.dtype is dt.string:
        found = strings.place_in(x, keys.tolist())
        return math.where(math.less(found, 0), count, found)
    numbers = np.flatnonzero(~np.isnan(keys)) if keys.dtype.kind == "f" else np.arange(count)
    usable, first = np.unique(keys[numbers], return_index=True)
    first = numbers[first]
    if not len(usable):
        found = promote.broadcast_to(const(np.int64(count)), x.shape)
    else:
        line = const(usable.astype(x.dtype.numpy))
        flat = shape.reshape(x, (-1,))
        at = math.minimum(math.cast(order.searchsorted(line, flat), dt.i64), len(usable) - 1)
        hit = apply("eq", index.picked("labels", line, at), flat)
        found = math.where(hit, index.picked("labels", const(first.astype(np.int64)), at), count)
        found = shape.reshape(found, x.shape)
    if keys.dtype.kind == "f" and np.isnan(keys).any():
        found = math.where(apply("ne", x, x), int(np.flatnonzero(np.isnan(keys))[0]), found)
    return found


def looked_up(x: Node, keys: np.ndarray, values: np.ndarray, default) -> Node:
    """The value of each element's key, the default for elements that are no key."""
    table = np.empty(len(values) + 1, values.dtype)
    table[:-1], table[-1] = values, default
    return index.picked("labels", constant(table), places(x, keys))


_DEFAULTS = {"O": b"_Unused", "i": -1, "f": -0.0}


@operator("LabelEncoder", domain=ML, since=2)
def label_encoder(call: Call):
    """The value of the key that an element is."""
    keys, values = listed_values(call, "keys"), listed_values(call, "values")
    if keys is None or values is None or len(keys) != len(values):
        raise FormatError("LabelEncoder: keys and values must be given, as many of both")
    x = call[0]
    if (x.dtype is dt.string) != (keys.dtype == object) or (x.dtype is not dt.string and x.dtype.numpy != keys.dtype):
        raise call.wrong(f"the keys are {'strings' if keys.dtype == object else keys.dtype}")
    return looked_up(x, keys, values, _default(call, values))


def _default(call: Call, values: np.ndarray):
    if "default_tensor" in call.attributes:
        found = call.tensor("default_tensor").reshape(-1)[0]
        return found.encode() if isinstance(found, str) else found
    if values.dtype == object:
        return call.text("default_string", "_Unused").encode()
    return call.int("default_int64", -1) if values.dtype.kind in "iu" else call.float("default_float", -0.0)


@operator("LabelEncoder", domain=ML, since=1)
def label_encoder_of_classes(call: Call):
    """The number of a class for its name, or its name for the number."""
    names = words_of(call.texts("classes_strings"))
    return _mapped(call, names, np.arange(len(names)))


@operator("CategoryMapper", domain=ML)
def category_mapper(call: Call):
    """The number of a category for its name, or its name for the number."""
    names, numbers = words_of(call.texts("cats_strings")), np.array(call.ints("cats_int64s"), np.int64)
    if len(names) != len(numbers):
        raise FormatError(f"CategoryMapper: {len(names)} names for {len(numbers)} numbers")
    return _mapped(call, names, numbers)


def _mapped(call: Call, names: np.ndarray, numbers: np.ndarray) -> Node:
    x = call[0]
    if x.dtype is dt.string:
        return looked_up(x, names, numbers.astype(np.int64), call.int("default_int64", -1))
    if x.dtype is not dt.i64:
        raise call.wrong("the input must be strings or int64")
    return looked_up(x, numbers.astype(np.int64), names, call.text("default_string", "_Unused").encode())


@operator("OneHotEncoder", domain=ML)
def one_hot_encoder(call: Call):
    """A new last axis with a one at the category and zeros elsewhere."""
    x = call[0]
    if x.dtype is dt.string:
        cats = words_of(call.texts("cats_strings"))
    else:
        cats, x = np.array(call.ints("cats_int64s"), np.int64), math.cast(x, dt.i64)
    found = places(x, cats)
    if not call.int("zeros", 1):
        found = index.looked_at("OneHotEncoder", found, [len(cats)])
    return index.one_hot(found, len(cats), dtype=dt.f32)
