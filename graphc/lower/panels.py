"""Known operands in the order in which contractions read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Panels:
    """Blocks [batch, depth, columns] in panels [batch, panels, depth, width], zero beyond the last column.

    Weights are most of what is moved during a compilation: they are moved once, when ``make`` is called.

    Attributes:
        blocks: the operand; any strides.
    """

    blocks: np.ndarray
    width: int
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, int, int, int]:
        batch, depth, columns = self.blocks.shape
        return (batch, -(-columns // self.width), depth, self.width)

    def make(self) -> np.ndarray:
        """The panels."""
        batch, depth, columns = self.blocks.shape
        whole, rest = divmod(columns, self.width)
        packed = np.empty(self.shape, self.dtype)
        inner = self.blocks[:, :, : whole * self.width].reshape(batch, depth, whole, self.width)
        packed[:, :whole].transpose(0, 2, 1, 3)[...] = inner
        if rest:
            packed[:, whole, :, :rest] = self.blocks[:, :, whole * self.width :]
            packed[:, whole, :, rest:] = 0
        return packed
