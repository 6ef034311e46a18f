"""Calls that nobody wants whole are replaced by what they compute."""

from __future__ import annotations

from collections.abc import Container

from graphc.ir.graph import Graph, rebuild, substitute
from graphc.passes.nested import everywhere, same_or


@everywhere
def inline_calls(graph: Graph, keep: Container[str] = ()) -> Graph:
    """Put the body of every ``call`` in its place, but for Graphs whose names are in ``keep``."""
    results: dict = {}

    def visit(node, inputs):
        if node.op == "call" and node.attr("graph").name not in keep:
            body = node.attr("graph")
            outputs = substitute(body.outputs, dict(zip(body.inputs, inputs)))
            if len(outputs) == 1:
                return outputs[0]
            results[node] = outputs
        if node.op == "item" and node.inputs[0] in results:
            return results[node.inputs[0]][node.attr("index")]
        return None

    return same_or(graph, rebuild(graph.outputs, visit))
