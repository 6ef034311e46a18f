"""Sorting, and picking one result of an operation that has several."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import TupleType, Type
from graphc.prims.dims import axis_of, integer, zeros
from graphc.prims.reduce import WIDE
from graphc.prims.shape import inverse, reshape, transpose
from graphc.prims.table import Prim, apply, declare


def _sort_type(x: Type, axis: int, descending: bool) -> TupleType:
    axis_of(axis, x.rank, "sort")
    if x.dtype.kind not in "biuf":
        raise DtypeError(f"sort: not defined for {x}")
    return TupleType((x, x.with_dtype(dt.i32)))


def _sort_array(x, axis, descending):
    """Stable in both directions, NaN last in both."""
    key = x.astype(WIDE.get(x.dtype, x.dtype))
    if not descending:
        order = np.argsort(key, axis, kind="stable")
    elif key.dtype.kind == "f":
        order = np.argsort(-key, axis, kind="stable")
    else:
        order = np.argsort(~key, axis, kind="stable")
    return np.take_along_axis(x, order, axis), order.astype(np.int32)


def _sort_vjp(g, out, x, axis, descending):
    """Each sorted element gives its cotangent back to where it came from."""
    if g[0] is None:
        return (None,)
    perm = tuple([a for a in range(x.type.rank) if a != axis]) + (axis,)
    source, moved = transpose(item(out, 1), perm), transpose(g[0], perm)
    back = apply("scatter", zeros(moved.type), reshape(source, source.shape + (1,)), moved, kind="add",
                 batch=x.type.rank - 1)  # fmt: skip
    return (transpose(back, inverse(perm)),)


declare(Prim("sort", _sort_type, _sort_array, _sort_vjp, nest="sort"))


def sort(x: Node, axis: int, descending: bool = False) -> Node:
    """The tuple (sorted values, i32 places they came from) along ``axis``; stable, NaN last."""
    return apply("sort", x, axis=integer(axis, "sort: axis"), descending=bool(descending))


def _item_type(t: TupleType, index: int) -> Type:
    if not isinstance(t, TupleType):
        raise DtypeError(f"item: {t} is not a tuple")
    if not 0 <= index < len(t.items):
        raise ShapeError(f"item: there is no result {index} in {t}")
    return t.items[index]


def _item_vjp(g, out, t, index):
    return (tuple([g if k == index else None for k in range(len(t.type.items))]),)


declare(Prim("item", _item_type, lambda t, index: t[index], _item_vjp, nest="item"))


def item(t: Node, index: int) -> Node:
    """Result ``index`` of an operation with several."""
    return apply("item", t, index=integer(index, "item: index"))
