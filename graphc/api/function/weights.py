"""Captured weights as constants of what is compiled, so that they are packed once and not in every call."""

from __future__ import annotations

from dataclasses import replace

from graphc.api.function.trace import Traced
from graphc.api.tensor import EagerTensor
from graphc.ir.graph import Graph, close, substitute
from graphc.ir.node import Node, const

_READERS = ("dot", "conv")
_MOVES = ("transpose", "reshape")
_LEAST, _MOST = 1 << 14, 1 << 28  # bytes: below, packing takes no time; above, a second copy would be too much


def with_weights(traced: Traced) -> Graph:
    """The graph to run: captured matrices and filters that contractions read are constants in it.

    A tensor of eager evaluation never changes, so that only speed and memory tell the difference. Tapes see the graph as
    it was traced. What is captured stays an input, so that all inputs keep their places; other tensors remain inputs in
    use, and functions that differ in their values alone are compiled once.
    """
    graph = traced.graph
    wanted = _read_by_contractions(graph)
    places = graph.inputs[traced.arguments : traced.arguments + len(traced.captured)]
    found = {
        node: const(tensor.array)
        for node, tensor in zip(places, traced.captured)
        if node in wanted and isinstance(tensor, EagerTensor) and _is_weight(node)
    }
    if not found:
        return graph
    return close(replace(graph, outputs=tuple(substitute(graph.outputs, found)), measures=()))


def _is_weight(node: Node) -> bool:
    type = node.type
    return type.is_static and type.rank >= 2 and _LEAST <= type.size * type.dtype.numpy.itemsize <= _MOST


def _read_by_contractions(graph: Graph) -> set[Node]:
    """Inputs that are operands of contractions, as they are or with their elements moved."""
    found = set()
    for node in graph.nodes:
        for x in node.inputs if node.op in _READERS else ():
            while x.op in _MOVES:
                x = x.inputs[0]
            found.add(x)
    return found
