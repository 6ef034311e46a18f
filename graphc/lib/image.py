"""Whole images under TensorFlow's names: flips and turns, standardisation, edges, gradients, boxes drawn into them."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, reduction, shape
from graphc.lib.crop import check_image, same_leading
from graphc.lib.dims import dim_node, integer, size
from graphc.lib.index import picked
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import part
from graphc.prims.table import apply

_COLORS = (
    (1.0, 1.0, 0.0, 1.0), (0.0, 0.0, 1.0, 1.0), (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.5, 0.0, 0.5, 1.0),
    (0.5, 0.5, 0.0, 1.0), (0.5, 0.0, 0.0, 1.0), (0.0, 0.0, 0.5, 1.0), (0.0, 1.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0),
)  # fmt: skip


# ---------------------------------------------------------------------------------------- flips and turns


def flip_left_right(image) -> Node:
    """The image (or batch of images) mirrored left to right."""
    x = check_image("flip_left_right", image)
    return apply("reverse", x, axes=(len(x.shape) - 2,))


def flip_up_down(image) -> Node:
    """The image (or batch of images) upside down."""
    x = check_image("flip_up_down", image)
    return apply("reverse", x, axes=(len(x.shape) - 3,))


def rot90(image, k=1) -> Node:
    """The image (or batch of images) turned ``k`` times by 90 degrees counter-clockwise.

    Raises:
        UsageError: ``k`` is not an int known before running.
    """
    x = check_image("rot90", image)
    rows, columns = len(x.shape) - 3, len(x.shape) - 2
    match integer("rot90", "k", k) % 4:
        case 0:
            return x
        case 1:
            return apply("reverse", transpose(x), axes=(rows,))
        case 2:
            return apply("reverse", x, axes=(rows, columns))
    return apply("reverse", transpose(x), axes=(columns,))


def transpose(image) -> Node:
    """The image (or batch of images) with height and width exchanged."""
    x = check_image("transpose", image)
    return shape.transpose(x, (*range(len(x.shape) - 3), -2, -3, -1))


# --------------------------------------------------------------------------------------------- statistics


def per_image_standardization(image) -> Node:
    """Each image (the last three axes) in float32, scaled to mean 0 and variance 1; constant images become 0."""
    x = as_node(image)
    if len(x.shape) < 3:
        raise ShapeError(explain(f"per_image_standardization: needs at least 3 axes, not {x.type}", origins(image=x)))
    x = math.cast(x, dt.f32)
    axes = tuple(range(len(x.shape) - 3, len(x.shape)))
    mean = broadcast_to(reduction.reduce_mean(x, axes, True), x.shape)
    centred = apply("sub", x, mean)
    variance = reduction.reduce_mean(math.square(centred), axes, True)
    flat = apply("eq", variance, math.full_like(variance, 0))  # keeps the slope of the root finite
    deviation = apply("sqrt", apply("select", flat, math.full_like(variance, 1), variance))
    deviation = apply("select", flat, math.full_like(variance, 0), deviation)
    least = apply("rsqrt", dim_node(size(x.shape[-3:]), dt.f32))
    return apply("div", centred, broadcast_to(math.maximum(deviation, least), x.shape))


def total_variation(images) -> Node:
    """The sum of absolute differences of neighbouring pixels, for each image."""
    x = check_image("total_variation", images)
    rank = len(x.shape)
    axes = tuple(range(rank - 3, rank))
    down, right = (reduction.reduce_sum(apply("abs", _difference(x, k)), axes) for k in (rank - 3, rank - 2))
    return apply("add", down, right)


def _difference(x: Node, axis: int) -> Node:
    """Each element taken from the next one along an axis."""
    n = x.shape[axis]
    if type(n) is int and n < 1:
        return x
    return apply("sub", part(x, axis, 1, n), part(x, axis, 0, n - 1))


def image_gradients(image) -> tuple[Node, Node]:
    """Differences to the next row and to the next column, of the shape of ``image``; 0 at the last one.

    Raises:
        ShapeError: not a batch of images.
    """
    x = _batch("image_gradients", image)
    zero = as_node(x.dtype.numpy.type(0), x.dtype)
    out = []
    for axis in (1, 2):
        high = tuple(int(k == axis) for k in range(4))
        out.append(apply("pad", _difference(x, axis), zero, low=(0,) * 4, high=high))
    return out[0], out[1]


def sobel_edges(image) -> Node:
    """Sobel's edges in y and x along a new last axis of size 2; images are reflected at their borders."""
    x = _batch("sobel_edges", image)
    wide = shape.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    found = [_smoothed(_centred(wide, axis), 3 - axis) for axis in (1, 2)]
    return shape.stack(found, -1)


def _shifted(x: Node, axis: int) -> list[Node]:
    n = x.shape[axis]
    return [part(x, axis, k, n - (2 - k)) for k in range(3)]


def _centred(x: Node, axis: int) -> Node:
    """What lies two further, minus what is here."""
    first, _, last = _shifted(x, axis)
    return apply("sub", last, first)


def _smoothed(x: Node, axis: int) -> Node:
    first, middle, last = _shifted(x, axis)
    return apply("add", apply("add", first, apply("add", middle, middle)), last)


def _batch(op: str, image) -> Node:
    x = as_node(image)
    if len(x.shape) != 4:
        what = f"{op}: needs images [batch, height, width, channels], not {x.type}"
        raise ShapeError(explain(what, origins(image=x)))
    return x


# ------------------------------------------------------------------------------------------ drawn boxes


def draw_bounding_boxes(images, boxes, colors=None) -> Node:
    """Images with the outlines of boxes, one pixel wide; a later box covers an earlier one.

    Args:
        images: floating [batch, height, width, channels].
        boxes: [batch, boxes, 4]: ymin, xmin, ymax, xmax as fractions of height and width.
        colors: [colours, channels], used in turn; None: ten colours for RGB and RGBA, white for grey.

    Raises:
        ShapeError: other ranks, or more than 4 channels without ``colors``. DtypeError: ``images`` are integers.
    """
    x, b = _batch("draw_bounding_boxes", images), as_node(boxes)
    if not x.dtype.is_float:
        raise DtypeError(explain(f"draw_bounding_boxes: needs floating images, not {x.type}", origins(images=x)))
    if len(b.shape) != 3 or (type(b.shape[2]) is int and b.shape[2] != 4):
        what = f"draw_bounding_boxes: boxes must be [batch, boxes, 4], not {b.type}"
        raise ShapeError(explain(what, origins(boxes=b)))
    x, b = same_leading(x, shape.ensure_shape(math.cast(b, dt.f32), (None, None, 4)))
    table = _palette(x, colors)
    last = _last_hit(x, b)
    drawn = apply("le", math.full_like(last, 0), last)
    turn = apply("mod", last, broadcast_to(dim_node(table.shape[0], dt.i64), last.shape))
    ink = math.cast(picked("gather", table, turn, axis=0), x.dtype)
    return math.where(shape.expand_dims(drawn, -1), ink, x)


def draw_bounding_boxes_v1(images, boxes, name=None, colors=None) -> Node:
    """``draw_bounding_boxes`` with TensorFlow 1's order of arguments."""
    return draw_bounding_boxes(images, boxes, colors)


def _palette(x: Node, colors) -> Node:
    depth = x.shape[-1]
    if colors is not None:
        table = math.cast(as_node(colors), dt.f32)
        if len(table.shape) != 2 or type(depth) is not int:
            what = f"draw_bounding_boxes: colors must be [colours, channels] for {x.type}, not {table.type}"
            raise ShapeError(explain(what, origins(images=x, colors=table)))
        if type(table.shape[1]) is int and table.shape[1] < depth:
            what = f"draw_bounding_boxes: colors {table.type} have fewer channels than {x.type}"
            raise ShapeError(explain(what, origins(images=x, colors=table)))
        return part(table, 1, 0, depth)
    if type(depth) is not int or depth not in (1, 3, 4):
        raise ShapeError(explain(f"draw_bounding_boxes: pass colors for {x.type}", origins(images=x)))
    rows = [(1.0,)] * len(_COLORS) if depth == 1 else [c[:depth] for c in _COLORS]
    return const(np.array(rows, np.float32))


def _last_hit(x: Node, boxes: Node) -> Node:
    """For every pixel [batch, height, width] the number of the last box whose outline it is on, or -1."""
    full = (boxes.shape[0], boxes.shape[1], x.shape[1], x.shape[2])
    sizes = [broadcast_to(dim_node(d, dt.i64), full[:2]) for d in x.shape[1:3]]
    edges = []
    for k in range(4):
        place = apply("reshape", part(boxes, 2, k, k + 1), shape=full[:2])
        reach = math.cast(sizes[k % 2], dt.f32) - 1.0
        edges.append(math.cast(apply("mul", place, reach), dt.i64))
    top, left, bottom, right = (apply("broadcast", e, shape=full, axes=(0, 1)) for e in edges)
    height, width = (apply("broadcast", s, shape=full, axes=(0, 1)) for s in sizes)
    row, column = (apply("iota", shape=full, axis=k, dtype=dt.i64) for k in (2, 3))
    zero = math.full_like(row, 0)

    def both(*tests):
        out = tests[0]
        for t in tests[1:]:
            out = apply("and", out, t)
        return out

    across, along = both(_le(left, column), _le(column, right)), both(_le(top, row), _le(row, bottom))
    flat = both(apply("or", apply("eq", row, top), apply("eq", row, bottom)), across)
    steep = both(apply("or", apply("eq", column, left), apply("eq", column, right)), along)
    seen = both(_le(top, bottom), _le(left, right), apply("lt", top, height), apply("lt", left, width),
                _le(zero, bottom), _le(zero, right))  # fmt: skip
    hit = both(apply("or", flat, steep), seen)
    number = apply("select", hit, apply("iota", shape=full, axis=1, dtype=dt.i64), math.full_like(zero, -1))
    if type(full[1]) is int and full[1] == 0:
        return const(np.int64(-1), Type(dt.i64, (full[0], *full[2:])))
    return apply("reduce", number, kind="max", axes=(1,))


def _le(x: Node, y: Node) -> Node:
    return apply("le", x, y)
