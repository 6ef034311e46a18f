"""A random part of an image that still shows enough of an object, under TensorFlow's name.

All attempts are drawn at once, and the first one that fits is taken: no loop, and the same work on every run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib import math, random
from graphc.lib.dims import integer, size as size_of
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import ensure_shape, part, reshape
from graphc.lib.stateless import place_of
from graphc.prims.table import apply


class DistortedBoundingBox(NamedTuple):
    """A part of an image: what ``slice`` needs, and the box as fractions of height and width."""

    begin: Node
    size: Node
    bboxes: Node


def sample_distorted_bounding_box(key: Node, counter: Node, image_size, bounding_boxes, seed=0, min_object_covered=0.1,
                                  aspect_ratio_range=None, area_range=None, max_attempts=None,
                                  use_image_if_no_bounding_boxes=None) -> DistortedBoundingBox:  # fmt: skip
    """A random part of an image with limits on shape, area and how much of one of the boxes it covers.

    Args:
        image_size: height, width and channels, integers.
        bounding_boxes: float32 [..., boxes, 4]: ymin, xmin, ymax, xmax as fractions.
        min_object_covered: the share of at least one box that the part must cover.
        aspect_ratio_range: least and largest width over height, (0.75, 1.33) by default.
        area_range: least and largest share of the image's area, (0.05, 1) by default.
        max_attempts: after as many misses (100 by default) the whole image is the answer.
        use_image_if_no_bounding_boxes: without boxes, the whole image counts as one.

    Returns:
        begin [3], size [3] (-1: all channels), and the part as a box [1, 1, 4].

    Raises:
        ShapeError: other shapes. UsageError: no boxes, or an impossible range.
    """
    op = "sample_distorted_bounding_box"
    extent, boxes = as_node(image_size), math.cast(as_node(bounding_boxes), dt.f32)
    if not extent.dtype.is_integer:
        raise DtypeError(explain(f"{op}: image_size must be integers, not {extent.type}", origins(image_size=extent)))
    if len(extent.shape) != 1 or len(boxes.shape) < 2 or (type(boxes.shape[-1]) is int and boxes.shape[-1] != 4):
        what = f"{op}: needs image_size [3] and boxes [...,n,4], not {extent.type} and {boxes.type}"
        raise ShapeError(explain(what, origins(image_size=extent, bounding_boxes=boxes)))
    ratios, areas = (0.75, 1.33) if aspect_ratio_range is None else aspect_ratio_range, area_range or (0.05, 1.0)
    for name, (low, high) in (("aspect_ratio_range", ratios), ("area_range", areas)):
        if not 0 < low <= high:
            raise UsageError(explain(f"{op}: {name} must be positive and in order, got {(low, high)}"))
    attempts = 100 if max_attempts is None else integer(op, "max_attempts", max_attempts)
    count = size_of(boxes.shape[:-1])
    boxes = reshape(boxes, (count, 4))
    if type(count) is int and count == 0:
        if not use_image_if_no_bounding_boxes:
            raise UsageError(explain(f"{op}: there are no boxes; pass use_image_if_no_bounding_boxes=True"))
        boxes = const(np.array([[0, 0, 1, 1]], np.float32))
    extent = ensure_shape(extent, (3,))
    height, width = (_spread(math.cast(part(extent, 0, k, k + 1), dt.f32), attempts) for k in (0, 1))
    y, x, h, w, fits = _drawn(key, counter, height, width, ratios, areas)
    covered = _covered((y, x, h, w), boxes, height, width, min_object_covered)
    return _answer(extent, (y, x, h, w), apply("and", fits, covered))


def _spread(one: Node, count: int) -> Node:
    return broadcast_to(one, (count,))


def _drawn(key: Node, counter: Node, height: Node, width: Node, ratios, areas) -> tuple:
    """Top, left, height and width of every attempt in pixels (float32), and whether the limits hold."""
    count = height.shape[0]
    numbers = random.uniform(key, counter, (4, count))
    first, second, third, fourth = (reshape(part(numbers, 0, k, k + 1), (count,)) for k in range(4))
    ratio = first * float(ratios[1] - ratios[0]) + float(ratios[0])
    whole = apply("mul", height, width)
    least, most = whole * float(areas[0]), whole * float(areas[1])
    low = apply("round", apply("sqrt", apply("div", least, ratio)))
    high = apply("round", apply("sqrt", apply("div", most, ratio)))
    wide = apply("lt", width, apply("round", apply("mul", high, ratio)))
    high = apply("select", wide, apply("floor", apply("div", width + 0.499, ratio)), high)
    high = apply("min", high, height)
    low = apply("min", low, high)
    h = apply("add", low, apply("floor", apply("mul", second, apply("sub", high, low) + 1.0)))
    h = apply("min", h, high)
    w = apply("round", apply("mul", h, ratio))
    area = apply("mul", h, w)
    fits = apply("le", least, area)
    for test in (apply("le", area, most), apply("le", w, width), apply("le", h, height), math.less(0.0, area)):
        fits = apply("and", fits, test)
    y = apply("floor", apply("mul", third, math.maximum(apply("sub", height, h), 0.0)))
    x = apply("floor", apply("mul", fourth, math.maximum(apply("sub", width, w), 0.0)))
    return y, x, h, w, fits


def _covered(place, boxes: Node, height: Node, width: Node, share: float) -> Node:
    """Whether each attempt covers at least this share of one box."""
    full = (height.shape[0], boxes.shape[0])
    y, x, h, w, high, wide = (apply("broadcast", v, shape=full, axes=(0,)) for v in (*place, height, width))
    top, left, bottom, right = (
        apply("trunc", apply("mul", apply("broadcast", reshape(part(boxes, 1, k, k + 1), (full[1],)), shape=full,
                                          axes=(1,)), (high, wide)[k % 2])) for k in range(4)
    )  # fmt: skip
    rows = apply("sub", apply("min", bottom, apply("add", y, h)), apply("max", top, y))
    columns = apply("sub", apply("min", right, apply("add", x, w)), apply("max", left, x))
    shared = apply("mul", math.maximum(rows, 0.0), math.maximum(columns, 0.0))
    area = apply("mul", apply("sub", bottom, top), apply("sub", right, left))
    hit = apply("and", apply("le", area * float(share), shared), math.less(0.0, area))
    return apply("reduce", hit, kind="any", axes=(1,))


def _answer(extent: Node, place, fits: Node) -> DistortedBoundingBox:
    """The first attempt that fits, or the whole image."""
    found = apply("reduce", fits, kind="any", axes=(0,))
    best = apply("reshape", apply("argreduce", math.cast(fits, dt.i32), kind="max", axis=0, dtype=dt.i32), shape=(1, 1))
    y, x, h, w = (reshape(apply("gather", v, best, batch=0), (1,)) for v in place)
    height, width = (part(extent, 0, k, k + 1) for k in (0, 1))
    found = reshape(found, (1,))
    y, x, h, w = (apply("select", found, math.cast(v, extent.dtype), other) for v, other in
                  ((y, math.full_like(height, 0)), (x, math.full_like(width, 0)), (h, height), (w, width)))  # fmt: skip
    one = extent.dtype.numpy.type
    begin = apply("concat", y, x, const(np.array([one(0)])), axis=0)
    size = apply("concat", h, w, const(np.array([-1]).astype(extent.dtype.numpy)), axis=0)
    corners = [apply("div", math.cast(a, dt.f32), math.cast(b, dt.f32)) for a, b in
               ((y, height), (x, width), (apply("add", y, h), height), (apply("add", x, w), width))]  # fmt: skip
    return DistortedBoundingBox(begin, size, reshape(apply("concat", *corners, axis=0), (1, 1, 4)))


def stateless_sample_distorted_bounding_box(image_size, bounding_boxes, seed, min_object_covered=0.1,
                                            aspect_ratio_range=None, area_range=None, max_attempts=None,
                                            use_image_if_no_bounding_boxes=None) -> DistortedBoundingBox:  # fmt: skip
    """``sample_distorted_bounding_box``, the same for the same ``seed``, two integers (not TensorFlow's numbers)."""
    place = place_of("stateless_sample_distorted_bounding_box", seed)
    return sample_distorted_bounding_box(*place, image_size, bounding_boxes, 0, min_object_covered, aspect_ratio_range,
                                         area_range, max_attempts, use_image_if_no_bounding_boxes)  # fmt: skip


def sample_distorted_bounding_box_v1(key: Node, counter: Node, image_size, bounding_boxes, seed=None, seed2=None,
                                     min_object_covered=0.1, aspect_ratio_range=None, area_range=None,
                                     max_attempts=None,
                                     use_image_if_no_bounding_boxes=None) -> DistortedBoundingBox:  # fmt: skip
    """``sample_distorted_bounding_box`` with TensorFlow 1's arguments; ``seed2`` changes nothing."""
    return sample_distorted_bounding_box(key, counter, image_size, bounding_boxes, 0, min_object_covered,
                                         aspect_ratio_range, area_range, max_attempts,
                                         use_image_if_no_bounding_boxes)  # fmt: skip
