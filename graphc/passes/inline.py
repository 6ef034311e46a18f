"""Calls that nobody wants whole are replaced by what they compute."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from graphc.ir.graph import Graph, in_order, instantiate, rebuild
from graphc.passes.nested import everywhere, same_or


@everywhere
def inline_calls(graph: Graph, keep: Container[str] = ()) -> Graph:
    """Put the body of every ``call`` in its place, but for Graphs whose names are in ``keep``."""
    results: dict = {}
    measures: list = []

    def visit(node, inputs):
        if node.op == "call" and node.attr("graph").name not in keep:
            body = node.attr("graph")
            roots, count = instantiate(body, inputs), len(body.measures)
            measures.extend(roots[:count])
            outputs = roots[count:]
            if len(outputs) == 1:
                return outputs[0]
            results[node] = outputs
        if node.op == "item" and node.inputs[0] in results:
            return results[node.inputs[0]][node.attr("index")]
        return None

    graph = same_or(graph, rebuild(graph.roots, visit))
    return replace(graph, measures=in_order((*graph.measures, *measures))) if measures else graph
