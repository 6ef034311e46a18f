"""Running reductions along one axis."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, compare, const
from graphc.ir.type import Type
from graphc.prims.dims import axis_of, integer, zeros
from graphc.prims.leaf import iota
from graphc.prims.reduce import UFUNC, WIDE, check_kind, identity, narrow
from graphc.prims.shape import inverse, reshape, transpose
from graphc.prims.shape import reverse as reversed_axes
from graphc.prims.table import Prim, apply, declare


def _type(x: Type, kind: str, axis: int, exclusive: bool, reverse: bool) -> Type:
    check_kind("cumulate", kind, x, ("sum", "prod", "max", "min"))
    axis_of(axis, x.rank, "cumulate")
    return x


def _array(x, kind, axis, exclusive, reverse):
    wide = x.astype(WIDE.get(x.dtype, x.dtype))
    wide = np.flip(wide, axis) if reverse else wide
    result = UFUNC[kind].accumulate(wide, axis, dtype=wide.dtype)
    if exclusive and x.shape[axis]:
        shape = x.shape[:axis] + (1,) + x.shape[axis + 1 :]
        first = np.full(shape, identity(kind, dt.as_dtype(x.dtype))[0], wide.dtype)
        result = np.concatenate([first, np.take(result, range(x.shape[axis] - 1), axis)], axis)
    return narrow(np.flip(result, axis) if reverse else result, x.dtype)


def _recurrence(type: Type, exclusive: bool) -> Graph:
    """One step from the end: the sum over later places of (cotangent * product of what lies between)."""
    step = input_node("step", INDEX)
    carry, x, g = (input_node(name, type) for name in ("carry", "x", "g"))
    if exclusive:
        return Graph("cumprod_step", (step, carry, x, g), (g + x * carry, carry))
    total = g + carry
    return Graph("cumprod_step", (step, carry, x, g), (x * total, total))


def _prod_vjp(g, x, axis, exclusive):
    """Right where elements are 0: products before x[j] times a linear recurrence over what comes after."""
    before = cumulate(x, "prod", axis, exclusive=True)
    perm = (axis,) + tuple([a for a in range(x.type.rank) if a != axis])
    lines = [reversed_axes(transpose(v, perm), (0,)) for v in (x, g)]
    step = Type(x.dtype, lines[0].shape[1:])
    body = _recurrence(step, exclusive)
    loop = apply("loop", zeros(step), *lines, count=x.shape[axis], carries=1, scanned=2, body=body)
    after = transpose(reversed_axes(apply("item", loop, index=1), (0,)), inverse(perm))
    return before * after


def _extreme_vjp(g, x, kind, axis, exclusive):
    """Each running extreme gives its cotangent to the first element that attained it."""
    best = cumulate(x, kind, axis, exclusive=True)
    keeps = compare("le", x, best) if kind == "max" else compare("le", best, x)
    place = iota(x.shape, axis, dt.i64)
    new = apply("select", apply("not", keeps), place, const(-1, place.type))
    source = cumulate(new, "max", axis, exclusive=exclusive)
    perm = tuple([a for a in range(x.type.rank) if a != axis]) + (axis,)
    source = transpose(source, perm)
    spread = apply("scatter", zeros(transpose(x, perm).type), reshape(source, source.shape + (1,)), transpose(g, perm),
                   kind="add", batch=x.type.rank - 1)  # fmt: skip
    return transpose(spread, inverse(perm))


def _vjp(g, out, x, kind, axis, exclusive, reverse):
    if kind == "sum":
        return (cumulate(g, "sum", axis, exclusive, not reverse),)
    if reverse:
        g, x = reversed_axes(g, (axis,)), reversed_axes(x, (axis,))
    result = _prod_vjp(g, x, axis, exclusive) if kind == "prod" else _extreme_vjp(g, x, kind, axis, exclusive)
    return (reversed_axes(result, (axis,)) if reverse else result,)


declare(Prim("cumulate", _type, _array, _vjp, nest="cumulate"))


def cumulate(x: Node, kind: str, axis: int, exclusive: bool = False, reverse: bool = False) -> Node:
    """Element i combines elements 0..i along ``axis`` (0..i-1 if ``exclusive``; from the end if ``reverse``)."""
    axis = integer(axis, "cumulate: axis")
    return apply("cumulate", x, kind=kind, axis=axis, exclusive=bool(exclusive), reverse=bool(reverse))
