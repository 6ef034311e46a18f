"""Sizes known only while running get names that depend on nothing but the graph: equal graphs have equal texts."""

from __future__ import annotations

from graphc.ir.graph import Graph, close, symbols_of
from graphc.ir.node import Node, symbol
from graphc.ir.sizes import any_sizes
from graphc.passes.nested import graphs_in
from graphc.passes.specialise import with_symbols


def canonical(graph: Graph) -> Graph:
    """The closed graph with its measured sizes called ``k0 k1 ...``, in the order in which they are made."""
    if not any_sizes():  # what was read from a file has such names
        return graph
    graph = close(graph)
    measured: dict[Node, None] = {}
    taken: set[str] = set()
    for one, nodes in graphs_in(graph):
        measured.update(dict.fromkeys(one.measured))
        for node in (*one.inputs, *nodes):
            taken.update(s.attr("name") for s in symbols_of(node))
    if not measured:
        return graph
    taken -= {s.attr("name") for s in measured}
    free = (name for k in range(len(measured) + len(taken)) if (name := f"k{k}") not in taken)
    values = {s: symbol(name) for s, name in zip(measured, free)}
    return with_symbols(graph, values) if any(s is not v for s, v in values.items()) else graph
