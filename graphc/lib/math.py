"""Element-wise mathematics under TensorFlow's names; operands broadcast, and literals adopt the dtype of tensors."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to, elementwise, together
from graphc.prims.table import apply


def _unary(prim: str):
    def op(x) -> Node:
        return apply(prim, as_node(x))

    op.__name__ = op.__qualname__ = prim
    op.__doc__ = f"Element-wise ``{prim}``: dtype and shape of ``x``."
    return op


def _inexact(prim: str):
    def op(x) -> Node:
        return apply(prim, require_inexact(prim, as_node(x)))

    op.__name__ = op.__qualname__ = prim
    op.__doc__ = f"Element-wise ``{prim}`` of floating ``x``; DtypeError for others."
    return op


def _binary(prim: str):
    def op(x, y) -> Node:
        return elementwise(prim, x, y)

    op.__name__ = op.__qualname__ = prim
    op.__doc__ = f"Element-wise ``{prim}`` after broadcasting; both operands of one dtype."
    return op


def require_inexact(op: str, x: Node) -> Node:
    """``x`` itself if it is floating or complex; DtypeError otherwise."""
    if not x.dtype.is_inexact:
        raise DtypeError(explain(f"{op}: needs a floating operand, not {x.type}", origins(x=x)))
    return x


def require_bool(op: str, *nodes: Node) -> None:
    """DtypeError unless every Node is boolean."""
    for n in nodes:
        if n.dtype is not dt.b1:
            raise DtypeError(explain(f"{op}: needs boolean operands, not {n.type}", origins(x=n)))


def full_like(x: Node, value) -> Node:
    """A constant of ``x``'s dtype and shape."""
    return const(np.asarray(value).astype(x.dtype.numpy), x.type)


negative = _unary("neg")
abs = _unary("abs")  # noqa: A001  TensorFlow's name
sign = _unary("sign")
bitwise_not = _unary("not")
floor, ceil, rint, trunc = _inexact("floor"), _inexact("ceil"), _inexact("round"), _inexact("trunc")
sqrt, rsqrt = _inexact("sqrt"), _inexact("rsqrt")
exp, expm1, log, log1p = _inexact("exp"), _inexact("expm1"), _inexact("log"), _inexact("log1p")
sin, cos, tan = _inexact("sin"), _inexact("cos"), _inexact("tan")
asin, acos, atan = _inexact("asin"), _inexact("acos"), _inexact("atan")
sinh, cosh, tanh = _inexact("sinh"), _inexact("cosh"), _inexact("tanh")
asinh, acosh, atanh = _inexact("asinh"), _inexact("acosh"), _inexact("atanh")
erf, erfinv = _inexact("erf"), _inexact("erfinv")
lgamma, digamma = _inexact("lgamma"), _inexact("digamma")
sigmoid = _inexact("sigmoid")
is_finite = _inexact("isfinite")

add, subtract, multiply = _binary("add"), _binary("sub"), _binary("mul")
floordiv, floormod, pow = _binary("floordiv"), _binary("mod"), _binary("pow")  # noqa: A001
maximum, minimum, atan2 = _binary("max"), _binary("min"), _binary("atan2")
equal, not_equal, less, less_equal = _binary("eq"), _binary("ne"), _binary("lt"), _binary("le")
bitwise_and, bitwise_or, bitwise_xor = _binary("and"), _binary("or"), _binary("xor")
left_shift, right_shift = _binary("shl"), _binary("shr")


def greater(x, y) -> Node:
    """``x > y``, boolean."""
    return apply("lt", *reversed(together("greater", x, y)))


def greater_equal(x, y) -> Node:
    """``x >= y``, boolean."""
    return apply("le", *reversed(together("greater_equal", x, y)))


def round(x) -> Node:  # noqa: A001
    """Nearest integer, halves to even; integers stay as they are."""
    x = as_node(x)
    return x if x.dtype.is_integer else apply("round", x)


def truediv(x, y) -> Node:
    """``x / y``; integers are divided as floats (float64; float32 for 8 and 16 bits)."""
    x, y = adopt("truediv", x, y)
    if x.dtype.is_integer:
        wide = dt.f32 if x.dtype.bits <= 16 else dt.f64
        x, y = cast(x, wide), cast(y, wide)
    return elementwise("div", x, y)


def divide(x, y) -> Node:
    """Division as Python means it: ``truediv``."""
    return truediv(x, y)


def classic_div(x, y) -> Node:
    """Division as Python 2 meant it: floor for integers."""
    x, y = adopt("div", x, y)
    return elementwise("floordiv" if x.dtype.is_integer else "div", x, y)


def truncatediv(x, y) -> Node:
    """Integer division that rounds towards zero."""
    x, y = together("truncatediv", x, y)
    quotient = apply("floordiv", x, y)
    inexact = apply("ne", apply("mul", quotient, y), x)
    below = apply("lt", quotient, full_like(x, 0))
    up = apply("add", quotient, full_like(x, 1))
    return apply("select", apply("and", inexact, below), up, quotient)


def truncatemod(x, y) -> Node:
    """Remainder with the sign of ``x``."""
    x, y = together("truncatemod", x, y)
    if x.dtype.is_float:
        return apply("sub", x, apply("mul", apply("trunc", apply("div", x, y)), y))
    return apply("sub", x, apply("mul", truncatediv(x, y), y))


def divide_no_nan(x, y) -> Node:
    """``x / y``, and 0 where ``y`` is 0."""
    x, y = together("divide_no_nan", x, y)
    zero = full_like(y, 0)
    none = apply("eq", y, zero)
    return apply("select", none, zero, apply("div", x, apply("select", none, full_like(y, 1), y)))


def multiply_no_nan(x, y) -> Node:
    """``x * y``, and 0 where ``y`` is 0 even if ``x`` is infinite or NaN."""
    x, y = together("multiply_no_nan", x, y)
    zero = full_like(y, 0)
    none = apply("eq", y, zero)
    return apply("select", none, zero, apply("mul", apply("select", none, zero, x), y))


def xlogy(x, y) -> Node:
    """``x * log(y)``, and 0 where ``x`` is 0."""
    x, y = together("xlogy", x, y)
    none = apply("eq", x, full_like(x, 0))
    safe = apply("select", none, full_like(y, 1), y)
    return apply("select", none, full_like(x, 0), apply("mul", x, apply("log", safe)))


def square(x) -> Node:
    """``x * x``."""
    x = as_node(x)
    return apply("mul", x, x)


def squared_difference(x, y) -> Node:
    """``(x - y) ** 2`` after broadcasting."""
    return square(subtract(x, y))


def reciprocal(x) -> Node:
    """``1 / x``."""
    x = require_inexact("reciprocal", as_node(x))
    return apply("div", full_like(x, 1), x)


def erfc(x) -> Node:
    """``1 - erf(x)``."""
    x = as_node(x)
    return apply("sub", full_like(x, 1), erf(x))


def logical_not(x) -> Node:
    """Boolean negation."""
    x = as_node(x)
    require_bool("logical_not", x)
    return apply("not", x)


def _logical(name: str, prim: str):
    def op(x, y) -> Node:
        x, y = together(name, x, y)
        require_bool(name, x, y)
        return apply(prim, x, y)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"Boolean ``{prim}`` after broadcasting; DtypeError for other dtypes."
    return op


logical_and, logical_or, logical_xor = _logical("logical_and", "and"), _logical("logical_or", "or"), _logical(
    "logical_xor", "xor")  # fmt: skip


def is_nan(x) -> Node:
    """True where ``x`` is not a number."""
    x = require_inexact("is_nan", as_node(x))
    return apply("ne", x, x)


def is_inf(x) -> Node:
    """True where ``x`` is plus or minus infinity."""
    x = require_inexact("is_inf", as_node(x))
    return apply("eq", apply("abs", x), full_like(x, python_math.inf))


def cast(x, dtype) -> Node:
    """``x`` with another element type; float to int truncates towards zero."""
    x, dtype = as_node(x), dt.as_dtype(dtype)
    return x if x.dtype is dtype else apply("cast", x, dtype=dtype)


def bitcast(x, type) -> Node:  # noqa: A002  TensorFlow's argument
    """The same bits read as another dtype of the same width."""
    return apply("bitcast", as_node(x), dtype=dt.as_dtype(type))


def where(condition, x=None, y=None) -> Node:
    """``x`` where ``condition`` holds, else ``y``; the three broadcast together.

    Raises:
        DtypeError: ``condition`` is not boolean, or ``x`` and ``y`` differ.
        UsageError: ``x`` or ``y`` is missing.
    """
    if x is None or y is None:
        raise UsageError(explain("where: pass both x and y"))
    condition = as_node(condition)
    require_bool("where", condition)
    x, y = adopt("where", x, y)
    shape = broadcast_shape("where", condition, x, y)
    return apply("select", *[broadcast_to(n, shape, "where") for n in (condition, x, y)])


def where_v1(condition, x=None, y=None) -> Node:
    """``where`` with TensorFlow 1's extra rule: a vector condition picks whole rows."""
    if x is None or y is None:
        raise UsageError(explain("where: pass both x and y"))
    condition, (x, y) = as_node(condition), adopt("where", x, y)
    if len(condition.shape) == 1 and len(x.shape) > 1:
        rows = (*condition.shape, *(1,) * (len(x.shape) - 1))
        condition = apply("reshape", condition, shape=rows)
    return where(condition, x, y)


def clip_by_value(t, clip_value_min, clip_value_max) -> Node:
    """``t`` limited to an interval; NaN stays NaN."""
    return minimum(maximum(t, clip_value_min), clip_value_max)


def add_n(inputs) -> Node:
    """The sum of tensors of one type."""
    total, *rest = adopt("add_n", *(inputs if isinstance(inputs, (list, tuple)) else [inputs]))
    for x in rest:
        total = apply("add", total, x) if x.shape == total.shape else elementwise("add", total, x)
    return total


def identity(x) -> Node:
    """``x``."""
    return as_node(x)


def stop_gradient(x) -> Node:
    """``x``, through which no gradient flows."""
    return apply("stop", as_node(x))


def zeros_like(x, dtype=None) -> Node:
    """Zeros of ``x``'s shape."""
    x = as_node(x)
    kind = x.dtype if dtype is None else dt.as_dtype(dtype)
    return const(kind.numpy.type(0), Type(kind, x.shape))


def ones_like(x, dtype=None) -> Node:
    """Ones of ``x``'s shape."""
    x = as_node(x)
    kind = x.dtype if dtype is None else dt.as_dtype(dtype)
    return const(kind.numpy.type(1), Type(kind, x.shape))
