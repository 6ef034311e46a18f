"""rejection_resample: some elements are left out so that classes come as often as they should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.element import unpacked, value_of
from graphc.api.data.flow import Flow
from graphc.api.data.functions import ElementFunction
from graphc.api.data.shuffling import Epochs
from graphc.api.data.stage import UNKNOWN, Run, Stage
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError
from graphc.ir import dtype as dt

_SMALL = 1e-37  # the least probability that counts


class Resampled(Stage):
    """``rejection_resample``.

    Args:
        target, initial: the probabilities of the classes; ``initial`` is counted while running if it is None.
    """

    kind, method = "_DirectedInterleaveDataset", "rejection_resample"

    def __init__(self, source: Stage, classes: Callable, target, initial, seed):
        super().__init__(None, (source,))
        self.function = ElementFunction(classes, unpacked(source.element_spec), self, self.method, "class_func")
        spec = self.function.element_spec
        if not isinstance(spec, TensorSpec) or not spec.dtype.is_integer or not spec.shape.is_compatible_with(()):
            raise DtypeError(self.explain(f"class_func must answer with an int32 scalar, not {spec}"))
        self.element_spec = (TensorSpec((), dt.i32), source.element_spec)
        self.target = self._distribution("target_dist", target)
        self.initial = None if initial is None else self._distribution("initial_dist", initial)
        self.epochs = Epochs(seed)

    def _distribution(self, name: str, given) -> np.ndarray:
        found = np.asarray(value_of(given).array, np.float64)
        if found.ndim != 1 or not found.size or (found < 0).any() or not found.sum():
            raise InvalidArgumentError(self.explain(f"{name} must be a vector of probabilities, got {found.tolist()}"))
        return found / found.sum()

    def size(self) -> int:
        return 0 if self.inputs[0].size() == 0 else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Resampling(self, self.inputs[0].open(run))


class _Resampling(Flow):
    def __init__(self, stage: Resampled, source: Flow):
        self._stage, self._source, self._draws = stage, source, stage.epochs.next()
        self._counts = np.zeros(len(stage.target))

    def pull(self, most: int) -> Block | None:
        while (block := self._source.pull(1)) is not None:
            row = block.row(0)
            label = int(self._stage.function.row(row)[0])
            if not 0 <= label < len(self._counts):
                what = f"class_func answered with {label}, but target_dist has {len(self._counts)} classes"
                raise InvalidArgumentError(self._stage.explain(what))
            self._counts[label] += 1
            if self._draws.random() < self._chance(label):
                return Block.of_row((np.asarray(label, np.int32), *row))
        return None

    def _chance(self, label: int) -> float:
        """With which an element of this class is kept."""
        initial = self._counts / self._counts.sum() if self._stage.initial is None else self._stage.initial
        ratio = self._stage.target / np.maximum(initial, _SMALL)
        ratio[(self._stage.target > 0) & (initial <= 0)] = 0  # classes that have not come yet say nothing
        return float(ratio[label] / ratio.max()) if ratio.max() else 0.0

    def close(self) -> None:
        self._source.close()
