"""``while`` and ``for`` in converted functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from graphc.api import debugging
from graphc.api.autograph.branches import and_, branch_on, truth_of
from graphc.api.autograph.datasets import DatasetRows, is_dataset
from graphc.api.autograph.iterables import rows_of
from graphc.api.autograph.state import (
    NUMBERS,
    UNDEFINED,
    Variables,
    called,
    described,
    fitting,
    is_same,
    is_value,
    recorder_of,
)
from graphc.api.control import loop, open_body
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.structure import leaves, map_structure, pack
from graphc.api.tensor_array import TensorArray
from graphc.api.varying import varying_loop
from graphc.errors import (
    DtypeError,
    ShapeError,
    SymbolicError,
    UsageError,
    explain,
    raised_at,
)

WHILE, FOR = "`while` on a Tensor", "`for` over a Tensor"
_ADVICE = (
    "Use tf.autograph.experimental.set_loop_options to set shape invariants, "
    "or give it its final shape before the loop"
)


def while_(test: Callable, step: Callable, names: tuple, options: Callable | None) -> None:
    """Run ``step()`` while ``test()``; as a loop of the graph from where the test is a tensor without a value."""
    while True:
        going, recorder = _tested(test)
        if recorder is not None:
            break
        if not going:
            return
        step()
    staged = _Staged(recorder, WHILE, test, step, names, options)
    staged.run(lambda tested: tested, step, [])
    if staged.initialised():
        staged.expect_steps(staged.at_first(test))


def _tested(test: Callable) -> tuple:
    """What a test answers, and the recorder of a loop of the graph that it asks for."""
    top = RECORDERS.top
    if top is None or not top.captures:
        going = test()
        return going, recorder_of(going)
    with open_body(top) as trial:  # what is recorded by it is recorded again in the loop
        going = test()
    if recorder_of(going) is not None:
        return going, top
    return (test() if trial.captured or trial.acts or trial.states else going), None


def for_(iterable: Iterable, step: Callable, test: Callable | None, names: tuple, options: Callable | None) -> None:
    """Run ``step(item)`` for all items until ``test()`` is false; a loop of the graph over tensors without values."""
    top = RECORDERS.top
    if top is not None and top.captures and is_dataset(iterable):
        rows = DatasetRows(top, iterable)
        staged = _Staged(top, "`for` over a Dataset", test, step, names, options)
        staged.run(lambda stop: _both(stop, rows.has_more), lambda: step(rows.element()), [])
        rows.needed = staged.initialised()
        rows.close()
        return
    rows = rows_of(iterable)
    if rows is None:
        _for_python(iterable, step, test, names)
        return
    if test is not None:
        going = test()
        if recorder_of(going) is None and not going:
            return
    _Staged(rows.recorder, FOR, test, step, names, options).run_rows(rows)


def _for_python(iterable, step: Callable, test: Callable | None, names: tuple) -> None:
    """Over what Python iterates; steps after a ``break`` that a tensor decides become branches of the graph."""
    items = iter(iterable)
    for item in items:
        step(item)
        if test is not None:
            going = test()
            if recorder_of(going) is not None:
                break
            if not going:
                return
    else:
        return
    variables = Variables(names, step)
    for item in items:
        branch_on(test(), functools.partial(step, item), _nothing, variables)


def _nothing() -> None:
    """The branch of steps that are not taken."""


class _Staged:
    """One loop of the graph."""

    def __init__(self, recorder, construct: str, test, step: Callable, names: tuple, options: Callable | None):
        self.recorder, self.construct, self.test, self.step = recorder, construct, test, step
        self.variables = Variables(names, step, *([] if test is None else [test]))
        self.names = self.variables.names
        self.options = _checked_options(options() if options else {})
        self.before = self.variables.read()
        self.at_start = list(self.before)  # where None becomes UNDEFINED as soon as a step gives the variable a tensor
        self.late: list = []

    def run_rows(self, rows) -> None:
        """Over tensors: a counter is the first loop variable."""
        most = self.options.get("maximum_iterations")
        going = self.test

        def tested(stop, index):
            more = rows.is_before_end(index)
            return more if going is None else _both(stop, lambda: more)

        limit = rows.count if type(rows.count) is int and most is None else most
        self.run(tested, lambda index: self.step(rows.item(index)), [rows.first()], limit)
        if self.initialised():
            self.expect_steps(rows.count > 0)

    def initialised(self) -> str:
        """The variables of the user's that get their first value in the loop."""
        return ", ".join([name for name, _ in self.late if not name.startswith("ag__")])

    def at_first(self, test: Callable):
        """What the test answers before the loop."""
        after = self.variables.read()
        self.variables.write(self.at_start)
        try:
            return test()
        finally:
            self.variables.write(after)

    def expect_steps(self, are_some) -> None:
        """Let the program check that there is a step: otherwise variables have no value after the loop."""
        if recorder_of(are_some) is not None or not are_some:
            what = f"{self.construct}: loop must iterate at least once to initialize {self.initialised()}"
            debugging.Assert(are_some, [what])

    def run(self, tested: Callable, step: Callable, counters: list, limit=None) -> None:
        """Make the loop and give the variables their values after it."""
        limit = self.options.get("maximum_iterations") if limit is None else limit
        weak: dict[tuple, object] = {}  # leaf of a Python number -> the dtype it turned out to need
        try:
            while True:
                try:
                    self._run(tested, step, counters, limit, weak)
                    return
                except _Needs as need:
                    weak[need.place] = need.dtype
                except _NoneBefore as error:
                    self.before[self.names.index(error.name)] = UNDEFINED
                except DtypeError:
                    found = {} if weak else self._found_dtypes(step, counters)
                    if not found:
                        raise
                    weak.update(found)
        except BaseException:
            self.variables.write(self.at_start)
            raise

    def _run(self, tested, step, counters: list, limit, weak: dict) -> None:
        names, before, variables = self.names, self.before, self.variables
        places = [(n, k) for n, value in zip(names, before) if value is not UNDEFINED
                  for k, leaf in enumerate(leaves(value)) if is_value(leaf)]  # fmt: skip
        start = {place: self._start(place, weak) for place in places}
        sizes = variables.sizes()

        def enter(inside: Sequence) -> None:
            found = dict(zip(places, inside))
            variables.write([
                value if value is UNDEFINED
                else pack(value, [found.get((n, k), leaf) for k, leaf in enumerate(leaves(value))])
                for n, value in zip(names, before)
            ])  # fmt: skip

        def test(*inside):
            enter(inside[len(counters) :])
            going = tested(self.test() if self.test is not None else None, *inside[: len(counters)])
            return truth_of(RECORDERS.top, going, self.construct)

        def body(*inside):
            enter(inside[len(counters) :])
            self._stepped(step, inside[: len(counters)])
            variables.expect_sizes(sizes, self.construct)
            after = dict(zip(names, variables.read()))
            self.late = [(n, after[n]) for n, value in zip(names, before) if value is UNDEFINED
                         and after[n] is not UNDEFINED]  # fmt: skip
            new = self._after(after, start)
            return [*[c + 1 for c in inside[: len(counters)]], *[new[place] for place in places]]

        given = [*counters, *start.values()]
        invariants = [*[None] * len(counters), *[self._invariant(place) for place in places]]
        if not given:
            given = [self.recorder.convert(0)]
            _, late = loop(self.recorder, None, lambda i: test(), lambda i: [i, *body()], given, limit, self._late)
            made = []
        elif any(s is not None for s in invariants):
            made, late = varying_loop(loop, self.recorder, None, test, body, given, limit, invariants, self._late)
        else:
            made, late = loop(self.recorder, None, test, body, given, limit, self._late)
        self._leave(dict(zip(places, made[len(counters) :])), late)

    def _invariant(self, place: tuple):
        """What ``shape_invariants`` say of a leaf; None if nothing."""
        name, k = place
        leaf = leaves(self.before[self.names.index(name)])[k]
        return next((s for t, s in self.options.get("shape_invariants", ()) if t is leaf), None)

    def _stepped(self, step: Callable, counters: Sequence) -> None:
        try:
            step(*counters)
        except NameError as error:
            absent = [n for n, value in zip(self.names, self.before) if value is UNDEFINED and f"'{n}'" in str(error)]
            if not absent:
                raise
            first = self.at_start[self.names.index(absent[0])]
            state = "is read before it has a value" if first is UNDEFINED else "is None before the loop and read in it"
            advice = "it must be defined before the loop, by a value of the type that it keeps"
            what = f"{self.construct}: {called(absent[0])} {state}; {advice}"
            raise UsageError(explain(what, location=raised_at(error))) from None

    def _found_dtypes(self, step: Callable, counters: list) -> dict:
        """The dtypes that Python numbers from before the loop have after one step as they are."""
        self.variables.write(self.before)
        numbers = [(n, value) for n, value in zip(self.names, self.before) if type(value) in (int, float)]
        try:
            with open_body(self.recorder) as trial:
                step(*map(trial.convert, counters))
        except (DtypeError, SymbolicError):
            return {}
        after = dict(zip(self.names, self.variables.read()))
        return {(n, 0): after[n].dtype for n, _ in numbers if isinstance(after[n], Operators)}

    def _start(self, place: tuple, weak: dict):
        """A leaf before the loop; Python numbers become tensors."""
        name, k = place
        leaf = leaves(self.before[self.names.index(name)])[k]
        if isinstance(leaf, TensorArray):
            return leaf
        return self.recorder.convert(leaf, weak.get(place) if isinstance(leaf, NUMBERS) else None)

    def _late(self) -> list:
        """The tensors of variables that get their first value in the loop."""
        return [leaf for _, value in self.late for leaf in leaves(value) if is_value(leaf)]

    def _leave(self, made: dict, late: list) -> None:
        """Give the variables their values after the loop."""
        first, more = dict(self.late), iter(late)
        values = []
        for name, value in zip(self.names, self.before):
            if name in first:
                value = map_structure(lambda leaf: next(more) if is_value(leaf) else leaf, first[name])
            elif value is not UNDEFINED:
                value = pack(value, [made.get((name, k), leaf) for k, leaf in enumerate(leaves(value))])
            values.append(value)
        self.variables.write(values)

    def _after(self, after: dict, start: dict) -> dict:
        """The leaves of the variables after a step, of the types of before.

        Raises:
            UsageError, DtypeError, ShapeError: one changed its structure or type.
        """
        new = {}
        for name, value in zip(self.names, self.before):
            if value is UNDEFINED:
                continue
            if after[name] is UNDEFINED:
                raise UsageError(explain(f"{self.construct}: {called(name)} is deleted in the loop"))
            if value is None and any(map(is_value, leaves(after[name]))):
                raise _NoneBefore(name)
            pairs = zip(*fitting(name, self.construct, value, after[name]))
            for k, (old, leaf) in enumerate(pairs):
                place = name, k
                if place in start:
                    new[place] = self._fitting_leaf(place, old, start[place], leaf)
                elif not is_same(old, leaf):
                    what = f"is {described(old)} before the loop and {described(leaf)} after one iteration"
                    advice = "give it a tensor of the same type before the loop"
                    raise UsageError(explain(f"{self.construct}: {called(name)} {what}; {advice}"))
        return new

    def _fitting_leaf(self, place: tuple, old, start, leaf):
        if isinstance(start, TensorArray):
            return leaf
        name = called(place[0])
        if not is_value(leaf) or isinstance(leaf, TensorArray):
            what = f"{name} is {described(old)} before the loop and {described(leaf)} after one iteration"
            raise UsageError(explain(f"{self.construct}: {what}; it must stay a tensor"))
        top = RECORDERS.top
        is_weak = isinstance(old, (bool, int, float)) and not isinstance(old, np.generic)
        try:
            leaf = top.convert(leaf, None if isinstance(leaf, Operators) else start.dtype)
        except DtypeError:
            leaf = top.convert(leaf)
        if leaf.dtype is not start.dtype:
            if is_weak and (leaf.dtype.is_inexact or leaf.dtype.is_integer and type(old) is int):
                raise _Needs(place, leaf.dtype)
            what = f"has dtype {start.dtype.name} before the loop, but dtype {leaf.dtype.name} after one iteration"
            raise DtypeError(explain(f"{self.construct}: {name} {what}"))
        known = self._invariant(place)
        if not leaf.shape.is_compatible_with(start.shape if known is None else known):
            what = f"{name} has shape {start.shape} before the loop, but shape {leaf.shape} after one iteration"
            advice = f". {_ADVICE}" if known is None else f", which its shape invariant {known} does not allow"
            raise ShapeError(explain(f"{self.construct}: {what}{advice}"))
        return leaf


class _Needs(Exception):
    """A Python number from before a loop that must be of another dtype."""

    def __init__(self, place: tuple, dtype):
        super().__init__(place, dtype)
        self.place, self.dtype = place, dtype


class _NoneBefore(Exception):
    """A variable that is None before a loop, and gets its first tensor in it."""

    def __init__(self, name: str):
        super().__init__(name)
        self.name = name


def _both(stop, more: Callable):
    """Whether a loop goes on: no flag says that it ends (``stop`` is None without flags), and then, there is more."""
    return more() if recorder_of(stop) is None else and_(lambda: stop, more)


def _checked_options(options: dict) -> dict:
    """The options of a loop.

    Raises:
        UsageError: there is no such option.
    """
    known = {"parallel_iterations", "swap_memory", "maximum_iterations", "shape_invariants"}
    if unknown := sorted(set(options) - known):
        raise UsageError(explain(f"set_loop_options: there is no option {unknown[0]!r}"))
    return options
