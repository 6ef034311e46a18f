"""Slice, with bounds that may be sizes or data, and Pad, with borders of every kind and negative amounts."""

from __future__ import annotations

from collections.abc import Sequence as Values

from graphc.errors import ShapeError
from graphc.ir.node import Node, binary, const_value, simplified
from graphc.lib import promote, shape
from graphc.lib.dims import dim_node, is_known, larger, size, smaller
from graphc.lib.index import getitem
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import axes_in, picked, ramp, sizes_of
from graphc.onnx.registry import operator
from graphc.prims.data import measured
from graphc.prims.guard import guard
from graphc.prims.table import apply

_FAR = 1 << 62  # a bound from there on stands for the end of the axis, whatever its size

# --------------------------------------------------------------------------------------------------- Slice


@operator("Slice", moves=True)
def slice_(call: Call):
    """Every so many elements from a place up to another one, along some axes."""
    x = call[0]
    rank = len(x.shape)
    if call.version < 10:
        starts, ends = call.ints("starts"), call.ints("ends")
        axes, steps = call.ints("axes", list(range(len(starts)))), [1] * len(starts)
    else:
        starts, ends = sizes_of(call, 1, signed=True), sizes_of(call, 2, signed=True)
        axes = call.static_ints(3) if call.has(3) else list(range(len(starts)))
        steps = call.static_ints(4) if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise call.wrong(f"{len(starts)} starts, {len(ends)} ends, {len(axes)} axes and {len(steps)} steps are given")
    if 0 in steps:
        raise call.wrong("a step is 0")
    for axis, start, end, step in zip(axes_in(call, axes, rank), starts, ends, steps):
        is_window = call.frame.is_repeated and step == 1 and _width(start, end) is not None
        x = _window(x, axis, start, end) if is_window else _cut(x, axis, start, end, step)
    return x


def _cut(x: Node, axis: int, start, end, step: int) -> Node:
    n = x.shape[axis]
    if type(start) is type(end) is type(n) is int:
        forwards = 1 if step > 0 else -1
        return getitem(x, (*[slice(None)] * axis, slice(_far(start, -forwards), _far(end, forwards), step)))
    if step > 0:
        low, high = _place(start, n, 0, n), _place(end, n, 0, n)
        if low is not high and low != 0 and high is not n:
            high = larger(low, high)
        return _strided(x, axis, low, high, step)
    high, low = (simplified(_place(b, n, -1, n - 1) + 1) for b in (start, end))
    if low != 0 and high is not n:
        low = smaller(high, low)
    return _strided(apply("reverse", _strided(x, axis, low, high, 1), axes=(axis,)), axis, 0, simplified(high - low), -step)


def _far(bound: int, default: int) -> int | None:
    """A bound as Python takes it: left out where it lies beyond the end that it would be by default (1 or -1)."""
    return None if bound * default >= _FAR else max(-_FAR, min(bound, _FAR))


def _strided(x: Node, axis: int, start, stop, step: int) -> Node:
    if step == 1:
        return shape.part(x, axis, start, stop)
    low = tuple(start if k == axis else 0 for k in range(len(x.shape)))
    high = tuple(stop if k == axis else d for k, d in enumerate(x.shape))
    return apply("slice", x, start=low, stop=high, step=tuple(step if k == axis else 1 for k in range(len(x.shape))))


def _place(bound, n, low, high):
    """A bound that may count from the end of an axis of size ``n``, between ``low`` and ``high``; as a size."""
    if type(bound) is int and abs(bound) >= _FAR:
        return high if bound > 0 else low
    if type(bound) is int:
        return larger(simplified(bound + n), low) if bound < 0 else smaller(bound, high)
    if is_known(bound):
        from_end = binary("min", binary("max", 0 - bound, 0), 1)  # 1 where the bound is negative
        return smaller(larger(simplified(bound + from_end * n), low), high)
    number, zero = dim_node(bound), dim_node(0)
    number = apply("select", apply("lt", number, zero), apply("add", number, dim_node(n)), number)
    found = apply("min", apply("max", number, dim_node(low)), dim_node(high))
    return simplified(measured(apply("sub", found, dim_node(low))) + low)


def _width(start, end) -> int | None:
    """How many elements there are between bounds that only a run knows, where that follows from their difference."""
    if not (isinstance(start, Node) and isinstance(end, Node)) or is_known(start):
        return None
    (a, low), (b, high) = _offset(start), _offset(end)
    return high - low if a is b and high > low else None


def _offset(x: Node) -> tuple[Node, int]:
    """One number as another one and a constant that is added to it."""
    total = 0
    while True:
        if x.op in ("reshape", "broadcast", "slice") and size(x.inputs[0].shape) == 1:
            x = x.inputs[0]
        elif x.op in ("add", "sub") and const_value(x.inputs[1]) is not None:
            total += const_value(x.inputs[1]) * (1 if x.op == "add" else -1)
            x = x.inputs[0]
        elif x.op == "add" and const_value(x.inputs[0]) is not None:
            total, x = total + const_value(x.inputs[0]), x.inputs[1]
        else:
            return x, total


def _window(x: Node, axis: int, start: Node, end: Node) -> Node:
    """A slice of known width inside of a loop, where a size must not change: a run refuses one that leaves the axis."""
    width = _width(start, end)
    places = apply("add", ramp((width,), 0), promote.broadcast_to(start, (width,)))
    return picked(x, guard(places, "index", (x.shape[axis],), "Slice in a loop"), axis)


# ----------------------------------------------------------------------------------------------------- Pad


@operator("Pad", moves=True)
def pad(call: Call):
    """Elements added before and after axes, or taken away where an amount is negative."""
    x = call[0]
    rank = len(x.shape)
    mode = call.choice("mode", "constant", "reflect", "edge", "wrap")
    if call.version < 11:
        amounts, axes, value = call.ints("pads"), list(range(rank)), shape.filler(_number(call, x), x.dtype)
    else:
        amounts = sizes_of(call, 1, signed=True)
        axes = axes_in(call, call.static_ints(3), rank) if call.has(3) else list(range(rank))
        value = shape.reshape(call[2], ()) if call.has(2) else shape.zeros((), x.dtype)
    if len(amounts) != 2 * len(axes):
        raise call.wrong(f"{len(amounts)} amounts are given for {len(axes)} axes")
    if value.dtype is not x.dtype:
        raise call.wrong(f"the value is {value.type}, not of the type of the elements")
    pairs = [(0, 0)] * rank
    for axis, low, high in zip(axes, amounts, amounts[len(axes) :]):
        pairs[axis] = (low, high)
    return padded(x, pairs, mode, value)


def _number(call: Call, x: Node):
    value = call.float("value", 0.0)
    return x.dtype.numpy.type(value) if x.dtype.kind in "iuf" else value


def padded(x: Node, pairs: Values[tuple], mode: str, value: Node) -> Node:
    """Elements added before and after each axis; negative amounts take them away first.

    Args:
        mode: ``constant``, ``reflect`` (without the last element again), ``edge`` or ``wrap``.
    """
    for k, (low, high) in enumerate(pairs):
        if any(type(v) is int and v < 0 for v in (low, high)):
            n = x.shape[k]
            start = -low if type(low) is int and low < 0 else 0
            stop = simplified(n + high) if type(high) is int and high < 0 else n
            if type(stop) is int and stop < start:
                raise ShapeError(f"Pad: axis {k} of {x.type} has not the {start - low} and {-high} elements that are taken away")
            x = shape.part(x, k, start, stop)
    pairs = [tuple(max(v, 0) if type(v) is int else v for v in p) for p in pairs]
    if mode == "constant":
        return shape.pad(x, pairs, "CONSTANT", value) if any(v != (0, 0) for v in pairs) else x
    for k, (low, high) in enumerate(pairs):
        x = _bordered(x, k, low, high, mode) if (low, high) != (0, 0) else x
    return x


def _bordered(x: Node, axis: int, low, high, mode: str) -> Node:
    n = x.shape[axis]
    if type(n) is int and n == 0:
        raise ShapeError(f"Pad: axis {axis} of {x.type} has no elements to pad with")
    low, high = (shape.sized(v) for v in (low, high))
    if mode == "reflect" and all(type(v) is int for v in (n, low, high)) and max(low, high) < n:
        return shape.pad(x, [(low, high) if k == axis else (0, 0) for k in range(len(x.shape))], "REFLECT")
    if mode == "wrap" and all(type(v) is int for v in (n, low, high)) and max(low, high) <= n:
        return shape.concat([shape.part(x, axis, n - low, n), x, shape.part(x, axis, 0, high)], axis)
    full = (simplified(low + n + high),)
    place = apply("sub", ramp(full, 0), promote.broadcast_to(dim_node(low), full))
    return picked(x, _source(place, n, mode), axis)


def _source(place: Node, n, mode: str) -> Node:
    """Where the element at a place inside or outside of an axis of size ``n`` comes from."""

    def all_of(number) -> Node:
        return promote.broadcast_to(dim_node(simplified(number)), place.shape)

    if mode == "edge":
        return apply("min", apply("max", place, all_of(0)), all_of(n - 1))
    if mode == "wrap":
        return apply("mod", place, all_of(n))
    period = max(2 * n - 2, 1) if type(n) is int else binary("max", 2 * n - 2, 1)
    turned = apply("mod", place, all_of(period))
    return apply("min", turned, apply("sub", all_of(2 * n - 2), turned)) if n != 1 else all_of(0)
