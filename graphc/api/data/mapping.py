"""map, filter, take_while and scan: what calls a function of each element."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block, stacked
from graphc.api.data.element import (
    common_spec, component, leaves, mapped, normalised, same_outline, spec_of, unpacked,
)  # fmt: skip
from graphc.api.data.flow import Flow
from graphc.api.data.functions import ElementFunction, Place
from graphc.api.data.stage import UNKNOWN, Run, Stage
from graphc.api.data.threads import Workers
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, UsageError
from graphc.ir import dtype as dt


class Map(Stage):
    """``map``.

    Args:
        workers: how many calls of a function that is not pure may run at once; 0 for none beside the consumer.
        in_order: whether answers come in the order of elements although several are made at once.
    """

    kind, method = "_MapDataset", "map"

    def __init__(self, source: Stage, function: Callable, workers: int | None = None, in_order: bool = True):
        super().__init__(None, (source,))
        self.function = ElementFunction(function, unpacked(source.element_spec), self, "map")
        self.element_spec = self.function.element_spec
        self.workers, self.in_order = 0, in_order
        if workers is not None:
            self.kind = "_ParallelMapDataset"
            self.workers = 0 if self.function.in_blocks else workers
        self.is_silent = source.is_silent and self.function.in_blocks

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        return over(self, self.inputs[0].open(run), run)


def over(stage: Map, source: Flow, run: Run) -> Flow:
    """The answers of the function of a stage for the elements of a flow."""
    function = stage.function
    if not stage.workers:
        return _Mapping(function, source, function.place(run))
    return Workers(source, lambda row: Block.of_row(function.row(row)), stage.workers, run.closed, stage.in_order)


class _Mapping(Flow):
    def __init__(self, function: ElementFunction, source: Flow, place: Place):
        self._function, self._source, self._place = function, source, place
        self._left: list[tuple] = []

    def pull(self, most: int) -> Block | None:
        if self._left:
            return self._one(self._left.pop(0))
        block = self._source.pull(most if self._function.in_blocks else 1)
        if block is None:
            return None
        if block.count == 1 or not self._function.in_blocks:
            return self._one(block.row(0))
        try:
            return self._function.block(block, self._place)
        except Exception:  # some element made it: those before it come first, and those behind it are not lost
            self._left = block.rows()
            return self._one(self._left.pop(0))

    def _one(self, row: tuple) -> Block:
        return Block.of_row(self._function.row(row, self._place))

    def close(self) -> None:
        self._source.close()


# ---------------------------------------------------------------------------------------------- predicates


class Filter(Stage):
    """``filter`` and ``take_while`` (``stops`` at the first it is false for): elements for which a function is true."""

    def __init__(self, source: Stage, predicate: Callable, stops: bool = False):
        self.kind, self.method = ("_TakeWhileDataset", "take_while") if stops else ("_FilterDataset", "filter")
        super().__init__(source.element_spec, (source,))
        self.stops = stops
        self.function = ElementFunction(predicate, unpacked(source.element_spec), self, self.method, "predicate")
        spec = self.function.element_spec
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.b1 or not spec.shape.is_compatible_with(()):
            raise DtypeError(self.explain(f"predicate must answer with a bool scalar, not {spec}"))
        self.is_silent = source.is_silent and self.function.in_blocks

    def size(self) -> int:
        return 0 if self.inputs[0].size() == 0 else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Filtering(self, self.inputs[0].open(run), self.function.place(run), run.closed)


class _Filtering(Flow):
    def __init__(self, stage: Filter, source: Flow, place: Place, closed: threading.Event):
        self._stage, self._source, self._place, self._is_over = stage, source, place, False
        self._closed = closed  # while a thread of an iterator that was dropped looks for an element that never comes
        self._waiting: list[Block] = []

    def pull(self, most: int) -> Block | None:
        pure = self._stage.function.in_blocks
        while not self._is_over and not self._closed.is_set():
            block = self._waiting.pop(0) if self._waiting else self._source.pull(most if pure else 1)
            if block is None:
                return None
            kept = self._kept(block)
            if kept is None:
                continue
            wanted = np.flatnonzero(kept)
            if self._stage.stops and len(wanted) < block.count:
                self._is_over = True
                wanted = np.arange(int(np.argmin(kept)))
            if len(wanted):
                return block if len(wanted) == block.count else block.taken(wanted)
        return None

    def _kept(self, block: Block):
        function = self._stage.function
        if block.count == 1:
            return np.asarray(function.row(block.row(0), self._place)[0]).reshape(1)
        try:
            return stacked(function.block(block, self._place).columns[0])
        except Exception:  # some element made it
            self._waiting = [Block.of_row(row) for row in block.rows()] + self._waiting
            return None

    def close(self) -> None:
        self._source.close()


# --------------------------------------------------------------------------------------------------- scan


class State:
    """The state that functions of ``scan`` and ``reduce`` hand on: its components and their spec.

    The function is traced until the spec of what it answers with is that of what it is given, as sizes may turn out
    to change.
    """

    def __init__(self, stage: Stage, initial, function: Callable, op: str, has_output: bool, argument: str):
        values = normalised(initial, op)
        self.row = tuple([component(v) for v in leaves(values)])
        self.spec = mapped(spec_of, values)
        for _ in range(4):
            specs = (self.spec, stage.inputs[0].element_spec)
            self.function = ElementFunction(function, specs, stage, op, argument)
            answer = self.function.element_spec
            if has_output:
                if not isinstance(answer, tuple) or len(answer) != 2:
                    raise UsageError(stage.explain(f"{argument} must answer with (new_state, output), not {answer}"))
                answer, self.output_spec = answer
            if not same_outline(self.spec, answer):
                raise UsageError(stage.explain(f"the state {self.spec} and the new one, {answer}, differ in structure"))
            for old, new in zip(leaves(self.spec), leaves(answer)):
                if getattr(old, "dtype", None) is not getattr(new, "dtype", None):
                    raise DtypeError(
                        stage.explain(f"the state is {old} and the new one {new}; dtypes must be the same")
                    )
            wider = common_spec(op, [self.spec, answer])
            if wider == self.spec:
                break
            self.spec = wider
        self.count = len(self.row)

    def step(self, state: tuple, row: tuple) -> tuple[tuple, tuple]:
        """The new state and the output."""
        found = self.function.row(state + row)
        return found[: self.count], found[self.count :]


class Scan(Stage):
    """``scan``: outputs of a function of a state, which it makes anew, and each element."""

    kind, method = "_ScanDataset", "scan"

    def __init__(self, source: Stage, initial, function: Callable):
        super().__init__(None, (source,))
        self.state = State(self, initial, function, "scan", True, "scan_func")
        self.element_spec = self.state.output_spec
        self.is_silent = source.is_silent and self.state.function.in_blocks

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        return _Scanning(self.state, self.inputs[0].open(run))


class _Scanning(Flow):
    def __init__(self, state: State, source: Flow):
        self._state, self._source, self._now = state, source, state.row

    def pull(self, most: int) -> Block | None:
        block = self._source.pull(1)
        if block is None:
            return None
        self._now, output = self._state.step(self._now, block.row(0))
        return Block.of_row(output)

    def close(self) -> None:
        self._source.close()


class Reducing(Stage):
    """``reduce``: not a part of a pipeline, but what its messages name."""

    kind, method = "_ReduceDataset", "reduce"

    def __init__(self, source: Stage, initial, function: Callable):
        super().__init__(source.element_spec, (source,))
        self.state = State(self, initial, function, "reduce", False, "reduce_func")

    def result(self, run: Run) -> tuple:
        """The components of the last state."""
        flow, now = self.inputs[0].open(run), self.state.row
        ahead = 256 if self.inputs[0].is_silent else 1
        try:
            while (block := flow.pull(ahead)) is not None:
                for row in block.rows():
                    now, _ = self.state.step(now, row)
            return now
        finally:
            run.closed.set()
            flow.close()
