"""Random tensors as pure functions of a key and a counter, under TensorFlow's names and arguments.

Every function takes ``key`` (u32[2], which stream) and ``counter`` (u64 scalar, how far in the stream) first; equal
keys and counters give equal numbers on every target.
"""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, reduction
from graphc.lib.dims import integer, shape_of
from graphc.lib.index import argsort, gather
from graphc.lib.promote import as_node, broadcast_to
from graphc.prims.table import apply

_TWO_SIGMA = python_math.erf(python_math.sqrt(2.0))


def key_of(seed: int, stream: int) -> Node:
    """The key of one random operation: which stream of which seed."""
    return const(np.array([seed & 0xFFFFFFFF, stream & 0xFFFFFFFF], np.uint32))


def _splat(value, dtype: DType, shape) -> Node:
    return const(np.asarray(value).astype(dtype.numpy), Type(dtype, tuple(shape)))


def _words(key: Node, counter: Node, shape: tuple) -> Node:
    return apply("random_bits", key, counter, shape=shape)


def _wide_words(key: Node, counter: Node, shape: tuple) -> Node:
    """64 random bits for each element: two neighbouring words."""
    pairs = _words(key, counter, (*shape, 2))
    axis = len(shape)

    def word(j):
        low = tuple(j if k == axis else 0 for k in range(axis + 1))
        high = tuple(j + 1 if k == axis else d for k, d in enumerate(pairs.shape))
        one = apply("slice", pairs, start=low, stop=high, step=(1,) * (axis + 1))
        return apply("cast", apply("reshape", one, shape=shape), dtype=dt.u64)

    return apply("or", apply("shl", word(1), _splat(32, dt.u64, shape)), word(0))


def _fraction(key: Node, counter: Node, shape: tuple, dtype: DType, centred: bool) -> Node:
    """Uniform in [0, 1) by multiples of the dtype's precision; ``centred``: middles of steps, so in (0, 1)."""
    if dtype is dt.f64:
        bits, keep = _wide_words(key, counter, shape), 52
        word, total = dt.u64, 64
    else:
        bits, keep = _words(key, counter, shape), 23
        word, total = dt.u32, 32
    if not centred:
        keep += 1
    out = apply("cast", apply("shr", bits, _splat(total - keep, word, shape)), dtype=dtype)
    if centred:
        out = apply("add", out, _splat(0.5, dtype, shape))
    return apply("mul", out, _splat(2.0**-keep, dtype, shape))


def _compute_dtype(op: str, dtype) -> tuple[DType, DType]:
    dtype = dt.as_dtype(dtype)
    if not dtype.is_float:
        raise DtypeError(explain(f"{op}: needs a floating dtype, not {dtype.name}"))
    return dtype, dt.f64 if dtype is dt.f64 else dt.f32


def uniform(key: Node, counter: Node, shape, minval=0, maxval=None, dtype=dt.f32) -> Node:
    """Uniform in [minval, maxval): floats (default [0, 1)), or integers of a given range.

    Raises:
        UsageError: integers without ``maxval``, or an empty range of them.
    """
    dtype, shape = dt.as_dtype(dtype), shape_of(shape, "random_uniform")
    if dtype.is_integer:
        if maxval is None:
            raise UsageError(explain("random_uniform: integers need maxval"))
        if isinstance(minval, int) and isinstance(maxval, int) and minval >= maxval:
            raise UsageError(explain(f"random_uniform: minval must be below maxval, got {minval} and {maxval}"))
        low, high = (broadcast_to(as_node(v, dtype), shape) for v in (minval, maxval))
        span = apply("cast", apply("sub", high, low), dtype=dt.u64)
        offset = apply("mod", _wide_words(key, counter, shape), span)
        return apply("add", low, apply("cast", offset, dtype=dtype))
    dtype, wide = _compute_dtype("random_uniform", dtype)
    out = math.cast(_fraction(key, counter, shape, wide, centred=False), dtype)
    maxval = 1 if maxval is None else maxval
    if isinstance(minval, Node) or isinstance(maxval, Node) or (minval, maxval) != (0, 1):
        out = math.add(math.multiply(out, math.subtract(as_node(maxval, dtype), minval)), minval)
    return out


def normal(key: Node, counter: Node, shape, mean=0.0, stddev=1.0, dtype=dt.f32) -> Node:
    """Normally distributed, by the inverse of the distribution function."""
    return _from_erfinv("random_normal", key, counter, shape, mean, stddev, dtype, 1.0)


def truncated_normal(key: Node, counter: Node, shape, mean=0.0, stddev=1.0, dtype=dt.f32) -> Node:
    """Normally distributed, without the values beyond two standard deviations."""
    return _from_erfinv("truncated_normal", key, counter, shape, mean, stddev, dtype, _TWO_SIGMA)


def _from_erfinv(op, key, counter, shape, mean, stddev, dtype, width) -> Node:
    dtype, wide = _compute_dtype(op, dtype)
    shape = shape_of(shape, op)
    u = _fraction(key, counter, shape, wide, centred=True)
    signed = apply("mul", apply("sub", u, _splat(0.5, wide, shape)), _splat(2.0 * width, wide, shape))
    out = math.cast(apply("mul", apply("erfinv", signed), _splat(python_math.sqrt(2.0), wide, shape)), dtype)
    if isinstance(stddev, Node) or stddev != 1:
        out = math.multiply(out, stddev)
    return math.add(out, mean) if isinstance(mean, Node) or mean != 0 else out


def shuffle(key: Node, counter: Node, value) -> Node:
    """The slices along the first axis in a random order."""
    x = as_node(value)
    return gather(x, argsort(_words(key, counter, x.shape[:1])), axis=0)


def categorical(key: Node, counter: Node, logits, num_samples, dtype=dt.i64) -> Node:
    """``num_samples`` class numbers for each row of unnormalised log-probabilities."""
    x = math.require_inexact("categorical", as_node(logits))
    n = integer("categorical", "num_samples", num_samples)
    if len(x.shape) != 2:
        raise ShapeError(explain(f"categorical: needs a matrix of log-probabilities, not {x.type}", origins(logits=x)))
    rows, classes = x.shape
    u = math.cast(_fraction(key, counter, (rows, n, classes), dt.f32, centred=True), x.dtype)
    noise = apply("neg", apply("log", apply("neg", apply("log", u))))
    spread = apply("broadcast", x, shape=(rows, n, classes), axes=(0, 2))
    return reduction.argmax(apply("add", noise, spread), axis=2, output_type=dtype)
