"""Complex numbers under TensorFlow's names: parts, conjugates, magnitudes and angles."""

from __future__ import annotations

import math

from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.prims.table import apply


def complex(real, imag) -> Node:  # noqa: A001  TensorFlow's name
    """``real + i imag``: complex64 of float32, complex128 of float64; the parts broadcast.

    Raises:
        DtypeError: the parts differ in dtype, or are neither float32 nor float64.
    """
    re, im = adopt("complex", real, imag)
    if re.dtype not in (dt.f32, dt.f64):
        what = f"complex: needs parts of float32 or float64, not {re.type} and {im.type}"
        raise DtypeError(explain(what, origins(real=re, imag=im)))
    shape = broadcast_shape("complex", re, im)
    return apply("complex", *[broadcast_to(p, shape, "complex") for p in (re, im)])


def real(input) -> Node:  # noqa: A002
    """The real part; a real tensor itself.

    Raises:
        DtypeError: ``input`` is not floating or complex.
    """
    x = _number("real", input)
    return apply("real", x) if x.dtype.is_complex else x


def imag(input) -> Node:  # noqa: A002
    """The imaginary part; zeros for a real tensor."""
    x = _number("imag", input)
    return apply("imag", x) if x.dtype.is_complex else const(0, x.type)


def conj(x) -> Node:
    """The complex conjugate; a real tensor itself."""
    x = _number("conj", x)
    return apply("conj", x) if x.dtype.is_complex else x


def angle(input) -> Node:  # noqa: A002
    """The angle with the real axis, in radians between -pi and pi; for real numbers 0, or pi where negative."""
    x = _number("angle", input)
    if x.dtype.is_complex:
        return apply("atan2", apply("imag", x), apply("real", x))
    zero = const(0, x.type)
    return apply("select", apply("lt", x, zero), const(math.pi, x.type), zero)


def magnitude(z: Node) -> Node:
    """The distance of complex numbers from 0, real; its gradient at 0 is 0.

    Computed in float64 for complex64 and scaled for complex128, so that squares neither overflow nor vanish.
    """
    re, im = apply("real", z), apply("imag", z)
    wide = [apply("cast", p, dtype=dt.f64) for p in (re, im)] if re.dtype is dt.f32 else [re, im]
    kind = wide[0].type
    top = apply("max", *[apply("abs", p) for p in wide])
    none = apply("eq", top, const(0, kind))
    endless = apply("eq", top, const(math.inf, kind))
    one = const(1, kind)
    scale = apply("stop", apply("select", apply("or", none, endless), one, top))
    x, y = [apply("div", p, scale) for p in wide]
    x = apply("select", none, one, x)
    length = apply("mul", apply("sqrt", apply("add", apply("mul", x, x), apply("mul", y, y))), scale)
    length = apply("select", none, const(0, kind), apply("select", endless, top, length))
    return apply("cast", length, dtype=re.dtype) if re.dtype is dt.f32 else length


def absolute(x) -> Node:
    """The absolute value; of complex numbers the distance from 0, in the dtype of their parts."""
    x = as_node(x)
    return magnitude(x) if x.dtype.is_complex else apply("abs", x)


def sign(x) -> Node:
    """-1, 0 or 1; for complex numbers ``x / |x|``, and 0 for 0."""
    x = as_node(x)
    if not x.dtype.is_complex:
        return apply("sign", x)
    length = magnitude(x)
    none = apply("eq", length, const(0, length.type))
    safe = apply("select", none, const(1, length.type), length)
    return apply("div", x, apply("complex", safe, const(0, safe.type)))


def _number(op: str, value) -> Node:
    x = as_node(value)
    if x.dtype.kind not in "iufc":
        raise DtypeError(explain(f"{op}: needs numbers, not {x.type}", origins(x=x)))
    return x
