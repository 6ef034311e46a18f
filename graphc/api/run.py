"""Running a pure graph over state that lives in arrays: compile, bind, call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.type import TupleType
from graphc.options import Options
from graphc.prims.interpret import interpret


def bound(graph: Graph, state: Mapping[int, np.ndarray], options: Options | None = None) -> Callable:
    """A function of the inputs that are not in ``state``; donated outputs are written over their state arrays.

    Args:
        state: position of an input -> the array that holds it from call to call.

    Returns:
        A function that answers with the array of the only output that is not donated, or a tuple of them.
    """
    if any(_holds_strings(n) for n in (*graph.inputs, *graph.nodes)):
        return _interpreted(graph, dict(state))
    executable = compile_graph(graph, options or Options())
    kept = sum(position in state for _, position in graph.donated)
    return executable.bind(dict(state), single=len(graph.outputs) - kept == 1)


def _holds_strings(node: Node) -> bool:
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    return any(t.dtype is dt.string for t in types)


def _interpreted(graph: Graph, state: dict) -> Callable:
    """The same for a graph with strings, which native code cannot hold: every operation by its NumPy meaning."""
    free = [k for k in range(len(graph.inputs)) if k not in state]
    donated = {output: position for output, position in graph.donated if position in state}
    kept = [k for k in range(len(graph.outputs)) if k not in donated]

    def call(*values):
        arrays = {**state, **dict(zip(free, values))}
        out = [np.array(a) for a in interpret(graph, *[arrays[k] for k in range(len(graph.inputs))])]
        for output, position in donated.items():
            state[position][...] = out[output]
        return out[kept[0]] if len(kept) == 1 else tuple(out[k] for k in kept)

    return call
