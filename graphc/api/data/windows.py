"""window and group_by_window: elements gathered into datasets of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block, joined
from graphc.api.data.element import DatasetSpec, leaves, mapped, number_of, unpacked
from graphc.api.data.flow import Flow, OfBlocks
from graphc.api.data.functions import ElementFunction
from graphc.api.data.stage import UNKNOWN, Run, Stage
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError


class Rows(Stage):
    """The elements of a block as a dataset."""

    kind = "_VariantDataset"

    def __init__(self, element_spec, block: Block | None):
        super().__init__(element_spec)
        self.block = block

    def size(self) -> int:
        return 0 if self.block is None else self.block.count

    def open(self, run: Run) -> Flow:
        return OfBlocks([] if self.block is None else [self.block])


class Window(Stage):
    """``window``: datasets of ``width`` elements, of which each begins ``shift`` after the one before."""

    kind, method = "_WindowDataset", "window"

    def __init__(self, source: Stage, width, shift, stride, drop_remainder: bool):
        super().__init__(mapped(DatasetSpec, source.element_spec), (source,))
        self.width = number_of(self.method, "size", width, 1)
        self.shift = self.width if shift is None else number_of(self.method, "shift", shift, 1)
        self.stride = number_of(self.method, "stride", stride, 1)
        self.drop_remainder = bool(drop_remainder)
        self.specs = leaves(source.element_spec)

    def size(self) -> int:
        count = self.inputs[0].size()
        if count < 0:
            return count
        if not self.drop_remainder:
            return -(-count // self.shift)
        span = (self.width - 1) * self.stride + 1
        return max(0, (count - span) // self.shift + 1)

    def open(self, run: Run) -> Flow:
        return _Windowing(self, self.inputs[0].open(run))


class _Windowing(Flow):
    def __init__(self, stage: Window, source: Flow):
        self._stage, self._source = stage, source
        self._kept: deque[Block] = deque()  # single elements from the start of the window on
        self._gap, self._is_over = 0, False

    def pull(self, most: int) -> Block | None:
        stage = self._stage
        span = (stage.width - 1) * stage.stride + 1
        while not self._is_over and len(self._kept) < span:
            block = self._source.pull(span - len(self._kept) + self._gap)
            if block is None:
                self._is_over = True
                break
            passed = min(self._gap, block.count)
            self._gap -= passed
            self._kept.extend([block.part(k, k + 1) for k in range(passed, block.count)])
        if not self._kept or (len(self._kept) < span and stage.drop_remainder):
            return None
        found = joined(list(self._kept)[: span : stage.stride])
        passed = min(stage.shift, len(self._kept))
        for _ in range(passed):
            self._kept.popleft()
        self._gap = stage.shift - passed
        return Block(1, [[Rows(s, Block(found.count, [c]))] for s, c in zip(stage.specs, found.columns)])

    def close(self) -> None:
        self._source.close()


class Grouped(Stage):
    """``group_by_window`` and ``bucket_by_sequence_length``: elements of a key, so many at a time, made into a dataset.

    Args:
        key: from an element to its key, an ElementFunction; made: from a key and a dataset to a dataset, another.
        width: from a key to how many elements are gathered; bucket: from what ``key`` answers with to the key.
    """

    kind = "_GroupByWindowDataset"

    def __init__(self, source: Stage, method: str, key: Callable, made: Callable, width: Callable, argument: str,
                 bucket: Callable = int):  # fmt: skip
        self.method = method
        super().__init__(None, (source,))
        self.key = ElementFunction(key, unpacked(source.element_spec), self, method, argument)
        spec = self.key.element_spec
        if not isinstance(spec, TensorSpec) or not spec.dtype.is_integer or not spec.shape.is_compatible_with(()):
            raise DtypeError(self.explain(f"{argument} must answer with an integer scalar, not {spec}"))
        self.width, self.bucket = width, bucket
        number = TensorSpec((), spec.dtype)
        self.made = ElementFunction(made, (number, DatasetSpec(source.element_spec)), self, method, "reduce_func")
        answer = self.made.element_spec
        if not isinstance(answer, DatasetSpec):
            raise DtypeError(self.explain(f"reduce_func must answer with a Dataset, not {answer}"))
        self.element_spec = answer.element_spec
        self.is_silent = False

    def size(self) -> int:
        return UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Grouping(self, self.inputs[0].open(run), run)


class _Grouping(Flow):
    def __init__(self, stage: Grouped, source: Flow, run: Run):
        self._stage, self._source, self._run = stage, source, run
        self._groups: dict[int, list[Block]] = {}
        self._widths: dict[int, int] = {}
        self._flow: Flow | None = None
        self._is_over = False

    def pull(self, most: int) -> Block | None:
        while True:
            if self._flow is not None:
                block = self._flow.pull(most)
                if block is not None:
                    return block
                self._flow.close()
                self._flow = None
            if not self._is_over:
                self._gather()
            elif self._groups:
                key = next(iter(self._groups))
                self._start(key)
            else:
                return None

    def _gather(self) -> None:
        """Take elements until a group is full."""
        block = self._source.pull(1)
        if block is None:
            self._is_over = True
            return
        key = self._stage.bucket(self._stage.key.row(block.row(0))[0].item())
        if key not in self._widths:
            width = int(self._stage.width(key))
            if width < 1:
                raise InvalidArgumentError(
                    self._stage.explain(f"the window size of key {key} is {width}, not positive")
                )
            self._widths[key] = width
        group = self._groups.setdefault(key, [])
        group.append(block)
        if len(group) == self._widths[key]:
            self._start(key)

    def _start(self, key: int) -> None:
        elements = joined(self._groups.pop(key))
        rows = Rows(self._stage.inputs[0].element_spec, elements)
        kind = self._stage.key.element_spec.dtype.numpy
        (made,) = self._stage.made.row((np.asarray(key, kind), rows))
        self._flow = made.open(self._run)

    def close(self) -> None:
        self._source.close()
        if self._flow is not None:
            self._flow.close()
