"""Maxima, sums and means over sliding windows along any axes, with explicit paddings: the core of pooling."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib import pool_gradient
from graphc.lib.dims import larger
from graphc.lib.sliding import folded, lowest, padded
from graphc.lib.window import ensured, extent, require_windows, windows_in
from graphc.prims.table import apply


def pooled(op: str, x: Node, kind: str, axes, size, stride=None, low=None, high=None, dilation=None,
           count_padding: bool = False, ceil: bool = False) -> Node:  # fmt: skip
    """Each listed axis of ``x`` becomes the number of windows along it, each window one number.

    Args:
        kind: max, sum or avg.
        axes: axes along which windows extend; the following have one entry for each of them.
        low, high: elements added before and after (default none), which never are a maximum and add nothing to a sum.
        count_padding: whether ``avg`` counts them.
        ceil: whether a last window may hang over the end; windows that begin beyond the elements are left out.

    Raises:
        ShapeError: no window fits.
    """
    axes = tuple(a % len(x.shape) for a in axes)
    stride, dilation = (tuple(v) if v else (1,) * len(axes) for v in (stride, dilation))
    low, high = (tuple(v) if v else (0,) * len(axes) for v in (low, high))
    reaches = [extent(k, d) for k, d in zip(size, dilation)]
    counts, ends = [], []
    for a, k, s, before, after in zip(axes, reaches, stride, low, high):
        count, end = _windows(x.shape[a], k, s, before, after, ceil)
        counts.append(count)
        ends.append(end)
    require_windows(op, x, axes, counts)
    if any(type(count) is int and count == 0 for count in counts):
        along = dict(zip(axes, counts))
        return const(0, Type(x.dtype, tuple(along.get(k, d) for k, d in enumerate(x.shape))))
    if kind == "max":
        return _combined(x, "max", lowest(x.dtype), axes, size, stride, low, ends, dilation, counts)
    exact = dt.accumulator(x.dtype)
    wide = x if x.dtype is exact else apply("cast", x, dtype=exact)
    total = _combined(wide, "add", 0, axes, size, stride, low, ends, dilation, counts)
    if kind == "avg":
        rooms = [(0, x.shape[a]) if not count_padding else (-1 * before, x.shape[a] + after)
                 for a, before, after in zip(axes, low, high)]  # fmt: skip
        reached = [(-1 * before, x.shape[a] + end) for a, before, end in zip(axes, low, ends)]
        total = _divided(total, axes, size, stride, low, dilation, rooms, reached)
    return total if total.dtype is x.dtype else apply("cast", total, dtype=x.dtype)


def _combined(x: Node, opcode: str, filler, axes, size, stride, low, high, dilation, counts) -> Node:
    """Every window combined, with a gradient that reads rather than scatters where one is at hand."""

    def forward(x: Node) -> Node:
        wide = padded(x, axes, low, high, filler)
        return _exact(folded(wide, opcode, axes, size, stride, dilation, counts), x, axes, counts)

    def backward(g: Node, x: Node) -> Node:
        if opcode == "add":
            return pool_gradient.to_all(g, x, axes, size, stride, low)
        wide = padded(x, axes, low, high, filler)
        return pool_gradient.to_maxima(g, x, wide, axes, size, stride, low, counts)

    if pool_gradient.suits(x, size, dilation):
        return pool_gradient.with_gradient(x, forward, backward)
    return forward(x)


def _windows(n, reach, stride: int, low, high, ceil: bool) -> tuple:
    """How many windows there are, and how much must be added at the end for the last one."""
    room = simplified(n + low + high)
    if not ceil or stride == 1:
        return windows_in(room, reach, stride), high
    count = simplified((room - reach + (stride - 1)) // stride + 1)
    begun = simplified((n + low - 1) // stride + 1)
    count = simplified(-1 * larger(-1 * count, -1 * begun))
    return count, larger(simplified((count - 1) * stride + reach - n - low), high)


def _exact(x: Node, like: Node, axes, counts) -> Node:
    shape = list(like.shape)
    for a, count in zip(axes, counts):
        shape[a] = count
    return ensured(x, shape)


def _divided(total: Node, axes, size, stride, low, dilation, rooms, reached) -> Node:
    """Sums divided by the number of elements in each window.

    ``rooms`` are where elements count, ``reached`` where windows go, along each axis.
    """
    whole, lines = 1, []
    for a, k, s, before, d, room, reach in zip(axes, size, stride, low, dilation, rooms, reached):
        if room == reach:
            whole *= k
        else:
            lines.append((a, _members(total.shape[a], k, s, before, d, room)))
    divisor = const(whole, total.type)
    for a, line in lines:
        line = apply("cast", line, dtype=total.dtype)
        divisor = apply("mul", divisor, apply("broadcast", line, shape=total.shape, axes=(a,)))
    return apply("div", total, divisor)


def _members(count, size: int, stride: int, low, dilation: int, room) -> Node:
    """For every window along an axis, how many of its elements lie within ``room``."""
    shape = (count,)

    def full(value) -> Node:
        if isinstance(value, Node):
            return apply("broadcast", value, shape=shape, axes=())
        return const(value, Type(dt.i64, shape))

    start = apply("sub", apply("mul", apply("iota", shape=shape, axis=0, dtype=dt.i64), full(stride)), full(low))

    def elements_before(end) -> Node:
        distance = apply("add", apply("sub", full(end), start), full(dilation - 1))
        steps = distance if dilation == 1 else apply("floordiv", distance, full(dilation))
        return apply("min", apply("max", steps, full(0)), full(size))

    return apply("sub", elements_before(room[1]), elements_before(room[0]))
