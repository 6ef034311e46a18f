"""Flow: the elements of one iteration over a dataset, pulled in blocks of as many as the consumer wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from graphc.api.data.block import BYTES, Block

_MOST = 1024  # elements that are read ahead at once


class Flow:
    """A running iteration.

    A consumer asks for ``most`` elements at most and gets one at least, or None at the end (and at every later call).
    A flow never consumes more of what is before it than that takes, so that work and side effects are not done ahead
    of time; who wants to read ahead asks for more. After an error the next ``pull`` goes on behind the element that
    made it.
    """

    def pull(self, most: int) -> Block | None:
        """The next elements, 1 to ``most``; None at the end."""
        raise NotImplementedError

    def close(self) -> None:
        """No more will be asked for: let go of threads and files."""


class OfRows(Flow):
    """The elements that an iterator of tuples of components gives one by one."""

    def __init__(self, rows: Iterator[tuple], close: Callable | None = None):
        self._rows, self._close = rows, close

    def pull(self, most: int) -> Block | None:
        for row in self._rows:
            return Block.of_row(row)
        return None

    def close(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None


class OfBlocks(Flow):
    """The elements of blocks at hand, none of which is empty."""

    def __init__(self, blocks: list[Block]):
        self._blocks, self._at, self._start = blocks, 0, 0

    def pull(self, most: int) -> Block | None:
        if self._at >= len(self._blocks):
            return None
        block, start = self._blocks[self._at], self._start
        stop = min(start + most, block.count)
        self._at, self._start = (self._at + 1, 0) if stop == block.count else (self._at, stop)
        return block.part(start, stop)


class Ahead:
    """How many elements may be pulled at once where nobody can tell: more each time, within a number of bytes."""

    def __init__(self, is_silent: bool, first: int = 1):
        self._is_silent, self._next, self._limit = is_silent, first, _MOST if is_silent else 1

    @property
    def count(self) -> int:
        """For the next ``pull``."""
        return min(self._next, self._limit)

    def seen(self, block: Block | None) -> None:
        """Learn the size of elements from what came."""
        if self._is_silent and block is not None:
            self._limit = min(_MOST, max(1, BYTES // max(block.row_bytes, 1)))
            self._next = min(self._next * 4, _MOST)
