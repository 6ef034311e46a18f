"""Element-wise mathematics under TensorFlow's names; operands broadcast, and literals adopt the dtype of tensors."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib.complex import absolute, sign  # noqa: F401  sign is public here
from graphc.lib.dims import is_known
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to, elementwise, together
from graphc.prims.guard import guard
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
abs = absolute  # noqa: A001  TensorFlow's name
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
pow = _binary("pow")  # noqa: A001
maximum, minimum = _binary("max"), _binary("min")
equal, not_equal, less, less_equal = _binary("eq"), _binary("ne"), _binary("lt"), _binary("le")


def atan2(y, x) -> Node:
    """The angle of the point ``(x, y)``, between -pi and pi."""
    return elementwise("atan2", y, x)


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


def _real(op: str, x, y) -> list[Node]:
    """Both operands of one shape, integers as floats: float64, or float32 for 8 and 16 bits."""
    x, y = adopt(op, x, y)
    if x.dtype.is_integer:
        wide = dt.f32 if x.dtype.bits <= 16 else dt.f64
        x, y = cast(x, wide), cast(y, wide)
    return together(op, x, y)


def truediv(x, y) -> Node:
    """``x / y``; integers are divided as floats (float64; float32 for 8 and 16 bits)."""
    return apply("div", *_real("truediv", x, y))


def divide(x, y) -> Node:
    """Division as Python means it: ``truediv``."""
    return truediv(x, y)


def realdiv(x, y) -> Node:
    """``x / y`` of floating operands; DtypeError for others."""
    x, y = together("realdiv", x, y)
    return apply("div", require_inexact("realdiv", x), y)


def classic_div(x, y) -> Node:
    """Division as Python 2 meant it: floor for integers."""
    x, y = adopt("div", x, y)
    if not x.dtype.is_integer:
        return elementwise("div", x, y)
    x, y = together("div", x, y)
    return apply("floordiv", x, _divisor("div", y))


def _divisor(op: str, y: Node) -> Node:
    """What integers are divided by, which a run looks at unless it is a constant or a size."""
    if not y.dtype.is_integer or y.type.size == 0:
        return y
    source = y
    while source.op == "broadcast":
        source = source.inputs[0]
    if source.op == "const":
        return y if source.attr("value").array.all() else guard(y, "divisor", (), op)
    return y if not source.shape and is_known(source) else guard(y, "divisor", (), op)


def floormod(x, y) -> Node:
    """The remainder with the sign of ``y``.

    Raises:
        InvalidArgumentError: when running: an integer is divided by 0.
    """
    x, y = together("floormod", x, y)
    return apply("mod", x, _divisor("floormod", y))


def floordiv(x, y) -> Node:
    """The quotient rounded down; of floats the rounded quotient, so that ``1.0 // 0.1`` is 10 as in TensorFlow.

    Raises:
        InvalidArgumentError: when running: an integer is divided by 0.
    """
    x, y = together("floordiv", x, y)
    if x.dtype.is_float:
        return apply("floor", apply("div", x, y))
    return apply("floordiv", x, _divisor("floordiv", y))


def truncatediv(x, y) -> Node:
    """The quotient rounded towards zero.

    Raises:
        InvalidArgumentError: when running: an integer is divided by 0.
    """
    x, y = together("truncatediv", x, y)
    if x.dtype.is_float:
        return apply("trunc", apply("div", x, y))
    return _truncated(x, _divisor("truncatediv", y))


def _truncated(x: Node, y: Node) -> Node:
    """The quotient of integers."""
    quotient = apply("floordiv", x, y)
    inexact = apply("ne", apply("mul", quotient, y), x)
    below = apply("lt", quotient, full_like(x, 0))
    up = apply("add", quotient, full_like(x, 1))
    return apply("select", apply("and", inexact, below), up, quotient)


def truncatemod(x, y) -> Node:
    """The remainder with the sign of ``x``.

    Raises:
        InvalidArgumentError: when running: an integer is divided by 0.
    """
    x, y = together("truncatemod", x, y)
    if not x.dtype.is_float:
        y = _divisor("truncatemod", y)
        return apply("sub", x, apply("mul", _truncated(x, y), y))
    below = apply("lt", x, full_like(x, 0))
    rest = apply("mod", apply("select", below, apply("neg", x), x), apply("abs", y))
    return apply("select", below, apply("neg", rest), rest)


def divide_no_nan(x, y) -> Node:
    """``x / y``, and 0 where ``y`` is 0; integers are divided as floats."""
    x, y = _real("divide_no_nan", x, y)
    zero = full_like(y, 0)
    none = apply("eq", y, zero)
    return apply("select", none, zero, apply("div", x, apply("select", none, full_like(y, 1), y)))


def reciprocal_no_nan(x) -> Node:
    """``1 / x``, and 0 where ``x`` is 0."""
    x = require_inexact("reciprocal_no_nan", as_node(x))
    return divide_no_nan(full_like(x, 1), x)


def _zero_first(name: str, guarded: str, function, default):
    """``function(x, y)``, and 0 where the operand called ``guarded`` is 0 even if the other has no finite value."""

    def op(x, y) -> Node:
        x, y = together(name, x, y)
        require_inexact(name, x)
        of, other = (x, y) if guarded == "x" else (y, x)
        none = apply("eq", of, full_like(of, 0))
        safe = apply("select", none, full_like(other, default), other)
        pair = (of, safe) if guarded == "x" else (safe, of)
        return apply("select", none, full_like(of, 0), function(*pair))

    op.__name__ = op.__qualname__ = name
    return op


multiply_no_nan = _zero_first("multiply_no_nan", "y", lambda x, y: apply("mul", x, y), 0)
multiply_no_nan.__doc__ = "``x * y``, and 0 where ``y`` is 0 even if ``x`` is infinite or NaN."
xdivy = _zero_first("xdivy", "x", lambda x, y: apply("div", x, y), 1)
xdivy.__doc__ = "``x / y``, and 0 where ``x`` is 0."
xlogy = _zero_first("xlogy", "x", lambda x, y: apply("mul", x, apply("log", y)), 1)
xlogy.__doc__ = "``x * log(y)``, and 0 where ``x`` is 0."
xlog1py = _zero_first("xlog1py", "x", lambda x, y: apply("mul", x, apply("log1p", y)), 0)
xlog1py.__doc__ = "``x * log(1 + y)``, and 0 where ``x`` is 0."


def square(x) -> Node:
    """``x * x``."""
    x = as_node(x)
    return apply("mul", x, x)


def squared_difference(x, y) -> Node:
    """``(x - y) ** 2`` after broadcasting; of complex numbers the square of the distance, as a complex number."""
    d = subtract(x, y)
    return apply("mul", apply("conj", d), d) if d.dtype.is_complex else square(d)


def reciprocal(x) -> Node:
    """``1 / x``."""
    x = require_inexact("reciprocal", as_node(x))
    return apply("div", full_like(x, 1), x)


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


def saturate_cast(value, dtype) -> Node:
    """``value`` with another element type, values beyond its range at its limits."""
    x, dtype = as_node(value), dt.as_dtype(dtype)
    if x.dtype is dtype or not dtype.is_integer and not dtype.is_float or x.dtype is dt.b1 or x.dtype.is_complex:
        return cast(x, dtype)
    limits, own = _limits(dtype, x.dtype if x.dtype.is_float else None), _limits(x.dtype)
    if limits[0] > own[0]:
        x = apply("max", x, full_like(x, limits[0]))
    if limits[1] < own[1]:
        x = apply("min", x, full_like(x, limits[1]))
    return cast(x, dtype)


def _limits(dtype, of=None) -> tuple:
    """The lowest and the greatest number of a dtype; of those of the float dtype ``of``, if that is given."""
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        digits = {None: 64, dt.f64: 53, dt.f32: 24, dt.f16: 11, dt.bf16: 8}[of]
        drop = max(0, int(info.max).bit_length() - digits)
        return int(info.min), int(info.max) >> drop << drop
    top = {dt.f16: 65504.0, dt.bf16: 3.3895313892515355e38, dt.f32: 3.4028234663852886e38}.get(dtype, python_math.inf)
    return -top, top


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
    """``t`` limited to an interval; NaN stays NaN.

    Raises:
        ShapeError: the limits do not broadcast to the shape of ``t``.
    """
    t, low, high = adopt("clip_by_value", t, clip_value_min, clip_value_max)
    low, high = (broadcast_to(v, t.shape, "clip_by_value") for v in (low, high))
    return apply("max", apply("min", t, high), low)


def add_n(inputs) -> Node:
    """The sum of tensors of one type.

    Raises:
        ShapeError: the shapes differ.
    """
    parts = adopt("add_n", *(inputs if isinstance(inputs, (list, tuple)) else [inputs]))
    total = parts[0]
    for x in parts[1:]:
        differ = len(x.shape) != len(total.shape) or any(
            type(a) is int and type(b) is int and a != b for a, b in zip(x.shape, total.shape))  # fmt: skip
        if differ:
            raise ShapeError(explain(f"add_n: shapes differ, {total.type} and {x.type}", origins(x=total, y=x)))
        total = apply("add", total, x) if x.shape == total.shape else elementwise("add", total, x, name="add_n")
    return total


def accumulate_n(inputs, shape=None, tensor_dtype=None) -> Node:
    """The sum of tensors of one type, which may be stated by ``shape`` and ``tensor_dtype``.

    Raises:
        ShapeError, DtypeError: an operand is not of the stated type.
    """
    total = add_n(inputs)
    if tensor_dtype is not None and total.dtype is not dt.as_dtype(tensor_dtype):
        raise DtypeError(explain(f"accumulate_n: operands are {total.type}, not {dt.as_dtype(tensor_dtype).short}", origins(x=total)))
    if shape is not None and len(shape) != len(total.shape) or any(
        type(a) is int and type(b) is int and a != b for a, b in zip(shape or (), total.shape)
    ):
        raise ShapeError(explain(f"accumulate_n: operands are {total.type}, not of shape {tuple(shape)}",
                                 origins(x=total)))  # fmt: skip
    return total


def scalar_mul(scalar, x) -> Node:
    """``x`` times a number.

    Raises:
        ShapeError: ``scalar`` has axes.
    """
    x = as_node(x)
    factor = as_node(scalar, x.dtype)
    if factor.shape:
        raise ShapeError(explain(f"scalar_mul: the factor must be a scalar, not {factor.type}", origins(x=factor)))
    return elementwise("mul", factor, x, name="scalar_mul")


def polyval(coeffs, x) -> Node:
    """The polynomial with these coefficients, highest power first, at ``x``; 0 for an empty list.

    Raises:
        UsageError: ``coeffs`` is not a list.
    """
    if not isinstance(coeffs, (list, tuple)):
        raise UsageError(explain(f"polyval: coeffs must be a list, got {type(coeffs).__name__}"))
    x = as_node(x)
    if not coeffs:
        return full_like(x, 0)
    coeffs = [c if isinstance(c, Node) else as_node(c, x.dtype) for c in coeffs]
    total = coeffs[0]
    for c in coeffs[1:]:
        total = add(c, multiply(total, x))
    return total


def identity(input) -> Node:  # noqa: A002  TensorFlow's argument
    """``input``."""
    return as_node(input)


def identity_n(input) -> list[Node]:  # noqa: A002
    """All tensors of a list, as they are."""
    return [as_node(x) for x in input]


def stop_gradient(input) -> Node:  # noqa: A002
    """``input``, through which no gradient flows."""
    return apply("stop", as_node(input))
