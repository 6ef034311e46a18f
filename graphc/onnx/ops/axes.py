"""Axes and numbers as attributes or operands, and indices that may count from the end."""

from __future__ import annotations

from collections.abc import Sequence as Values
from dataclasses import replace

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.lib import math, shape
from graphc.lib.dims import dim_node
from graphc.lib.promote import as_node, broadcast_to
from graphc.onnx.call import Call
from graphc.prims.table import apply


def axis_in(call: Call, axis: int, rank: int, what: str = "axis") -> int:
    """An axis that may count from the end, as a non-negative int.

    Raises:
        ShapeError: there is none of that number.
    """
    if not -rank <= axis < rank:
        raise call.wrong(f"{what} {axis} is out of range for {rank} axes")
    return axis % rank


def axes_in(call: Call, axes: Values[int], rank: int, what: str = "axis") -> list[int]:
    """Several different axes as non-negative ints, in the given order.

    Raises:
        ShapeError: one is out of range, or named twice.
    """
    found = [axis_in(call, a, rank, what) for a in axes]
    if len(set(found)) != len(found):
        raise call.wrong(f"{what} list {list(axes)} names an axis twice")
    return found


def listed(call: Call, name: str, k: int, since: int) -> list[int] | None:
    """Integers that were the attribute ``name`` and are input ``k`` from version ``since`` on; None where left out."""
    if call.version < since:
        return call.ints(name, None)
    return call.static_ints(k) if call.has(k) else None


def sizes_of(call: Call, k: int, signed: bool = False) -> list:
    """``call.sizes`` of an operand of any type of number."""
    x = call[k]
    if x.dtype is not dt.i64:
        inputs = list(call.inputs)
        inputs[k] = math.cast(x, dt.i64)
        call = replace(call, inputs=tuple(inputs))
    return call.sizes(k, signed)


def as_int64(x: Node) -> Node:
    """Integers as i64."""
    return x if x.dtype is dt.i64 else apply("cast", x, dtype=dt.i64)


def dims_vector(sizes: Values) -> Node:
    """Sizes as an i64 vector."""
    if all(type(d) is int for d in sizes):
        return const(np.array(sizes, np.int64))
    parts = [apply("reshape", dim_node(d), shape=(1,)) for d in sizes]
    return parts[0] if len(parts) == 1 else shape.concat(parts, 0)


def from_front(indices: Node, sizes: Values) -> Node:
    """Indices that may count from the end, as i64 that count from the front; ``sizes``: one, or one for each place along
    the last axis."""
    i = as_int64(indices)
    if not sizes:
        return i
    if i.op == "const" and i.type.is_static and all(type(d) is int for d in sizes):
        array = np.broadcast_to(i.attr("value").array, i.shape)
        return const(np.where(array < 0, array + np.array(sizes if len(sizes) > 1 else sizes[0], np.int64), array))
    limit = dim_node(sizes[0]) if len(sizes) == 1 else dims_vector(sizes)
    limit = broadcast_to(limit, i.shape)
    return apply("select", apply("lt", i, as_node(const(0, i.type))), apply("add", i, limit), i)


def ramp(sizes: Values, axis: int) -> Node:
    """The place along one axis, for every place of a shape, as i64."""
    return apply("iota", shape=tuple(sizes), axis=axis, dtype=dt.i64)


def with_ones(x: Node, count: int) -> Node:
    """A tensor with so many axes of size 1 behind its own: a vector that is for channels lies along them."""
    return shape.reshape(x, (*x.shape, *(1,) * count))


def picked(x: Node, places: Node, axis: int) -> Node:
    """The slices of an axis at places that surely lie in it."""
    if axis:
        full = (*x.shape[:axis], *places.shape)
        places = apply("broadcast", places, shape=full, axes=tuple(range(axis, len(full))))
    return apply("gather", x, apply("reshape", places, shape=(*places.shape, 1)), batch=axis)


def moved(x: Node, order: Values[int]) -> Node:
    """Axes in another order."""
    return x if list(order) == list(range(len(order))) else apply("transpose", x, perm=tuple(order))


def total(sizes: Values):
    """A sum of sizes in its smallest form."""
    return simplified(sum(sizes, 0))
