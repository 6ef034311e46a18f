"""Graphs as networkx graphs, for questions and pictures that networkx has an answer to."""

from __future__ import annotations

from graphc.errors import UsageError
from graphc.ir.graph import Graph
from graphc.ir.printer import value_names


def to_networkx(graph: Graph):
    """A ``networkx.DiGraph`` with one node per value, named as in the IR text, and an edge from operand to user.

    Nodes carry ``op``, ``type`` and ``location`` as text; edges carry ``operand``, the operand's position.

    Raises:
        UsageError: networkx is not installed.
    """
    try:
        import networkx
    except ImportError:
        raise UsageError("this needs networkx: pip install 'graphc[graph]'") from None
    names = value_names(graph)
    result = networkx.DiGraph(name=graph.name)
    for node in graph.nodes:
        result.add_node(names[node], op=node.op, type=str(node.type), location=str(node.location or ""))
        for position, x in enumerate(node.inputs):
            result.add_edge(names[x], names[node], operand=position)
    return result
