"""Complex numbers: made of two real parts, taken apart again, and memory read as another dtype."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType, as_dtype, real_of
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.prims.dims import zeros
from graphc.prims.table import Prim, apply, declare

COMPLEX_OF = {dt.f32: dt.c64, dt.f64: dt.c128}


# ------------------------------------------------------------------------------------------------ parts


def _complex_type(re: Type, im: Type) -> Type:
    if re.dtype not in COMPLEX_OF or im.dtype is not re.dtype:
        raise DtypeError(f"complex: needs two parts of f32 or f64, not {re} and {im}")
    if re.shape != im.shape:
        raise ShapeError(f"complex: parts differ in shape, {re} and {im}")
    return re.with_dtype(COMPLEX_OF[re.dtype])


def _complex_array(re, im):
    out = np.empty(np.shape(re), np.complex64 if re.dtype == np.float32 else np.complex128)
    out.real, out.imag = re, im
    return out


def _part_type(op: str):
    def rule(z: Type) -> Type:
        if not z.dtype.is_complex:
            raise DtypeError(f"{op}: needs a complex operand, not {z}")
        return z.with_dtype(real_of(z.dtype)) if op != "conj" else z

    return rule


# Gradients follow TensorFlow: that of a real loss by z = x + iy is dL/dx + i dL/dy.
declare(Prim("complex", _complex_type, _complex_array, lambda g, out, re, im: (real(g), imag(g)), native=False))
declare(Prim("real", _part_type("real"), lambda z: np.real(z).copy(),
             lambda g, out, z: (complex_(g, zeros(g.type)),), native=False))  # fmt: skip
declare(Prim("imag", _part_type("imag"), lambda z: np.imag(z).copy(),
             lambda g, out, z: (complex_(zeros(g.type), g),), native=False))  # fmt: skip
declare(Prim("conj", _part_type("conj"), np.conj, lambda g, out, z: (conj(g),), native=False))


def complex_(re: Node, im: Node) -> Node:
    """``re + i im``: c64 of two f32, c128 of two f64."""
    return apply("complex", re, im)


def real(z: Node) -> Node:
    """The real part of a complex value."""
    return apply("real", z)


def imag(z: Node) -> Node:
    """The imaginary part of a complex value."""
    return apply("imag", z)


def conj(z: Node) -> Node:
    """The complex conjugate; a real value is its own."""
    if not z.dtype.is_complex:
        return z
    return z.inputs[0] if z.op == "conj" else apply("conj", z)


# ----------------------------------------------------------------------------------------------- memory


def _view_type(x: Type, dtype: DType) -> Type:
    have, want = x.dtype.bits, dtype.bits
    if dt.b1 in (x.dtype, dtype) or not have or not want:
        raise DtypeError(f"view: {x} and {dtype.short} have no common bit layout")
    if have == want:
        return x.with_dtype(dtype)
    if have > want:
        return Type(dtype, (*x.shape, have // want))
    if not x.rank or simplified(x.shape[-1]) != want // have:
        raise ShapeError(f"view: {want // have} elements of {x} make one of {dtype.short}, so that must be its last size")
    return Type(dtype, x.shape[:-1])


def _view_array(x, dtype):
    count = x.dtype.itemsize // dtype.numpy.itemsize
    wanted = x.shape if x.dtype.itemsize == dtype.numpy.itemsize else (*x.shape, count) if count else x.shape[:-1]
    return np.frombuffer(x.tobytes(), dtype.numpy).reshape(wanted).copy()


def _view_vjp(g, out, x, dtype):
    parts = {x.dtype, dtype}
    return (view(g, x.dtype) if parts in ({dt.f32, dt.c64}, {dt.f64, dt.c128}) else None,)


declare(Prim("view", _view_type, _view_array, _view_vjp, nest="view"))


def view(x: Node, dtype) -> Node:
    """The same memory read as another dtype: a narrower one adds a last axis, a wider one uses it up."""
    dtype = as_dtype(dtype)
    return x if dtype is x.dtype else apply("view", x, dtype=dtype)
