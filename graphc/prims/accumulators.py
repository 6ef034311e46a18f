"""Accumulators of gradients: threads add to them, and one takes the mean or the sum when enough have come."""

from __future__ import annotations

import json
import threading

import numpy as np

from graphc.errors import CancelledError, InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.prims.running import time_left


class Accumulator:
    """A sum of arrays of one shape, and how many they were.

    Gradients that were computed before the last ``take_grad`` (at a step before the accumulator's) are dropped.

    Args:
        shape: sizes with None for any, or None. is_mean: whether ``take_grad`` divides by the number.
    """

    def __init__(self, name: str, dtype: dt.DType, shape, is_mean: bool):
        self.name, self.dtype, self.shape, self.is_mean = name, dtype, shape, is_mean
        self._change = threading.Condition()
        self._step = self._count = 0
        self._sum = None
        self._is_cancelled = False

    def apply_grad(self, step, gradient) -> tuple:
        """Add a gradient that was computed at ``step``."""
        self._expect(gradient.shape)
        with self._change:
            if int(step) >= self._step:
                self._sum = np.array(gradient) if self._sum is None else self._sum + gradient
                self._count += 1
                self._change.notify_all()
        return ()

    def take_grad(self, number) -> tuple:
        """Wait for ``number`` gradients; answer with their mean (or sum), start anew, one step further."""
        with self._change:
            self._wait(int(number))
            total, count = self._sum, self._count
            self._sum, self._count = None, 0
            self._step += 1
        return ((total / np.asarray(count, total.dtype)).astype(total.dtype) if self.is_mean else total,)

    def num_accumulated(self) -> tuple:
        """How many gradients have come."""
        with self._change:
            return (np.array(self._count, np.int32),)

    def set_global_step(self, step) -> tuple:
        """Set the step before which gradients are dropped."""
        with self._change:
            self._step = int(step)
        return ()

    def cancel(self) -> None:
        """Give up whatever waits."""
        with self._change:
            self._is_cancelled = True
            self._change.notify_all()

    def _wait(self, number: int) -> None:
        if number <= 0:
            raise InvalidArgumentError(f"take_grad: num_required must be positive, got {number}")
        while not (self._is_cancelled or self._count >= number):
            self._change.wait(time_left())
        if self._is_cancelled:
            raise CancelledError(f"accumulator '{self.name}': taking a gradient was cancelled")

    def _expect(self, shape: tuple) -> None:
        if self.shape is None:
            return
        if len(shape) != len(self.shape) or any(want not in (None, have) for have, want in zip(shape, self.shape)):
            what = f"a gradient has shape {shape}, but {tuple(self.shape)} is expected"
            raise ShapeError(f"accumulator '{self.name}': {what}")


class SparseAccumulator(Accumulator):
    """The same for gradients of some rows: each row is divided by how many gradients had it."""

    def apply_grad(self, step, indices, values, shape) -> tuple:
        """Add the rows ``values`` at ``indices`` (each at most once) of a gradient of ``shape`` (empty: any)."""
        if len(shape):
            self._expect(tuple(shape.tolist()))
        if len(indices) != len(values):
            raise ShapeError(f"accumulator '{self.name}': {len(indices)} indices for {len(values)} rows")
        with self._change:
            if int(step) >= self._step:
                rows = {} if self._sum is None else self._sum
                for k, value in zip(indices.tolist(), np.array(values)):
                    total, count = rows.get(k, (0, 0))
                    rows[k] = (total + value, count + 1)
                self._sum, self._tail, self._count = rows, values.shape[1:], self._count + 1
                self._shape = np.array(shape if len(shape) or self.shape is None else self.shape, np.int64)
                self._change.notify_all()
        return ()

    def take_grad(self, number) -> tuple:
        """Wait for ``number`` gradients; answer with indices, rows and the shape; see ``Accumulator.take_grad``."""
        with self._change:
            self._wait(int(number))
            rows, shape, tail = self._sum, self._shape, self._tail
            self._sum, self._count = None, 0
            self._step += 1
        kind = self.dtype.numpy
        found = [rows[k][0] / kind.type(rows[k][1]) if self.is_mean else rows[k][0] for k in sorted(rows)]
        values = np.stack(found).astype(kind) if found else np.empty((0, *tail), kind)
        return np.array(sorted(rows), np.int64), values, shape


_KINDS = {"ConditionalAccumulator": Accumulator, "SparseConditionalAccumulator": SparseAccumulator}


def definition_of(label: str, name: str, dtype: dt.DType, shape, is_mean: bool) -> str:
    """An accumulator as text, from which it can be made."""
    return json.dumps([label, name, dtype.short, None if shape is None else list(shape), is_mean])


def made(definition: str) -> Accumulator:
    """The accumulator that a text defines, empty."""
    label, name, short, shape, is_mean = json.loads(definition)
    return _KINDS[label](name, dt.by_short(short), shape, is_mean)
