"""State what the sizes of a graph's inputs must satisfy where its types cannot prove it."""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.graph import Graph, Requirement
from graphc.ir.node import INDEX, Node, bounds, compare, const
from graphc.ir.type import TupleType
from graphc.passes.nested import graphs_in
from graphc.prims import eq


def require(graph: Graph) -> Graph:
    """The graph with a requirement for every promise, slice, pad, axis and dimension that depends on a symbol and may not fit.

    Passes after this one may remove the operations; the requirements stay, and are tested when a program is entered.
    """
    symbols = {*graph.symbols, *graph.measured}
    found = {r.condition: r for r in graph.requires}
    for node in (n for _, nodes in graphs_in(graph) for n in nodes):
        for condition, message in _conditions(node):
            if isinstance(condition, Node) and condition not in found and _symbols_of(condition) <= symbols:
                found[condition] = Requirement(condition, message, node.location)
    requires = tuple(found.values())
    return graph if requires == graph.requires else replace(graph, requires=requires)


def _symbols_of(condition: Node) -> set:
    return {n for n in Graph("condition", (), (condition,)).nodes if n.op == "symbol"}


def _conditions(node: Node):
    """(condition, message) pairs; a condition that surely holds is None."""
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    if node.op == "ensure":
        for a, b in zip(node.inputs[0].shape, node.shape):
            yield _same(a, b), f"sizes do not fit: {node.inputs[0].type} was to be {node.type}"
    elif node.op == "slice":
        for start, stop, size in zip(node.attr("start"), node.attr("stop"), node.inputs[0].shape):
            message = f"slice: {start} to {stop} does not lie within the {size} elements of an axis of {node.inputs[0].type}"
            yield _at_most(0, start), message
            yield _at_most(start, stop), message
            yield _at_most(stop, size), message
    elif node.op == "pad":
        for amount in (*node.attr("low"), *node.attr("high")):
            yield _at_most(0, amount), f"pad: {amount} elements cannot be added to {node.inputs[0].type}"
    elif node.op == "argreduce":
        x, axis = node.inputs[0].type, node.attr("axis")
        yield _at_most(1, x.shape[axis]), f"argreduce: axis {axis} of {x} is empty"
    for type in types:
        for d in type.shape:
            if isinstance(d, Node):
                yield _at_most(0, d), f"{node.op}: a size of {type} is negative"


def _same(a, b) -> Node | None:
    return None if a is b or a == b else eq(_index(a), _index(b))


def _at_most(a, b) -> Node | None:
    low, _ = bounds(b - a)
    return None if low is not None and low >= 0 else compare("le", _index(a), _index(b))


def _index(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)
