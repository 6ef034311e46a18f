"""Depthwise convolution: every channel with filters of its own, as a sum of shifted inputs times filter elements."""

from __future__ import annotations

import itertools
import math as python_math

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, origins, simplified
from graphc.lib.dims import shape_of
from graphc.lib.promote import adopt
from graphc.lib.sliding import UNROLLED, offsets, padded, part
from graphc.lib.window import (
    channel_axis, ensured, extent, moved_axis, paddings, per_axis, require_windows, window_counts,
)  # fmt: skip
from graphc.prims import contract
from graphc.prims.control import call
from graphc.prims.pullback import pullback
from graphc.prims.table import apply


LANES = 16  # channels from which on a depthwise convolution is one operation


def depthwise_conv2d(input, filter, strides, padding, data_format=None, dilations=None) -> Node:  # noqa: A002
    """Each channel of ``input`` [batch, height, width, channels] with filters of its own [height, width, channels, m].

    The result has ``channels * m`` channels, those of one input channel side by side.

    Raises:
        ShapeError: ranks or channels do not fit. UsageError: a wrong format, stride, padding or dilation.
    """
    op = "depthwise_conv2d"
    x, w = _operands(op, input, filter)
    channel = channel_axis(op, data_format, 2)
    x = x if channel == 3 else moved_axis(x, 1, -1)
    x = _fitting(op, x, w)
    stride, low, high, dilation, counts = _window(op, x.shape, w.shape, strides, padding, dilations, channel)
    require_windows(op, x, (1, 2), counts)
    flat = _flat(w)
    out = grouped(x, flat, stride, low, high, dilation, counts)
    out = ensured(out, (x.shape[0], *counts, flat.shape[-1]))
    return out if channel == 3 else moved_axis(out, -1, 1)


def depthwise_conv2d_backprop_input(input_sizes, filter, out_backprop, strides, padding,  # noqa: A002
                                    data_format="NHWC", dilations=(1, 1, 1, 1)) -> Node:  # fmt: skip
    """The gradient of ``depthwise_conv2d`` for an input of shape ``input_sizes``."""
    op = "depthwise_conv2d_backprop_input"
    g, w = _operands(op, out_backprop, filter)
    channel = channel_axis(op, data_format, 2)
    g = g if channel == 3 else moved_axis(g, 1, -1)
    wanted = shape_of(input_sizes, op)
    if len(wanted) != 4:
        raise UsageError(explain(f"{op}: input_sizes needs 4 sizes, got {list(wanted)}"))
    wanted = wanted if channel == 3 else (wanted[0], *wanted[2:], wanted[1])
    stride, low, _, dilation, counts = _window(op, wanted, w.shape, strides, padding, dilations, channel)
    flat = _flat(w)
    g = _checked(op, g, (wanted[0], *counts, flat.shape[-1]))
    out = spread(g, flat, wanted, stride, low, dilation)
    out = ensured(out, wanted)
    return out if channel == 3 else moved_axis(out, -1, 1)


def depthwise_conv2d_backprop_filter(input, filter_sizes, out_backprop, strides, padding,  # noqa: A002
                                     data_format="NHWC", dilations=(1, 1, 1, 1)) -> Node:  # fmt: skip
    """The gradient of ``depthwise_conv2d`` for a filter of shape ``filter_sizes``."""
    op = "depthwise_conv2d_backprop_filter"
    x, g = _operands(op, input, out_backprop)
    channel = channel_axis(op, data_format, 2)
    if channel == 1:
        x, g = moved_axis(x, 1, -1), moved_axis(g, 1, -1)
    shape = shape_of(filter_sizes, op)
    if len(shape) != 4 or shape[2] != x.shape[-1]:
        what = f"{op}: filter_sizes {list(shape)} do not fit the channels of {x.type}"
        raise ShapeError(explain(what, origins(input=x)))
    stride, low, high, dilation, counts = _window(op, x.shape, shape, strides, padding, dilations, channel)
    g = _checked(op, g, (x.shape[0], *counts, simplified(shape[2] * shape[3])))
    flat = (*shape[:2], 1, simplified(shape[2] * shape[3]))
    if suits_shape(flat, x.shape[-1]):
        out = filter_sums(g, x, flat, stride, low, high, dilation)
    else:
        out = contract.conv_filter(g, x, flat, stride, low, dilation, (1, 1), x.shape[-1])
    return apply("reshape", out, shape=shape)


# ------------------------------------------------------------------------------------------------ checks


def _operands(op: str, x, w) -> tuple[Node, Node]:
    x, w = adopt(op, x, w)
    if len(x.shape) != 4 or len(w.shape) != 4:
        what = f"{op}: needs operands of rank 4, got {x.type} and {w.type}"
        raise ShapeError(explain(what, origins(input=x, filter=w)))
    return x, w


def _fitting(op: str, x: Node, w: Node) -> Node:
    have, need = x.shape[-1], w.shape[2]
    if type(have) is int and type(need) is int and have != need:
        what = f"{op}: the {have} channels of {x.type} do not fit filter {w.type}"
        raise ShapeError(explain(what, origins(input=x, filter=w)))
    return ensured(x, (*x.shape[:-1], need))


def _checked(op: str, g: Node, wanted: tuple) -> Node:
    if any(type(a) is int and type(b) is int and a != b for a, b in zip(g.shape, wanted)):
        sizes = ",".join(map(str, wanted))
        raise ShapeError(explain(f"{op}: out_backprop {g.type} is not [{sizes}]", origins(out_backprop=g)))
    return ensured(g, wanted)


def _flat(w: Node) -> Node:
    """The filter [h, w, c, m] as that of a grouped convolution, [h, w, 1, c * m]."""
    return apply("reshape", w, shape=(*w.shape[:2], 1, simplified(w.shape[2] * w.shape[3])))


def _window(op: str, shape: tuple, w_shape: tuple, strides, padding, dilations, channel: int) -> tuple:
    stride = per_axis(op, "strides", strides, 2, channel)
    dilation = per_axis(op, "dilations", dilations, 2, channel)
    reaches = [extent(k, d) for k, d in zip(w_shape, dilation)]
    low, high = paddings(op, padding, shape[1:-1], reaches, stride, channel)
    counts = window_counts(shape[1:-1], reaches, stride, low, high, padding)
    return stride, low, high, dilation, counts


# ------------------------------------------------------------------------------------------------ shifted sums


def suits(w: Node, channels) -> bool:
    """Whether a grouped convolution with filter ``w`` of ``channels`` is best written as shifted sums."""
    return w.dtype.kind in "if" and suits_shape(w.shape, channels)


def suits_shape(shape: tuple, channels) -> bool:
    """The same for a filter of ``shape`` [*window, 1, outputs]: the window is known and not too large."""
    window = shape[:-2]
    small = all(type(k) is int for k in window) and 1 <= python_math.prod(window) <= UNROLLED
    return small and shape[-2] == 1 and type(channels) is int


def grouped(x: Node, w: Node, stride, low, high, dilation, counts) -> Node:
    """``x`` [n, *spatial, c] with ``w`` [*window, 1, c * m], each channel by itself."""
    if not suits(w, x.shape[-1]):
        return contract.conv(x, w, stride, low, high, dilation, None, x.shape[-1])
    if not x.dtype.is_float:
        return shifted(x, w, stride, low, high, dilation, counts)
    a, b = input_node("x", x.type), input_node("w", w.type)
    whole = w.shape[-1] == x.shape[-1] >= LANES
    window = (stride, low, high, dilation)
    sums = shifted(a, b, *window, counts)
    out = ensured(_whole(a, b, *window), sums.shape) if whole else sums
    g, y = input_node("g", out.type), input_node("y", out.type)
    if whole and all(s == 1 for s in stride):
        to_input = ensured(spread(g, b, a.shape, stride, low, dilation), a.shape)
    else:
        (to_input,) = pullback((sums,), (g,), (a,))
    to_filter = filter_sums(g, a, w.shape, stride, low, high, dilation)
    gradient = Graph("depthwise_gradient", (g, y, a, b), (to_input, to_filter))
    return call(x, w, graph=Graph("depthwise", (a, b), (out,)), gradient=gradient)


def _whole(x: Node, w: Node, stride, low, high, dilation) -> Node:
    """One operation, for which there is a kernel where there are as many channels as a register has lanes."""
    return contract.conv(x, w, stride, low, high, dilation, None, x.shape[-1])


def filter_sums(g: Node, x: Node, shape: tuple, stride, low, high, dilation) -> Node:
    """The cotangent of a filter of ``shape`` [*window, 1, c * m]: for each of its places a sum over a shifted ``x``.

    As sums of their own they share a pass over ``g``, channels side by side; as one sum of windows the places of a
    window would be the innermost axis, and channels far apart.
    """
    narrow, wide = x.dtype, dt.accumulator(x.dtype)
    x, g = (v if v.dtype is wide else apply("cast", v, dtype=wide) for v in (x, g))
    count, channels = len(stride), x.shape[-1]
    axes = tuple(range(1, count + 1))
    x = padded(x, axes, low, high, 0)
    if shape[-1] != channels:
        g = apply("reshape", g, shape=(*g.shape[:-1], channels, simplified(shape[-1] // channels)))
    sums = []
    for offset in offsets(shape[:-2], dilation):
        piece = part(x, axes, offset, stride, g.shape[1 : count + 1])
        piece = ensured(piece, (g.shape[0], *piece.shape[1:]))
        if len(g.shape) > len(piece.shape):
            piece = apply("broadcast", piece, shape=g.shape, axes=tuple(range(len(piece.shape))))
        total = apply("reduce", apply("mul", piece, g), kind="sum", axes=(0, *axes))
        sums.append(apply("reshape", total, shape=(1, shape[-1])))
    total = apply("reshape", apply("concat", *sums, axis=0) if len(sums) > 1 else sums[0], shape=shape)
    return total if wide is narrow else apply("cast", total, dtype=narrow)


def shifted(x: Node, w: Node, stride, low, high, dilation, counts) -> Node:
    """The sum over the window of a shifted ``x`` times the filter's elements there, in float32 at least."""
    narrow, wide = x.dtype, dt.accumulator(x.dtype)
    x, w = (v if v.dtype is wide else apply("cast", v, dtype=wide) for v in (x, w))
    axes = tuple(range(1, len(stride) + 1))
    x = padded(x, axes, low, high, 0)
    total = None
    for offset in itertools.product(*(range(k) for k in w.shape[:-2])):
        place = tuple(k * d for k, d in zip(offset, dilation))
        piece = part(x, axes, place, stride, counts)
        factor = _element(w, offset, piece, x.shape[-1])
        if piece.shape != factor.shape:
            piece = apply("broadcast", piece, shape=factor.shape, axes=tuple(range(len(piece.shape))))
        total = apply("mul", piece, factor) if total is None else apply("fma", piece, factor, total)
    if len(total.shape) > len(x.shape):
        total = apply("reshape", total, shape=(*total.shape[:-2], w.shape[-1]))
    return total if total.dtype is narrow else apply("cast", total, dtype=narrow)


def _element(w: Node, offset, piece: Node, channels) -> Node:
    """The filter's elements at ``offset`` for all of ``piece`` [..., c]; [..., c, m] if there are m each."""
    stop = (*(k + 1 for k in offset), 1, w.shape[-1])
    one = apply("slice", w, start=(*offset, 0, 0), stop=stop, step=(1,) * len(w.shape))
    rank = len(piece.shape)
    if w.shape[-1] == channels:
        one = apply("reshape", one, shape=(channels,))
        return apply("broadcast", one, shape=piece.shape, axes=(rank - 1,))
    many = simplified(w.shape[-1] // channels)
    one = apply("reshape", one, shape=(channels, many))
    return apply("broadcast", one, shape=(*piece.shape, many), axes=(rank - 1, rank))


def spread(g: Node, w: Node, shape: tuple, stride, low, dilation) -> Node:
    """The transpose of ``grouped``: what an output of ``g`` owes to every element of an input of ``shape``."""
    count = len(stride)
    return contract.conv_input(g, w, shape, stride, low, dilation, (1,) * count, shape[-1])
