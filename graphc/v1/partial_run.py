"""Runs in parts: what changes or draws or waits runs once, as soon as all that it needs is fed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from graphc.errors import FeedError, UsageError, explain
from graphc.v1.feeds import as_array, resolve_keys
from graphc.v1.fetches import resolve
from graphc.v1.plan import Request
from graphc.v1.runner import Runner
from graphc.v1.state import State
from graphc.v1.tensor import Differentiate, Feed, Operation, Read, Tensor
from graphc.v1.trace import needed

_RUNNERS_KEPT = 256
_HANDLES_KEPT = 1024


@dataclass(eq=False)
class _Run:
    """One run in parts.

    Attributes:
        key: names what was announced; history: the parts so far, by what they gave and asked.
        order: all operations that it needs.
        values: of the tensors that were fed, or made by operations that are done.
    """

    key: tuple
    fetches: frozenset
    feeds: frozenset
    order: list
    reads_again: bool
    values: dict = field(default_factory=dict)
    done: set = field(default_factory=set)
    fetched: set = field(default_factory=set)
    history: tuple = ()

    def is_impure(self, op: Operation) -> bool:
        """Whether another run of the operation could have another result."""
        if op.effect is None or isinstance(op.effect, (Differentiate, Feed)):
            return False
        return not (self.reads_again and isinstance(op.effect, Read))

    def blocked(self) -> dict:
        """Operations that cannot run yet, and for each a tensor that must be fed before."""
        found: dict[Operation, Tensor] = {}
        for op in self.order:
            if op in self.done:
                continue
            for t in op.operands:
                if t in self.feeds:
                    if t not in self.values:
                        found[op] = t
                elif t.op in found:
                    found[op] = found[t.op]
            for before in op.control_inputs:
                if before in found:
                    found[op] = found[before]
        return found


class PartialRuns:
    """The runs in parts of one session."""

    def __init__(self, graph, state: State):
        self._graph, self._state = graph, state
        self._numbers = itertools.count(1)
        self._runs: dict[str, _Run] = {}
        self._runners: dict[tuple, Runner] = {}

    def setup(self, fetches, feeds) -> str:
        """Announce a run; its handle. See ``Session.partial_run_setup``."""
        tensors, operations, _ = resolve(self._graph, fetches)
        fed = resolve_keys(self._graph, feeds or ())
        if not tensors and not operations:
            raise UsageError(explain("partial_run_setup: there is nothing to fetch"))
        announced = frozenset(fed)
        order = needed([t.op for t in tensors if t not in announced] + operations, announced.__contains__)
        missing = [op for op in order if isinstance(op.effect, Feed) and op.outputs[0] not in announced]
        if missing:
            names = ", ".join(op.name for op in missing)
            made = [(op.name, f"placeholder   {op.location}") for op in missing if op.location]
            raise FeedError(explain(f"partial_run_setup: needed but not among the feeds: {names}", made))
        key = (tuple(tensors), tuple(operations), fed, self._graph.version)
        reads_again = any(isinstance(op.effect, Differentiate) for op in order)
        handle = f"partial_run_{next(self._numbers)}"
        if len(self._runs) >= _HANDLES_KEPT:
            del self._runs[next(iter(self._runs))]
        self._runs[handle] = _Run(key, frozenset([*tensors, *operations]), announced, order, reads_again)
        return handle

    def run(self, handle, fetches, feed_dict):
        """One part of a run. See ``Session.partial_run``."""
        run = self._runs.get(handle) if isinstance(handle, str) else None
        if run is None:
            what = f"partial_run: {handle!r} is no handle of partial_run_setup, or all of that run has been fetched"
            raise UsageError(explain(what))
        tensors, operations, rebuild = resolve(self._graph, fetches)
        fed = resolve_keys(self._graph, feed_dict)
        _check(run, fed, [*tensors, *operations])
        before = dict(run.values)
        run.values.update(zip(fed, map(as_array, fed, feed_dict.values())))
        try:
            found = self._part(run, tensors, operations, frozenset(fed))
        except BaseException:
            run.values = before
            raise
        run.fetched.update(tensors, operations)
        if run.fetched >= run.fetches:
            self._runs.pop(handle, None)
        return rebuild([v if v.ndim else v[()] for v in found])

    def _part(self, run: _Run, tensors, operations, fed: frozenset) -> list:
        """Run what can be run; the values of the tensors."""
        blocked = run.blocked()
        for item in (*tensors, *operations):
            op = item.op if isinstance(item, Tensor) else item
            waits = item if item in run.feeds and item not in run.values else blocked.get(op)
            if waits is not None and item not in run.values:
                raise FeedError(explain(f"partial_run: {item.name} needs {waits.name}, which was not fed yet"))
        ready = [op for op in run.order if op not in blocked and op not in run.done and run.is_impure(op)]
        made = [t for op in ready for t in op.outputs if t not in run.feeds]
        wanted = list(dict.fromkeys([*(t for t in tensors if t not in run.values), *made]))
        targets = [op for op in (*operations, *(op for op in ready if not op.outputs)) if op not in run.done]
        key = (run.key, run.history, fed, tuple(wanted), tuple(targets))
        given = tuple(run.values)
        if wanted or targets:
            runner = self._runner(key, Request(tuple(wanted), tuple(targets), given, list, frozenset(run.done)))
            out = runner.run(tuple(run.values.values()))
            values = dict(zip(wanted, (out,) if len(wanted) == 1 else out))
        else:
            values = {}
        found = [values[t] if t in values else run.values[t] for t in tensors]
        run.values.update((t, values[t]) for t in made)
        run.done.update(ready)
        run.history += ((fed, tuple(wanted), tuple(targets)),)
        return found

    def _runner(self, key: tuple, request: Request) -> Runner:
        found = self._runners.get(key)
        if found is None:
            if len(self._runners) >= _RUNNERS_KEPT:
                self._runners.clear()
            found = self._runners[key] = Runner(request, self._state, False)
        return found


def _check(run: _Run, fed: tuple, asked: list) -> None:
    """Refuse what was not announced, or comes a second time.

    Raises:
        FeedError: there is such a feed or fetch.
    """
    for t in fed:
        if t not in run.feeds:
            raise FeedError(explain(f"partial_run: {t.name} was not among the feeds of partial_run_setup"))
        if t in run.values:
            raise FeedError(explain(f"partial_run: {t.name} has been fed already"))
    for item in asked:
        if item not in run.fetches:
            raise FeedError(explain(f"partial_run: {item.name} was not among the fetches of partial_run_setup"))
        if item in run.fetched:
            raise FeedError(explain(f"partial_run: {item.name} has been fetched already"))
