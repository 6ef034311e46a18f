"""Measure what schedules assume of the machine for one program, and keep what makes it faster; never a bit of a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from graphc.aot.feeds import feeds
from graphc.compile import assemble, has_callbacks, load, lower_graph, optimise, target_of
from graphc.errors import CompileError, UsageError
from graphc.ir.graph import Graph
from graphc.ir.machine import CANDIDATES, DEFAULT, Machine
from graphc.ir.program import Program
from graphc.options import Options
from graphc.runtime.host import runs_here

ROUNDS = 9  # of one comparison
ROUND_SECONDS = 0.004  # that one program runs in one round
LEAST_GAIN = 0.01  # what is not faster by more is not worth another schedule
NOISES = 2  # so many times what two runs of the same program differ by

Timer = Callable[[Machine, Callable[[], object], int], float]


@dataclass(frozen=True)
class Trial:
    """One comparison.

    Attributes:
        name, value: the number that was changed; "all" and None for all that were kept, against the default.
        ratio: the time of the best so far by that of this; None where no kernel changed.
        kept: whether the program is faster with it.
    """

    name: str
    value: int | None
    ratio: float | None
    kept: bool


@dataclass(frozen=True)
class Tuning:
    """What measuring found.

    Attributes:
        machine: the numbers to compile with (``Options.machine``).
        trials: everything that was compared, in order.
        noise: how much faster a program has to be to count, as a part of its time.
        ratio: the time of the default by that of the best; 1.0 where that is the default.
        left: values that there was no time for.
    """

    machine: Machine
    trials: tuple[Trial, ...]
    noise: float
    ratio: float
    left: int


def tune(
    graph: Graph, options: Options = Options(), inputs: Mapping[str, np.ndarray] | None = None,
    sizes: Mapping[str, int] | None = None, seconds: float = 60.0, timer: Timer | None = None,
    clock: Callable[[], float] = time.monotonic, on_trial: Callable[[Trial], None] | None = None,
) -> Tuning:  # fmt: skip
    """Try other numbers for ``options.machine``, one after the other, on the program as a whole on this machine.

    Each is compared with the best so far, in turns, and kept if it is faster by more than measuring varies, twice. In the
    end all that were kept have to beat the start together, or nothing is kept. Coordinate descent, as in ATLAS (Whaley and
    Dongarra, 1998).

    Args:
        inputs: arrays by the names of inputs; the others are random. sizes: see ``feeds``.
        seconds: no comparison begins later than this.
        timer: ``(machine, run, times) -> seconds`` of calling ``run`` so often. clock: what ``seconds`` are counted by.
        on_trial: sees every comparison.

    Raises:
        UsageError: the program has no kernels, a size is missing, or the target's code does not run here.
        CompileError: the graph calls Python functions, or one number changed a result, which is a fault of graphc.
    """
    if has_callbacks(graph):
        raise CompileError("the graph calls Python functions, which no file can hold; there is no artefact to tune it for")
    if not runs_here(target_of(options)):
        raise UsageError(f"code for {target_of(options).name} does not run on this machine, so it cannot be measured")
    if not seconds > 0:
        raise UsageError(f"seconds={seconds} must be more than 0")
    program = lower_graph(optimised := optimise(graph, options), options)
    if not program.kernels:
        raise UsageError(f"{graph.name} has no native kernels: there is nothing to tune")
    arrays = feeds(program.signature, inputs or {}, sizes or {})
    start = _made(program, options, arrays)
    bench = _Bench(optimised, options, arrays, start, timer or _timed, clock, clock() + seconds, on_trial)
    return bench.search()


@dataclass(frozen=True)
class _Made:
    """A program on one machine, ready to run."""

    machine: Machine
    program: Program
    run: Callable[[], tuple]


@dataclass
class _Bench:
    """The state of one search."""

    graph: Graph
    options: Options
    arrays: list
    start: _Made
    timer: Timer
    clock: Callable[[], float]
    end: float
    on_trial: Callable[[Trial], None] | None
    trials: list[Trial] = field(default_factory=list)
    times: int = 1  # runs in a round
    noise: float = LEAST_GAIN

    def search(self) -> Tuning:
        self.expected = self.start.run()
        if not self._is_expected(self.start.run()):
            raise UsageError(f"{self.graph.name} computes something else in every run, so that no change of it can be checked")
        self._look_at_the_noise()
        best, left = self.start, 0
        for name, values in CANDIDATES.items():
            for value in self._values(name, values):
                if self.clock() >= self.end:
                    left += 1
                elif (found := self._tried(best, name, value)) is not None:
                    best = found
        ratio = 1.0
        if best is not self.start:
            ratio = self.ratio(self.start, best)
            kept = ratio > 1 + self.noise
            self._noted(Trial("all", None, ratio, kept), None)
            best, ratio = (best, ratio) if kept else (self.start, 1.0)
        return Tuning(best.machine, tuple(self.trials), self.noise, ratio, left)

    def _values(self, name: str, values: tuple) -> list[int]:
        """What may be better than what was there from the start; that may be tuned already."""
        every = dict.fromkeys((*values, getattr(DEFAULT, name)))
        return [v for v in every if v != getattr(self.start.machine, name)]

    def _tried(self, best: _Made, name: str, value: int) -> _Made | None:
        """The program with one number changed, if that is better."""
        machine = replace(best.machine, **{name: value})
        if machine == best.machine:
            return None
        options = replace(self.options, machine=machine)
        program = lower_graph(self.graph, options)
        if program.kernels == best.program.kernels:
            return self._noted(Trial(name, value, None, False), None)
        made = _made(program, options, self.arrays)
        if not self._is_expected(made.run()):
            raise CompileError(f"{self.graph.name}: {name}={value} changes a result, which is a fault of graphc")
        ratio = self.ratio(best, made)
        if ratio > 1 + self.noise:
            ratio = min(ratio, self.ratio(best, made))  # the best of many is often so by chance
        kept = ratio > 1 + self.noise
        return self._noted(Trial(name, value, ratio, kept), made if kept else None)

    def _is_expected(self, results: tuple) -> bool:
        return [_bits(a) for a in results] == [_bits(a) for a in self.expected]

    def _noted(self, trial: Trial, found: _Made | None) -> _Made | None:
        self.trials.append(trial)
        if self.on_trial is not None:
            self.on_trial(trial)
        return found

    def _look_at_the_noise(self) -> None:
        """How long rounds must be, and by how much the times of one program differ in them."""
        once = min(self.timer(self.start.machine, self.start.run, 1) for _ in range(3))
        self.times = max(1, min(1000, round(ROUND_SECONDS / max(once, 1e-9))))
        apart = [abs(self.ratio(self.start, self.start) - 1) for _ in range(3)]
        self.noise = LEAST_GAIN + NOISES * max(apart)

    def ratio(self, one: _Made, other: _Made) -> float:
        """The time of one program by that of another: the median of rounds in which each comes first in turn."""
        found = []
        for k in range(ROUNDS):
            pair = (one, other) if k % 2 else (other, one)
            first, second = (self.timer(m.machine, m.run, self.times) for m in pair)
            found.append(first / second if k % 2 else second / first)
        return median(found)


def _made(program: Program, options: Options, arrays: list) -> _Made:
    executable = load(assemble(program, options), options)
    return _Made(options.machine, program, lambda: executable(*arrays))


def _timed(machine: Machine, run: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - begin


def _bits(array: np.ndarray) -> tuple:
    return array.dtype, array.shape, array.tolist() if array.dtype == object else array.tobytes()
