"""Running a pure graph over state that lives in arrays: compile, bind, call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import numpy as np

from graphc.compile import Timed, compile_graph, load_timed, optimise  # noqa: F401  also found here
from graphc.ir.clock import Times
from graphc.ir.graph import Graph
from graphc.options import Options
from graphc.runtime.executable import new_turn  # noqa: F401  also found here
from graphc.runtime.resident import Resident  # noqa: F401  also found here
from graphc.runtime.turn import Turn


def timed(
    graph: Graph, state: Mapping[int, np.ndarray] | None, tell: Callable[[Times], None], turn: Turn | None = None
) -> tuple[Callable, Timed]:  # fmt: skip
    """The same as ``bound``, or without ``state`` as an Executable, with ``tell`` called after each run; and its program."""
    begun = threading.local()
    program = load_timed(graph, lambda number: begun.hosts.__setitem__(number, time.perf_counter_ns()))
    kept = 0 if state is None else sum(position in state for _, position in graph.donated)
    single = state is not None and len(graph.outputs) - kept == 1
    call = program.executable.bind(dict(state or {}), turn=turn)

    def run(*arrays):
        outer, hosts = getattr(begun, "hosts", None), {}
        begun.hosts = hosts
        try:
            *results, words = call(*arrays)
        finally:
            begun.hosts = outer  # of a run in one of whose host steps this one is
        tell(program.times(words, hosts, time.perf_counter_ns()))
        return results[0] if single else tuple(results)

    return run, program


def calling(executable) -> Callable:
    """A function of all inputs that answers all outputs, those that were made on a device as Residents."""
    return executable.bind(residents=True, sealed=True) if executable.resides else executable


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
