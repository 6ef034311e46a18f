"""Block: several elements of a dataset side by side, so that one step of Python serves them all.

An element is a tuple of components, one for each leaf of its structure: an array, a sparse or ragged tensor, or a
dataset. Arrays are never written to once they are in a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

BYTES = 1 << 20  # what a block of elements that are read ahead may hold


class Block:
    """``count`` elements.

    Attributes:
        columns: for each component an array with a row for each element, or a list of one value for each element.
    """

    __slots__ = ("count", "columns")

    def __init__(self, count: int, columns: Sequence):
        self.count, self.columns = count, columns

    @staticmethod
    def of_rows(rows: Sequence[tuple]) -> "Block":
        """These elements."""
        return Block(len(rows), [list(column) for column in zip(*rows)])

    @staticmethod
    def of_row(row: Iterable) -> "Block":
        """One element."""
        return Block(1, [value[None] if isinstance(value, np.ndarray) else [value] for value in row])

    def row(self, k: int) -> tuple:
        """Element ``k``."""
        return tuple([c[k] if type(c) is list else c[k, ...] for c in self.columns])

    def rows(self) -> list[tuple]:
        """All elements."""
        return [self.row(k) for k in range(self.count)]

    def part(self, start: int, stop: int) -> "Block":
        """The elements from ``start`` to before ``stop``."""
        if start == 0 and stop >= self.count:
            return self
        stop = min(stop, self.count)
        return Block(stop - start, [c[start:stop] for c in self.columns])

    def taken(self, places) -> "Block":
        """The elements at these places."""
        found = [[c[k] for k in places] if type(c) is list else c.take(places, axis=0) for c in self.columns]
        return Block(len(places), found)

    def with_columns(self, columns: Sequence) -> "Block":
        """Other components of as many elements."""
        return Block(self.count, columns)

    @property
    def row_bytes(self) -> int:
        """The size of an element, roughly."""
        return sum(_bytes(c) for c in self.columns) // max(self.count, 1)


def _bytes(column) -> int:
    if type(column) is not list:
        return column.nbytes if column.dtype != object else 64 * column.size
    return sum(v.nbytes if isinstance(v, np.ndarray) else 256 for v in column)


def joined(blocks: Sequence[Block]) -> Block:
    """The elements of several blocks in order."""
    if len(blocks) == 1:
        return blocks[0]
    columns = [_joined(parts) for parts in zip(*[b.columns for b in blocks])]
    return Block(sum(b.count for b in blocks), columns)


def _joined(parts: Sequence):
    first = parts[0]
    if type(first) is not list and all(type(p) is not list and p.shape[1:] == first.shape[1:] for p in parts):
        return np.concatenate(parts)
    return [value for part in parts for value in values_of(part)]


def values_of(column) -> list:
    """The value of each element."""
    return column if type(column) is list else [column[k, ...] for k in range(len(column))]


def is_stackable(column) -> bool:
    """Whether all elements have an array of the same shape."""
    if type(column) is not list:
        return True
    first = column[0]
    return isinstance(first, np.ndarray) and all(isinstance(v, np.ndarray) and v.shape == first.shape for v in column)


def stacked(column) -> np.ndarray:
    """A column of arrays of one shape as one array with a row for each element."""
    if type(column) is not list:
        return column
    if len(column) == 1:
        return column[0][None]
    found = np.empty((len(column), *column[0].shape), column[0].dtype)
    for k, value in enumerate(column):
        found[k] = value
    return found
