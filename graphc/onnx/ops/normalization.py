"""Normalisation: by given, running or own moments, by lengths, by neighbours."""

from __future__ import annotations

from graphc.errors import FormatError
from graphc.ir.node import Node, simplified
from graphc.lib import math, normalization, reduction, shape
from graphc.lib.pooling import pooled
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in, axis_in, with_ones
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.sizes import differ
from graphc.onnx.registry import operator
from graphc.onnx.values import ELEMENTS
from graphc.prims.table import apply


def _per_channel(call: Call, k: int, x: Node, dtype) -> Node:
    """A vector with one element for each channel of ``x``, so that it broadcasts to ``x``."""
    v = call[k]
    if differ(v.shape, x.shape[1:2]):
        raise call.wrong(f"input {k} must have one element for each channel")
    return with_ones(math.cast(v, dtype), len(x.shape) - 2)


def _moments(x: Node, axes) -> tuple[Node, Node, Node]:
    """The mean, the distance from it, and the variance."""
    mean = reduction.reduce_mean(x, axes, True)
    distance = math.subtract(x, mean)
    return mean, distance, reduction.reduce_mean(math.square(distance), axes, True)


def _inverse_root(variance: Node, epsilon: float) -> Node:
    return apply("rsqrt", math.add(variance, epsilon))


# ------------------------------------------------------------------------------------------------- batches


@operator("BatchNormalization")
def batch_normalization(call: Call):
    """Channels normalised by given moments, or by those of the batch while training."""
    x, epsilon = call[0], call.float("epsilon", 1e-5)
    if len(x.shape) < 2:
        raise call.wrong("needs [n, channels, ...]")
    wide = widened(x)
    training = call.int("training_mode", 0) if call.version >= 14 else any(map(call.wants, range(1, 5)))
    if call.version < 9 and not call.int("spatial", 1):
        if training:
            raise call.refuse("training with spatial=0")
        parts = [math.cast(call[k], wide.dtype) for k in range(1, 5)]  # one number for each element of an example
    else:
        parts = [_per_channel(call, k, x, wide.dtype) for k in range(1, 5)]
    scale, bias, mean, variance = parts
    if not training:
        y = normalization.batch_normalization(wide, mean, variance, bias, scale, epsilon)
        return [math.cast(y, x.dtype)] + [None] * 4
    axes = (0, *range(2, len(x.shape)))
    own, _, spread = _moments(wide, axes)
    y = normalization.batch_normalization(wide, own, spread, bias, scale, epsilon)
    momentum = call.float("momentum", 0.9)
    kept = [_running(call[k], new, momentum) for k, new in ((3, own), (4, spread))]
    saved = [shape.reshape(math.cast(v, call[3].dtype), call[3].shape) for v in (own, spread)]
    return [math.cast(y, x.dtype), *kept, *(saved if call.version < 14 else ())]


def _running(old: Node, new: Node, momentum: float) -> Node:
    wide = widened(old)
    new = shape.reshape(math.cast(new, wide.dtype), old.shape)
    return math.cast(math.add(math.multiply(wide, momentum), math.multiply(new, 1 - momentum)), old.dtype)


# ----------------------------------------------------------------------------------------- within examples


@operator("InstanceNormalization")
def instance_normalization(call: Call):
    """Every channel of every example with mean 0 and variance 1, then scaled and moved."""
    x = call[0]
    if len(x.shape) < 3:
        raise call.wrong("needs [n, channels, *spatial]")
    wide = widened(x)
    scale, bias = (_per_channel(call, k, x, wide.dtype) for k in (1, 2))
    _, distance, variance = _moments(wide, tuple(range(2, len(x.shape))))
    factor = math.multiply(_inverse_root(variance, call.float("epsilon", 1e-5)), scale)
    return math.cast(math.add(math.multiply(distance, factor), bias), x.dtype)


@operator("GroupNormalization")
def group_normalization(call: Call):
    """Groups of channels with mean 0 and variance 1; scale and bias are one for each channel (before 21: group)."""
    x, groups = call[0], call.int("num_groups")
    if len(x.shape) < 2 or groups < 1 or (type(x.shape[1]) is int and x.shape[1] % groups):
        raise call.wrong(f"the channels are not {groups} equal groups")
    wide = _stashed(call, x)
    apart = shape.reshape(wide, (x.shape[0], groups, simplified(x.shape[1] // groups), *x.shape[2:]))
    _, distance, variance = _moments(apart, tuple(range(2, len(apart.shape))))
    y = math.multiply(distance, _inverse_root(variance, call.float("epsilon", 1e-5)))
    if call.version >= 21:
        y = shape.reshape(y, x.shape)
        scale, bias = (_per_channel(call, k, x, wide.dtype) for k in (1, 2))
    else:
        scale, bias = (_per_channel(call, k, apart, wide.dtype) for k in (1, 2))
    return math.cast(shape.reshape(math.add(math.multiply(y, scale), bias), x.shape), x.dtype)


def _stashed(call: Call, x: Node) -> Node:
    """``x`` in the dtype in which moments are taken, which is not narrower than its own."""
    kind = ELEMENTS[1] if call.int("stash_type", 1) not in (1, 10, 11, 16) else ELEMENTS[call.int("stash_type", 1)]
    wide = kind.carrier if kind.carrier.bits > x.dtype.bits else x.dtype
    return math.cast(x, wide)


def _trailing(call: Call, x: Node) -> tuple[int, ...]:
    return tuple(range(axis_in(call, call.int("axis", -1), len(x.shape)), len(x.shape)))


def _scaled(call: Call, y: Node, x: Node) -> Node:
    """``y`` in the dtype of ``x`` times the second input, plus the third one, which are broadcast to it."""
    scale = broadcast_to(math.cast(call[1], y.dtype), y.shape, call.op)
    y = math.multiply(y, scale)
    if call.has(2):
        y = math.add(y, broadcast_to(math.cast(call[2], y.dtype), y.shape, call.op))
    return math.cast(y, x.dtype)


@operator("LayerNormalization")
def layer_normalization(call: Call):
    """The last axes with mean 0 and variance 1, scaled and moved; the mean, and 1 / the deviation."""
    x = call[0]
    wide = _stashed(call, x)
    mean, distance, variance = _moments(wide, _trailing(call, x))
    inverse = _inverse_root(variance, call.float("epsilon", 1e-5))
    y = _scaled(call, math.multiply(distance, inverse), x)
    kind = call.element("stash_type", ELEMENTS[1])
    return [y, math.cast(mean, kind.carrier), math.cast(inverse, kind.carrier)]


@operator("RMSNormalization")
def rms_normalization(call: Call):
    """The last axes divided by the root of their mean square, scaled."""
    x = call[0]
    wide = _stashed(call, x)
    squares = reduction.reduce_mean(math.square(wide), _trailing(call, x), True)
    return _scaled(call, math.multiply(wide, _inverse_root(squares, call.float("epsilon", 1e-5))), x)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(call: Call):
    """Elements less their mean, divided by their deviation over some axes."""
    x = call[0]
    axes = tuple(axes_in(call, call.ints("axes", [0, 2, 3]), len(x.shape)))
    _, distance, variance = _moments(widened(x), axes)
    return math.cast(math.realdiv(distance, math.add(apply("sqrt", variance), 1e-9)), x.dtype)


@operator("LpNormalization")
def lp_normalization(call: Call):
    """Vectors along an axis divided by their length; zeros stay zeros."""
    x, p = call[0], call.int("p", 2)
    if p not in (1, 2):
        raise FormatError(f"LpNormalization: attribute 'p' must be 1 or 2, it is {p}")
    wide, axes = widened(x), (axis_in(call, call.int("axis", -1), len(x.shape)),)
    total = reduction.reduce_sum(math.abs(wide) if p == 1 else math.square(wide), axes, True)
    return math.cast(math.divide_no_nan(wide, total if p == 1 else apply("sqrt", total)), x.dtype)


@operator("LRN")
def local_response(call: Call):
    """Elements divided by a power of the sum of squares of neighbouring channels."""
    x, width = call[0], call.int("size")
    if len(x.shape) < 2 or width < 1:
        raise call.wrong(f"needs [n, channels, ...] and a positive size, which is {width}")
    alpha, beta, bias = call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1.0)
    wide = widened(x)
    before, after = (width - 1) // 2, width // 2
    if type(x.shape[1]) is int:  # what lies further away than all channels adds nothing
        before, after = min(before, x.shape[1]), min(after, x.shape[1])
    total = pooled("LRN", math.square(wide), "sum", (1,), (before + after + 1,), low=(before,), high=(after,))
    base = math.add(math.multiply(total, alpha / width), bias)
    return math.cast(math.multiply(wide, math.pow(base, -beta)), x.dtype)
