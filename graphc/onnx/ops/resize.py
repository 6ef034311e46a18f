"""Resizing: one axis after the other, by scales or to sizes, in all the standard's coordinate systems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, simplified
from graphc.lib import math
from graphc.lib.dims import dim_node, measured
from graphc.lib.index import getitem
from graphc.lib.promote import as_node
from graphc.lib.resample import COORDINATES, ROUNDING, Sampling, resize_axis
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in
from graphc.onnx.registry import operator
from graphc.prims.table import apply

_LARGEST = 1 << 30  # scale
_LONGEST = 1 << 26  # elements of an axis of known size, whose weights are computed while loading
_MOST = 1000  # of denominators of scales that are meant to be simple fractions


@dataclass(frozen=True)
class _Wanted:
    """What becomes of one axis: its new size, and new size over old size (a float or a f32 scalar)."""

    axis: int
    size: object
    scale: object


@operator("Resize", since=11)
def resize(call: Call):
    """A tensor with other sizes, whose elements are means of those nearby."""
    x = call[0]
    rank = len(x.shape)
    axes = axes_in(call, call.ints("axes", list(range(rank))), rank)
    wanted = _by_sizes(call, x, axes) if _is_given(call, 3) else _by_scales(call, x, axes, 2)
    coordinates = call.choice("coordinate_transformation_mode", "half_pixel", *COORDINATES)
    sampling = Sampling(
        coordinates=coordinates, nearest=call.choice("nearest_mode", "round_prefer_floor", *ROUNDING),
        cubic=call.float("cubic_coeff_a", -0.75), exclude_outside=bool(call.int("exclude_outside", 0)),
        antialias=bool(call.int("antialias", 0)), extends=not call.int("exclude_outside", 0),
    )  # fmt: skip
    method = call.choice("mode", "nearest", "linear", "cubic")
    if coordinates != "tf_crop_and_resize":
        return _resized(call, x, wanted, method, sampling)
    roi = call.static(1).astype(np.float64).reshape(-1).tolist()
    if len(roi) != 2 * len(axes):
        raise call.wrong(f"roi has {len(roi)} numbers for {len(axes)} axes")
    sampling = replace(sampling, extrapolation=call.float("extrapolation_value", 0.0))
    rois = {a: (roi[k], roi[k + len(axes)]) for k, a in enumerate(axes)}
    return _resized(call, x, wanted, method, sampling, rois)


@operator("Resize", since=10)
def old_resize(call: Call):
    """Version 10: by scales from the first element on; where the tensor gets smaller, nearest is the next element."""
    x = call[0]
    return _asymmetric(call, x, _by_scales(call, x, range(len(x.shape)), 1))


@operator("Upsample", since=9)
def upsample(call: Call):
    """By scales from the first element on."""
    x = call[0]
    return _asymmetric(call, x, _by_scales(call, x, range(len(x.shape)), 1))


@operator("Upsample", since=7)
def old_upsample(call: Call):
    """Version 7: the scales are an attribute."""
    x = call[0]
    return _asymmetric(call, x, _scaled(call, x, range(len(x.shape)), call.floats("scales")))


def _asymmetric(call: Call, x: Node, wanted: list[_Wanted]) -> Node:
    method = call.choice("mode", "nearest", "linear", "bilinear").removeprefix("bi")
    for w in wanted:
        shrinks = call.op == "Resize" and not isinstance(w.scale, Node) and w.scale < 1
        x = _resized(call, x, [w], method, Sampling("asymmetric", "ceil" if shrinks else "floor"))
    return x


# ----------------------------------------------------------------------------------------------- sizes


def _is_given(call: Call, k: int) -> bool:
    """Whether there is an input ``k`` with something in it."""
    return call.has(k) and not (call[k].shape and type(call[k].shape[0]) is int and call[k].shape[0] == 0)


def _by_scales(call: Call, x: Node, axes, k: int) -> list[_Wanted]:
    if not _is_given(call, k):
        raise call.wrong("needs scales or sizes")
    found = call.known(k)
    if found is not None:
        return _scaled(call, x, axes, found.reshape(-1).tolist())
    scales = call[k]
    if len(scales.shape) != 1 or scales.shape[0] != len(axes):
        raise call.wrong(f"scales {scales.type} must be one number for each of {len(axes)} axes")
    wanted = []
    for i, a in enumerate(axes):
        scale = _element(scales, i)
        if not isinstance(scale, Node):
            wanted += _scaled(call, x, [a], [scale])
            continue
        length = math.multiply(dim_node(x.shape[a], dt.f32), scale)
        wanted.append(_Wanted(a, measured(math.cast(math.floor(length), dt.i64)), scale))
    return wanted


def _element(scales: Node, k: int) -> float | Node:
    """One of the scales: a float where it is a constant among others that are not."""
    place = k
    if scales.op == "concat":
        for x in scales.inputs:
            if type(x.shape[0]) is not int:
                break
            if place < x.shape[0]:
                if x.op == "const":
                    return float(np.broadcast_to(x.attr("value").array, x.shape)[place])
                break
            place -= x.shape[0]
    return math.cast(getitem(scales, k), dt.f32)


def _scaled(call: Call, x: Node, axes, scales: list[float]) -> list[_Wanted]:
    if len(scales) != len(axes) or any(not 0 < s < float("inf") for s in scales):
        raise call.wrong(f"scales {scales} must be one positive number for each of {len(axes)} axes")
    if any(not 1 / _LARGEST <= s <= _LARGEST for s in scales):
        raise call.refuse(f"a scale beyond {1 / _LARGEST} to {_LARGEST}: {scales}")
    return [_Wanted(a, _length(x.shape[a], s), s) for a, s in zip(axes, scales)]


def _length(n, scale: float):
    """``floor(n * scale)``, in float32 as shapes are inferred."""
    if type(n) is int:
        return int(np.floor(np.float32(n) * np.float32(scale)))
    exact = Fraction(float(np.float32(scale)))
    simple = exact.limit_denominator(_MOST)
    if np.float32(float(simple)) == np.float32(scale):
        exact = simple
    return simplified(n * exact.numerator // exact.denominator)


def _by_sizes(call: Call, x: Node, axes) -> list[_Wanted]:
    sizes = call.sizes(3)
    if len(sizes) != len(axes):
        raise call.wrong(f"sizes has {len(sizes)} numbers for {len(axes)} axes")
    policy = call.choice("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller")
    old = [x.shape[a] for a in axes]
    if any(type(d) is int and d < 1 for d in (*sizes, *old)):
        raise call.wrong(f"cannot make sizes {sizes} of {x.type}")
    scales = [_quotient(m, n) for m, n in zip(sizes, old)]
    if policy == "stretch":
        return [_Wanted(a, m, s) for a, m, s in zip(axes, sizes, scales)]
    extreme = math.minimum if policy == "not_larger" else math.maximum
    if not any(isinstance(s, Node) for s in scales):
        scale = min(scales) if policy == "not_larger" else max(scales)
        return [_Wanted(a, int(np.floor(scale * n + 0.5)), scale) for a, n in zip(axes, old)]
    scale = as_node(scales[0], dt.f32) if not isinstance(scales[0], Node) else scales[0]
    for s in scales[1:]:
        scale = extreme(scale, s)
    rounded = [math.floor(math.add(math.multiply(scale, dim_node(n, dt.f32)), 0.5)) for n in old]
    return [_Wanted(a, measured(math.cast(m, dt.i64)), scale) for a, m in zip(axes, rounded)]


def _quotient(m, n):
    """A new size over the old one."""
    if type(m) is type(n) is int:
        return float(np.float32(m) / np.float32(n))
    return 1.0 if m is n else apply("div", dim_node(m, dt.f32), dim_node(n, dt.f32))


# ------------------------------------------------------------------------------------------------ elements


def _resized(call: Call, x: Node, wanted, method: str, sampling: Sampling, rois=None) -> Node:
    """All axes in turn; smaller types are calculated in float32."""
    kind = x.dtype
    if method != "nearest" and kind not in (dt.f32, dt.f64):
        if not (kind.is_float or kind.is_integer):
            raise call.refuse(f"mode {method!r} of {x.type}")
        x = math.cast(x, dt.f32)
    for w in wanted:
        roi = None if rois is None else rois[w.axis]
        if (w.size is x.shape[w.axis] or w.size == x.shape[w.axis]) and roi in (None, (0.0, 1.0)) and _is_one(w.scale):
            continue
        if any(type(d) is int and d == 0 for d in (w.size, x.shape[w.axis])):
            raise call.wrong(f"cannot make {w.size} elements of axis {w.axis}")
        if type(w.size) is int and w.size > _LONGEST:
            raise call.refuse(f"an axis of {w.size} elements")
        how = replace(sampling, scale=w.scale, roi=roi or (0.0, 1.0))
        x = resize_axis(x, w.axis, w.size, method, how)
    return math.cast(x, kind)


def _is_one(scale) -> bool:
    return not isinstance(scale, Node) and scale == 1
