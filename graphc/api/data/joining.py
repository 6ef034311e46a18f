"""flat_map, interleave and datasets chosen from several: elements of many datasets in one."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.element import DatasetSpec, common_spec, unpacked
from graphc.api.data.flow import Flow
from graphc.api.data.functions import ElementFunction
from graphc.api.data.shuffling import Epochs
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.data.threads import AUTOTUNE, Prefetch
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError, UsageError, explain


class Interleave(Stage):
    """``flat_map`` and ``interleave``: elements of the datasets that a function makes of each element.

    Args:
        cycle: how many of them are taken from in turn; block: how many elements at a time.
        workers: whether they are read ahead, each by a thread.
    """

    def __init__(
        self, source: Stage, function: Callable, cycle: int, block: int, method: str, workers: int | None = None
    ):
        kinds = {"flat_map": "_FlatMapDataset", "interleave": "_InterleaveDataset"}
        self.kind, self.method = kinds[method] if workers is None else "_ParallelInterleaveDataset", method
        super().__init__(None, (source,))
        self.function = ElementFunction(function, unpacked(source.element_spec), self, method)
        spec = self.function.element_spec
        if not isinstance(spec, DatasetSpec):
            raise DtypeError(self.explain(f"map_func must answer with a Dataset, not {spec}"))
        self.element_spec, self.cycle, self.block, self.workers = spec.element_spec, cycle, block, workers
        self.is_silent = False

    def size(self) -> int:
        return 0 if self.inputs[0].size() == 0 else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Interleaving(self, self.inputs[0].open(run), run)


def cycle_of(length) -> int:
    """A ``cycle_length``; the number of processors where the program leaves it open."""
    if length is None or int(length) == AUTOTUNE:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if int(length) < 1:
        raise InvalidArgumentError(explain(f"interleave: cycle_length must be 1 at least, got {int(length)}"))
    return int(length)


class _Interleaving(Flow):
    def __init__(self, stage: Interleave, source: Flow, run: Run):
        self._stage, self._source, self._run = stage, source, run
        self._flows: list[Flow | None] = [None] * stage.cycle
        self._at, self._taken, self._open, self._is_over = 0, 0, 0, False

    def pull(self, most: int) -> Block | None:
        stage = self._stage
        while not self._is_over or self._open:
            flow = self._flows[self._at]
            if flow is None:
                if self._is_over:
                    self._advance()
                else:
                    self._start()
                continue
            left = most if stage.cycle == 1 else min(most, stage.block - self._taken)
            block = flow.pull(left)
            if block is None:
                flow.close()
                self._flows[self._at] = None
                self._open -= 1
                self._advance()
                continue
            self._taken += block.count
            if self._taken >= stage.block:
                self._advance()
            return block
        return None

    def _start(self) -> None:
        """Make the dataset of the next element."""
        block = self._source.pull(1)
        if block is None:
            self._is_over = True
            return
        (made,) = self._stage.function.row(block.row(0))
        if self._stage.workers is not None:
            made = Prefetch(made, self._stage.block)
        self._flows[self._at] = made.open(self._run)
        self._open += 1

    def _advance(self) -> None:
        self._at, self._taken = (self._at + 1) % len(self._flows), 0

    def close(self) -> None:
        self._source.close()
        for flow in self._flows:
            if flow is not None:
                flow.close()


class Directed(Stage):
    """``choose_from_datasets`` and ``sample_from_datasets``: the next element of the dataset that a number names.

    Args:
        choices: from a Run to what gives the numbers, a Choosing or Sampling.
        stops: whether the first dataset that has no more ends all.
        others: stages that the choices read.
    """

    kind = "_DirectedInterleaveDataset"

    def __init__(self, stages: list, choices: Callable, stops: bool, method: str, others: tuple = ()):
        self.method = method
        if not stages:
            raise UsageError(explain(f"{method}: needs one dataset at least"))
        super().__init__(common_spec(method, [s.element_spec for s in stages]), (*stages, *others))
        self.stages, self.choices, self.stops = stages, choices, stops
        self.is_silent = False

    def size(self) -> int:
        counts = [s.size() for s in self.stages]
        if all(c == INFINITE for c in counts) and len(self.inputs) == len(self.stages):
            return INFINITE
        return UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Directing(self, [s.open(run) for s in self.stages], self.choices(run))


class _Directing(Flow):
    def __init__(self, stage: Directed, flows: list, chooser: "Choosing | Sampling"):
        self._stage, self._flows, self._chooser = stage, flows, chooser

    def pull(self, most: int) -> Block | None:
        while self._flows is not None:
            k = self._chooser.next(self._flows)
            if k is None:
                break
            if not 0 <= k < len(self._flows):
                what = f"choice {k} is not the number of one of {len(self._flows)} datasets"
                raise InvalidArgumentError(self._stage.explain(what))
            flow = self._flows[k]
            if flow is None:
                continue
            block = flow.pull(1)
            if block is not None:
                return block
            flow.close()
            self._flows[k] = None
            if self._stage.stops or not any(self._flows):
                break
        self.close()
        return None

    def close(self) -> None:
        for flow in self._flows or ():
            if flow is not None:
                flow.close()
        self._flows = None
        self._chooser.close()


class Choosing:
    """Numbers from a dataset of them."""

    def __init__(self, flow: Flow):
        self._flow = flow

    def next(self, flows: list) -> int | None:
        """The number of the next dataset."""
        block = self._flow.pull(1)
        return None if block is None else int(block.row(0)[0])

    def close(self) -> None:
        """Let go of the dataset."""
        self._flow.close()


class Sampling:
    """Numbers drawn by weights, among the datasets that have more elements."""

    def __init__(self, weights, draws: np.random.Generator):
        self._weights, self._draws = np.asarray(weights, np.float64), draws

    def next(self, flows: list) -> int | None:
        """The number of the next dataset."""
        left = np.array([f is not None for f in flows]) * self._weights
        total = left.sum()
        if not total:
            return None
        return int(np.searchsorted(np.cumsum(left / total), self._draws.random(), side="right").clip(0, len(flows) - 1))

    def close(self) -> None:
        """Nothing to let go of."""


def chosen(stages: list, choice: Stage, stops: bool) -> Stage:
    """``choose_from_datasets``."""
    spec = choice.element_spec
    if not isinstance(spec, TensorSpec) or not spec.dtype.is_integer or not spec.shape.is_compatible_with(()):
        what = f"choose_from_datasets: choice_dataset must have int64 scalars as elements, not {spec}"
        raise DtypeError(explain(what))
    return Directed(stages, lambda run: Choosing(choice.open(run)), stops, "choose_from_datasets", (choice,))


def sampled(stages: list, weights, seed, stops: bool, again: bool) -> Stage:
    """``sample_from_datasets``.

    Args:
        weights: of the datasets; all alike if None; or a stage whose elements are weights.
    """
    epochs = Epochs(seed, again)
    if isinstance(weights, Stage):
        return Directed(stages, lambda run: _Weighted(weights.open(run), epochs.next()), stops, "sample_from_datasets",
                        (weights,))  # fmt: skip
    given = np.ones(len(stages)) if weights is None else np.asarray(getattr(weights, "array", weights), np.float64)
    if given.shape != (len(stages),):
        what = f"sample_from_datasets: {len(stages)} datasets need as many weights, got shape {list(given.shape)}"
        raise InvalidArgumentError(explain(what))
    if (given < 0).any() or not given.sum():
        raise InvalidArgumentError(explain(f"sample_from_datasets: weights must be positive, got {given.tolist()}"))
    kept = [k for k in range(len(stages)) if given[k]]
    if len(kept) == 1:
        return stages[kept[0]]
    stages = [stages[k] for k in kept]
    return Directed(stages, lambda run: Sampling(given[kept], epochs.next()), stops, "sample_from_datasets")


class _Weighted(Choosing):
    def __init__(self, flow: Flow, draws: np.random.Generator):
        super().__init__(flow)
        self._draws = draws

    def next(self, flows: list) -> int | None:
        block = self._flow.pull(1)
        return None if block is None else Sampling(block.row(0)[0], self._draws).next(flows)
