"""Where the time of a run goes: every launch timed from inside, beside what it computes, moves, and what the machine can do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import numpy as np

from graphc.compile import Timed, compile_graph, load_timed
from graphc.errors import Location, UsageError, located
from graphc.inspect.roofs import Roofs, kind_of, roofs
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.inspect.work import flops, step_bytes
from graphc.ir.clock import BEGIN, Times
from graphc.ir.gpu import Gpu
from graphc.ir.node import Node, symbol_name
from graphc.ir.program import Copy, Host, Launch, flat
from graphc.runtime.executable import Executable
from graphc.runtime.host import runs_here
from graphc.runtime.pool import default_threads
from graphc.runtime.portable_call import aligned_bytes
from graphc.runtime.support import load_support

LAUNCH, COPY, HOST = "launch", "copy", "host"
WARM = 2  # runs before those that count
SECONDS = 1.0  # of measuring, where nothing else is asked for
MOST = 1000  # runs in that time
LEAST = 3  # runs, unless they take more than so many times as long
PATIENCE = 5


@dataclass(frozen=True)
class LaunchTime:
    """A launch of a kernel, a copy, or a host step: one step of the program.

    Attributes:
        kernel: its name; of a copy ``copy``, of a host step the operation.
        kind: LAUNCH, COPY or HOST.
        index: number of the step among all of the program, inner ones included.
        count: how often it ran in one run; more than once in a loop.
        start_ns: when it first ran, from the beginning of the run that ``spans`` are of.
        duration_ns, least_ns: of all times in one run together: the mean of the middle half of the runs, and the least.
        flops, bytes: of all times together, as the summary counts them.
        work: the roof that its arithmetic is under: ``f32``, ``f64`` or ``i8``.
        busy: how much of the time of all threads the parts of its loops took, from 0 to 1.
        operations: what it computes. locations: the user's lines.
    """

    kernel: str
    kind: str
    index: int
    count: int
    start_ns: int
    duration_ns: float
    least_ns: float
    flops: int
    bytes: int
    work: str
    busy: float
    operations: tuple[str, ...]
    locations: tuple[Location, ...]


@dataclass(frozen=True)
class Span:
    """A step that ran once, on thread 0, or a part of its loop on some thread; from the beginning of the run."""

    index: int
    thread: int
    start_ns: int
    duration_ns: int


@dataclass(frozen=True)
class Profile:
    """What was measured.

    Attributes:
        graph, target, threads, sizes: what ran; ``sizes`` are those of open dimensions by short names.
        assumed: names of sizes that host steps make while the program runs; FLOPs and bytes are for those in ``sizes``.
        runs: how many count.
        whole_ns, least_ns: of a run with the call and its arguments: the mean of the half of them that are neither the
            fastest nor the slowest quarter, which for each step is that of the same runs, so that they add up; and the least.
        plain_ns: the same mean of runs of the same program without clocks, each between two that are timed.
        clock_ns: what one look at the clock takes, which is within each step's time.
        launches: every step that ran, in the order of the program.
        spans: of the fastest run, in order of time; parts: of its parallel loops, by thread.
        is_complete: whether there was room for all of these; the times above are complete in any case.
        peaks: what this machine can do.
    """

    graph: str
    target: str
    threads: int
    sizes: dict[str, int]
    assumed: tuple[str, ...]
    runs: int
    whole_ns: float
    least_ns: float
    plain_ns: float
    clock_ns: float
    launches: tuple[LaunchTime, ...]
    spans: tuple[Span, ...]
    parts: tuple[Span, ...]
    is_complete: bool
    peaks: Roofs

    @property
    def outside_ns(self) -> float:
        """What of a run is in no step: the call and its arguments, results, control flow."""
        return self.whole_ns - sum(x.duration_ns for x in self.launches)


def profile(
    stages: Stages, arrays: Sequence[np.ndarray], *, threads: int | None = None, runs: int | None = None,
    seconds: float = SECONDS, fresh: bool = False,
) -> Profile:  # fmt: skip
    """Run a program again and again and tell how long each of its steps takes.

    State that a run writes over (variables in a step of training) is a copy, which each run finds as ``arrays`` has it.

    Args:
        arrays: one for each input of the graph.
        threads: that the runs use; as many as usual if None.
        runs: how many are timed; as many as ``seconds`` allow if None.
        fresh: measure the machine anew instead of believing the cache.

    Raises:
        UsageError: the target is a GPU, or its code does not run here, or a number makes no sense.
        FeedError, DtypeError, ShapeError: an array does not fit.
    """
    if isinstance(stages.target, Gpu):
        raise UsageError(f"code for {stages.target.name} cannot be measured: profiles are of code for the CPU")
    if not runs_here(stages.target):
        raise UsageError(f"code for {stages.target.name} does not run on this machine, so it cannot be measured")
    if (threads is not None and threads < 1) or (runs is not None and runs < 1) or not seconds > 0:
        raise UsageError(f"threads={threads}, runs={runs} and seconds={seconds} must be more than 0")
    hosts: dict[int, int] = {}
    timed = load_timed(
        stages.graph, lambda number: hosts.__setitem__(number, time.perf_counter_ns()), stages.options, True, stages.optimised
    )  # fmt: skip
    with _on_threads(threads) as used, located(None):
        peaks = roofs(stages.target, used, fresh)
        measured = _measure(timed, compile_graph(stages.graph, stages.options), arrays, hosts, runs, seconds)
    return measured.profile(stages, _sizes(stages, arrays), used, peaks)


@contextmanager
def _on_threads(threads: int | None) -> Iterator[int]:
    """Let the pool use so many threads meanwhile."""
    support, usual = load_support(), default_threads()
    support.set_threads(threads or usual)
    try:
        yield threads or usual
    finally:
        support.set_threads(usual)


def _sizes(stages: Stages, arrays: Sequence[np.ndarray]) -> Sizes:
    """The sizes that open dimensions have in these arrays."""
    signature = stages.program.signature
    given = {
        f"{p.name}.{axis}": size
        for p, array in zip(signature.inputs, arrays)
        for axis, (d, size) in enumerate(zip(p.type.shape, np.shape(array)))
        if symbol_name(d)
    }  # fmt: skip
    return Sizes(signature, given=given)


@dataclass
class _Measured:
    """Times of the runs: of each step, of the whole, of the whole without clocks; and the fastest run."""

    timed: Timed
    steps: list[np.ndarray]
    whole: list[int]
    plain: list[int]
    costs: list[int]
    begin: int
    fastest: Times

    def profile(self, stages: Stages, sizes: Sizes, threads: int, peaks: Roofs) -> Profile:
        spans = _spans(self.fastest, self.begin)
        parts = _parts(self.fastest, self.begin, spans)
        middle, least = np.mean(np.array(self.steps)[_middle(self.whole)], axis=0), np.min(self.steps, axis=0)
        about, found = _about(stages, self.timed), []
        for index, step in enumerate(flat(self.timed.program.steps)):
            count = 1 if isinstance(step, Host) else int(self.fastest.runs[index])
            if count and isinstance(step, (Launch, Copy, Host)):
                mine = [s for s in spans if s.index == index]
                inside = sum(p.duration_ns for p in parts if p.index == index)
                lasted = sum(s.duration_ns for s in mine)
                nodes = about.get(index, ())
                kernel, kind, lines = _named(step, nodes)
                work = 0 if kernel.startswith("pack") else sum(sizes.number(flops(n)) for n in nodes)
                found.append(LaunchTime(
                    kernel, kind, index, count, mine[0].start_ns if mine else 0, float(middle[index]), float(least[index]),
                    work * count, sizes.number(step_bytes(self.timed.program, step)) * count, kind_of(nodes),
                    min(1.0, (inside or lasted) / (threads * lasted)) if lasted else 0.0,
                    tuple(dict.fromkeys(n.op for n in nodes)), lines,
                ))  # fmt: skip
        return Profile(
            stages.graph.name, stages.target.name, threads, sizes.values, sizes.assumed, len(self.whole),
            _typical(self.whole), float(min(self.whole)), _typical(self.plain), float(median(self.costs)), tuple(found), tuple(spans), tuple(parts),
            self.fastest.is_complete, peaks,
        )  # fmt: skip


def _measure(
    timed: Timed, plain: Executable, arrays: Sequence[np.ndarray], hosts: dict[int, int], runs: int | None, seconds: float
) -> _Measured:
    """Run the program with and without clocks in turns."""
    state = {k: _kept(np.asarray(arrays[k])) for _, k in timed.program.signature.donated}
    given = [a for k, a in enumerate(arrays) if k not in state]
    one, other = plain.bind(state), timed.executable.bind(state)

    def once(call: Callable) -> tuple[int, int, tuple]:
        for k, array in state.items():
            np.copyto(array, arrays[k])
        begin = time.perf_counter_ns()
        results = call(*given)
        return begin, time.perf_counter_ns(), results

    found, start = None, time.perf_counter()
    for _ in range(WARM):
        if time.perf_counter() - start < seconds:
            once(one), once(other)
    start = time.perf_counter()
    while found is None or not _is_enough(len(found.whole), time.perf_counter() - start, runs, seconds):
        begin, end, _ = once(one)
        spent = end - begin
        begin, end, results = once(other)
        times = timed.times(results[-1], dict(hosts), end)
        if found is None:
            found = _Measured(timed, [], [], [], [], begin, times)
        if found.whole and end - begin < min(found.whole):
            found.begin, found.fastest = begin, times
        found.steps.append(times.nanoseconds)
        found.whole.append(end - begin)
        found.plain.append(spent)
        found.costs.append(times.cost)
    return found


def _is_enough(count: int, spent: float, runs: int | None, seconds: float) -> bool:
    """Whether so many runs in so many seconds will do."""
    if runs is not None:
        return count >= runs
    return count >= MOST or spent >= (seconds if count >= LEAST else PATIENCE * seconds)


def _middle(times: list[int]) -> np.ndarray:
    """Numbers of the runs that are neither among the fastest nor among the slowest quarter."""
    order = np.argsort(times, kind="stable")
    return order[len(times) // 4 : len(times) - len(times) // 4]


def _typical(times: list[int]) -> float:
    return float(np.mean(np.array(times)[_middle(times)]))


def _kept(array: np.ndarray) -> np.ndarray:
    """A copy that begins at a multiple of 64 bytes, as variables do."""
    if array.dtype == object:
        return array.copy()
    copy = aligned_bytes(array.nbytes).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _spans(times: Times, begin: int) -> list[Span]:
    """Every step of a run, in order of time."""
    found, last = [], 0
    for number, end in times.events.tolist():
        if number != BEGIN:
            found.append(Span(number, 0, last - begin, end - last))
        last = end
    found += [Span(n, 0, start - begin, end - start) for n, (start, end) in times.host_spans.items()]
    return sorted(found, key=lambda s: s.start_ns)


def _parts(times: Times, begin: int, spans: list[Span]) -> list[Span]:
    """The parts of parallel loops, each with the step it belongs to; the caller's thread is number 0."""
    threads = {threading.get_ident(): 0}
    starts = np.array([s.start_ns for s in spans], np.int64)
    found = []
    for thread, start, end in sorted(times.parts.tolist(), key=lambda row: row[1]):
        k = int(np.searchsorted(starts, start - begin, "right")) - 1
        if k >= 0:
            found.append(Span(spans[k].index, threads.setdefault(thread, len(threads)), start - begin, end - start))
    return found


def _about(stages: Stages, timed: Timed) -> dict[int, tuple[Node, ...]]:
    """The operations that each launch computes, by the number of the step."""
    launched = {name: list(each) for name, each in stages.launched.items()}
    written = {k.name: [n for n, a in enumerate(k.arrays) if a.written] for k in timed.program.kernels}
    found = {}
    for number, step in enumerate(flat(timed.program.steps)):
        if isinstance(step, Launch) and launched.get(step.kernel):
            each = launched[step.kernel]
            made = {timed.made.get(step.args[k]) for k in written[step.kernel]}
            mine = next((nodes for nodes in each if made.intersection(nodes)), each[0])
            if len(each) > 1:
                each.remove(mine)
            found[number] = mine
    return found


def _named(step, nodes: tuple[Node, ...]) -> tuple[str, str, tuple[Location, ...]]:
    """Kernel, kind and lines of a step."""
    match step:
        case Launch(kernel):
            places = dict.fromkeys(n.location for n in nodes if n.location is not None)
            return kernel, LAUNCH, tuple(places)
        case Host(op):
            return op, HOST, () if step.location is None else (step.location,)
    return COPY, COPY, ()
