"""Operators that move elements or tell of shapes."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import const
from graphc.lib import shape
from graphc.lib.index import getitem
from graphc.onnx.call import Call
from graphc.onnx.registry import operator
from graphc.onnx.values import constant

_ONE = {"value_float": np.float32, "value_int": np.int64}
_MANY = {"value_floats": np.float32, "value_ints": np.int64}


@operator("Constant")
def a_constant(call: Call):
    """The value in one of its attributes."""
    for name, kind in _ONE.items():
        if name in call.attributes:
            return const(kind(call.float(name) if kind is np.float32 else call.int(name)))
    for name, kind in _MANY.items():
        if name in call.attributes:
            return const(np.array(call.floats(name) if kind is np.float32 else call.ints(name), kind))
    if "value_string" in call.attributes:
        return constant(np.array(call.text("value_string").encode(), object))
    if "value_strings" in call.attributes:
        return constant(np.array([s.encode() for s in call.texts("value_strings")], object))
    if "sparse_value" in call.attributes:
        return constant(call.frame.tracer.file.array(call.attributes["sparse_value"].sparse_tensor))
    if "value" not in call.attributes:
        raise FormatError(f"Constant: none of its attributes is a value, only {', '.join(call.attributes) or 'nothing'}")
    return constant(call.tensor("value"))


@operator("Identity")
def identity(call: Call):
    """Its input, of whatever kind."""
    return call.value(0)


@operator("Shape", moves=True)
def shape_of(call: Call):
    """The sizes of some axes, as int64."""
    found = shape.shape(call[0], dt.i64)
    rank = found.shape[0]
    first, last = (np.clip(v + rank if v < 0 else v, 0, rank) for v in (call.int("start", 0), call.int("end", rank)))
    return found if (first, last) == (0, rank) else getitem(found, slice(int(first), int(max(first, last))))


@operator("Reshape", moves=True)
def reshape(call: Call):
    """Other sizes: 0 keeps a size (unless ``allowzero``), -1 takes what is left."""
    x, wanted = call[0], call.sizes(1, signed=True)
    if not call.int("allowzero", 0):
        wanted = [x.shape[k] if type(d) is int and d == 0 and k < len(x.shape) else d for k, d in enumerate(wanted)]
    return shape.reshape(x, wanted)
