"""The walk back through Nodes that turns cotangents of outputs into cotangents of inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.errors import located
from graphc.ir.graph import Graph, input_node
from graphc.ir.order import toposort
from graphc.ir.node import Node, binary
from graphc.ir.type import TupleType
from graphc.prims.apart import side_by_side
from graphc.prims.dims import zeros
from graphc.prims.table import cotangents


def _sum(x, y):
    if x is None or y is None:
        return y if x is None else x
    if isinstance(x, tuple):
        return tuple([_sum(a, b) for a, b in zip(x, y)])
    joined = side_by_side(x, y)
    return binary("add", x, y) if joined is None else joined


def _carries_gradient(node: Node) -> bool:
    if isinstance(node.type, TupleType):
        return any(t.dtype.is_inexact for t in node.type.items)
    return node.dtype.is_inexact


def pullback(outputs: Sequence[Node], seeds: Sequence[Node | None], wrt: Iterable[Node]) -> list[Node | None]:
    """Cotangents of ``wrt``, given those of ``outputs``; None where no gradient flows.

    They are made of Nodes and so may be differentiated again.
    """
    wrt = tuple(wrt)
    order = toposort(outputs)
    needed = set(wrt)
    for node in order:
        if any(x in needed for x in node.inputs) and _carries_gradient(node):
            needed.add(node)
    found: dict[Node, object] = {}
    for node, seed in zip(outputs, seeds):
        if seed is not None and node in needed:
            found[node] = _sum(found.get(node), seed)
    targets = set(wrt)
    for node in reversed(order):
        g = found.get(node) if node in targets else found.pop(node, None)
        if g is None or not node.inputs or not any(x in needed for x in node.inputs):
            continue
        with located(node.location):
            parts = cotangents(node, g)
            for x, part in zip(node.inputs, parts):
                if part is not None and x in needed and _carries_gradient(x):
                    found[x] = _sum(found.get(x), part)
    return [found.get(x) for x in wrt]


def fresh_inputs(types, taken: Iterable[Node], prefix: str) -> tuple[Node, ...]:
    """Graph inputs of these types whose names differ from those of the inputs ``taken``."""
    names = {x.attr("name") for x in taken}
    found = []
    for type in types:
        number = len(found)
        while f"{prefix}{number}" in names:
            number += 1
        names.add(f"{prefix}{number}")
        found.append(input_node(f"{prefix}{number}", type))
    return tuple(found)


def pullback_graph(graph: Graph) -> Graph:
    """(cotangents of the inexact outputs, inputs of ``graph``) -> cotangents of its inexact inputs."""
    outputs = [y for y in graph.outputs if y.dtype.is_inexact]
    wrt = [x for x in graph.inputs if x.dtype.is_inexact]
    seeds = fresh_inputs([y.type for y in outputs], graph.inputs, "g")
    found = pullback(outputs, seeds, wrt)
    results = tuple([zeros(x.type) if g is None else g for x, g in zip(wrt, found)])
    return Graph(f"{graph.name}_pullback", seeds + graph.inputs, results)
