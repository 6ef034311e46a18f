"""Graphs inside graphs: applying a transformation to the bodies of call, cond, while and loop as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, make


def everywhere(transform: Callable) -> Callable:
    """Decorator: a pass over one Graph becomes a pass over it and every Graph it uses, innermost first.

    The pass must keep the types of inputs and outputs. Further arguments reach every call.
    """

    @wraps(transform)
    def run(graph: Graph, *args, **options) -> Graph:
        memo: dict[Graph, Graph] = {}

        def visit(one: Graph) -> Graph:  # depth is that of control flow, not of data flow
            if one not in memo:
                memo[one] = transform(with_bodies(one, visit), *args, **options)
            return memo[one]

        return visit(graph)

    return run


def bodies(node: Node) -> list[Graph]:
    """The Graphs in a Node's attributes."""
    return [value for _, value in node.attrs if isinstance(value, Graph)]


def graphs_in(graph: Graph) -> Iterator[tuple[Graph, list[Node]]]:
    """The Graph and every Graph inside it, each once, the outermost first; with each its Nodes, operands first."""
    pending, seen = [graph], set()
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        nodes = one.nodes
        yield one, nodes
        for node in nodes:
            pending.extend(bodies(node))


def with_bodies(graph: Graph, change: Callable) -> Graph:
    """The Graph with ``change(body)`` in place of every Graph in its Nodes' attributes."""
    if not any(bodies(n) for n in graph.nodes if n.attrs):
        return graph

    def visit(node, inputs):
        if not bodies(node):
            return None
        attrs = tuple([(k, change(v) if isinstance(v, Graph) else v) for k, v in node.attrs])
        return make(node.op, inputs, attrs, node.type)

    return same_or(graph, rebuild(graph.roots, visit))


def same_or(graph: Graph, roots) -> Graph:
    """``graph`` itself where the roots are the ones it has, else a Graph with the new ones."""
    return graph if tuple(roots) == graph.roots else graph.with_roots(roots)
