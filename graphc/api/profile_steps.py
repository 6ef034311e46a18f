"""Programs that look at the clock between their steps, and what a step is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphc.api.run import timed
from graphc.ir.clock import Times
from graphc.ir.graph import Graph
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Refuse, Repeat


@dataclass(frozen=True)
class StepTime:
    """One step of a run.

    Attributes:
        name: what it computes; kernel: what carries it out; line: the user's line, or an empty text.
        begin, end: of ``time.perf_counter_ns``.
    """

    name: str
    kernel: str
    line: str
    begin: int
    end: int


class TimedProgram:
    """A compiled graph whose runs tell how long their steps took.

    Args:
        tell: called after each run with its StepTimes.
        state, turn: as ``graphc.api.run.bound`` takes them, whose answer this one's is then; without ``state`` it is
            that of an Executable.
    """

    def __init__(self, graph: Graph, tell: Callable, state: Mapping | None = None, turn=None):
        self._tell = tell
        self._call, timed_program = timed(graph, state, self._ended, turn)
        program = timed_program.program
        self._steps = [_described(step, program, timed_program.made) for step in program.steps]

    def _ended(self, times: Times) -> None:
        self._tell([StepTime(*step, *span) for step, span in zip(self._steps, times.spans)])

    def __call__(self, *arrays):
        return self._call(*arrays)


def _described(step, program: Program, made: dict) -> tuple[str, str, str]:
    """Name, kernel and line of a step."""
    kernel = step.kernel if isinstance(step, Launch) else getattr(step, "op", type(step).__name__.lower())
    _, writes = used(step, {k.name: k for k in program.kernels})
    nodes = [made[name] for name in writes if name in made]
    name = "+".join(dict.fromkeys(node.op for node in nodes)) or kernel
    line = next((str(node.location) for node in nodes if node.location is not None), "")
    return name, kernel, line


def used(step, kernels: dict) -> tuple[list, list]:
    """Names of the buffers that a step of a Program reads and writes; ``kernels`` are the Program's by name."""
    match step:
        case Launch(kernel, args, _):
            pairs = list(zip(kernels[kernel].arrays, args))
            return [a for p, a in pairs if not p.written], [a for p, a in pairs if p.written]
        case Copy(source, target):
            return [source], [target]
        case Host(_, _, args, results):
            return list(args), list(results)
        case Branch(condition, then, orelse):
            parts = [used(s, kernels) for s in (*then, *orelse)]
            return [condition, *(n for r, _ in parts for n in r)], [n for _, w in parts for n in w]
        case Refuse(code):
            return [code], []
        case Repeat(body, test):
            parts = [used(s, kernels) for s in (*test, *body)]
            return [n for r, _ in parts for n in r], [n for _, w in parts for n in w]
    return [], []
