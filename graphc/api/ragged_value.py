"""Values of ragged tensors: arrays of values and row splits, as nested lists or as an array of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RaggedTensorValue(NamedTuple):
    """The value of a RaggedTensor: arrays, or another value inside."""

    values: object
    row_splits: np.ndarray

    @property
    def flat_values(self) -> np.ndarray:
        return self.values.flat_values if isinstance(self.values, RaggedTensorValue) else self.values

    @property
    def nested_row_splits(self) -> tuple:
        inner = self.values.nested_row_splits if isinstance(self.values, RaggedTensorValue) else ()
        return (self.row_splits, *inner)

    @property
    def ragged_rank(self) -> int:
        return len(self.nested_row_splits)

    @property
    def parts(self) -> tuple:
        """The flat values and all row splits."""
        return (self.flat_values, *self.nested_row_splits)

    def to_list(self) -> list:
        """The rows as nested lists."""
        return lists(self.flat_values, list(self.nested_row_splits))


def known(tensor) -> np.ndarray:
    return np.asarray(tensor.numpy())


def lists(flat: np.ndarray, splits: list) -> list:
    found = flat.tolist()
    for s in reversed(splits):
        bounds = s.tolist()
        found = [found[a:b] for a, b in zip(bounds, bounds[1:])]
    return found


def array(flat: np.ndarray, splits: list) -> np.ndarray:
    found = flat
    for s in reversed(splits):
        bounds = s.tolist()
        rows = [found[a:b] for a, b in zip(bounds, bounds[1:])]
        if rows and all(r.shape == rows[0].shape for r in rows) and rows[0].dtype != object:
            found = np.stack(rows)
        elif not rows:
            found = np.zeros((0, 0, *flat.shape[1:]), flat.dtype)
        else:
            found = np.empty(len(rows), object)
            found[:] = rows
    return found
