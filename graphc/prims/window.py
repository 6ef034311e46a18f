"""Sliding windows as extra axes, and the sum of windows back into place."""

from __future__ import annotations

import itertools

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.prims.dims import as_node, axes_of, dims, integers, never_negative
from graphc.prims.reduce import WIDE, narrow
from graphc.prims.table import Piece, Prim, apply, declare


def _window_shape(op: str, shape: tuple, axes, size, stride, dilation) -> tuple:
    axes_of(axes, len(shape), op)
    if not len(axes) == len(size) == len(stride) == len(dilation):
        raise ShapeError(f"{op}: axes, size, stride and dilation have different lengths")
    if any(v < 1 for v in size + stride + dilation):
        raise ShapeError(f"{op}: sizes, strides and dilations must be at least 1")
    counts = list(shape)
    for a, k, s, d in zip(axes, size, stride, dilation):
        counts[a] = simplified((shape[a] - (k - 1) * d - 1) // s + 1)
        never_negative(counts[a], f"{op}: windows of {size} do not fit into {shape}")
    return tuple(counts) + tuple(size)


def _window_type(x: Type, axes, size, stride, dilation) -> Type:
    return x.with_shape(_window_shape("window", x.shape, axes, size, stride, dilation))


def _places(shape, axes, size, stride, dilation, rank: int):
    """For every offset within a window: (the offset, the slices of the array that it meets)."""
    for offset in itertools.product(*map(range, size)):
        where = [slice(None)] * rank
        for a, k, s, d in zip(axes, offset, stride, dilation):
            where[a] = slice(k * d, k * d + (shape[a] - 1) * s + 1 if shape[a] else 0, s)
        yield offset, tuple(where)


def _window_array(x, axes, size, stride, dilation):
    shape = _window_shape("window", x.shape, axes, size, stride, dilation)
    out = np.empty(shape, x.dtype)
    for offset, where in _places(shape, axes, size, stride, dilation, x.ndim):
        out[(..., *offset)] = x[where]
    return out


def _window_index(i, out, x, axes, size, stride, dilation):
    index = list(i[: x.rank])
    for k, (a, s, d) in enumerate(zip(axes, stride, dilation)):
        index[a] = i[a] * s + i[x.rank + k] * d
    return (Piece(None, 0, tuple(map(as_node, index))),)


def _unwindow_type(x: Type, shape, axes, size, stride, dilation) -> Type:
    wanted = _window_shape("unwindow", shape, axes, size, stride, dilation)
    if x.shape != wanted:
        raise ShapeError(f"unwindow: {x} are not the windows {Type(x.dtype, wanted)} of shape {tuple(shape)}")
    if x.dtype.kind not in "iufc":
        raise DtypeError(f"unwindow: not defined for {x}")
    return x.with_shape(shape)


def _unwindow_array(x, shape, axes, size, stride, dilation):
    out = np.zeros(shape, WIDE.get(x.dtype, x.dtype))
    for offset, where in _places(x.shape, axes, size, stride, dilation, len(shape)):
        out[where] += x[(..., *offset)]
    return narrow(out, x.dtype)


def _window_vjp(g, out, x, axes, size, stride, dilation):
    return (unwindow(g, x.shape, axes, size, stride, dilation),)


def _unwindow_vjp(g, out, x, shape, axes, size, stride, dilation):
    return (window(g, axes, size, stride, dilation),)


declare(Prim("window", _window_type, _window_array, _window_vjp, index=_window_index))
declare(Prim("unwindow", _unwindow_type, _unwindow_array, _unwindow_vjp, nest="unwindow"))


def _window_attrs(axes, size, stride, dilation) -> dict:
    axes, size = integers(axes, "window: axes"), integers(size, "window: size")
    stride = (1,) * len(axes) if stride is None else integers(stride, "window: stride")
    dilation = (1,) * len(axes) if dilation is None else integers(dilation, "window: dilation")
    return {"axes": axes, "size": size, "stride": stride, "dilation": dilation}


def window(x: Node, axes, size, stride=None, dilation=None) -> Node:
    """Each listed axis becomes the number of windows along it; one axis of ``size`` per listed axis is appended."""
    return apply("window", x, **_window_attrs(axes, size, stride, dilation))


def unwindow(x: Node, shape, axes, size, stride=None, dilation=None) -> Node:
    """The transpose of ``window``: every window element is added at its place in ``shape``."""
    return apply("unwindow", x, shape=dims(shape), **_window_attrs(axes, size, stride, dilation))
