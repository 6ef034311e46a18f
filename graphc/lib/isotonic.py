"""The nearest monotone sequence, under TensorFlow's name. Which neighbours belong together is found on the host."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.ir.type import Type
from graphc.lib import math, segment, shape
from graphc.lib.dims import axis_of, dim_node, size
from graphc.lib.promote import as_node
from graphc.lib.window import moved_axis
from graphc.prims import isotonic as _isotonic  # noqa: F401  registers the callback
from graphc.prims.host import host
from graphc.prims.table import apply


def isotonic_regression(inputs, decreasing=True, axis=-1) -> tuple[Node, Node]:
    """The monotone sequences nearest to those along ``axis`` (least squares), and which neighbours are equal in them.

    Runs on the host but for the means of equal neighbours, which have gradients.

    Args:
        inputs: numbers; integers give float64, those of 8 and 16 bits float32.
        decreasing: whether the answer falls; else it rises.

    Returns:
        The sequences, and the number of the segment of each element, int32.

    Raises:
        DtypeError: not real. ShapeError: there is no such axis.
    """
    x = as_node(inputs)
    if x.dtype.kind not in "iuf":
        raise DtypeError(explain(f"isotonic_regression: not defined for {x.type}", origins(inputs=x)))
    if not x.shape:
        raise ShapeError(explain(f"isotonic_regression: needs an axis, got {x.type}", origins(inputs=x)))
    if not x.dtype.is_float:
        x = math.cast(x, dt.f32 if x.dtype.bits <= 16 else dt.f64)
    place = axis_of("isotonic_regression", axis, x)
    lines = x if place == len(x.shape) - 1 else moved_axis(x, place, -1)
    kind = Type(dt.i32, lines.shape)
    found = host(lines if decreasing else apply("neg", lines), callback="nn.isotonic_segments", types=(kind,))
    length = lines.shape[-1]
    total = size(lines.shape)
    ramp = apply("iota", shape=(total,), axis=0, dtype=dt.i64)
    starts = math.multiply(math.floordiv(ramp, math.maximum(dim_node(length), 1)), dim_node(length))
    places = math.add(starts, math.cast(shape.reshape(found, [total]), dt.i64))
    means = segment.unsorted_segment_mean(shape.reshape(lines, [total]), places, total)
    rows = apply("reshape", places, shape=(total, 1))
    out = apply("reshape", apply("gather", means, rows, batch=0), shape=lines.shape)
    if lines is x:
        return out, found
    return moved_axis(out, -1, place), moved_axis(found, -1, place)
