"""Bytes that are made piece by piece when somebody wants them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from graphc.ir.digest import Digest


@dataclass(frozen=True)
class Piece:
    """``size`` bytes from ``start`` on: those of the array that ``make`` makes, or of the arrays that it yields in order.

    What is yielded may use the same memory again.
    """

    start: int
    size: int
    make: Callable[[], np.ndarray | Iterator[np.ndarray]]


class Blob:
    """The constants of a Program: read-only bytes of a known length, compared by content.

    Weights are most of what a compilation moves. They are therefore put into their order only when they are written to
    where they stay, one after the other, and never lie in memory twice.

    Args:
        size: bytes of it all.
        pieces: in the order of their places; what lies between them is zero.
    """

    def __init__(self, size: int = 0, pieces: tuple[Piece, ...] = ()):
        self._size, self._pieces = size, pieces

    @classmethod
    def of(cls, content) -> "Blob":
        """A blob of bytes that exist; one that is a blob already stays."""
        if isinstance(content, cls):
            return content
        made = cls(len(content))
        made.view = memoryview(content).toreadonly()
        return made

    def __len__(self) -> int:
        return self._size

    def chunks(self) -> Iterator[memoryview]:
        """The bytes in order, no more than one piece of them in memory; a chunk is good until the next is asked for."""
        if "view" in self.__dict__:
            yield self.view
            return
        end = 0
        for piece in self._pieces:
            if piece.start > end:
                yield memoryview(bytes(piece.start - end))
            made = piece.make()
            for part in (made,) if isinstance(made, np.ndarray) else made:
                array = np.ascontiguousarray(part).reshape(-1)
                if array.size:
                    yield memoryview(array.view(np.uint8))
            end = piece.start + piece.size
        if self._size > end:
            yield memoryview(bytes(self._size - end))

    @functools.cached_property
    def view(self) -> memoryview:
        """All the bytes, made once."""
        whole, at = np.empty(self._size, np.uint8), 0
        for chunk in self.chunks():
            whole[at : at + len(chunk)] = chunk
            at += len(chunk)
        self._pieces = ()
        return memoryview(whole).toreadonly()

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the content."""
        found = Digest()
        for chunk in self.chunks():
            found.update(chunk)
        return found.digest().hex()[:16]

    def __eq__(self, other) -> bool:
        return isinstance(other, Blob) and len(self) == len(other) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash((self._size, self.digest))


EMPTY = Blob()
