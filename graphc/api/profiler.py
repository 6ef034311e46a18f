"""``tf.profiler.experimental``: what a program spends its time on, as a trace for Chrome, Perfetto and TensorBoard.

Between ``start`` and ``stop`` the profile holds: what is marked by ``Trace``, evaluations of eager operations, calls of
functions, runs of sessions, compilations and their stages, and the steps of each program that runs. Nothing is asked
while no profile is on: the methods that are watched are replaced only while one is.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from graphc.api.evaluation import Evaluator
from graphc.api.function.running import Runner
from graphc.api.profile_steps import StepTime, TimedProgram
from graphc.api.programs import Programs
from graphc.api.storage import CHANGES, shared_turn
from graphc.errors import AlreadyExistsError, UnavailableError, UsageError, explain, here
from graphc.formats.atomic import told, write_file
from graphc.runtime.stages import Stage, watch

_HOST, _DEVICE = 1, 2  # processes of the trace
_NAMES = {_HOST: "/host:CPU", _DEVICE: "/device:CPU:0"}
PLAIN = "trace.json"  # in the folder of the profile: the latest trace as plain text


@dataclass(frozen=True)
class ProfilerOptions:
    """What a profile holds.

    Attributes:
        host_tracer_level: 0 leaves out all but the steps of programs.
        device_tracer_level: 0 leaves out the steps of programs. For these every program is compiled once more.
        python_tracer_level, delay_ms: without effect.
    """

    host_tracer_level: int = 2
    python_tracer_level: int = 0
    device_tracer_level: int = 1
    delay_ms: int | None = None


class Recording:
    """What one profile has seen.

    Args:
        logdir: where it is written to.

    Attributes:
        offset: what is added to ``time.perf_counter_ns`` for nanoseconds since 1970.
    """

    def __init__(self, logdir: str, options: ProfilerOptions):
        self.logdir, self.options = logdir, options
        self.events: list[dict] = []
        self.threads: dict[int, str] = {}
        self.offset = time.time_ns() - time.perf_counter_ns()
        self._undo: list[Callable] = []

    @property
    def times_steps(self) -> bool:
        """Whether the steps of programs are wanted."""
        return self.options.device_tracer_level > 0

    def add(self, name: str, category: str, begin: int, end: int, process: int = _HOST, **args) -> None:
        """Something took from ``begin`` to ``end``, of ``time.perf_counter_ns``."""
        if process == _HOST and not self.options.host_tracer_level:
            return
        thread = threading.get_ident() if process == _HOST else 0
        if thread and thread not in self.threads:
            self.threads[thread] = threading.current_thread().name
        self.events.append(
            {"ph": "X", "name": name, "cat": category, "pid": process, "tid": thread,
             "ts": (begin + self.offset) / 1000, "dur": max(end - begin, 1) / 1000, "args": args}
        )  # fmt: skip

    @contextmanager
    def span(self, name: str, category: str, **args):
        """What is done inside is one event."""
        begin = time.perf_counter_ns()
        try:
            yield
        finally:
            self.add(name, category, begin, time.perf_counter_ns(), **args)

    def steps(self, times: list[StepTime]) -> None:
        """The steps of a program that has run."""
        for step in times:
            self.step(f"{step.kernel}: {step.name}", step.begin, step.end, line=step.line)

    def step(self, name: str, begin: int, end: int, **args) -> None:
        """A step of a program that has run."""
        self.add(name, "step", begin, end, _DEVICE, **args)

    def timed(self, graph, state=None, turn=None) -> Callable:
        """A graph as a callable of arrays whose steps are recorded; see ``TimedProgram``."""
        with self.span(f"compile {graph.name} with clocks between its steps", "profiler"):
            return TimedProgram(graph, self.steps, state, turn)

    def at_end(self, action: Callable) -> None:
        """Have something undone when the profile ends."""
        self._undo.append(action)

    def begin(self) -> None:
        """Watch compilations and all that runs programs."""
        self.at_end(CHANGES.note)
        self.at_end(watch(self._stage))
        for watched in _WATCHED:
            self.watch(watched)
        CHANGES.note()  # functions look for their native ones anew

    def watch(self, watched: "Watched") -> None:
        """Let another method stand in for one that runs programs, up to the end."""
        original = vars(watched.owner)[watched.method]
        setattr(watched.owner, watched.method, watched.replacement(original, self))
        self.at_end(functools.partial(setattr, watched.owner, watched.method, original))

    def end(self) -> None:
        """Watch nothing any more."""
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def _stage(self, stage: Stage) -> Callable:
        begin = time.perf_counter_ns()
        title = f"compile {stage.program}" if stage.title == "compile" else stage.title
        return lambda: self.add(title, "compile", begin, time.perf_counter_ns(), program=stage.program)

    def trace(self) -> dict:
        """All events in the form that Chrome defines."""
        named = [{"ph": "M", "pid": p, "name": "process_name", "args": {"name": name}} for p, name in _NAMES.items()]
        threads = [(_HOST, tid, name) for tid, name in self.threads.items()] + [(_DEVICE, 0, "steps of programs")]
        named += [{"ph": "M", "pid": p, "tid": t, "name": "thread_name", "args": {"name": n}} for p, t, n in threads]
        events = sorted(self.events, key=lambda e: (e["ts"], -e["dur"]))
        return {"displayTimeUnit": "ms", "traceEvents": [*named, *events]}


@dataclass(frozen=True, eq=False)
class Watched:
    """A method that runs programs.

    Attributes:
        owner, method: the class and the name of the method.
        replacement: from the method and a Recording to the method that stands in for it.
    """

    owner: type
    method: str
    replacement: Callable


def _eager_span(recording: Recording):
    return recording.span(f"eager at {here() or 'an unknown line'}", "run")


def _evaluation(original: Callable, recording: Recording) -> Callable:
    """``Evaluator.arrays`` that records each evaluation."""
    timed = Programs(recording.timed) if recording.times_steps else None

    def arrays(self, wanted, programs):
        with _eager_span(recording):
            return original(self, wanted, timed or programs)

    return arrays


def _eager_run(original: Callable, recording: Recording) -> Callable:
    """``Programs.run`` that records each evaluation."""
    timed = Programs(recording.timed) if recording.times_steps else None

    def run(self, *args):
        with _eager_span(recording):
            return original(timed or self, *args)

    return run


def _function(original: Callable, recording: Recording) -> Callable:
    """``Runner.refresh``, after which the native function of a traced function records its runs."""

    def refresh(self):
        original(self)
        plain = self.call
        self.retire()
        if getattr(plain, "recording", None) is recording or not self.traced.graph.outputs:
            return
        call = recording.timed(self.traced.graph, self.state, shared_turn()) if recording.times_steps else plain

        def recorded(*arrays):
            with recording.span(f"function {self.traced.graph.name}", "run"):
                return call(*arrays)

        recorded.recording = recording
        self.call = recorded
        recording.at_end(lambda: setattr(self, "call", plain) if self.call is recorded else None)

    return refresh


_WATCHED: list[Watched] = [
    Watched(Evaluator, "arrays", _evaluation),
    Watched(Programs, "run", _eager_run),
    Watched(Runner, "refresh", _function),
]
_lock = threading.Lock()
_current: list[Recording] = []


def watch_runs(owner: type, method: str, replacement: Callable) -> None:
    """Let profiles see what a method runs; see ``Watched``."""
    with _lock:
        _WATCHED.append(Watched(owner, method, replacement))
        for recording in _current:
            recording.watch(_WATCHED[-1])


def start(logdir, options=None) -> None:
    """Begin a profile.

    Args:
        logdir: the folder that it is written to at the end. options: ProfilerOptions.

    Raises:
        AlreadyExistsError: one is on. UsageError: ``logdir`` is no name of a folder.
    """
    if not isinstance(logdir, (str, os.PathLike)) or not os.fspath(logdir):
        raise UsageError(explain(f"profiler.start: logdir must be the name of a folder, got {logdir!r}"))
    if options is not None and not isinstance(options, ProfilerOptions):
        raise UsageError(explain(f"profiler.start: options must be ProfilerOptions, got {options!r}"))
    with _lock:
        if _current:
            raise AlreadyExistsError(explain("profiler.start: another profile is on; stop() ends it"))
        recording = Recording(os.fspath(logdir), options or ProfilerOptions())
        recording.begin()
        _current.append(recording)


def stop(save=True) -> None:
    """End the profile, and write it unless ``save`` is false.

    Files: ``LOGDIR/plugins/profile/TIME/HOST.trace.json.gz``, which TensorBoard finds, and ``LOGDIR/trace.json``, the
    same as plain text, for ``chrome://tracing`` and https://ui.perfetto.dev.

    Raises:
        UnavailableError: none is on. StateError, PermissionDeniedError: the files cannot be written.
    """
    with _lock:
        if not _current:
            raise UnavailableError(explain("profiler.stop: no profile is on; profiler.experimental.start begins one"))
        recording = _current.pop()
        recording.end()
    if save:
        _write(recording)


def _write(recording: Recording) -> None:
    text = json.dumps(recording.trace()).encode()
    run = time.strftime("%Y_%m_%d_%H_%M_%S")
    folder = os.path.join(recording.logdir, "plugins", "profile", run)
    with told("profiler.stop", recording.logdir):
        os.makedirs(folder, exist_ok=True)
        with gzip.open(os.path.join(folder, f"{socket.gethostname()}.trace.json.gz"), "wb") as file:
            file.write(text)
    write_file(os.path.join(recording.logdir, PLAIN), text)


class Profile:
    """A profile of what is done in a ``with`` block; see ``start`` and ``stop``.

    Example::

        with tf.profiler.experimental.Profile("logs"):
            train()
    """

    def __init__(self, logdir, options=None):
        self._logdir, self._options = logdir, options

    def __enter__(self):
        start(self._logdir, self._options)

    def __exit__(self, *error):
        stop()


class Trace:
    """A name for what is done in a ``with`` block, in the profile that is on; nothing where none is.

    Args:
        name: what is shown. kwargs: shown with it, such as ``step_num=7``.

    Example::

        for step in range(100):
            with tf.profiler.experimental.Trace("train", step_num=step, _r=1):
                train_step()
    """

    __slots__ = ("_name", "_given", "_begin")

    def __init__(self, name, **kwargs):
        self._name, self._given, self._begin = name, kwargs, None

    def __enter__(self):
        if _current:
            self._begin = time.perf_counter_ns()
        return self

    def set_metadata(self, **kwargs) -> None:
        """Show more with it."""
        self._given.update(kwargs)

    def __exit__(self, *error):
        if self._begin is not None and _current:
            shown = {k: v if isinstance(v, (int, float, str)) else str(v) for k, v in self._given.items() if k != "_r"}
            _current[0].add(str(self._name), "annotation", self._begin, time.perf_counter_ns(), **shown)
        self._begin = None


# ----------------------------------------------------------------------------------------- what is not there


def _refuse(name: str):
    instead = "profiles are made by the program itself; use profiler.experimental.Profile(logdir)"
    raise UnavailableError(explain(f"profiler.experimental.{name}: {instead}"))


def serve(port):
    """Not available: nobody else can profile this process.

    Raises:
        UnavailableError: always.
    """
    _refuse("server.start")


def trace(service_addr, logdir, duration_ms, worker_list="", num_tracing_attempts=3, options=None):
    """Not available: other processes cannot be profiled.

    Raises:
        UnavailableError: always.
    """
    _refuse("client.trace")


def monitor(service_addr, duration_ms, level=1):
    """Not available: other processes cannot be profiled.

    Raises:
        UnavailableError: always.
    """
    _refuse("client.monitor")
