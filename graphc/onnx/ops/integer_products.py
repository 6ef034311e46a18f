"""Matrix products and convolutions of integers that stand for floats, summed exactly in int32."""

from __future__ import annotations

from dataclasses import replace

from graphc.errors import DtypeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math, shape
from graphc.lib.promote import broadcast_shape, broadcast_to
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.ops import products
from graphc.onnx.ops.axes import with_ones
from graphc.onnx.ops.convolution import convolution
from graphc.onnx.ops.quantization import is_one, numbers, rounded
from graphc.onnx.registry import operator
from graphc.onnx.values import Element, Narrow, describe
from graphc.prims.table import apply


def whole(call: Call, k: int) -> Node:
    """Input ``k``, a tensor of integers of any width.

    Raises:
        DtypeError: it is of something else.
    """
    found = numbers(call.carried(k))
    if not found.dtype.is_integer:
        raise DtypeError(f"{call.op}: input {k} must be of integers, got {describe(call.inputs[k])}")
    return found


def by_rows(call: Call, v: Node, rank: int, is_row: bool) -> Node:
    """A scale or zero point of a matrix with so many axes: a scalar, one number for each row or column, or all axes.

    Args:
        is_row: whether a vector has one number for each row; otherwise for each column.
    """
    if is_one(v):
        return shape.reshape(v, ())
    if len(v.shape) == 1:
        return shape.expand_dims(v, -1) if is_row else v
    if len(v.shape) != rank:
        raise call.wrong("scales and zero points are scalars, vectors, or of as many axes as their matrix")
    return v


def centred(call: Call, k: int, zero: int, is_row: bool) -> Node:
    """The matrix in input ``k`` less its zero points, as int32.

    Args:
        zero: the input that has them, where it is given.
    """
    x = whole(call, k)
    wide = math.cast(x, dt.i32)
    if not call.has(zero):
        return wide
    points = by_rows(call, math.cast(whole(call, zero), dt.i32), len(x.shape), is_row)
    return math.subtract(wide, points)


def product(call: Call, x: Node, y: Node) -> Node:
    """The matrix product as NumPy defines it."""
    if not x.shape or not y.shape:
        raise call.wrong("a scalar is no matrix")
    return products.product(x, y)


def requantized(total: Node, factor: Node, zero: Node | None, element: Element) -> Node | Narrow:
    """Sums of products times a factor (f32), as quantised numbers; factor and zero point broadcast."""
    scaled = apply("mul", math.cast(total, dt.f32), broadcast_to(factor, total.shape))
    return rounded(scaled, None if zero is None else broadcast_to(zero, total.shape), element)


@operator("MatMulInteger")
def matmul_integer(call: Call):
    """The product of two integer matrices less their zero points, as int32."""
    return product(call, centred(call, 0, 2, True), centred(call, 1, 3, False))


def scale_in(call: Call, k: int) -> Node:
    """Input ``k``, a scale.

    Raises:
        DtypeError: it is of no floats.
    """
    found = call[k]
    if not found.dtype.is_float:
        raise DtypeError(f"{call.op}: input {k} must be a scale, a float, got {describe(found)}")
    return found


@operator("QLinearMatMul")
def qlinear_matmul(call: Call):
    """The product of two quantised matrices, quantised again."""
    x, y = centred(call, 0, 2, True), centred(call, 3, 5, False)
    total = product(call, x, y)
    kinds = (1, len(x.shape), True), (4, len(y.shape), False), (6, len(total.shape), True)
    scales = [by_rows(call, scale_in(call, k), rank, is_row) for k, rank, is_row in kinds]
    factor = math.cast(math.divide(math.multiply(scales[0], scales[1]), scales[2]), dt.f32)
    zero = by_rows(call, whole(call, 7), len(total.shape), True)
    broadcast_shape(call.op, total, factor, zero)
    return requantized(total, factor, zero, element_of_value(call.value(7)))


# -------------------------------------------------------------------------------------------- convolutions


def _filter_points(call: Call, v: Node, w: Node) -> Node:
    """Zero points or scales of a filter [outputs, ...]: a scalar, or one number for each output."""
    if is_one(v):
        return shape.reshape(v, ())
    if len(v.shape) != 1:
        raise call.wrong("scales and zero points of a filter are scalars or vectors")
    return with_ones(v, len(w.shape) - 1)


def _convolved(call: Call, x: Node, zero: Node | None, w: Node, w_zero: Node | None) -> Node:
    """The convolution of integers less their zero points, as int32; attributes are those of Conv."""
    x, wide = math.cast(x, dt.i32), math.cast(w, dt.i32)
    if zero is not None:
        if not is_one(zero):
            raise call.wrong("the zero point of the input must be one number")
        x = math.subtract(x, apply("reshape", math.cast(zero, dt.i32), shape=()))
    if w_zero is not None:
        wide = math.subtract(wide, _filter_points(call, math.cast(w_zero, dt.i32), w))
    return convolution(replace(call, inputs=(x, wide)))


def _given(call: Call, k: int) -> Node | None:
    return whole(call, k) if call.has(k) else None


@operator("ConvInteger")
def conv_integer(call: Call):
    """The convolution of integers less their zero points, as int32."""
    return _convolved(call, whole(call, 0), _given(call, 2), whole(call, 1), _given(call, 3))


@operator("QLinearConv")
def qlinear_conv(call: Call):
    """The convolution of quantised numbers, quantised again."""
    w = whole(call, 3)
    total = _convolved(call, whole(call, 0), _given(call, 2), w, _given(call, 5))
    behind = (1,) * (len(total.shape) - 2)
    if call.has(8):
        total = math.add(total, shape.reshape(math.cast(whole(call, 8), dt.i32), (-1, *behind)))
    scales = [scale_in(call, k) for k in (1, 4, 6)]
    if not is_one(scales[0]) or not is_one(scales[2]):
        raise call.wrong("the scales of the input and of the result must be single numbers")
    points = _filter_points(call, scales[1], w)
    points = shape.reshape(points, (-1, *behind)) if points.shape else points
    one, two = (apply("reshape", s, shape=()) for s in (scales[0], scales[2]))
    factor = math.cast(math.divide(math.multiply(one, points), two), dt.f32)
    zero = whole(call, 7)
    if not is_one(zero):
        raise call.wrong("the zero point of the result must be one number")
    return requantized(total, factor, apply("reshape", zero, shape=()), element_of_value(call.value(7)))
