"""One request of one session: its plans for different feeds, and the function that users of the request call."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from graphc.api.recompile import subject
from graphc.errors import (
    CancelledError, CompileError, DtypeError, FeedError, GraphcError, ShapeError, StateError, explain, with_line,
)  # fmt: skip
from graphc.lib.dims import DataDependent
from graphc.prims.running import RUNS, Elsewhere, RankFound, RankUnknown, Ranks, running
from graphc.v1.feeds import as_array
from graphc.v1.lines import name_own_line
from graphc.v1.plan import Pattern, Plan, Request, changes, deciding, diagnose, make_plan, pattern_of
from graphc.v1.state import State

_PLANS_KEPT = 256
_PATIENCE = 8  # times that a graph may be changed between runs of one request before anybody is warned
_FEW = 2  # times that something else may change: a last batch of another kind, a test beside the training
_ADVICE = {
    "rank": "give the placeholder a shape, such as [None, 3], or feed values of one rank",
    "value": "feed as few different values as possible, or take the size from tf.shape",
}
PLANNING = threading.RLock()  # graphs are built and bound by one thread at a time
_RANKS = 6  # that are tried
_REFUSED = (ShapeError, DtypeError, FeedError, TypeError)

if hasattr(os, "register_at_fork"):  # a child must not find a graph half built by a thread that it does not have
    os.register_at_fork(before=PLANNING.acquire, after_in_parent=PLANNING.release, after_in_child=PLANNING.release)


class Runner:
    """Finds or makes the plan for given values.

    Attributes:
        current: the plan that ran last, or None; pattern: what it assumes.
        is_plain: the request is one tensor, whose value is the answer as it is.
        call: function of the fed values that answers with the structure of fetches.
    """

    def __init__(self, request: Request, state: State, is_plain: bool, bind: Callable | None = None):
        self._bind = bind
        self.request, self.state, self.is_plain = request, state, is_plain
        self.current: Plan | None = None
        self.pattern: Pattern | None = None
        self._plans: dict[Pattern, Plan] = {}
        self._with_ones = self._closed = False
        self._valued: frozenset[int] = frozenset()  # positions of the feeds whose values plans depend on
        self._latest: Pattern | None = None
        names = [", ".join(t.name for t in ts) for ts in ((*request.fetches, *request.targets), request.fed)]
        self._subject = subject(state, tuple(names), f"the run of [{names[0]}] fed [{names[1]}]")
        self.call, self._forget = caller(self)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Refuse every later call."""
        self._closed = True
        self._forget()

    def run(self, values: tuple, timeout: float | None = None):
        """Convert the values, find or make the plan, call it.

        Args:
            timeout: seconds that it may wait for queues; the session's if None.

        Returns:
            The array of the only fetch, or a tuple of the arrays of all.
        """
        if self._closed:
            raise StateError(explain("run: the session is closed; make a new one, or run inside its 'with' block"))
        if len(values) != len(self.request.fed):
            raise FeedError(explain(f"run: {len(values)} values for {len(self.request.fed)} fed tensors"))
        arrays = [as_array(t, v) for t, v in zip(self.request.fed, values)]
        with running(self.state.resources) as run, with_line():
            timeout = self.state.timeout if timeout is None else timeout
            run.deadline = None if timeout is None else time.monotonic() + timeout
            try:
                return self._run(arrays)
            except StateError as error:
                if not self._closed:
                    raise
                raise CancelledError(explain("run: the session was closed by another thread")) from error
            except GraphcError as error:
                name_own_line(error, self.request)
                raise

    def answer(self, out):
        """What ``run`` answers, as users of the request get it."""
        if self.is_plain:
            return out if out.ndim else out[()]
        out = (out,) if len(self.request.fetches) == 1 else out
        return self.request.rebuild([v if v.ndim else v[()] for v in out])

    def _run(self, arrays):
        try:
            return self._call(arrays)
        except ShapeError as error:
            refusal = error
        while isinstance(refusal, DataDependent):
            more = self._valued | deciding(self.request, self._pattern(arrays), refusal.node)
            if more == self._valued:
                break
            self._valued = more
            try:
                return self._call(arrays)
            except ShapeError as error:
                refusal = error
        if not self._with_ones and any(pattern_of(self.request, arrays, True).sizes):
            refusal = self._with_known_ones(arrays)
            if not isinstance(refusal, GraphcError):
                return refusal
        diagnose(self.request, arrays)
        raise refusal

    def _with_known_ones(self, arrays):
        """Again, with sizes that are 1 known to be 1, so that they broadcast: the result, or the error."""
        self._with_ones = True
        try:
            return self._call(arrays)
        except GraphcError as error:
            self._with_ones = False
            return error

    def _pattern(self, arrays) -> Pattern:
        return pattern_of(self.request, arrays, self._with_ones, self._valued)

    def _call(self, arrays):
        pattern = self._pattern(arrays)
        while True:
            ranks = None
            try:
                plan = self._plan(pattern)
                out = _performed(plan, arrays)
                break
            except RankUnknown as unknown:
                ranks = unknown.ranks
            except RankFound as other:
                other.tell()
                self._plans.clear()
            if ranks is not None:  # outside, so that errors of the user's code do not show that one as their context
                self._find_out(ranks, pattern, arrays)
        self.state.mark_initialised(plan.traced.written)
        self.current, self.pattern = plan, pattern
        return out

    def _plan(self, pattern: Pattern) -> Plan:
        plan = self._plans.get(pattern)
        if plan is None:
            with PLANNING:
                plan = self._plans.get(pattern)
                if plan is None:
                    if len(self._plans) >= _PLANS_KEPT:
                        self._plans.clear()
                    plan = self._plans[pattern] = make_plan(self.request, pattern, self.state, bind=self._bind)
                    self._note(pattern)
        return plan

    def _note(self, pattern: Pattern) -> None:
        """Count a compilation, with what made it necessary."""
        found = [] if self._latest is None else changes(self.request, self._latest, pattern)
        if found:
            kind = found[0][0]
            self._subject.compiled(kind, "; ".join(reason for _, reason in found), _FEW, _ADVICE.get(kind, ""))
        elif self._latest is not None:
            reason = "what a queue, a stack or a Python function gives has another shape"
            self._subject.compiled("content", reason, _FEW)
        elif self._subject.count:
            self._subject.compiled("graph", "the graph was changed since the last run", _PATIENCE)
        else:
            self._subject.compiled()
        self._latest = pattern

    def _find_out(self, ranks: Ranks, pattern: Pattern, arrays) -> None:
        """Run what an operation needs and the operation itself, to see the ranks of its results.

        Where it is inside of a branch or a loop, that is run until it comes to it. Its effects, and those of what it
        needs, are not repeated by the run proper.

        Raises:
            RankUnknown: what is around it can only be built for sizes that are known.
        """
        RUNS.top.again()
        RUNS.top.probing = ranks
        op = ranks.op.graph.outermost(ranks.op)
        try:
            with PLANNING:
                plan = self._probe(replace(self.request, fetches=(), targets=(op,)), pattern, op is not ranks.op)
            _performed(plan, arrays)
        except RankFound as found:
            found.tell()
        finally:
            RUNS.top.probing, RUNS.top.guess = None, 0

    def _probe(self, request: Request, pattern: Pattern, is_inside: bool) -> Plan:
        """A plan in which the results that are asked about have a rank that fits what uses them."""
        for guess in range(_RANKS if is_inside else 0):
            RUNS.top.guess = guess
            try:
                return make_plan(request, pattern, self.state)
            except CompileError:  # the sizes of this rank must be known
                raise RankUnknown(RUNS.top.probing) from None
            except ShapeError:
                pass
        RUNS.top.guess = 0
        return make_plan(request, pattern, self.state)


def _performed(plan: Plan, arrays):
    """Call a plan; what must wait for others does so while the plan keeps nobody from the session's state."""
    run = RUNS.top
    while True:
        run.again()
        run.is_holding = bool(plan.traced.state)
        try:
            return plan.call(*arrays)
        except Elsewhere as step:
            run.is_holding = False
            step.carry_out()
        finally:
            run.is_holding = False


def _unplanned(*values):
    raise FeedError("no plan yet")


def caller(runner: Runner) -> tuple[Callable, Callable]:
    """The function of the fed values: straight to native code, and through the runner what native code refuses.

    Returns:
        That function, and another that makes it start anew.
    """
    refuses = (_unplanned, False)
    current, rebuild = refuses, runner.request.rebuild  # the native function, and whether it answers with a scalar
    is_only = len(runner.request.fetches) == 1

    def refused(values):
        nonlocal current
        out = runner.run(values)
        plan = runner.current
        current = (plan.call, plan.is_scalar) if plan.is_general else refuses
        if runner.is_closed:  # meanwhile, by another thread
            current = refuses
        return out

    def plain(*values):
        call, is_scalar = current
        try:
            out = call(*values)
            return out[()] if is_scalar else out
        except _REFUSED:
            pass  # answered outside, so that an error below does not show this one as its context
        out = refused(values)
        return out if out.ndim else out[()]

    def structured(*values):
        call, _ = current
        try:
            out = call(*values)
        except _REFUSED:
            out = None
        if out is None:
            out = refused(values)
        if is_only:
            out = (out if out.ndim else out[()],)
        else:
            out = [v if v.ndim else v[()] for v in out]
        return rebuild(out)

    def forget():
        nonlocal current
        current = refuses

    return plain if runner.is_plain else structured, forget
