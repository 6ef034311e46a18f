"""Discrete Fourier transforms over one or several axes, run on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.dtype import real_of
from graphc.ir.node import Node, compare, const, simplified
from graphc.ir.type import Type
from graphc.prims.cast import cast
from graphc.prims.complex import COMPLEX_OF, complex_, real
from graphc.prims.dims import as_node, axes_of, dim, integers, size_of, zeros
from graphc.prims.leaf import iota
from graphc.prims.shape import broadcast, pad, slice_
from graphc.prims.table import Prim, apply, declare

KINDS = {"fft": np.fft.fftn, "ifft": np.fft.ifftn, "rfft": np.fft.rfftn, "irfft": np.fft.irfftn}


def half(n):
    """How many frequencies a real signal of ``n`` elements has."""
    return simplified(n // 2 + 1)


def _type(x: Type, kind: str, axes: tuple, length) -> Type:
    if kind not in KINDS:
        raise UsageError(f"fft: kind {kind!r} is none of {', '.join(KINDS)}")
    wanted = (dt.f32, dt.f64) if kind == "rfft" else (dt.c64, dt.c128)
    if x.dtype not in wanted:
        raise DtypeError(f"{kind}: needs {wanted[0]} or {wanted[1]}, not {x}")
    axes_of(axes, x.rank, kind)
    if not axes:
        raise UsageError(f"{kind}: no axes for {x}")
    shape, last = list(x.shape), axes[-1]
    if kind == "rfft":
        shape[last] = half(shape[last])
        return Type(COMPLEX_OF[x.dtype], tuple(shape))
    if kind == "irfft":
        if shape[last] != half(length):
            raise ShapeError(f"irfft: {length} elements have {half(length)} frequencies, not those of {x}")
        shape[last] = length
        return Type(real_of(x.dtype), tuple(shape))
    return x


def _array(x, kind, axes, length):
    """NumPy's transform, in the operand's precision; where an axis is empty, zeros."""
    shape, dtype = list(x.shape), x.dtype
    if kind == "irfft":
        shape[axes[-1]], dtype = length, x.real.dtype
    elif kind == "rfft":
        shape[axes[-1]], dtype = half(shape[axes[-1]]), np.result_type(x.dtype, np.complex64)
    sizes = [length if kind == "irfft" and a == axes[-1] else x.shape[a] for a in axes]
    if 0 in shape or 0 in sizes:
        return np.zeros(shape, dtype)
    return KINDS[kind](x, s=sizes, axes=axes).astype(dtype, copy=False)


def _scaled(x: Node, factor) -> Node:
    """``x`` times a number, which may depend on sizes."""
    return x * (broadcast(cast(factor, x.dtype), x.shape) if isinstance(factor, Node) else factor)


def _vjp(g, out, x, kind, axes, length):
    """The adjoint transform; of the half transforms, as real linear maps."""
    count = size_of([(out if kind == "irfft" else x).shape[a] for a in axes])
    match kind:
        case "fft":
            return (_scaled(fft(g, "ifft", axes), count),)
        case "ifft":
            return (_scaled(fft(g, "fft", axes), _inverse(count)),)
        case "rfft":
            return (_scaled(real(fft(_whole(g, x.shape[axes[-1]], axes[-1]), "ifft", axes)), count),)
    found = _scaled(fft(g, "rfft", axes), _inverse(count))
    weight = _weights(x, axes[-1], length)
    return (found * complex_(weight, zeros(weight.type)),)


def _whole(g: Node, size, axis: int) -> Node:
    """Half a spectrum and zeros, together ``size`` elements along the axis; where that is 0, nothing."""
    origin, missing, stop = [0] * g.type.rank, [0] * g.type.rank, list(g.shape)
    missing[axis], stop[axis] = simplified(size // 2), size
    return slice_(pad(g, zeros(Type(g.dtype, ())), origin, missing), origin, stop)


def _inverse(count):
    return 1.0 / cast(count, "float64") if isinstance(count, Node) else 1.0 / max(count, 1)


def _weights(x: Node, axis: int, length) -> Node:
    """How often ``irfft`` uses each frequency: once the first and, for even lengths, the last; twice all others."""
    place = iota(x.shape, axis, dt.i64)
    mirror = broadcast(as_node(length), x.shape) - place
    once = apply("or", compare("eq", place, 0), compare("eq", place, mirror))
    kind = x.type.with_dtype(real_of(x.dtype))
    return apply("select", once, const(1, kind), const(2, kind))


declare(Prim("fft", _type, _array, _vjp, native=False, cost=100))


def fft(x: Node, kind: str, axes, length=0) -> Node:
    """The transform over ``axes``: fft and ifft of complex values, rfft and irfft between real ones and half spectra.

    ``length`` is the size of the last axis of what ``irfft`` answers. Inverse transforms divide by the element count.
    """
    return apply("fft", x, kind=kind, axes=integers(axes, "fft: axes"), length=dim(length, "fft: length"))
