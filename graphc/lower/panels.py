"""Known operands in the order in which contractions read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_PART = 1 << 19  # bytes of panels that are made at a time


@dataclass(frozen=True, eq=False)
class Panels:
    """Blocks [batch, depth, columns] in panels [batch, panels, depth, width], zero beyond the last column.

    Weights are most of what is moved during a compilation: they are moved once, when the ``parts`` are made.

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

    def parts(self) -> Iterator[np.ndarray]:
        """The panels in order, some at a time; each part is good until the next one is asked for.

        Parts stay in the cache while they are made, digested and written, and use the same memory, which would
        otherwise have to be mapped for every byte of the weights.
        """
        batch, count, depth, width = self.shape
        some = min(max(1, _PART // max(1, depth * width * np.dtype(self.dtype).itemsize)), max(1, count))
        memory = np.empty((some, depth, width), self.dtype)
        for k in range(batch):
            for first in range(0, count, some):
                part = memory[: min(some, count - first)]
                self._fill(part, k, first)
                yield part

    def _fill(self, panels: np.ndarray, batch: int, first: int) -> None:
        """Panels from number ``first`` on, as many as ``panels`` [panels, depth, width] holds."""
        blocks, width = self.blocks[batch], self.width
        depth, columns = blocks.shape
        start, whole = first * width, min(len(panels), columns // width - first)
        inner = blocks[:, start : start + whole * width].reshape(depth, whole, width)
        panels[:whole].transpose(1, 0, 2)[...] = inner
        if whole < len(panels):
            rest = columns - start - whole * width
            panels[whole, :, :rest] = blocks[:, start + whole * width :]
            panels[whole, :, rest:] = 0
