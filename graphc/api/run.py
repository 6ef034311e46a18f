"""Running a pure graph over state that lives in arrays: compile, bind, call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.compile import compile_graph, load_timed, optimise  # noqa: F401  also found here
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.runtime.executable import new_turn  # noqa: F401  also found here
from graphc.runtime.turn import Turn


def timed(graph: Graph, state: Mapping[int, np.ndarray], mark: Callable, turn: Turn | None = None) -> tuple:
    """The same as ``bound`` with ``mark(step=k)`` called before each step; its Program, and the Nodes of the buffers."""
    executable, program, made = load_timed(graph, mark)
    kept = sum(position in state for _, position in graph.donated)
    return executable.bind(dict(state), single=len(graph.outputs) - kept == 1, turn=turn), program, made


def bound(
    graph: Graph, state: Mapping[int, np.ndarray], options: Options | None = None, turn: Turn | None = None
) -> Callable:
    """A function of the inputs that are not in ``state``; donated outputs are written over their state arrays.

    Args:
        state: position of an input -> the array that holds it from call to call.
        turn: keeps the runs of functions apart that share arrays of ``state``.

    Returns:
        A function that answers with the array of the only output that is not donated, or a tuple of them.
    """
    executable = compile_graph(graph, options or Options())
    kept = sum(position in state for _, position in graph.donated)
    return executable.bind(dict(state), single=len(graph.outputs) - kept == 1, turn=turn)
