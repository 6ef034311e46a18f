"""A region: one step of the program before it has memory, and the graph that says what it computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import Node
from graphc.ir.order import toposort

MAP, ROW, COLUMN, DOT, SINGLE = "map", "row", "column", "dot", "single"
_LEAVES = ("input", "const", "symbol")


@dataclass(frozen=True)
class Region:
    """One step of the program before it has memory.

    ``graph`` computes ``outputs`` (Nodes of the whole graph) from ``sources`` (Nodes of the whole graph that lie in memory).
    For a ``single`` region ``node`` is the operation, and ``sources`` are its operands. For attention (``attend``)
    ``scores`` is what the first product leaves, as ``graph`` has it.
    """

    kind: str
    sources: tuple[Node, ...]
    outputs: tuple[Node, ...]
    graph: Graph | None = None
    node: Node | None = None
    scores: Node | None = None


def computed(region: Region) -> list[Node]:
    """The Nodes of the whole graph that a region computes, operands first."""
    if region.node is not None:
        return [region.node]
    return [n for n in toposort(region.outputs, region.sources) if n.op not in _LEAVES]


def region_of(kind: str, sources: Iterable[Node], outputs: Iterable[Node], scores: Node | None = None) -> Region:
    """The region that computes ``outputs`` from ``sources``, which are the inputs x0, x1 ... of its graph.

    Args:
        scores: a Node on the way from the ones to the others, of which the graph's own becomes ``Region.scores``.
    """
    sources, outputs = tuple(dict.fromkeys(sources)), tuple(outputs)
    inputs = [input_node(f"x{k}", s.type) for k, s in enumerate(sources)]
    memo = dict(zip(sources, inputs))
    results = rebuild(outputs if scores is None else (*outputs, scores), lambda node, operands: None, memo)
    graph = Graph(kind, tuple(inputs), tuple(results[: len(outputs)]))
    return Region(kind, sources, outputs, graph, scores=None if scores is None else results[-1])
