"""Contractions: dot (batched matrix product) and conv (channels-last convolution)."""

from __future__ import annotations

import itertools
import math

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.prims.dims import dims, integer, integers, never_negative
from graphc.prims.reduce import WIDE, narrow
from graphc.prims.shape import reshape, reverse, transpose
from graphc.prims.table import Prim, apply, declare


def _operands(op: str, x: Type, y: Type) -> None:
    if x.dtype is not y.dtype:
        raise DtypeError(f"{op}: operands differ in dtype, {x} x {y}")
    if x.dtype.kind not in "iufc":
        raise DtypeError(f"{op}: not defined for {x}")


# -------------------------------------------------------------------------------------------------- dot


def dot_type(x: Type, y: Type, transpose_x: bool, transpose_y: bool) -> Type:
    _operands("dot", x, y)
    if x.rank < 2 or y.rank != x.rank:
        raise ShapeError(f"dot: ranks must be equal and at least 2, {x} x {y}")
    if x.shape[:-2] != y.shape[:-2]:
        raise ShapeError(f"dot: batch sizes differ, {x} x {y}")
    m, k = x.shape[:-3:-1] if transpose_x else x.shape[-2:]
    inner, n = y.shape[:-3:-1] if transpose_y else y.shape[-2:]
    if k != inner:
        raise ShapeError(f"dot: inner sizes differ, {x} x {y} ({k} != {inner})")
    return x.with_shape(x.shape[:-2] + (m, n))


def _dot_array(x, y, transpose_x, transpose_y):
    dtype = x.dtype
    x, y = (np.swapaxes(a, -1, -2) if flag else a for a, flag in ((x, transpose_x), (y, transpose_y)))
    work = x.shape[-2] * x.shape[-1] * y.shape[-1] * math.prod(x.shape[:-2])
    wide = WIDE.get(dtype, dtype)
    if wide is np.float64 and work > 2**28:  # float64 is what makes this the definition; too slow for the largest
        wide = np.float32
    return narrow(np.matmul(x.astype(wide), y.astype(wide)), dtype)


def _dot_vjp(g, out, x, y, transpose_x, transpose_y):
    gx = dot(y, g, transpose_y, True) if transpose_x else dot(g, y, False, not transpose_y)
    gy = dot(g, x, True, transpose_x) if transpose_y else dot(x, g, not transpose_x, False)
    return gx, gy


declare(Prim("dot", dot_type, _dot_array, _dot_vjp, nest="dot"))


def dot(x: Node, y: Node, transpose_x: bool = False, transpose_y: bool = False) -> Node:
    """``x[..., m, k] @ y[..., k, n]``; with a flag, that operand has its last two axes swapped."""
    return apply("dot", x, y, transpose_x=bool(transpose_x), transpose_y=bool(transpose_y))


# ------------------------------------------------------------------------------------------------- conv


def dilated(n, dilation: int):
    """The extent of ``n`` elements with ``dilation - 1`` holes between them."""
    return 0 if type(n) is int and n == 0 else simplified((n - 1) * dilation + 1)


def conv_type(x: Type, w: Type, stride, low, high, dilation, x_dilation, groups: int) -> Type:
    _operands("conv", x, w)
    count = x.rank - 2
    if count < 0 or w.rank != x.rank:
        raise ShapeError(f"conv: ranks do not fit, {x} x {w}")
    if any(len(a) != count for a in (stride, low, high, dilation, x_dilation)):
        raise ShapeError(f"conv: every window attribute needs {count} numbers, {x} x {w}")
    if groups < 1 or any(s < 1 for s in stride + dilation + x_dilation):
        raise ShapeError("conv: groups, strides and dilations must be at least 1")
    channels, filters = x.shape[-1], w.shape[-1]
    if simplified(w.shape[-2] * groups) != channels:
        raise ShapeError(f"conv: channels differ, {x} x {w} ({channels} != {w.shape[-2]} * {groups} groups)")
    if simplified(filters % groups) != 0:
        raise ShapeError(f"conv: {groups} groups do not divide the {filters} filters of {w}")
    shape = [x.shape[0]]
    for a in range(count):
        room = dilated(x.shape[1 + a], x_dilation[a]) + low[a] + high[a] - dilated(w.shape[a], dilation[a])
        out = simplified(room // stride[a] + 1)
        never_negative(out, f"conv: the window of {w} does not fit into axis {a + 1} of {x}")
        shape.append(out)
    return x.with_shape(shape + [filters])


def stretch(x, low, high, x_dilation):
    """``x`` with holes and borders of zeros; negative borders are cut off."""
    for a, (b, c, d) in enumerate(zip(low, high, x_dilation), start=1):
        n = x.shape[a]
        extent = dilated(n, d)
        shape = list(x.shape)
        shape[a] = max(0, b) + extent + max(0, c)
        wide = np.zeros(shape, x.dtype)
        wide[(slice(None),) * a + (slice(max(0, b), max(0, b) + extent, d),)] = x
        x = wide[(slice(None),) * a + (slice(max(0, -b), shape[a] - max(0, -c)),)]
    return x


def conv_array(x, w, stride, low, high, dilation, x_dilation, groups):
    dtype, count = x.dtype, x.ndim - 2
    wide = WIDE.get(dtype, dtype)
    x, w = stretch(x.astype(wide), low, high, x_dilation), w.astype(wide)
    sizes = [(n - ((k - 1) * d + 1)) // s + 1 for n, k, d, s in zip(x.shape[1:-1], w.shape[:count], dilation, stride)]
    if min(sizes, default=0) < 0:
        raise ShapeError(f"conv: a window of {w.shape[:count]} does not fit into {x.shape[1:-1]} with what is padded")
    out = np.zeros((x.shape[0], *sizes, groups, w.shape[-1] // groups), wide)
    for offset in itertools.product(*map(range, w.shape[:count])):
        where = [slice(k * d, k * d + (n - 1) * s + 1 if n else 0, s)
                 for k, d, n, s in zip(offset, dilation, sizes, stride)]  # fmt: skip
        part = x[(slice(None), *where)].reshape(out.shape[:-1] + (-1,)) if out.size and w.shape[-2] else None
        if part is not None:
            weight = w[offset].reshape(w.shape[-2], groups, -1)
            out += np.einsum("...gc,cgo->...go", part, weight)
    return narrow(out.reshape(out.shape[:-2] + (w.shape[-1],)), dtype)


def conv_input(g: Node, w: Node, shape: tuple, stride, low, dilation, x_dilation, groups: int) -> Node:
    """The cotangent of a convolution's input of ``shape``, given that of its output.

    It is the convolution of ``g``, spread by the stride, with the flipped kernel, channels and filters swapped.
    """
    count = len(shape) - 2
    spatial = tuple(range(count))
    kernel = reverse(w, spatial)
    if groups > 1:
        kernel = reshape(kernel, w.shape[:-1] + (groups, w.shape[-1] // groups))
        kernel = transpose(kernel, spatial + (count + 2, count + 1, count))
        kernel = reshape(kernel, w.shape[:count] + (w.shape[-1] // groups, w.shape[-2] * groups))
    else:
        kernel = transpose(kernel, spatial + (count + 1, count))
    before, after = [], []
    for a in spatial:
        before.append(dilated(w.shape[a], dilation[a]) - 1 - low[a])
        after.append(dilated(shape[1 + a], x_dilation[a]) + low[a] - dilated(g.shape[1 + a], stride[a]))
    return conv(g, kernel, x_dilation, before, after, dilation, stride, groups)


def conv_filter(g: Node, x: Node, shape: tuple, stride, low, dilation, x_dilation, groups: int) -> Node:
    """The cotangent of a convolution's filter of ``shape``, given that of its output.

    It is the convolution of ``x`` with ``g`` as the kernel, batch and channels having changed places.
    """
    count = len(shape) - 2
    spatial = tuple(range(1, count + 1))
    channels = shape[-2]
    if groups > 1:
        wide = reshape(x, x.shape[:-1] + (groups, channels))
        turned = transpose(wide, (count + 2,) + spatial + (count + 1, 0))
        turned = reshape(turned, (channels,) + x.shape[1:-1] + (x.shape[0] * groups,))
    else:
        turned = transpose(x, (count + 1,) + spatial + (0,))
    kernel = transpose(g, spatial + (0, count + 1))
    after = []
    for a in range(count):
        room = dilated(shape[a], dilation[a]) - dilated(x.shape[1 + a], x_dilation[a])
        after.append(room - low[a] + dilated(g.shape[1 + a], stride[a]) - 1)
    gw = conv(turned, kernel, dilation, low, after, stride, x_dilation, groups)
    return transpose(gw, spatial + (0, count + 1))


def _conv_vjp(g, out, x, w, stride, low, high, dilation, x_dilation, groups):
    window = (stride, low, dilation, x_dilation, groups)
    return conv_input(g, w, x.shape, *window), conv_filter(g, x, w.shape, *window)


declare(Prim("conv", conv_type, conv_array, _conv_vjp, nest="conv"))


def conv(x: Node, w: Node, stride=None, low=None, high=None, dilation=None, x_dilation=None, groups: int = 1) -> Node:
    """``x`` [n, *spatial, c] convolved with ``w`` [*k, c/groups, o], not flipped: [n, *out, o].

    ``low`` and ``high`` are the zeros before and after each spatial axis; negative amounts cut off.
    """
    count = max(0, x.type.rank - 2)
    stride, dilation, x_dilation = (
        (1,) * count if v is None else integers(v, f"conv: {name}")
        for v, name in ((stride, "stride"), (dilation, "dilation"), (x_dilation, "x_dilation"))
    )
    low, high = ((0,) * count if v is None else dims(v, "conv: padding") for v in (low, high))
    return apply("conv", x, w, stride=stride, low=low, high=high, dilation=dilation, x_dilation=x_dilation,
                 groups=integer(groups, "conv: groups"))  # fmt: skip
