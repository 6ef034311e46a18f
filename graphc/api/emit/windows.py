"""Sliding windows of the compiler's graphs, and their sums, as TensorFlow's nodes."""

from __future__ import annotations

import itertools
import math

import numpy as np

from graphc.api.emit.emitter import Emitter, Form, NoForm, Value
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import Node
from graphc.prims.dims import size_of
from graphc.prims.shape import concat, reshape, slice_, transpose
from graphc.prims.table import apply, row

_PARTS = 32  # elements of a window that are written one by one
_IMAGE = (1, 2)


def plan_window(node: Node) -> Form | Node:
    """Windows of an image, or what they are as slices.

    Raises:
        NoForm: they are too large for that.
    """
    x = node.inputs[0]
    axes, size, stride, dilation = (node.attr(k) for k in ("axes", "size", "stride", "dilation"))
    if axes == _IMAGE and len(x.shape) == 4 and x.dtype.is_float:
        return Form((x,), _patches)
    parts = []
    for start, stop, step in _slices(node, x.shape, node.shape):
        parts.append(reshape(slice_(x, start, stop, step), (*node.shape[: len(x.shape)], 1)))
    return reshape(concat(*parts, axis=len(x.shape)), node.shape)


def _patches(e: Emitter, node: Node) -> Value:
    x, (high, wide) = node.inputs[0], node.attr("size")
    name = e.add("ExtractImagePatches", [e.full(x)], T=x.dtype, ksizes=[1, high, wide, 1],
                 strides=[1, *node.attr("stride"), 1], rates=[1, *node.attr("dilation"), 1],
                 padding="VALID")  # fmt: skip
    lines = e.reshaped(name, (*node.shape[:3], high, wide, x.shape[3]), x.dtype)
    perm = e.const([0, 1, 2, 5, 3, 4], dt.i32)
    return Value(e.add("Transpose", [lines, perm], T=x.dtype, Tperm=dt.i32), node.shape)


def _slices(node: Node, whole: tuple, counts: tuple):
    """For each place in a window: where its elements lie in what the windows are of."""
    axes, size, stride, dilation = (node.attr(k) for k in ("axes", "size", "stride", "dilation"))
    if math.prod(size) > _PARTS:
        raise NoForm(f"windows of {size}")
    for offset in itertools.product(*map(range, size)):
        start, stop, step = [0] * len(whole), list(whole), [1] * len(whole)
        for a, k, s, d in zip(axes, offset, stride, dilation):
            start[a], step[a] = k * d, s
            stop[a] = k * d + (counts[a] - 1) * s + 1
        yield start, stop, step


def plan_unwindow(node: Node) -> Form | Node:
    """Sums of windows of an image, or what they are as sums of slices that are spread.

    Raises:
        NoForm: the windows are too large for that.
    """
    x, shape = node.inputs[0], node.shape
    if node.attr("axes") == _IMAGE and len(shape) == 4 and x.dtype.is_float and node.attr("dilation") == (1, 1):
        turned = transpose(x, (0, 3, 1, 2, 4, 5))
        many = size_of((shape[0], shape[3]))
        lines = reshape(turned, (many, *x.shape[1:3], math.prod(node.attr("size"))))
        return Form((lines,), lambda e, _: _summed(e, node, lines, many))
    like, total = input_node("x", node.type), None
    places = np.ndindex(*node.attr("size"))
    for (start, stop, step), place in zip(_slices(node, shape, x.shape), places):
        rank = len(shape)
        first = [*[0] * rank, *place]
        part = slice_(x, first, [*x.shape[:rank], *[v + 1 for v in place]])
        part = reshape(part, x.shape[:rank])
        (spread,) = row("slice").vjp(part, None, like, tuple(start), tuple(stop), tuple(step))
        total = spread if total is None else apply("add", total, spread)
    return total


def _summed(e: Emitter, node: Node, lines: Node, many) -> Value:
    """Every channel is an image of its own; the kernel puts each element of a window at its place."""
    (high, wide), shape, kind = node.attr("size"), node.shape, node.dtype
    kernel = e.const(np.eye(high * wide).reshape(high, wide, 1, high * wide), kind)
    sizes = (many, shape[1], shape[2], 1)
    name = e.add("Conv2DBackpropInput", [e.shape(sizes), kernel, e.full(lines)], T=kind, padding="VALID",
                 strides=[1, *node.attr("stride"), 1], dilations=[1, 1, 1, 1], data_format="NHWC")  # fmt: skip
    images = e.reshaped(name, (shape[0], shape[3], shape[1], shape[2]), kind)
    perm = e.const([0, 2, 3, 1], dt.i32)
    return Value(e.add("Transpose", [images, perm], T=kind, Tperm=dt.i32), shape)
