"""Colours of images: conversions between dtypes and colour spaces, adjustments, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, const_value, origins
from graphc.lib import math, reduction
from graphc.lib.math import full_like, require_inexact
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import concat, part
from graphc.prims.table import apply

_YIQ = ((0.299, 0.59590059, 0.2115), (0.587, -0.27455667, -0.52273617), (0.114, -0.32134392, 0.31119955))
_FROM_YIQ = ((1.0, 1.0, 1.0), (0.95598634, -0.27201283, -1.10674021), (0.6208248, -0.64720424, 1.70423049))
_YUV = ((0.299, -0.14714119, 0.61497538), (0.587, -0.28886916, -0.51496512), (0.114, 0.43601035, -0.10001026))
_FROM_YUV = ((1.0, 1.0, 1.0), (0.0, -0.394642334, 2.03206185), (1.13988303, -0.58062185, 0.0))
_GRAY = (0.2989, 0.587, 0.114)


# ----------------------------------------------------------------------------------------------- dtypes


def convert_image_dtype(image, dtype, saturate=False) -> Node:
    """An image in another dtype, its range scaled: floats lie in [0, 1), integers use their whole positive range.

    Args:
        saturate: values that do not fit become the nearest that does (floats to integers always do).

    Raises:
        DtypeError: one of the dtypes is neither integer nor floating.
    """
    x, kind = as_node(image), dt.as_dtype(dtype)
    for d in (x.dtype, kind):
        if not (d.is_integer or d.is_float):
            raise DtypeError(explain(f"convert_image_dtype: no image of {d.name}, {x.type}", origins(image=x)))
    if kind is x.dtype:
        return x
    if x.dtype.is_integer and kind.is_integer:
        return _integers(x, kind, saturate)
    if x.dtype.is_integer:
        out = math.cast(x, kind)
        return apply("mul", out, full_like(out, 1.0 / np.iinfo(x.dtype.numpy).max))
    if kind.is_integer:
        scaled = apply("mul", x, full_like(x, float(np.iinfo(kind.numpy).max) + 0.5))
        return math.cast(scaled, kind)
    return math.cast(x, kind)


def _integers(x: Node, kind: dt.DType, saturate: bool) -> Node:
    have, want = np.iinfo(x.dtype.numpy), np.iinfo(kind.numpy)
    if have.max > want.max:
        x = apply("floordiv", x, full_like(x, (have.max + 1) // (want.max + 1)))
        return _narrowed(x, kind) if saturate else math.cast(x, kind)
    out = _narrowed(x, kind) if saturate else math.cast(x, kind)
    return apply("mul", out, full_like(out, (want.max + 1) // (have.max + 1)))


def _narrowed(x: Node, kind: dt.DType) -> Node:
    """Integers in another integer dtype, those that do not fit as its limits."""
    have, want = np.iinfo(x.dtype.numpy), np.iinfo(kind.numpy)
    if want.min > have.min:
        x = apply("max", x, full_like(x, want.min))
    if want.max < have.max:
        x = apply("min", x, full_like(x, want.max))
    return math.cast(x, kind)


def _as_float(image) -> tuple[Node, dt.DType]:
    """An image to calculate with (floats as they are, except bfloat16), and the dtype to return to."""
    x = as_node(image)
    return (x if x.dtype in (dt.f16, dt.f32, dt.f64) else convert_image_dtype(x, dt.f32)), x.dtype


def _wide(x: Node) -> Node:
    """Half precision as single precision."""
    return x if x.dtype is dt.f64 else math.cast(x, dt.f32)


# ------------------------------------------------------------------------------------------ adjustments


def _scalar(op: str, name: str, value, kind: dt.DType, like: Node) -> Node:
    """A scalar argument, repeated to the shape of an image."""
    node = math.cast(value, kind) if isinstance(value, Node) else as_node(float(value), kind)
    if node.shape:
        raise ShapeError(explain(f"{op}: {name} must be a scalar, not {node.type}", origins(**{name: node})))
    return broadcast_to(node, like.shape)


def adjust_brightness(image, delta) -> Node:
    """``image + delta`` on the scale [0, 1], in the dtype of ``image``, saturated."""
    x, kind = _as_float(image)
    return convert_image_dtype(apply("add", x, _scalar("adjust_brightness", "delta", delta, x.dtype, x)), kind, True)


def adjust_contrast(images, contrast_factor) -> Node:
    """Distances from each channel's mean, over height and width, scaled by a factor; in the dtype of ``images``.

    Raises:
        ShapeError: fewer than 3 axes.
    """
    x, kind = _as_float(_at_least_3("adjust_contrast", images))
    wide = _wide(x)
    rank = len(x.shape)
    mean = broadcast_to(reduction.reduce_mean(wide, (rank - 3, rank - 2), True), x.shape)
    factor = _scalar("adjust_contrast", "contrast_factor", contrast_factor, wide.dtype, x)
    out = apply("add", apply("mul", apply("sub", wide, mean), factor), mean)
    return convert_image_dtype(math.cast(out, x.dtype), kind, True)


def _at_least_3(op: str, image) -> Node:
    x = as_node(image)
    if len(x.shape) < 3:
        raise ShapeError(explain(f"{op}: needs an image of at least 3 axes, not {x.type}", origins(image=x)))
    return x


def adjust_gamma(image, gamma=1, gain=1) -> Node:
    """``gain * image ** gamma`` on the scale [0, 1], in the dtype of ``image``, saturated.

    Raises:
        UsageError: ``gamma`` is a known negative number.
    """
    x, kind = _as_float(image)
    known = const_value(gamma) if isinstance(gamma, Node) else float(gamma)
    if known is not None and known < 0:
        raise UsageError(explain(f"adjust_gamma: gamma must not be negative, got {known}", origins(image=x)))
    power = apply("pow", x, _scalar("adjust_gamma", "gamma", gamma, x.dtype, x))
    return convert_image_dtype(apply("mul", _scalar("adjust_gamma", "gain", gain, x.dtype, x), power), kind, True)


def adjust_hue(image, delta) -> Node:
    """RGB images whose hue is turned by ``delta``, a fraction of the circle in [-1, 1]; in the dtype of ``image``.

    Raises:
        UsageError: ``delta`` is a known number out of range. ShapeError: not three channels.
    """
    known = const_value(delta) if isinstance(delta, Node) else float(delta)
    if known is not None and not -1 <= known <= 1:
        raise UsageError(explain(f"adjust_hue: delta must lie in [-1, 1], got {known}"))
    x, kind = _as_float(image)
    red, green, blue = _channels("adjust_hue", _wide(x))
    hue, top, spread = _hue(red, green, blue)
    turn = _scalar("adjust_hue", "delta", delta, hue.dtype, hue)
    turned = apply("add", hue, turn * 6.0)
    turned = apply("sub", turned, apply("floor", turned * (1.0 / 6.0)) * 6.0)
    parts = [apply("sub", top, apply("mul", spread, _sector(turned, n))) for n in (5.0, 3.0, 1.0)]
    return convert_image_dtype(math.cast(concat(parts, -1), x.dtype), kind)


def adjust_saturation(image, saturation_factor) -> Node:
    """RGB images with their saturation scaled by a factor; in the dtype of ``image``."""
    x, kind = _as_float(image)
    red, green, blue = _channels("adjust_saturation", _wide(x))
    hue, top, spread = _hue(red, green, blue)
    factor = _scalar("adjust_saturation", "saturation_factor", saturation_factor, hue.dtype, hue)
    scaled = math.clip_by_value(apply("mul", _share(spread, top), factor), 0.0, 1.0)
    depth = apply("mul", scaled, top)
    parts = [apply("sub", top, apply("mul", depth, _sector(hue, n))) for n in (5.0, 3.0, 1.0)]
    return convert_image_dtype(math.cast(concat(parts, -1), x.dtype), kind)


def _sector(hue: Node, n: float) -> Node:
    """How far, from 0 to 1, a channel lies below the largest at a hue in [0, 6]; ``n`` is 5, 3 or 1 for RGB."""
    beyond = apply("le", full_like(hue, 6.0 - n), hue)
    k = apply("select", beyond, hue + (n - 6.0), hue + n)
    return math.maximum(math.minimum(math.minimum(k, 4.0 - k), 1.0), 0.0)


# ---------------------------------------------------------------------------------------- colour spaces


def _channels(op: str, x: Node) -> list[Node]:
    """The three channels, each with a last axis of size 1.

    Raises:
        ShapeError: the last axis has not size 3.
    """
    if not x.shape or (type(x.shape[-1]) is int and x.shape[-1] != 3):
        raise ShapeError(explain(f"{op}: needs 3 channels along the last axis, not {x.type}", origins(image=x)))
    if x.shape[-1] != 3:
        x = apply("ensure", x, shape=(*x.shape[:-1], 3))
    return [part(x, len(x.shape) - 1, k, k + 1) for k in range(3)]


def _hue(red: Node, green: Node, blue: Node) -> tuple[Node, Node, Node]:
    """Hue in [0, 6), the largest channel, and how far the smallest lies below it."""
    top = apply("max", apply("max", red, green), blue)
    spread = apply("sub", top, apply("min", apply("min", red, green), blue))
    gray = apply("eq", spread, full_like(spread, 0))
    unit = apply("div", full_like(spread, 1), apply("select", gray, full_like(spread, 1), spread))
    from_red = apply("mul", apply("sub", green, blue), unit)
    from_green = apply("mul", apply("sub", blue, red), unit) + 2.0
    from_blue = apply("mul", apply("sub", red, green), unit) + 4.0
    hue = apply("select", apply("eq", green, top), from_green, from_blue)
    hue = apply("select", apply("eq", red, top), from_red, hue)
    hue = apply("select", apply("lt", hue, full_like(hue, 0)), hue + 6.0, hue)
    return apply("select", gray, full_like(hue, 0), hue), top, spread


def _share(spread: Node, top: Node) -> Node:
    """``spread / top``, and 0 where ``top`` is not positive."""
    lit = apply("lt", full_like(top, 0), top)
    safe = apply("select", lit, top, full_like(top, 1))
    return apply("select", lit, apply("div", spread, safe), full_like(top, 0))


def rgb_to_hsv(images) -> Node:
    """Hue, saturation and value, all in [0, 1], of floating RGB images."""
    x = require_inexact("rgb_to_hsv", as_node(images))
    hue, top, spread = _hue(*_channels("rgb_to_hsv", x))
    return concat([hue * (1.0 / 6.0), _share(spread, top), top], -1)


def hsv_to_rgb(images) -> Node:
    """RGB images from hue, saturation and value in [0, 1]."""
    x = require_inexact("hsv_to_rgb", as_node(images))
    hue, saturation, value = _channels("hsv_to_rgb", x)
    turn = hue * 6.0
    red = apply("abs", turn - 3.0) - 1.0
    green, blue = (2.0 - apply("abs", turn - centre) for centre in (2.0, 4.0))
    rest = 1.0 - saturation
    shades = [math.clip_by_value(c, 0.0, 1.0) for c in (red, green, blue)]
    return concat([apply("mul", apply("add", rest, apply("mul", saturation, c)), value) for c in shades], -1)


def rgb_to_grayscale(images) -> Node:
    """The luminance of RGB images, one channel, in their dtype."""
    x = as_node(images)
    parts = _channels("rgb_to_grayscale", x if x.dtype is dt.f64 else convert_image_dtype(x, dt.f32))
    red, green, blue = (p * w for p, w in zip(parts, _GRAY))
    return convert_image_dtype(apply("add", apply("add", red, green), blue), x.dtype)


def grayscale_to_rgb(images) -> Node:
    """The one channel of an image three times.

    Raises:
        ShapeError: more than one channel.
    """
    x = as_node(images)
    if len(x.shape) < 2 or (type(x.shape[-1]) is int and x.shape[-1] != 1):
        raise ShapeError(explain(f"grayscale_to_rgb: needs 1 channel, not {x.type}", origins(images=x)))
    if x.shape[-1] != 1:
        x = apply("ensure", x, shape=(*x.shape[:-1], 1))
    return broadcast_to(x, (*x.shape[:-1], 3))


def _mixed(op: str, images, matrix) -> Node:
    """Every pixel's three channels times a matrix."""
    x = require_inexact(op, as_node(images))
    total = None
    for channel, row in zip(_channels(op, x), matrix):
        weights = broadcast_to(const(np.array(row).astype(x.dtype.numpy)), (*x.shape[:-1], 3))
        term = apply("mul", broadcast_to(channel, (*x.shape[:-1], 3)), weights)
        total = term if total is None else apply("add", total, term)
    return total


def rgb_to_yiq(images) -> Node:
    """YIQ of floating RGB images."""
    return _mixed("rgb_to_yiq", images, _YIQ)


def yiq_to_rgb(images) -> Node:
    """RGB of floating YIQ images."""
    return _mixed("yiq_to_rgb", images, _FROM_YIQ)


def rgb_to_yuv(images) -> Node:
    """YUV of floating RGB images."""
    return _mixed("rgb_to_yuv", images, _YUV)


def yuv_to_rgb(images) -> Node:
    """RGB of floating YUV images."""
    return _mixed("yuv_to_rgb", images, _FROM_YUV)
