"""Resizing images under TensorFlow's names: version 2's ``resize``, version 1's ``resize_*``, resizing with borders."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, origins, simplified
from graphc.lib import math
from graphc.lib.crop import check_image, pad_to_bounding_box
from graphc.lib.dims import dim, shape_of
from graphc.lib.promote import as_node
from graphc.lib.resample import Sampling, resize_axis


class ResizeMethod:
    """The names of TensorFlow 2's interpolation methods."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


class ResizeMethodV1:
    """The numbers of TensorFlow 1's interpolation methods."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


_KEYS = Sampling(cubic=-0.5, exclude_outside=True, steps=1024)
_CORNER = Sampling("tf_half_pixel_for_nn", nearest="floor")

_METHODS = {
    "bilinear": ("linear", Sampling()),
    "nearest": ("nearest", _CORNER),
    "bicubic": ("cubic", _KEYS),
    "area": ("area", Sampling()),
    **{name: (name, Sampling()) for name in ("lanczos3", "lanczos5", "gaussian", "mitchellcubic")},
}

_SMOOTHED = {"bicubic": Sampling(cubic=-0.5, antialias=True)}
_V1 = ("bilinear", "nearest", "bicubic", "area")


def resize(images, size, method=ResizeMethod.BILINEAR, preserve_aspect_ratio=False, antialias=False) -> Node:
    """Images [height, width, channels] or [batch, height, width, channels] with another height and width.

    Args:
        size: new height and width: ints, or Nodes computed from sizes.
        method: ``bilinear``, ``nearest``, ``bicubic``, ``area``, ``lanczos3``, ``lanczos5``, ``gaussian`` or
            ``mitchellcubic``.
        preserve_aspect_ratio: ``size`` is a limit, and the shape of the image is kept.
        antialias: kernels are widened where the image shrinks (not for ``nearest`` and ``area``).

    Returns:
        float32; the dtype of ``images`` for ``nearest``.

    Raises:
        ShapeError: not of rank 3 or 4, or a size is not positive. UsageError: an unknown method.
    """
    x = check_image("resize", images)
    if method not in _METHODS:
        raise UsageError(explain(f"resize: method {method!r} is none of {', '.join(_METHODS)}", origins(images=x)))
    kind, sampling = _METHODS[method]
    if antialias and method not in ("nearest", "area"):
        sampling = _SMOOTHED.get(method, Sampling(antialias=True))
    return _resized(x, _new_size("resize", x, size, preserve_aspect_ratio), kind, sampling)


def _resized(x: Node, size: tuple, kind: str, sampling: Sampling) -> Node:
    """Both axes resampled; the one that shrinks most goes first, which leaves the least work for the other."""
    if kind != "nearest":
        x = math.cast(x, dt.f32)
    rank = len(x.shape)
    axes = [(rank - 3, size[0]), (rank - 2, size[1])]
    if type(size[1]) is int and type(x.shape[-2]) is int and size[1] < x.shape[-2] and kind in ("area", "lanczos"):
        axes.reverse()
    for axis, d in axes:
        x = resize_axis(x, axis, d, kind, sampling)
    return x


def _new_size(op: str, x: Node, size, keep_aspect: bool) -> tuple:
    wanted = shape_of(size, op)
    if len(wanted) != 2:
        raise ShapeError(explain(f"{op}: size must be new height and width, got {len(wanted)} numbers", origins(x=x)))
    if not keep_aspect:
        return wanted
    height, width = x.shape[-3:-1]
    if all(type(d) is int for d in (*wanted, height, width)):
        f32 = np.float32
        scale = min(f32(wanted[0]) / f32(height), f32(wanted[1]) / f32(width))
        return tuple(int(np.round(scale * f32(d))) for d in (height, width))
    return _least(wanted[0], _nearest(height, wanted[1], width)), _least(wanted[1], _nearest(width, wanted[0], height))


def _least(a, b):
    return simplified(binary("min", a, b) if isinstance(a, Node) or isinstance(b, Node) else min(a, b))


def _most(a, b):
    return simplified(binary("max", a, b) if isinstance(a, Node) or isinstance(b, Node) else max(a, b))


def _nearest(d, numerator, denominator):
    """``d * numerator / denominator`` rounded to the nearest integer, in integers."""
    return simplified((d * numerator * 2 + denominator) // (denominator * 2))


# -------------------------------------------------------------------------------------------- version 1


def resize_v1(images, size, method=ResizeMethodV1.BILINEAR, align_corners=False, preserve_aspect_ratio=False) -> Node:
    """TensorFlow 1's ``resize_images``: positions without half pixels; unchanged where the size is the same.

    Args:
        method: a number of ``ResizeMethodV1`` or one of the names bilinear, nearest, bicubic and area.
        align_corners: the corners of both images lie on each other.
    """
    x = check_image("resize", images)
    name = _V1[method] if type(method) is int and 0 <= method < 4 else method
    if name not in _V1:
        raise UsageError(explain(f"resize: method {method!r} is none of {', '.join(_V1)}", origins(images=x)))
    wanted = _new_size("resize", x, size, preserve_aspect_ratio)
    if wanted == x.shape[-3:-1]:
        return x
    return _legacy(x, wanted, name, align_corners, False)


def _legacy(x: Node, size: tuple, name: str, align_corners: bool, half_pixel_centers: bool) -> Node:
    if align_corners and half_pixel_centers:
        what = f"resize_{name}: align_corners and half_pixel_centers exclude each other"
        raise UsageError(explain(what, origins(images=x)))
    kind, sampling = _METHODS[name]
    if half_pixel_centers:
        return _resized(x, size, kind, sampling)
    rounding = "round_prefer_ceil" if align_corners else "floor"
    steps = 1024 if kind == "cubic" else None
    for axis, d in zip((len(x.shape) - 3, len(x.shape) - 2), size):
        # one output element has no two corners: TensorFlow then scales as without align_corners
        aligned = align_corners and not (type(d) is int and d == 1)
        plain = Sampling("align_corners" if aligned else "asymmetric", rounding, steps=steps)
        x = resize_axis(x if kind == "nearest" else math.cast(x, dt.f32), axis, d, kind, plain)
    return x


def _batch(op: str, images) -> Node:
    x = as_node(images)
    if len(x.shape) != 4:
        raise ShapeError(explain(f"{op}: needs images [batch, height, width, channels], not {x.type}",
                                 origins(images=x)))  # fmt: skip
    return x


def resize_bilinear(images, size, align_corners=False, name=None, half_pixel_centers=False) -> Node:
    """Float32 images [batch, height, width, channels] of another size, by linear interpolation."""
    x = _batch("resize_bilinear", images)
    return _legacy(x, _new_size("resize_bilinear", x, size, False), "bilinear", align_corners, half_pixel_centers)


def resize_bicubic(images, size, align_corners=False, name=None, half_pixel_centers=False) -> Node:
    """Float32 images [batch, height, width, channels] of another size, by cubic interpolation."""
    x = _batch("resize_bicubic", images)
    return _legacy(x, _new_size("resize_bicubic", x, size, False), "bicubic", align_corners, half_pixel_centers)


def resize_nearest_neighbor(images, size, align_corners=False, name=None, half_pixel_centers=False) -> Node:
    """Images [batch, height, width, channels] of another size and the same dtype, from the nearest pixels."""
    x = _batch("resize_nearest_neighbor", images)
    return _legacy(x, _new_size("resize_nearest_neighbor", x, size, False), "nearest", align_corners,
                   half_pixel_centers)  # fmt: skip


def resize_area(images, size, align_corners=False) -> Node:
    """Float32 images [batch, height, width, channels] of another size: means over the areas that pixels cover."""
    x = _batch("resize_area", images)
    return _legacy(x, _new_size("resize_area", x, size, False), "area", align_corners, False)


# ---------------------------------------------------------------------------------------- with borders


def resize_with_pad(image, target_height, target_width, method=ResizeMethod.BILINEAR, antialias=False) -> Node:
    """Images resized without distortion into a target size; what remains on both sides is 0."""
    x = check_image("resize_with_pad", image)
    return _padded(x, target_height, target_width, lambda x, size: resize(x, size, method, antialias=antialias))


def resize_with_pad_v1(image, target_height, target_width, method=ResizeMethodV1.BILINEAR, align_corners=False) -> Node:
    """TensorFlow 1's ``resize_with_pad``."""
    x = check_image("resize_with_pad", image)
    return _padded(x, target_height, target_width, lambda x, size: resize_v1(x, size, method, align_corners))


def _padded(x: Node, target_height, target_width, resized) -> Node:
    target = tuple(dim(d, "resize_with_pad") for d in (target_height, target_width))
    if any(type(d) is int and d < 1 for d in target):
        raise ShapeError(explain(f"resize_with_pad: the target {target} must be positive", origins(image=x)))
    inner, before = _fitted(x.shape[-3:-1], target)
    return pad_to_bounding_box(resized(x, inner), *before, *target)


def _fitted(have: tuple, target: tuple) -> tuple[tuple, tuple]:
    """The largest size of the same shape inside the target, and what is left before it."""
    if all(type(d) is int for d in (*have, *target)):
        f32 = np.float32
        ratio = max(f32(have[1]) / f32(target[1]), f32(have[0]) / f32(target[0]))
        real = [f32(d) / ratio for d in have]
        inner = tuple(int(np.floor(r)) for r in real)
        return inner, tuple(max(0, int(np.floor((f32(t) - r) / f32(2)))) for t, r in zip(target, real))
    inner, before = [], []
    for k in (0, 1):
        share = have[k] * target[1 - k]
        inner.append(_least(target[k], simplified(share // have[1 - k])))
        above = _least(target[k], simplified((share + (have[1 - k] - 1)) // have[1 - k]))
        before.append(_most(simplified((target[k] - above) // 2), 0))
    return tuple(inner), tuple(before)
