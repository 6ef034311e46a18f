"""Random tensors as pure functions of a key and a counter, under TensorFlow's names and arguments.

Every function takes ``key`` (u32[2], which stream) and ``counter`` (how far in the stream: u64[2], a number of 128 bits
as its low and high half; or u64[], the high half) first. The streams are TensorFlow's: its operations with the seeds
``(s, t)`` start at key ``s`` (low word first) and counter ``(0, t)``.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const, const_value, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import dim, dim_node, shape_of
from graphc.lib.draw import float_dtype, fractions, integers, normals, splat, words
from graphc.lib.index import picked
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.truncated import truncated_normals
from graphc.prims.table import apply


def key_of(seed: int, stream: int) -> Node:
    """The key of one random operation: which stream of which seed."""
    return const(np.array([seed & 0xFFFFFFFF, stream & 0xFFFFFFFF], np.uint32))


def uniform(key: Node, counter: Node, shape, minval=0, maxval=None, dtype=dt.f32) -> Node:
    """Uniform in [minval, maxval): floats (default [0, 1)), or integers of a given range.

    Raises:
        UsageError: integers without ``maxval``, or an empty range of them.
    """
    dtype, shape = dt.as_dtype(dtype), shape_of(shape, "random_uniform")
    if dtype.is_integer:
        return _uniform_integers(key, counter, shape, minval, maxval, dtype)
    out = fractions(key, counter, shape, float_dtype("random_uniform", dtype))
    low, high = as_node(0 if minval is None else minval, dtype), as_node(1 if maxval is None else maxval, dtype)
    return _shifted(out, apply("sub", high, low) if high.shape == low.shape else math.subtract(high, low), low)


def _uniform_integers(key: Node, counter: Node, shape: tuple, minval, maxval, dtype: DType) -> Node:
    if minval is None or maxval is None:
        raise UsageError(explain("random_uniform: integers need minval and maxval"))
    low, high = (as_node(v, dtype) for v in (minval, maxval))
    known = const_value(low), const_value(high)
    if None not in known and known[0] >= known[1]:
        raise UsageError(explain(f"random_uniform: minval must be below maxval, got {known[0]} and {known[1]}"))
    for v in (low, high):
        if v.shape:
            raise ShapeError(explain(f"random_uniform: limits of integers are scalars, not {v.type}", origins(x=v)))
    return integers(key, counter, shape, broadcast_to(low, shape), broadcast_to(high, shape))


def _shifted(x: Node, scale, shift) -> Node:
    """``x * scale + shift`` without steps that change nothing; both are constants or broadcast."""
    scale, shift = as_node(scale, x.dtype), as_node(shift, x.dtype)
    if const_value(scale) != 1:
        x = math.multiply(x, scale)
    return x if const_value(shift) == 0 else math.add(x, shift)


def normal(key: Node, counter: Node, shape, mean=0.0, stddev=1.0, dtype=dt.f32) -> Node:
    """Normally distributed."""
    dtype = float_dtype("random_normal", dtype)
    return _shifted(normals(key, counter, shape_of(shape, "random_normal"), dtype), stddev, mean)


def truncated_normal(key: Node, counter: Node, shape, mean=0.0, stddev=1.0, dtype=dt.f32) -> Node:
    """Normally distributed, without the values beyond two standard deviations."""
    dtype = float_dtype("truncated_normal", dtype)
    return _shifted(truncated_normals(key, counter, shape_of(shape, "truncated_normal"), dtype), stddev, mean)


def shuffle(key: Node, counter: Node, value) -> Node:
    """The slices along the first axis in a random order: every place changes with itself or a later one."""
    x = as_node(value)
    if not x.shape:
        return x
    n = x.shape[0]
    place = apply("iota", shape=(n,), axis=0, dtype=dt.i64)
    left = apply("sub", broadcast_to(dim_node(n), (n,)), place)
    ahead = apply("mod", apply("cast", words(key, counter, (n,)), dtype=dt.i64), left)
    return picked("gather", x, apply("swaps", apply("add", place, ahead)), axis=0)


def categorical(key: Node, counter: Node, logits, num_samples, dtype=dt.i64) -> Node:
    """``num_samples`` class numbers for each row of unnormalised log-probabilities.

    Classes whose logit is not finite are never drawn.
    """
    x = math.require_inexact("categorical", as_node(logits))
    n, kind = dim(num_samples, "categorical"), dt.as_dtype(dtype or dt.i64)
    if len(x.shape) != 2:
        raise ShapeError(explain(f"categorical: needs a matrix of log-probabilities, not {x.type}", origins(logits=x)))
    if kind not in (dt.i32, dt.i64):
        raise DtypeError(explain(f"categorical: the answer is int32 or int64, not {kind.name}"))
    rows, classes = x.shape
    reached = _distribution(math.cast(x, dt.f64))
    total = apply("reduce", reached, kind="max", axes=(1,))
    wide = (rows, n, classes)
    u = fractions(key, counter, (rows, n), dt.f64)
    wanted = apply("mul", u, apply("broadcast", total, shape=(rows, n), axes=(0,)))
    wanted = apply("broadcast", wanted, shape=wide, axes=(0, 1))
    passed = apply("le", apply("broadcast", reached, shape=wide, axes=(0, 2)), wanted)
    found = apply("reduce", apply("cast", passed, dtype=kind), kind="sum", axes=(2,))
    last = apply("sub", dim_node(classes, kind), as_node(1, kind))
    return apply("min", found, broadcast_to(last, (rows, n)))


def _distribution(x: Node) -> Node:
    """Running sums of the unnormalised probabilities of each row."""
    finite = apply("isfinite", x)
    lowest = const(np.float64(np.finfo(np.float64).min), Type(dt.f64, x.shape))
    top = apply("reduce", apply("select", finite, x, lowest), kind="max", axes=(1,))
    top = apply("broadcast", top, shape=x.shape, axes=(0,))
    weight = apply("select", finite, apply("exp", apply("sub", x, top)), splat(0, dt.f64, x.shape))
    return apply("cumulate", weight, kind="sum", axis=1, exclusive=False, reverse=False)
