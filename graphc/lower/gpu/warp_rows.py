"""Rows with reductions that lie in memory of a block, a row for each warp, with the bits of ``lower.reduce_nest``.

The lanes of a sum are spread over the threads: thread t has the lanes t and t + 32, goes through their elements in order, and the
tree over the lanes goes on by shuffles.
"""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.kernel import UNROLLED, Alloc, Array, For, Let, Store, load, shuffle, shuffle_xor
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.sums import carried, combined, identity, named
from graphc.lower.gpu.threads import WARP
from graphc.lower.lanes import block_count, block_span, virtual_lanes
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, loop
from graphc.lower.reduce_nest import Row, element_body, part, planned, row_values, totals


class NeedsMemory(Exception):
    """A row keeps values that have no place in its result."""


def warp_row(graph: Graph, place: tuple, names: dict, results: list, rows: dict, lane: Node) -> tuple:
    """The statements of a warp for one row.

    Args:
        graph: its outputs, all of the shape of the domain, and its reductions, all over the last axis.
        place: the index of the row. names: inputs and the arrays they lie in. results: the arrays of the outputs.
        rows: arrays that hold single rows only -> their index up to the last axis. lane: the number of a thread in its warp.

    Raises:
        NeedsMemory: values that several loops read would have to be kept beside the result.
    """
    row = part(graph, place, names, tuple(results))
    row.elements.rows.update(rows)
    order, loops = planned(row)
    if row.stack or row.arrays:
        raise NeedsMemory
    body: list = []
    for level, (reductions, stores) in enumerate(loops):
        row.elements.forget()
        for node, (array, since) in row.cached.items():
            if since < level:
                row.elements.arrays[node] = array
        if reductions:
            body += _reductions(row, level, reductions, stores, lane)
        elif stores:
            body += _strided(row, level, WARP, (0, row.shape[-1]), lane, lambda at, guard: element_body(row, stores, [], at, guard, []))
        body += row_values(row, order, level + 1)
    return tuple(body)


def _reductions(row: Row, level: int, reductions: list, stores: list, lane: Node) -> list:
    """The loop, or loop of blocks, that makes the reductions of one level, and their names."""
    extent = row.shape[-1]
    count = block_count(extent)
    if count == 1:
        out, made = _in_lanes(row, level, reductions, stores, (0, extent), extent, lane)
    else:
        block = var(f"b{level}", extent=count if type(count) is int else None)
        lanes, parts = _in_lanes(row, level, reductions, stores, block_span(extent, block), None, lane)
        out, made, taken = totals(level, reductions, parts)
        out.append(For(block, count, (*lanes, *taken(parts))))
    return out + named(row, level, reductions, made)


def _in_lanes(row: Row, level: int, reductions: list, stores: list, span: tuple, short, lane: Node) -> tuple[list, list]:
    """The statements of reductions over ``span``, (begin, count), and the values they make, which all threads of the warp have."""
    lanes = virtual_lanes(max(map(carried, reductions), key=lambda d: d.bits), short)
    each = max(1, lanes // WARP)
    part_ = var(f"l{level}", extent=each)
    accs, out = [], []
    for k, node in enumerate(reductions):
        array = Array(f"acc{level}_{k}", Type(carried(node), (each,)), "register")
        accs.append((array, part_))
        out += [Alloc(array), For(part_, each, (Store(array.name, (part_,), identity(node)),), UNROLLED)]
    out += _strided(row, level, lanes, span, lane, lambda at, guard: element_body(row, stores, reductions, at, guard, accs))
    made = []
    for k, (node, (array, _)) in enumerate(zip(reductions, accs)):
        lets, total = _across(node, array, min(lanes, WARP), f"{level}_{k}", lane)
        out += lets
        made.append(total)
    return out, made


def _strided(row: Row, level: int, lanes: int, span: tuple, lane: Node, body) -> list:
    """A loop over the elements of ``span``: those of lanes ``lane`` and ``lane`` + 32 of each ``lanes`` elements are this thread's."""
    begin, extent = span
    each = max(1, lanes // WARP)
    part_ = var(f"l{level}", extent=each)

    def chunk(c: Node) -> tuple:
        place = as_index(c * lanes + part_ * WARP + lane)
        guards = [] if type(extent) is int and extent % lanes == 0 else [place < extent]
        guards += [lane < lanes] if lanes < WARP else []
        at = (*row.index[:-1], simplified(begin + place))
        return (For(part_, each, body(at, all_of(guards)), UNROLLED),)

    return [loop(f"c{level}", ceil_divide(extent, lanes), chunk)]


def _across(node: Node, array: Array, lanes: int, tag: str, lane: Node) -> tuple[list, Node]:
    """Statements for the tree over the lanes, the second half on the first and so on, and its root."""
    dtype, out = array.type.dtype, []

    def given(name: str, value: Node) -> Node:
        out.append(Let(var(f"{name}{tag}", value.type), value))
        return out[-1].var

    parts = [load(array.name, (k,), dtype) for k in range(array.type.size)]
    value = given("tree", parts[0] if len(parts) == 1 else combined(node, *parts))
    while lanes > 1:
        lanes //= 2
        other = given(f"x{lanes}_", shuffle_xor(value, lanes))
        value = given(f"y{lanes}_", combined(node, value, other))
    return out, given("all", shuffle(value, as_index(0)))
