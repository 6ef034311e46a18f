"""Merge sort of 64-bit elements, which move together with their positions."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Kernel, Set, Store, load
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    as_index, cast, doublings, finish, is_nan, least, let, loop, parallel, product, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply


def sort_pairs(node: Node) -> Kernel:
    """Bottom-up: at level ``p`` runs of 2^p elements are merged in pairs into scratch memory and copied back."""
    (x,) = node.inputs
    axis = node.attr("axis")
    outer, extent, inner = product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :])
    view = (outer, extent, inner)

    def row(r: Node) -> tuple:
        lead, place = unravel(r, (outer, inner))

        def start(k: Node) -> tuple:
            where = (lead, k, place)
            return (Store("out0", where, load("x0", where, x.dtype)), Store("out1", where, cast(k, dt.i32)))

        levels, count = doublings(extent, 1)
        width, one = let("width", as_index(1))

        def level(p: Node) -> tuple:
            pairs = (as_index(extent) + width * 2 - 1) // (width * 2)
            merge = loop("pair", pairs, lambda q: _merge(node, lead, place, q * width * 2, width, extent))
            return (merge, vector("back", extent, lambda k: _copy_back(x, (lead, k, place))), Set(width, width * 2))

        return (vector("k_first", extent, start), *count, one, loop("level", levels, level))

    work = as_index(extent) * 200
    nest = parallel("row", product((outer, inner)), work, row)
    return finish("sort", node, (view,), (view, view), (nest,), (Type(x.dtype, view), Type(dt.i32, view)))


def _copy_back(x: Node, where: tuple) -> tuple:
    return (Store("out0", where, load("scratch0", where, x.dtype)),
            Store("out1", where, load("scratch1", where, dt.i32)))  # fmt: skip


def _merge(node: Node, lead: Node, place: Node, low: Node, width: Node, extent) -> tuple:
    """Merge the runs [low, low + width) and [low + width, low + 2 width) of out into scratch."""
    dtype = node.inputs[0].dtype
    middle, one = let("middle", least(low + width, extent))
    high, two = let("high", least(low + width * 2, extent))
    i, three = let("i", low)
    j, four = let("j", middle)

    def step(k: Node) -> tuple:
        x, left = let("left", load("out0", (lead, i, place), dtype, i < middle))
        y, right = let("right", load("out0", (lead, j, place), dtype, j < high))
        later = apply("and", j < high, before(node.attr("descending"), y, x))
        take, test = let("take", apply("or", as_index(middle) <= i, later))
        source, chosen = let("source", apply("select", take, j, i))
        where = (lead, low + k, place)
        return (left, right, test, chosen,
                Store("scratch0", where, apply("select", take, y, x)),
                Store("scratch1", where, load("out1", (lead, source, place), dt.i32)),
                Set(i, i + 1 - cast(take, dt.i64)),
                Set(j, j + cast(take, dt.i64)))  # fmt: skip

    return (one, two, three, four, loop("k", high - low, step))


def before(descending: bool, x: Node, y: Node) -> Node:
    """Whether ``x`` must stand before ``y``; False for equal elements, which keep their order."""
    less = y < x if descending else x < y
    nan = is_nan(y)
    if nan is None:
        return less
    return apply("or", less, apply("and", nan, apply("eq", x, x)))
