"""Gradients of pooling: what every element of the input receives from the windows over it, without scattering."""

from __future__ import annotations

import itertools
import math as python_math
from collections.abc import Callable

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib.sliding import UNROLLED, offsets, padded, part
from graphc.prims.control import call
from graphc.prims.table import apply


def suits(x: Node, size, dilation) -> bool:
    """Whether the gradient is written by ``with_gradient``; if not, it follows from how the windows were combined."""
    return x.dtype.is_float and python_math.prod(size) <= UNROLLED and all(d == 1 for d in dilation)


def with_gradient(x: Node, forward: Callable, backward: Callable) -> Node:
    """``forward(x)``, whose gradient is ``backward(g, x)``."""
    argument = input_node("x", x.type)
    out = forward(argument)
    g, y = input_node("g", out.type), input_node("y", out.type)
    body = Graph("pool", (argument,), (out,))
    return call(x, graph=body, gradient=Graph("pool_gradient", (g, y, argument), (backward(g, argument),)))


def to_maxima(g: Node, x: Node, wide: Node, axes, size, stride, low, counts) -> Node:
    """``g`` given to the first maximum of every window; ``wide`` is ``x`` with its padding."""
    best = place = None
    for number, offset in enumerate(offsets(size, (1,) * len(size))):
        value = part(wide, axes, offset, stride, counts)
        if best is None:
            best, place = value, const(0, Type(dt.i32, value.shape))
        else:
            larger = apply("lt", best, value)
            best = apply("select", larger, value, best)
            place = apply("select", larger, const(number, place.type), place)
    return _spread(g, x, axes, size, stride, low, place)


def to_all(g: Node, x: Node, axes, size, stride, low) -> Node:
    """``g`` given to every element of its window."""
    return _spread(g, x, axes, size, stride, low, None)


def _spread(g: Node, x: Node, axes, size, stride, low, place: Node | None) -> Node:
    """The sum over the windows above an element: ``g`` where the element's position in the window is ``place``.

    Element p along an axis lies in the windows (p + low) // stride - a, at position (p + low) % stride + a * stride.
    """
    zero = const(0, Type(x.dtype, x.shape))
    total = None
    for back in itertools.product(*(range((k + s - 1) // s) for k, s in zip(size, stride))):
        value = _repeated(g, x, axes, stride, low, back, 0)
        condition = None
        if place is not None:
            here = _position(x, axes, size, stride, low, back)
            condition = apply("eq", _repeated(place, x, axes, stride, low, back, -1), here)
        for a, k, s, before, b in zip(axes, size, stride, low, back):
            if (b + 1) * s > k:  # the last windows above reach only some of the elements between two strides
                inside = apply("lt", _step(x, a, s, before, b), const(k, Type(dt.i32, x.shape)))
                condition = inside if condition is None else apply("and", condition, inside)
        value = value if condition is None else apply("select", condition, value, zero)
        total = value if total is None else apply("add", total, value)
    return total


def _step(x: Node, axis: int, stride: int, low, back: int) -> Node:
    """The position of every element of ``x`` along one axis of the window."""
    if stride == 1:
        return const(back, Type(dt.i32, x.shape))
    line = apply("iota", shape=x.shape, axis=axis, dtype=dt.i32)
    if isinstance(low, Node):
        line = apply("add", line, apply("broadcast", apply("cast", low, dtype=dt.i32), shape=x.shape, axes=()))
    elif low:
        line = apply("add", line, const(low, line.type))
    line = apply("mod", line, const(stride, line.type))
    return apply("add", line, const(back * stride, line.type)) if back else line


def _position(x: Node, axes, size, stride, low, back) -> Node:
    """The number of every element's place in the window, row by row."""
    number = None
    for a, k, s, before, b in zip(axes, size, stride, low, back):
        step = _step(x, a, s, before, b)
        number = step if number is None else apply("add", apply("mul", number, const(k, step.type)), step)
    return number


def _repeated(g: Node, x: Node, axes, stride, low, back, nothing) -> Node:
    """For every element of ``x``, the entry of the window ``back`` before the last one above it."""
    before, after = [], []
    for a, s, first, b in zip(axes, stride, low, back):
        last = simplified((x.shape[a] - 1 + first) // s) if s > 1 else simplified(x.shape[a] - 1 + first)
        before.append(b)
        after.append(_at_least_zero(simplified(last - g.shape[a] + 1 - b)))
    g = padded(g, axes, before, after, nothing)
    sizes, shape, places = g.shape, [], []
    for a, n in enumerate(sizes):
        places.append(len(shape))
        times = _stride_of(a, axes, stride)
        shape += [n, times] if times > 1 else [n]
    if len(shape) > len(places):
        g = apply("broadcast", g, shape=tuple(shape), axes=tuple(places))
        g = apply("reshape", g, shape=tuple(simplified(n * _stride_of(a, axes, stride)) for a, n in enumerate(sizes)))
    return part(g, axes, low, (1,) * len(axes), [x.shape[a] for a in axes])


def _stride_of(axis: int, axes, stride) -> int:
    return stride[axes.index(axis)] if axis in axes else 1


def _at_least_zero(n):
    return max(n, 0) if type(n) is int else simplified(apply("max", n, const(0, n.type)))
