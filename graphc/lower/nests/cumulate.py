"""The nest of ``cumulate``: running sums, products and extrema along one axis."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Alloc, Array, Kernel, Set, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    as_index, cast, ceil_divide, finish, least, let, loop, parallel, product, scalar, vector,
)  # fmt: skip
from graphc.prims.table import apply, row

BLOCK = 256  # neighbouring chains that one task runs side by side

OPCODE = {"sum": "add", "prod": "mul", "max": "max", "min": "min"}


def cumulate(node: Node, target: Target) -> Kernel:
    """One chain along ``axis`` for every position of the other axes, in the order of the axis (or its reverse)."""
    (x,) = node.inputs
    axis = node.attr("axis")
    view = (product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :]))
    nest = _rows(node, view) if view[2] == 1 else _columns(node, view)
    return finish("cumulate", node, (view,), (view,), (nest,))


def identity(node: Node) -> Node:
    wide = carried(node)
    return scalar(row("reduce").reduce(node.attr("kind"), wide)[0], wide)


def carried(node: Node):
    return dt.accumulator(node.dtype) if node.attr("kind") in ("sum", "prod") else node.dtype


def position(node: Node, k: Node, extent) -> Node:
    return as_index(extent) - 1 - k if node.attr("reverse") else k


def _rows(node: Node, view: tuple) -> object:
    """The last axis: a task runs whole rows, one after the other."""
    outer, extent, _ = view
    wide, opcode, exclusive = carried(node), OPCODE[node.attr("kind")], node.attr("exclusive")

    def chain(r: Node) -> tuple:
        total, start = let("total", identity(node))

        def step(k: Node) -> tuple:
            where = (r, position(node, k, extent), as_index(0))
            add = Set(total, apply(opcode, total, cast(load("x0", where, node.dtype), wide)))
            store = Store("out0", where, cast(total, node.dtype))
            return (store, add) if exclusive else (add, store)

        return (start, loop("k", extent, step))

    return parallel("row", outer, as_index(extent) * 4, chain)


def _columns(node: Node, view: tuple) -> object:
    """Any other axis: neighbouring chains lie in neighbouring lanes."""
    outer, extent, inner = view
    wide, opcode, exclusive = carried(node), OPCODE[node.attr("kind")], node.attr("exclusive")
    blocks = ceil_divide(inner, BLOCK)
    totals = Array("totals", Type(wide, (BLOCK,)), "stack")

    def task(t: Node) -> tuple:
        o, block = t // blocks, t % blocks
        width = least(BLOCK, inner - block * BLOCK)

        def step(k: Node) -> tuple:
            def lane(j: Node) -> tuple:
                where = (o, position(node, k, extent), block * BLOCK + j)
                old, read = let("old", load("totals", (j,), wide))
                new, add = let("new", apply(opcode, old, cast(load("x0", where, node.dtype), wide)))
                store = Store("out0", where, cast(old if exclusive else new, node.dtype))
                return (read, add, store, Store("totals", (j,), new))

            return (vector("lane", width, lane),)

        clear = vector("first", width, lambda j: (Store("totals", (j,), identity(node)),))
        return (Alloc(totals), clear, loop("k", extent, step))

    return parallel("task", product((outer, blocks)), as_index(extent) * least(inner, BLOCK) * 2, task)
