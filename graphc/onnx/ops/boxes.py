"""Boxes: choosing the best ones, and pooling what lies inside them."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib import math, reduction
from graphc.lib.boxes import best_of_groups
from graphc.lib.dims import dim_node, measured, sized, smaller
from graphc.lib.index import gather_nd, looked_at
from graphc.lib.math import full_like
from graphc.lib.promote import broadcast_to
from graphc.lib.sampling import clamped, corners
from graphc.lib.shape import ensure_shape, expand_dims, part, reshape, stack, transpose, unstack
from graphc.onnx.call import Call
from graphc.onnx.ops.precision import floats_of, working
from graphc.onnx.registry import operator
from graphc.prims.data import nonzero
from graphc.prims.table import apply


@operator("NonMaxSuppression", since=10)
def non_max_suppression(call: Call):
    """The best boxes of every class of every image that do not overlap a better one: [number, 3], image, class, box."""
    boxes, scores = math.cast(call[0], dt.f32), math.cast(call[1], dt.f32)
    if len(boxes.shape) != 3 or len(scores.shape) != 3 or (type(boxes.shape[2]) is int and boxes.shape[2] != 4):
        raise call.wrong("needs boxes [images, boxes, 4] and scores [images, classes, boxes]")
    images, classes, n = scores.shape
    boxes = ensure_shape(boxes, (images, n, 4))
    most = call.sizes(2, signed=True)[0] if call.has(2) else 0
    if type(most) is int and most <= 0:
        return const(0, Type(dt.i64, (0, 3)))
    most = _at_most(most, n)
    sides = [reshape(x, (images, 1, n)) for x in unstack(boxes, 4, 2)]
    corner = _from_centre(sides) if call.int("center_point_box", 0) else _ordered(sides)
    groups = simplified(images * classes)
    corner = [reshape(broadcast_to(x, (images, classes, n)), (groups, n)) for x in corner]
    limits = [_scalar(call, k, default) for k, default in ((3, 0.0), (4, -np.inf))]
    places, valid = best_of_groups(corner, reshape(scores, (groups, n)), most, *limits)
    found = nonzero(valid)
    group = part(found, 1, 0, 1)
    box = math.cast(reshape(gather_nd(places, found), (found.shape[0], 1)), dt.i64)
    count = dim_node(classes)
    columns = [math.floordiv(group, count), math.floormod(group, count), box]
    return reshape(stack(columns, 1), (found.shape[0], 3))


def _at_most(count, n):
    """A wanted number of boxes as a size, of which there are ``n``."""
    if type(count) is not int:
        return sized(math.minimum(math.maximum(count, 0), dim_node(n)))
    return smaller(n, count)


def _scalar(call: Call, k: int, default: float) -> Node | float:
    return reshape(math.cast(call[k], dt.f32), ()) if call.has(k) else default


def _ordered(sides: list[Node]) -> list[Node]:
    """ymin, xmin, ymax, xmax of boxes that are given by any two opposite corners."""
    a, b, c, d = sides
    return [apply("min", a, c), apply("min", b, d), apply("max", a, c), apply("max", b, d)]


def _from_centre(sides: list[Node]) -> list[Node]:
    x, y, width, height = sides
    half = [math.multiply(v, 0.5) for v in (height, width)]
    return [math.subtract(y, half[0]), math.subtract(x, half[1]), math.add(y, half[0]), math.add(x, half[1])]


# ----------------------------------------------------------------------------------------- regions of interest


@operator("RoiAlign", since=10)
def roi_align(call: Call):
    """Means (or largest) of values sampled on a grid inside each box: [boxes, channels, height, width]."""
    x, rois = call[0], call[1]
    if len(x.shape) != 4 or len(rois.shape) != 2 or (type(rois.shape[1]) is int and rois.shape[1] != 4):
        raise call.wrong("needs X [images, channels, height, width] and rois [boxes, 4]")
    default = "half_pixel" if call.version >= 16 else "output_half_pixel"
    is_half = call.choice("coordinate_transformation_mode", default, "half_pixel", "output_half_pixel") == "half_pixel"
    mode = call.choice("mode", "avg", "max")
    out = [call.int("output_height", 1), call.int("output_width", 1)]
    ratio = call.int("sampling_ratio", 0)
    if min(out) < 1 or ratio < 0:
        raise call.wrong(f"output sizes {out} and sampling_ratio {ratio}")
    wide = working(x.dtype)
    sides = unstack(math.multiply(math.cast(rois, wide), call.float("spatial_scale", 1.0)), 4, 1)
    left, top, right, bottom = [math.subtract(s, 0.5) if is_half else s for s in sides]
    lines = [_line(a, b, size, ratio, is_half) for a, b, size in zip((top, left), (bottom, right), out)]
    count, samples = rois.shape[0], [line[0].shape[2] for line in lines]
    full = (count, out[0], samples[0], out[1], samples[1])
    positions, used = [], None
    for k, (line, valid) in enumerate(lines):
        shape = tuple(d if a == 0 or a // 2 == k and a % 2 or a == 2 * k + 2 else 1 for a, d in enumerate(full))
        n = x.shape[2 + k]
        inside = math.logical_and(math.less_equal(-1.0, line), math.less_equal(line, dim_node(n, wide)))
        positions.append((reshape(clamped(line, n), shape), reshape(inside, shape)))
        valid = reshape(valid, (count, *(samples[k] if a == 2 * k + 2 else 1 for a in range(1, 5))))
        used = valid if used is None else math.logical_and(used, valid)
    inside = math.logical_and(positions[0][1], positions[1][1])
    return math.cast(_pooled(call, x, positions, inside, used, full, mode), x.dtype)


def _line(start: Node, stop: Node, size: int, ratio: int, is_half: bool) -> tuple[Node, Node]:
    """Where the samples of a side of each box lie, [boxes, size, samples], and which are there, [boxes, samples].

    How many samples a box has depends on its extent if ``ratio`` is 0; there are as many as the largest box has.
    """
    extent = math.subtract(stop, start)
    if not is_half:
        extent = math.maximum(extent, 1.0)
    step = math.divide(extent, float(size))
    wanted = math.maximum(math.ceil(step), 0.0) if ratio == 0 else full_like(step, ratio)
    samples = ratio
    if ratio == 0:
        largest = reduction.reduce_max(wanted) if start.shape[0] != 0 else math.cast(1.0, start.dtype)
        samples = measured(math.cast(math.maximum(largest, 1.0), dt.i64))
    shape = (start.shape[0], size, samples)
    cell, sample = (apply("iota", shape=shape, axis=k, dtype=start.dtype) for k in (1, 2))
    number = math.maximum(wanted, 1.0)
    start, step, number = (apply("broadcast", v, shape=shape, axes=(0,)) for v in (start, step, number))
    inner = math.divide(math.multiply(math.add(sample, 0.5), step), number)
    line = math.add(math.add(start, math.multiply(cell, step)), inner)
    order = apply("iota", shape=(shape[0], samples), axis=1, dtype=wanted.dtype)
    return line, math.less(order, apply("broadcast", wanted, shape=order.shape, axes=(0,)))


def _pooled(call: Call, x: Node, positions, inside: Node, used: Node, full: tuple, mode: str) -> Node:
    """The samples of each cell combined: [boxes, channels, height, width]."""
    count, channels = full[0], x.shape[1]
    points = simplified(full[1] * full[2] * full[3] * full[4])
    flat = [reshape(broadcast_to(p, full), (count, points)) for p, _ in positions]
    rows = floats_of(transpose(x, (0, 2, 3, 1)))
    sizes = x.shape[2:]
    total = None
    index = reshape(looked_at(call.op, reshape(call[2], (count, 1)), [x.shape[0]]), (count,))
    for value, weight in corners(rows, flat, settle=lambda k, place: clamped(place, sizes[k]), batch=index):
        term = math.multiply(value, expand_dims(weight, 2))
        total = term if total is None else (math.maximum if mode == "max" else math.add)(total, term)
    samples = reshape(total, (*full, channels))
    samples = math.where(expand_dims(broadcast_to(inside, full), 5), samples, full_like(samples, 0))
    there = expand_dims(broadcast_to(used, full), 5)
    if mode == "max":
        best = reduction.reduce_max(math.where(there, samples, full_like(samples, -np.inf)), (2, 4))
        found = math.where(math.equal(best, -np.inf), full_like(best, 0), best)
    else:
        total = reduction.reduce_sum(math.where(there, samples, full_like(samples, 0)), (2, 4))
        number = reduction.reduce_sum(math.cast(used, samples.dtype), (2, 4))
        found = math.divide(total, expand_dims(math.maximum(number, 1.0), 3))
    return transpose(found, (0, 3, 1, 2))


@operator("MaxRoiPool")
def max_roi_pool(call: Call):
    """The largest element in each cell of each box: [boxes, channels, height, width]; 0 in an empty cell."""
    x, rois = call[0], call[1]
    out = call.ints("pooled_shape")
    if len(x.shape) != 4 or len(rois.shape) != 2 or len(out) != 2 or min(out) < 1:
        raise call.wrong("needs X [images, channels, height, width], rois [boxes, 5] and two positive sizes")
    wide = working(x.dtype)
    columns = unstack(math.cast(rois, wide), 5, 1)
    scale = call.float("spatial_scale", 1.0)
    # halves are rounded away from 0
    left, top, right, bottom = [math.floor(math.add(math.multiply(c, scale), 0.5)) for c in columns[1:]]
    found = gather_nd(x, expand_dims(math.cast(columns[0], dt.i32), 1))
    for axis, low, high, size in ((3, left, right, out[1]), (2, top, bottom, out[0])):
        found = _largest(found, axis, low, high, size)
    empty = math.equal(found, -np.inf)
    return math.where(empty, full_like(found, 0), found)


def _largest(x: Node, axis: int, low: Node, high: Node, size: int) -> Node:
    """The largest elements along an axis, which becomes ``size`` cells between the bounds of each box."""
    n, boxes = x.shape[axis], x.shape[0]
    step = math.divide(math.maximum(math.add(math.subtract(high, low), 1.0), 1.0), float(size))
    shape = (boxes, size, n)
    cell, place = (apply("iota", shape=shape, axis=k, dtype=step.dtype) for k in (1, 2))
    low, step = (apply("broadcast", v, shape=shape, axes=(0,)) for v in (low, step))
    start = math.add(math.floor(math.multiply(cell, step)), low)
    stop = math.add(math.ceil(math.multiply(math.add(cell, 1.0), step)), low)
    inside = math.logical_and(math.less_equal(start, place), math.less(place, stop))
    full = (*x.shape[:axis], size, *x.shape[axis:])
    seen = apply("broadcast", inside, shape=full, axes=(0, axis, axis + 1))
    wide = apply("broadcast", x, shape=full, axes=tuple(k for k in range(5) if k != axis))
    return reduction.reduce_max(math.where(seen, wide, full_like(wide, -np.inf)), axis + 1)
