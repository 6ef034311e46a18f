"""Elements of sliding windows along any axes, and all of a window combined."""

from __future__ import annotations

import itertools
import math as python_math

import numpy as np

from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.prims.table import apply

UNROLLED = 32  # elements of a window that are combined at once; larger windows are taken axis by axis
CHAINED = 8  # elements of a window along one axis that are combined one by one; more by doubling


def lowest(dtype) -> float | int:
    """What no element lies below."""
    return -float("inf") if dtype.is_float else int(np.iinfo(dtype.numpy).min)


def padded(x: Node, axes, low, high, value) -> Node:
    """``x`` with elements ``value`` before and after each of ``axes``."""
    before, after = [0] * len(x.shape), [0] * len(x.shape)
    for a, b, c in zip(axes, low, high):
        before[a], after[a] = b, c
    if all(type(v) is int and v == 0 for v in (*before, *after)):
        return x
    return apply("pad", x, const(value, Type(x.dtype, ())), low=tuple(before), high=tuple(after))


def part(x: Node, axes, offset, stride, counts) -> Node:
    """Along each axis the ``counts`` elements from ``offset`` on, ``stride`` apart: one element of every window."""
    start, stop, step = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
    for a, k, s, count in zip(axes, offset, stride, counts):
        start[a], step[a] = k, s
        stop[a] = k if type(count) is int and count == 0 else simplified((count - 1) * s + (k + 1))
    if tuple(stop) == x.shape and not any(start) and all(s == 1 for s in step):
        return x
    return apply("slice", x, start=tuple(start), stop=tuple(stop), step=tuple(step))


def offsets(size, dilation):
    """Where the elements of a window lie, row by row."""
    return itertools.product(*(range(0, k * d, d) for k, d in zip(size, dilation)))


def folded(x: Node, opcode: str, axes, size, stride, dilation, counts) -> Node:
    """All elements of every window combined in row-major order; of equal maxima the first gets the gradient."""
    whole = all(type(n) is int and n == k for n, k in zip((x.shape[a] for a in axes), size))
    if opcode == "add" and whole and axes:
        return _total(x, axes)
    if python_math.prod(size) <= UNROLLED:
        return _chain(x, opcode, axes, offsets(size, dilation), stride, counts)
    for a, k, s, d, count in reversed(list(zip(axes, size, stride, dilation, counts))):
        if k > CHAINED:
            x = _doubled(x, opcode, a, k, s, d, count)
        elif k > 1 or s > 1:
            x = _chain(x, opcode, (a,), offsets((k,), (d,)), (s,), (count,))
    return x


def _total(x: Node, axes) -> Node:
    shape = tuple(1 if a in axes else d for a, d in enumerate(x.shape))
    return apply("reshape", apply("reduce", x, kind="sum", axes=tuple(sorted(axes))), shape=shape)


def _chain(x: Node, opcode: str, axes, places, stride, counts) -> Node:
    result = None
    for place in places:
        piece = part(x, axes, place, stride, counts)
        result = piece if result is None else apply(opcode, result, piece)
    return result


def _doubled(x: Node, opcode: str, axis: int, size: int, stride: int, dilation: int, count) -> Node:
    """Windows of 1, 2, 4, ... neighbours, from which a window of any size is put together."""
    result, offset, width = None, 0, 1
    pieces = [x]
    while width * 2 <= size:
        length = simplified(x.shape[axis] - width * dilation)
        places = ((0,), (width * dilation,))
        x = _chain(x, opcode, (axis,), places, (1,), (length,))
        pieces.append(x)
        width *= 2
    for power in reversed(range(len(pieces))):
        if size >> power & 1:
            piece = part(pieces[power], (axis,), (offset * dilation,), (stride,), (count,))
            result = piece if result is None else apply(opcode, result, piece)
            offset += 1 << power
    return result
