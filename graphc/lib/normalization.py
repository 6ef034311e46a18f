"""Moments and normalisation under TensorFlow's names."""

from __future__ import annotations

from typing import NamedTuple

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, reduction
from graphc.lib.dims import axes_of, dim_node, integer, size
from graphc.lib.math import require_inexact
from graphc.lib.promote import as_node, broadcast_shape, broadcast_to
from graphc.lib.sliding import folded, padded
from graphc.lib.window import channel_axis
from graphc.prims.table import apply

WIDEST_SUM = 33  # channels that a local response sums element by element; wider sums are products with a band matrix
SMALLEST_EPSILON = 1.001e-5  # what fused batch normalisation adds to a variance at least


class FusedBatchNorm(NamedTuple):
    """The normalised batch, and the mean and variance to keep."""

    y: Node
    running_mean: Node
    running_var: Node


def _floating(op: str, x) -> Node:
    return require_inexact(op, as_node(x))


def _wide(x: Node) -> Node:
    """16-bit floats as float32, in which sums are taken."""
    return apply("cast", x, dtype=dt.f32) if x.dtype.is_float and x.dtype.bits < 32 else x


def _like(x: Node, dtype) -> Node:
    return x if x.dtype is dtype else apply("cast", x, dtype=dtype)


def _adopted(value, dtype) -> Node:
    return _like(value if isinstance(value, Node) else as_node(value, dtype), dtype)


def moments(x, axes, shift=None, keepdims=False) -> tuple[Node, Node]:
    """Mean and variance of ``x`` over ``axes``; 16-bit floats are summed in float32. ``shift`` has no effect.

    Raises:
        DtypeError: ``x`` is not floating. ShapeError: an axis is out of range.
    """
    x = _floating("moments", x)
    axes = axes_of("moments", axes, x)
    wide = _wide(x)
    mean = reduction.reduce_mean(wide, axes, True)
    distance = math.squared_difference(wide, apply("stop", mean))
    variance = reduction.reduce_mean(distance, axes, keepdims)
    mean = mean if keepdims else _squeezed(mean, axes)
    return _like(mean, x.dtype), _like(variance, x.dtype)


def _squeezed(x: Node, axes) -> Node:
    return apply("reshape", x, shape=tuple(d for a, d in enumerate(x.shape) if a not in axes))


def weighted_moments(x, axes, frequency_weights, keepdims=False) -> tuple[Node, Node]:
    """Mean and variance of ``x`` over ``axes``, its elements counted ``frequency_weights`` (broadcast) times.

    Raises:
        DtypeError: ``x`` is not floating. ShapeError: shapes do not broadcast, or an axis is out of range.
    """
    x = _floating("weighted_moments", x)
    wide = _wide(x)
    weights = _adopted(frequency_weights, wide.dtype)
    shape = broadcast_shape("weighted_moments", wide, weights)
    wide, weights = broadcast_to(wide, shape, "weighted_moments"), broadcast_to(weights, shape, "weighted_moments")
    axes = axes_of("weighted_moments", axes, wide)
    total = math.reciprocal(reduction.reduce_sum(weights, axes, True))
    mean = math.multiply(reduction.reduce_sum(math.multiply(weights, wide), axes, True), total)
    distance = math.multiply(weights, math.squared_difference(wide, mean))
    variance = math.multiply(reduction.reduce_sum(distance, axes, True), total)
    if not keepdims:
        mean, variance = _squeezed(mean, axes), _squeezed(variance, axes)
    return _like(mean, x.dtype), _like(variance, x.dtype)


def sufficient_statistics(x, axes, shift=None, keepdims=False) -> tuple:
    """Number of elements, sum and sum of squares of ``x - shift`` over ``axes``, and ``shift``."""
    x = as_node(x)
    axes = axes_of("sufficient_statistics", axes, x)
    count = dim_node(size(x.shape[a] for a in axes), x.dtype)
    moved = x
    if shift is not None:
        shift = as_node(shift) if isinstance(shift, Node) else as_node(shift, x.dtype)
        moved = math.subtract(x, shift)
    total = reduction.reduce_sum(moved, axes, keepdims)
    squares = reduction.reduce_sum(math.square(moved), axes, keepdims)
    return count, total, squares, shift


def normalize_moments(counts, mean_ss, variance_ss, shift) -> tuple[Node, Node]:
    """Mean and variance from what ``sufficient_statistics`` answers."""
    divisor = math.reciprocal(counts)
    shifted = math.multiply(mean_ss, divisor)
    mean = shifted if shift is None else math.add(shifted, shift)
    return mean, math.subtract(math.multiply(variance_ss, divisor), math.square(shifted))


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon) -> Node:
    """``(x - mean) * rsqrt(variance + variance_epsilon) * scale + offset``; ``scale`` and ``offset`` may be None."""
    x = _floating("batch_normalization", x)
    factor = apply("rsqrt", math.add(variance, variance_epsilon))
    factor = factor if scale is None else math.multiply(factor, scale)
    shift = math.multiply(mean, factor)
    shift = apply("neg", shift) if offset is None else math.subtract(offset, shift)
    return math.add(math.multiply(x, _like(factor, x.dtype)), _like(shift, x.dtype))


def batch_norm_with_global_normalization(input, mean, variance, beta, gamma, variance_epsilon,  # noqa: A002
                                         scale_after_normalization) -> Node:  # fmt: skip
    """``batch_normalization``, scaled by ``gamma`` only if ``scale_after_normalization``."""
    scale = gamma if scale_after_normalization else None
    return batch_normalization(input, mean, variance, beta, scale, variance_epsilon)


def batch_norm_with_global_normalization_v1(t=None, m=None, v=None, beta=None, gamma=None, variance_epsilon=None,
                                            scale_after_normalization=None, name=None, input=None,  # noqa: A002
                                            mean=None, variance=None) -> Node:  # fmt: skip
    """``batch_norm_with_global_normalization`` under TensorFlow 1's names of arguments, old and new."""
    t, m, v = (old if new is None else new for old, new in ((t, input), (m, mean), (v, variance)))
    return batch_norm_with_global_normalization(t, m, v, beta, gamma, variance_epsilon, scale_after_normalization)


def fused_batch_norm(x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC", is_training=True,
                     name=None, exponential_avg_factor=1.0) -> FusedBatchNorm:  # fmt: skip
    """Batch normalisation of ``x`` [batch, *spatial, channels] (or ``NC...``) over all axes but the channels.

    In training the batch's own mean and variance are used; answered are they, the variance unbiased, mixed with
    ``mean`` and ``variance`` if ``exponential_avg_factor`` is not 1. Otherwise these two are used and answered.

    Raises:
        ShapeError: the rank is not 4 or 5, or a parameter is no vector of the channels.
        UsageError: mean or variance is missing where it is needed.
    """
    op = "fused_batch_norm"
    x = _floating(op, x)
    if len(x.shape) not in (4, 5):
        raise ShapeError(explain(f"{op}: needs rank 4 or 5, got {x.type}", origins(x=x)))
    channel = channel_axis(op, data_format, len(x.shape) - 2)
    if (mean is None or variance is None) and not (is_training and exponential_avg_factor == 1.0):
        what = f"{op}: mean and variance are needed unless in training with a factor of 1"
        raise UsageError(explain(what, origins(x=x)))
    wide = _wide(x)
    scale, offset = (_channels(op, v, wide, x.shape[channel]) for v in (scale, offset))
    if mean is not None:
        mean, variance = (_channels(op, v, wide, x.shape[channel]) for v in (mean, variance))
    used, kept = (mean, variance), (mean, variance)
    if is_training:
        axes = tuple(a for a in range(len(x.shape)) if a != channel)
        used, kept = _batch_statistics(wide, axes)
        if exponential_avg_factor != 1.0:
            kept = tuple(_mixed(old, new, exponential_avg_factor) for old, new in zip((mean, variance), kept))
    epsilon = max(float(epsilon), SMALLEST_EPSILON)
    factor = math.multiply(apply("rsqrt", math.add(used[1], epsilon)), scale)
    centred = apply("sub", wide, _along(used[0], wide, channel))
    y = apply("add", apply("mul", centred, _along(factor, wide, channel)), _along(offset, wide, channel))
    return FusedBatchNorm(_like(y, x.dtype), *kept)


def _channels(op: str, value, x: Node, channels) -> Node:
    """A vector with one element per channel."""
    value = _adopted(value, x.dtype)
    if len(value.shape) != 1:
        raise ShapeError(explain(f"{op}: needs vectors for the channels of {x.type}, got {value.type}", origins(x=x)))
    return broadcast_to(value, (channels,), op)


def _batch_statistics(x: Node, axes) -> tuple[tuple, tuple]:
    """Mean and variance over ``axes``; and the same with the unbiased variance."""
    mean = reduction.reduce_mean(x, axes, True)
    variance = reduction.reduce_mean(math.squared_difference(x, mean), axes)
    mean = _squeezed(mean, axes)
    count = dim_node(size(x.shape[a] for a in axes), x.dtype)
    one = math.full_like(count, 1)
    unbiased = apply("div", count, apply("max", apply("sub", count, one), one))
    return (mean, variance), (mean, math.multiply(variance, unbiased))


def _mixed(old: Node, new: Node, factor: float) -> Node:
    return math.add(math.multiply(old, 1.0 - factor), math.multiply(new, factor))


def _along(vector: Node, x: Node, channel: int) -> Node:
    return apply("broadcast", vector, shape=x.shape, axes=(channel,))


def local_response_normalization(input, depth_radius=5, bias=1, alpha=1, beta=0.5) -> Node:  # noqa: A002
    """``x / (bias + alpha * s) ** beta``, ``s`` the sum of squares of the channels at most ``depth_radius`` away.

    Raises:
        ShapeError: the rank is not 4. DtypeError: ``input`` is not floating. UsageError: a negative radius.
    """
    op = "local_response_normalization"
    x, radius = _floating(op, input), integer("local_response_normalization", "depth_radius", depth_radius)
    if len(x.shape) != 4:
        raise ShapeError(explain(f"{op}: needs rank 4, got {x.type}", origins(input=x)))
    if radius < 0:
        raise UsageError(explain(f"{op}: depth_radius must not be negative, got {radius}", origins(input=x)))
    wide = _wide(x)
    base = math.add(math.multiply(_neighbours(math.square(wide), radius), float(alpha)), float(bias))
    if beta == 0.5:
        factor = apply("rsqrt", base)
    elif beta == 1:
        factor = math.reciprocal(base)
    else:
        factor = math.pow(base, -float(beta))
    return _like(math.multiply(wide, factor), x.dtype)


def _neighbours(squares: Node, radius: int) -> Node:
    """Sums over the elements at most ``radius`` away along the last axis."""
    channels, width = squares.shape[3], 2 * radius + 1
    if width <= WIDEST_SUM:
        wide = padded(squares, (3,), (radius,), (radius,), 0)
        return folded(wide, "add", (3,), (width,), (1,), (1,), (channels,))
    shape = (channels, channels)
    row, column = (apply("iota", shape=shape, axis=a, dtype=dt.i64) for a in (0, 1))
    near = apply("le", apply("abs", apply("sub", row, column)), const(radius, Type(dt.i64, shape)))
    rows = apply("reshape", squares, shape=(size(squares.shape[:3]), channels))
    total = apply("dot", rows, apply("cast", near, dtype=squares.dtype), transpose_x=False, transpose_y=False)
    return apply("reshape", total, shape=squares.shape)
