"""Numbers from random bits: uniform fractions, integers and normal values, as TensorFlow draws them.

A place in a stream is a key u32[2] and a counter: u64[2], a number of 128 bits as its low and high half, or u64[], the
high half. Equal places give equal numbers on every target.
"""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib.dims import size
from graphc.lib.shape import part
from graphc.prims.table import apply

FLOATS = (dt.f16, dt.bf16, dt.f32, dt.f64)
_MANTISSA = {dt.f16: 10, dt.bf16: 7, dt.f32: 23}
_LEAST = 1e-7  # the smallest fraction whose logarithm is taken
RESERVED = 256  # blocks of four words that TensorFlow sets aside for one value


def splat(value, dtype: DType, shape=()) -> Node:
    """A constant in every element of a shape."""
    return const(np.asarray(value).astype(dtype.numpy), Type(dtype, tuple(shape)))


def float_dtype(op: str, dtype) -> DType:
    """The DType meant, if one can draw floats of it.

    Raises:
        DtypeError: it is not a floating dtype.
    """
    dtype = dt.as_dtype(dtype)
    if dtype not in FLOATS:
        raise DtypeError(explain(f"{op}: needs a floating dtype, not {dtype.name}"))
    return dtype


def words(key: Node, counter: Node, shape: tuple) -> Node:
    """32 random bits for each element."""
    return apply("random_bits", key, counter, shape=tuple(shape))


def columns(x: Node) -> list[Node]:
    """The slices of a known last axis."""
    axis = len(x.shape) - 1
    return [apply("reshape", part(x, axis, k, k + 1), shape=x.shape[:-1]) for k in range(x.shape[-1])]


def wide_words(key: Node, counter: Node, shape: tuple) -> Node:
    """64 random bits for each element: two neighbouring words, the lower one first."""
    low, high = (apply("cast", w, dtype=dt.u64) for w in columns(words(key, counter, (*shape, 2))))
    return apply("or", apply("shl", high, splat(32, dt.u64, shape)), low)


def advanced(counter: Node, blocks) -> Node:
    """The counter u64[2] some blocks on, an int or a u64 scalar; the sum wraps around at 128 bits."""
    blocks = blocks if isinstance(blocks, Node) else splat(blocks, dt.u64)
    low, high = (apply("reshape", w, shape=()) for w in columns(apply("reshape", counter, shape=(1, 2))))
    moved = apply("add", low, blocks)
    high = apply("add", high, apply("cast", apply("lt", moved, low), dtype=dt.u64))
    return apply("concat", *(apply("reshape", v, shape=(1,)) for v in (moved, high)), axis=0)


def full_counter(counter: Node) -> Node:
    """A counter as u64[2]."""
    if counter.shape:
        return counter
    return apply("concat", splat(0, dt.u64, (1,)), apply("reshape", counter, shape=(1,)), axis=0)


# ---------------------------------------------------------------------------------------------- uniform


def narrow_fraction(bits: Node, dtype: DType = dt.f32) -> Node:
    """[0, 1) from the lowest bits of 32: as many as the dtype's mantissa has."""
    keep = _MANTISSA[dtype]
    low = apply("and", bits, splat((1 << keep) - 1, dt.u32, bits.shape))
    if keep != 23:
        low = apply("shl", low, splat(23 - keep, dt.u32, bits.shape))
    ones = apply("bitcast", apply("or", low, splat(0x3F800000, dt.u32, bits.shape)), dtype=dt.f32)
    out = apply("sub", ones, splat(1, dt.f32, bits.shape))
    return out if dtype is dt.f32 else apply("cast", out, dtype=dtype)


def wide_fraction(first: Node, second: Node) -> Node:
    """f64 in [0, 1) from 20 bits of the first word and 32 of the second; words are u32 or u64."""
    shape = first.shape
    first, second = (w if w.dtype is dt.u64 else apply("cast", w, dtype=dt.u64) for w in (first, second))
    high = apply("shl", apply("and", first, splat(0xFFFFF, dt.u64, shape)), splat(32, dt.u64, shape))
    bits = apply("or", apply("or", high, second), splat(0x3FF0000000000000, dt.u64, shape))
    return apply("sub", apply("bitcast", bits, dtype=dt.f64), splat(1, dt.f64, shape))


def fractions(key: Node, counter: Node, shape: tuple, dtype: DType) -> Node:
    """Uniform in [0, 1) with the resolution of the dtype."""
    if dtype is dt.f64:
        return wide_fraction(*columns(words(key, counter, (*shape, 2))))
    return narrow_fraction(words(key, counter, shape), dtype)


def full_integers(key: Node, counter: Node, shape: tuple, dtype: DType) -> Node:
    """Any value of an integer dtype."""
    if dtype.bits == 64:
        return apply("bitcast", wide_words(key, counter, shape), dtype=dtype)
    bits = words(key, counter, shape)
    return apply("bitcast", bits, dtype=dtype) if dtype.bits == 32 else apply("cast", bits, dtype=dtype)


def integers(key: Node, counter: Node, shape: tuple, low: Node, high: Node) -> Node:
    """Integers in [low, high), which have the shape; biased by the remainder of the division of 2**32 or 2**64."""
    dtype = low.dtype
    word = dt.u64 if dtype.bits == 64 else dt.u32
    bits = wide_words(key, counter, shape) if word is dt.u64 else words(key, counter, shape)
    lowest, highest = (apply("cast", v, dtype=word) for v in (low, high))
    offset = apply("mod", bits, apply("sub", highest, lowest))
    return apply("cast", apply("add", lowest, offset), dtype=dtype)


# ----------------------------------------------------------------------------------------------- normal


def box_muller(u: Node, angle: Node) -> tuple[Node, Node]:
    """Two independent normal values from two uniform fractions."""
    dtype, shape = u.dtype, u.shape
    u = apply("max", u, splat(_LEAST, dtype, shape))
    radius = apply("sqrt", apply("mul", splat(-2, dtype, shape), apply("log", u)))
    turn = splat(2 * python_math.pi, dt.f64, shape)
    if dtype is dt.f64:
        angle = apply("mul", turn, angle)
    else:  # the product is rounded once, from double precision
        angle = apply("cast", apply("mul", turn, apply("cast", angle, dtype=dt.f64)), dtype=dtype)
    return apply("mul", apply("sin", angle), radius), apply("mul", apply("cos", angle), radius)


def interleaved(*parts: Node) -> Node:
    """Tensors of one shape as a new last axis."""
    return apply("concat", *(apply("reshape", x, shape=(*x.shape, 1)) for x in parts), axis=len(parts[0].shape))


def _normal_pairs(key: Node, counter: Node, pairs: tuple, dtype: DType) -> Node:
    if dtype is dt.f64:
        w = columns(words(key, counter, (*pairs, 4)))
        return interleaved(*box_muller(wide_fraction(w[0], w[1]), wide_fraction(w[2], w[3])))
    first, second = columns(words(key, counter, (*pairs, 2)))
    return interleaved(*box_muller(narrow_fraction(first), narrow_fraction(second)))


def normals(key: Node, counter: Node, shape: tuple, dtype: DType) -> Node:
    """Normal values of mean 0 and deviation 1."""
    total = size(shape)
    pairs = simplified((total + 1) // 2)
    out = _normal_pairs(key, counter, (pairs,), dtype)
    return narrowed(first_of(out, simplified(pairs * 2), total, shape), dtype)


def first_of(x: Node, count, total, shape: tuple) -> Node:
    """The first ``total`` of the ``count`` elements of ``x``, as ``shape``."""
    flat = apply("reshape", x, shape=(count,))
    return apply("reshape", part(flat, 0, 0, total), shape=shape)


def narrowed(x: Node, dtype: DType) -> Node:
    return x if x.dtype is dtype else apply("cast", x, dtype=dtype)


