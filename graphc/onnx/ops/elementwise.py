"""Element-wise operators: arithmetic, comparison, logic, bits."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import bits, math, shape
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, elementwise, together
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import with_ones
from graphc.onnx.ops.sizes import decided, differ, is_at_least, picked
from graphc.onnx.registry import operator
from graphc.onnx.values import Narrow
from graphc.prims.table import apply

_UNARY = {
    "Abs": math.abs, "Neg": math.negative, "Sign": math.sign, "Reciprocal": math.reciprocal, "Sqrt": math.sqrt,
    "Exp": math.exp, "Log": math.log, "Floor": math.floor, "Ceil": math.ceil, "Round": math.round, "Erf": math.erf,
    "Sin": math.sin, "Cos": math.cos, "Tan": math.tan, "Asin": math.asin, "Acos": math.acos, "Atan": math.atan,
    "Sinh": math.sinh, "Cosh": math.cosh, "Tanh": math.tanh, "Asinh": math.asinh, "Acosh": math.acosh,
    "Atanh": math.atanh, "Not": math.logical_not, "BitwiseNot": bits.invert,
}  # fmt: skip
_BINARY = {
    "Add": math.add, "Sub": math.subtract, "Mul": math.multiply, "And": math.logical_and, "Or": math.logical_or,
    "Xor": math.logical_xor, "BitwiseAnd": bits.bitwise_and, "BitwiseOr": bits.bitwise_or,
    "BitwiseXor": bits.bitwise_xor,
}  # fmt: skip
_COMPARISONS = {  # the primitive, and whether its operands change places
    "Equal": ("eq", False), "Less": ("lt", False), "LessOrEqual": ("le", False), "Greater": ("lt", True),
    "GreaterOrEqual": ("le", True),
}  # fmt: skip
_MANY = {"Max": math.maximum, "Min": math.minimum, "Sum": math.add}


def _unary(function: Callable) -> Callable:
    return lambda call: function(call[0])


def _binary(function: Callable) -> Callable:
    return lambda call: function(*operands(call))


def _many(function: Callable) -> Callable:
    return lambda call: functools.reduce(function, call.tensors(1), call[0])


def _comparison(prim: str, exchanged: bool) -> Callable:
    def run(call: Call):
        x, y = operands(call)
        x, y = (y, x) if exchanged else (x, y)
        found = decided(prim, x, y)
        return elementwise(prim, x, y, name=call.op) if found is None else const(found)

    return run


for _name, _function in _UNARY.items():
    operator(_name)(_unary(_function))
for _name, _comparing in _COMPARISONS.items():
    operator(_name)(_comparison(*_comparing))
for _name, _function in _BINARY.items():
    operator(_name)(_binary(_function))
for _name, _function in _MANY.items():
    operator(_name)(_many(_function))


def operands(call: Call) -> tuple[Node, Node]:
    """Both operands; before version 7 the second one lies along the axes of the first from ``axis`` on."""
    x, y = call[0], call[1]
    if call.version >= 7:
        return x, y
    if not call.int("broadcast", 0):
        if differ(x.shape, y.shape):
            raise call.wrong("without broadcast=1 both operands must have one shape")
        return x, y
    axis = call.int("axis", len(x.shape) - len(y.shape))
    axis += len(x.shape) if axis < 0 else 0
    behind = len(x.shape) - axis - len(y.shape)
    if axis < 0 or behind < 0:
        raise call.wrong(f"the second operand does not lie within the first from axis {axis} on")
    return x, with_ones(y, behind)


@operator("Mean")
def mean(call: Call):
    """The mean of any number of tensors."""
    total = functools.reduce(math.add, call.tensors(1), call[0])
    return total if len(call) == 1 else math.realdiv(total, float(len(call)))


@operator("Div")
def quotient(call: Call):
    """The quotient, of integers rounded towards zero."""
    x, y = operands(call)
    if not x.dtype.is_integer:
        return elementwise("div", x, y)
    whole = x.dtype.kind == "u" or (is_at_least(x, 0) and is_at_least(y, 0))
    return math.floordiv(x, y) if whole else math.truncatediv(x, y)


@operator("Mod")
def remainder(call: Call):
    """The remainder, with the sign of the second operand, or of the first with ``fmod``."""
    x, y = operands(call)
    return math.truncatemod(x, y) if call.int("fmod", 0) and x.dtype.kind != "u" else math.floormod(x, y)


@operator("Pow")
def power(call: Call):
    """The first operand to the power of the second, which may be of another dtype."""
    x, y = operands(call)
    if x.dtype is y.dtype:
        return math.pow(x, y)
    known = call.known(1)
    if known is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            same = known.astype(x.dtype.numpy)
            exact = np.array_equal(same.astype(np.float64), known.astype(np.float64))
        if exact:
            return math.pow(x, const(np.ascontiguousarray(same).reshape(known.shape)))
    wide = _common(x.dtype, y.dtype)
    return math.cast(math.pow(math.cast(x, wide), math.cast(y, wide)), x.dtype)


def _common(x, y):
    """The dtype in which a number of dtype ``x`` is raised to a power of dtype ``y``."""
    if x.is_integer and y.is_integer:
        return x if x is dt.u64 else dt.i64
    return dt.f64 if max(x.bits, y.bits) > 16 and (x, y) != (dt.f32, dt.f16) else dt.f32


@operator("Clip")
def clip(call: Call):
    """Elements limited to an interval; where its ends are exchanged, all become the upper one."""
    x = call[0]
    if call.version < 11:
        low, high = (as_node(call.float(n), x.dtype) if n in call.attributes else None for n in ("min", "max"))
    else:
        low, high = (_scalar(call, call.get(k)) for k in (1, 2))
    x = x if low is None else math.maximum(x, low)
    return x if high is None else math.minimum(x, high)


def _scalar(call: Call, limit: Node | None) -> Node | None:
    if limit is None or not limit.shape:
        return limit
    if limit.shape != (1,) * len(limit.shape):
        raise call.wrong("a limit must be a scalar")
    return shape.reshape(limit, ())


@operator("Where")
def chosen(call: Call):
    """Elements of the second operand where the first one is true, else of the third."""
    x, y = call.value(1), call.value(2)
    if isinstance(x, Narrow) and isinstance(y, Narrow) and x.element is y.element:
        return Narrow(math.where(call[0], x.node, y.node), x.element)
    found = picked(call.known(0), call[1], call[2])
    return math.where(call[0], call[1], call[2]) if found is None else found


@operator("IsNaN")
def is_nan(call: Call):
    """Whether elements are no numbers."""
    x = call.value(0)
    return _looked_up(x, np.isnan) if isinstance(x, Narrow) else math.is_nan(call[0])


@operator("IsInf")
def is_inf(call: Call):
    """Whether elements are infinite, of the signs that count."""
    signs = [s for s, name in ((1, "detect_positive"), (-1, "detect_negative")) if call.int(name, 1)]
    x = call.value(0)
    if isinstance(x, Narrow):
        return _looked_up(x, lambda v: np.isinf(v) & np.isin(np.sign(v.astype(np.float32)), signs))
    if len(signs) == 2:
        return math.is_inf(call[0])
    if not signs:
        return const(False, call[0].type.with_dtype(dt.b1))
    return math.equal(call[0], full_like(call[0], signs[0] * float("inf")))


def _looked_up(x: Narrow, test: Callable) -> Node:
    """A test of every element of a small float, from a table of all 256 of them."""
    table = const(np.asarray(test(np.arange(256, dtype=np.uint8).view(x.element.numpy)), bool))
    places = apply("cast", x.node, dtype=dt.i32)
    return apply("gather", table, apply("reshape", places, shape=(*x.shape, 1)), batch=0)


@operator("BitShift")
def shifted(call: Call):
    """Bits moved left or right; by as many as there are, or by a negative number, all of them leave."""
    right = call.choice("direction", "LEFT", "RIGHT") == "RIGHT"
    x, y = together("BitShift", call[0], call[1])
    if not x.dtype.is_integer:
        raise call.wrong("needs integers")
    inside = apply("lt", y, full_like(y, x.dtype.bits))
    if x.dtype.kind == "i":
        inside = apply("and", inside, apply("le", full_like(y, 0), y))
        if right:
            return apply("shr", x, apply("select", inside, y, full_like(y, x.dtype.bits - 1)))
    return apply("select", inside, apply("shr" if right else "shl", x, y), full_like(x, 0))
