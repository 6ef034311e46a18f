"""Merge neighbouring axes that a region treats alike, so that its loops are few and long."""

from __future__ import annotations

from graphc.ir.graph import Graph, input_node
from graphc.ir.order import toposort
from graphc.ir.node import Node, make, simplified
from graphc.ir.type import Type
from graphc.prims.shape import inverse, transpose
from graphc.prims.table import TABLE


def collapse(graph: Graph, shape: tuple) -> tuple[Graph, tuple]:
    """The same region over fewer axes, and its new domain.

    Arrays are row-major, so merging axes changes no memory. Applies to element-wise operations, broadcasts, transposes and
    reductions over the domain ``shape``; a region with other movement is returned as it is.
    """
    maps = _axis_maps(graph, shape)
    if maps is None or len(shape) < 2:
        return graph, shape
    runs = _runs(maps, len(shape))
    if len(runs) == len(shape):
        return graph, shape
    return _rebuilt(graph, maps, runs), tuple(_product(shape[a:b]) for a, b in runs)


def _axis_maps(graph: Graph, shape: tuple) -> dict[Node, tuple] | None:
    """For every Node, the domain axes that its own axes are; None where that is not one answer."""
    maps: dict[Node, tuple] = {}
    whole = tuple(range(len(shape)))
    order = toposort(graph.outputs)
    for node in reversed(order):
        row = TABLE.get(node.op)
        mine = maps.get(node)
        if mine is None:  # an output no other output reads
            if node.shape == shape:
                mine = whole
            elif node.op == "reduce":
                mine = tuple(a for a in whole if a not in node.attr("axes"))
            elif len(node.shape) < len(shape) and node.shape == shape[: len(node.shape)]:
                mine = whole[: len(node.shape)]
            else:
                return None
            maps[node] = mine
        if not node.inputs:
            if node.op not in ("input", "const"):
                return None
            continue
        if row.scalar is not None:
            theirs = mine
        elif node.op == "broadcast":
            theirs = tuple(mine[a] for a in node.attr("axes"))
        elif node.op == "transpose":
            theirs = tuple(mine[k] for k in inverse(node.attr("perm")))
        elif node.op == "reduce":
            theirs = whole
            if tuple(a for a in whole if a not in node.attr("axes")) != mine or node.inputs[0].shape != shape:
                return None
        else:
            return None
        for x in node.inputs:
            if maps.setdefault(x, theirs) != theirs:
                if x.op == "const" or not x.shape:
                    continue
                return None
    return maps


def _runs(maps: dict, rank: int) -> list[tuple[int, int]]:
    runs, start = [], 0
    orders = {m for node, m in maps.items() if node.op != "const"}
    for axis in range(1, rank):
        if not all(_are_neighbours(order, axis - 1, axis) for order in orders):
            runs.append((start, axis))
            start = axis
    return runs + [(start, rank)]


def _are_neighbours(order: tuple, first: int, second: int) -> bool:
    """True where one axis follows on the other in memory, or neither is there."""
    if first in order:
        return order[order.index(first) + 1 :][:1] == (second,)
    return second not in order


def _product(dims):
    total = 1
    for d in dims:
        total = total * d
    return simplified(total)


def _rebuilt(graph: Graph, maps: dict, runs: list) -> Graph:
    memo: dict[Node, Node] = {}
    sizes: dict[int, object] = {}
    for node in toposort(graph.outputs):
        for dim, axis in zip(node.shape, maps[node]):
            sizes[axis] = dim

    run_of = {a: k for k, (a, _) in enumerate(runs)}

    def kept(axes) -> list[int]:
        return [run_of[a] for a in axes if a in run_of]

    for node in toposort(graph.outputs):
        mine = kept(maps[node])
        shape = tuple(_product(sizes[a] for a in range(*runs[k])) for k in mine)
        type = Type(node.dtype, shape)
        inputs = tuple(memo[x] for x in node.inputs)
        if node.op == "input":
            memo[node] = input_node(node.attr("name"), type)
        elif node.op == "broadcast":
            operand = kept(maps[node.inputs[0]]) if node.inputs[0].shape else []
            axes = tuple(mine.index(k) for k in operand)
            memo[node] = make("broadcast", inputs, (("shape", shape), ("axes", axes)), type)
        elif node.op == "transpose":
            theirs = kept(maps[node.inputs[0]])
            memo[node] = transpose(inputs[0], [theirs.index(k) for k in mine])
        elif node.op == "reduce":
            axes = tuple(k for k in range(len(runs)) if k not in mine)
            memo[node] = make("reduce", inputs, (("kind", node.attr("kind")), ("axes", axes)), type)
        elif node.op == "const" and not node.attrs[0][1].is_splat:
            return graph
        else:
            memo[node] = make(node.op, inputs, node.attrs, type)
    inputs = tuple(memo.get(x, x) for x in graph.inputs)
    return Graph(graph.name, inputs, tuple(memo[n] for n in graph.outputs))
