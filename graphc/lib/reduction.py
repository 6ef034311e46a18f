"""Reductions under TensorFlow's names: sums, means, extrema, norms, positions, running totals."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import axes_of, axis_of, dim_node, size
from graphc.lib.math import full_like, require_inexact
from graphc.lib.promote import as_node, broadcast_to
from graphc.prims.table import apply


def kept_shape(x: Node, axes: tuple) -> tuple:
    """``x``'s shape with size 1 at the reduced axes."""
    return tuple(1 if k in axes else d for k, d in enumerate(x.shape))


def reduce(op: str, kind: str, x: Node, axis, keepdims: bool) -> Node:
    """One primitive reduction over the named axes (None: all of them)."""
    axes = axes_of(op, axis, x)
    if not axes:
        return x
    out = apply("reduce", x, kind=kind, axes=axes)
    return apply("reshape", out, shape=kept_shape(x, axes)) if keepdims else out


def _plain(name: str, kind: str):
    def op(input_tensor, axis=None, keepdims=False) -> Node:
        return reduce(name, kind, as_node(input_tensor), axis, keepdims)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"The {kind} over ``axis`` (None: over everything)."
    return op


reduce_sum, reduce_prod = _plain("reduce_sum", "sum"), _plain("reduce_prod", "prod")
reduce_max, reduce_min = _plain("reduce_max", "max"), _plain("reduce_min", "min")


def reduce_all(input_tensor, axis=None, keepdims=False) -> Node:
    """True where all elements are."""
    x = as_node(input_tensor)
    math.require_bool("reduce_all", x)
    return reduce("reduce_all", "all", x, axis, keepdims)


def reduce_any(input_tensor, axis=None, keepdims=False) -> Node:
    """True where any element is."""
    x = as_node(input_tensor)
    math.require_bool("reduce_any", x)
    return reduce("reduce_any", "any", x, axis, keepdims)


def reduce_mean(input_tensor, axis=None, keepdims=False) -> Node:
    """The mean over ``axis``; integers are divided rounding towards zero, and nothing has the mean NaN.

    Raises:
        DtypeError: no numbers.
    """
    x = as_node(input_tensor)
    if not (x.dtype.is_inexact or x.dtype.is_integer):
        raise DtypeError(explain(f"reduce_mean: needs numbers, not {x.type}", origins(x=x)))
    if x.dtype in (dt.f16, dt.bf16):  # sums and counts may exceed what 16 bits hold
        return math.cast(reduce_mean(math.cast(x, dt.f32), axis, keepdims), x.dtype)
    axes = axes_of("reduce_mean", axis, x)
    total = reduce("reduce_mean", "sum", x, axes, keepdims)
    count = broadcast_to(dim_node(size(x.shape[k] for k in axes), x.dtype), total.shape)
    return apply("div", total, count) if x.dtype.is_inexact else math.truncatediv(total, count)


def reduce_variance(input_tensor, axis=None, keepdims=False) -> Node:
    """The mean of squared distances from the mean, a real number also for complex ones.

    Raises:
        DtypeError: not floating.
    """
    x = require_inexact("reduce_variance", as_node(input_tensor))
    return reduce_mean(squared_size(math.subtract(x, reduce_mean(x, axis, True))), axis, keepdims)


def squared_size(x: Node) -> Node:
    """``|x| ** 2``, a real number."""
    if not x.dtype.is_complex:
        return math.square(x)
    return math.add(*[math.square(apply(part, x)) for part in ("real", "imag")])


def reduce_std(input_tensor, axis=None, keepdims=False) -> Node:
    """The square root of ``reduce_variance``."""
    return apply("sqrt", reduce_variance(input_tensor, axis, keepdims))


def reduce_logsumexp(input_tensor, axis=None, keepdims=False) -> Node:
    """``log(sum(exp(x)))`` without overflow."""
    x = require_inexact("reduce_logsumexp", as_node(input_tensor))
    axes = axes_of("reduce_logsumexp", axis, x)
    if not axes:
        return x
    top = apply("stop", reduce("reduce_logsumexp", "max", x, axes, True))
    top = apply("select", apply("isfinite", top), top, full_like(top, 0))
    total = reduce("reduce_logsumexp", "sum", apply("exp", math.subtract(x, top)), axes, True)
    out = apply("add", apply("log", total), top)
    return out if keepdims else apply("reshape", out, shape=tuple(d for k, d in enumerate(x.shape) if k not in axes))


def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False) -> Node:
    """The square root of the sum of squares; of integers, rounded towards zero."""
    x = as_node(input_tensor)
    squares = reduce_sum(apply("mul", apply("conj", x), x) if x.dtype.is_complex else math.square(x), axis, keepdims)
    if x.dtype.is_inexact:
        return apply("sqrt", squares)
    return math.cast(apply("sqrt", math.cast(squares, dt.f64)), x.dtype)


def count_nonzero(input, axis=None, keepdims=None, dtype=dt.i64) -> Node:  # noqa: A002  TensorFlow's argument
    """How many elements differ from zero."""
    x = as_node(input)
    return reduce_sum(math.cast(apply("ne", x, full_like(x, 0)), dtype), axis, bool(keepdims))


def zero_fraction(value) -> Node:
    """Which part of the elements is 0, float32; NaN if there are none."""
    x = as_node(value)
    return reduce_mean(math.cast(apply("eq", x, full_like(x, 0)), dt.f32))


def _monotone(name: str, prim: str, what: str):
    def op(x) -> Node:
        x = as_node(x)
        flat = apply("reshape", x, shape=(size(x.shape),))
        place = apply("iota", shape=flat.shape, axis=0, dtype=dt.i64)
        first = apply("eq", place, full_like(place, 0))
        before = apply("max", apply("sub", place, full_like(place, 1)), full_like(place, 0))
        before = apply("gather", flat, apply("reshape", before, shape=(*flat.shape, 1)), batch=0)
        return reduce_all(apply("or", first, apply(prim, before, flat)))

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"True if every element, read row by row, is {what} the one before."
    return op


is_non_decreasing = _monotone("is_non_decreasing", "le", "not less than")
is_strictly_increasing = _monotone("is_strictly_increasing", "lt", "greater than")


def _position(name: str, kind: str, worst: float):
    def op(input, axis=None, output_type=dt.i64) -> Node:  # noqa: A002
        x, wanted = as_node(input), dt.as_dtype(output_type)
        k = axis_of(name, 0 if axis is None else axis, x)
        if x.dtype is dt.b1:
            x = math.cast(x, dt.u8)
        elif x.dtype.is_float:
            x = apply("select", apply("ne", x, x), full_like(x, worst), x)
        direct = wanted in (dt.i32, dt.i64)
        found = apply("argreduce", x, kind=kind, axis=k, dtype=wanted if direct else dt.i64)
        return found if direct else math.cast(found, wanted)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"Index of the first {kind} along ``axis`` (default 0); NaN is never chosen before a number."
    return op


argmax, argmin = _position("argmax", "max", -np.inf), _position("argmin", "min", np.inf)


def place_of(input, kind: str, axis) -> Node:  # noqa: A002
    """Index of the first ``kind`` (max or min) along ``axis``, i32; as for NumPy, the first NaN is before all numbers."""
    x = as_node(input)
    return apply("argreduce", x, kind=kind, axis=axis_of(f"arg{kind}", axis, x), dtype=dt.i32)


def _running(name: str, kind: str):
    def op(x, axis=0, exclusive=False, reverse=False) -> Node:
        x = as_node(x)
        k = axis_of(name, axis, x)
        return apply("cumulate", x, kind=kind, axis=k, exclusive=bool(exclusive), reverse=bool(reverse))

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"Running {kind} along ``axis``."
    return op


cumsum, cumprod = _running("cumsum", "sum"), _running("cumprod", "prod")


def cumulative_logsumexp(x, axis=0, exclusive=False, reverse=False) -> Node:
    """Running ``log(sum(exp(x)))`` along ``axis`` without overflow; a sum of nothing is minus infinity.

    Raises:
        DtypeError: not floating.
    """
    x = require_inexact("cumulative_logsumexp", as_node(x))
    if x.dtype in (dt.f16, dt.bf16):
        return math.cast(cumulative_logsumexp(math.cast(x, dt.f32), axis, exclusive, reverse), x.dtype)
    k = axis_of("cumulative_logsumexp", axis, x)
    perm = (k, *(a for a in range(len(x.shape)) if a != k))
    rows = apply("transpose", x, perm=perm)
    rows = apply("reverse", rows, axes=(0,)) if reverse else rows
    row = Type(x.dtype, rows.shape[1:])
    step, total, value = input_node("step", INDEX), input_node("total", row), input_node("value", row)
    after = _log_add(total, value)
    body = Graph("logsumexp_step", (step, total, value), (after, total if exclusive else after))
    start = const(-np.inf, row)
    loop = apply("loop", start, rows, count=rows.shape[0], carries=1, scanned=1, body=body)
    out = apply("item", loop, index=1)
    out = apply("reverse", out, axes=(0,)) if reverse else out
    return apply("transpose", out, perm=tuple(perm.index(a) for a in range(len(perm))))


def _log_add(x: Node, y: Node) -> Node:
    """``log(exp(x) + exp(y))``; equal infinities stay what they are."""
    top, low = apply("max", x, y), apply("min", x, y)
    equal = apply("eq", top, low)
    gap = apply("select", equal, full_like(x, 0), apply("sub", low, top))
    return apply("add", top, apply("log1p", apply("exp", gap)))



def l2_normalize(x, axis=None, epsilon=1e-12) -> Node:
    """``x`` scaled to length 1 along ``axis``."""
    x = require_inexact("l2_normalize", as_node(x))
    length = math.maximum(reduce_sum(squared_size(x), axis, True), epsilon)
    return math.multiply(x, math.cast(apply("rsqrt", length), x.dtype))


def clip_by_norm(t, clip_norm, axes=None) -> Node:
    """``t`` shrunk where its length along ``axes`` exceeds ``clip_norm``."""
    t = require_inexact("clip_by_norm", as_node(t))
    squares = reduce_sum(math.square(t), axes, True)
    positive = math.greater(squares, 0.0)
    length = apply("sqrt", apply("select", positive, squares, full_like(squares, 1)))
    length = apply("select", positive, length, squares)  # 0, or NaN, which is to be seen
    return math.truediv(math.multiply(t, clip_norm), math.maximum(length, clip_norm))


def global_norm(t_list) -> Node:
    """The length of all tensors seen as one vector; None among them is passed over."""
    return apply("sqrt", math.add_n([reduce_sum(math.square(t)) for t in t_list if t is not None]))


def clip_by_global_norm(t_list, clip_norm, use_norm=None) -> tuple[list[Node], Node]:
    """All tensors shrunk by one factor so that their common length is at most ``clip_norm``; and that length.

    None among them stays None.
    """
    total = global_norm(t_list) if use_norm is None else as_node(use_norm)
    scale = math.multiply(math.minimum(math.reciprocal(total), math.truediv(full_like(total, 1), clip_norm)), clip_norm)
    scale = math.add(scale, math.subtract(total, total))  # NaN where the norm is not finite, as TensorFlow answers
    return [None if t is None else math.multiply(t, scale) for t in t_list], total
