"""The global seed of eager random operations, and which numbers each of them draws."""

from __future__ import annotations

import random
import threading

import numpy as np

from graphc.api.storage import CHANGES

_DEFAULT = 87654321  # TensorFlow's global seed where only an operation has one
_SPAN = 2**31 - 1
_FAR = 1 << 40  # blocks of an operation that draws nobody knows how much


class Seeds:
    """Counts random operations: with a seed, equal programs draw equal numbers; without one, new ones every time.

    Numbers are those of TensorFlow's eager operations: the global seed is the key of a stream, the operation's seed the
    high half of its counter; operations without a seed take the next number of Python's generator of the global seed.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self.epoch = 0  # how often it was set
        self.set(None)

    def set(self, seed: int | None) -> None:
        """Start anew from a global seed; None: from the system's randomness."""
        with self._lock:
            self.epoch += 1
            self.seed, self.count = None if seed is None else int(seed), 0
            self._numbers = random.Random(self.seed)
            self._drawn: dict = {}
            self._base = random.SystemRandom().getrandbits(64)
        CHANGES.note()  # functions count anew

    def next(self, seed: int | None, kind: str = "", blocks: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Key and counter of the next operation, whose own seed is ``seed``.

        Args:
            kind: what it draws; operations of one kind and seed go on where the one before them has ended.
            blocks: of the stream that are its own, None if that is not known.
        """
        with self._lock:
            self.count += 1
            if self.seed is None and seed is None:
                return _place(self._base, 0, self.count)
            first = (_DEFAULT if self.seed is None else self.seed) % _SPAN
            second = (self._numbers.randint(0, _SPAN) if seed is None else seed) % _SPAN
            if (first, second) == (0, 0):
                second = _SPAN
            before = self._drawn.get((kind, first, second), 0)
            if seed is not None:  # another number of the generator hardly ever comes again
                self._drawn[kind, first, second] = before + (_FAR if blocks is None else blocks)
            return _place(first, before, second)

    def fixed(self, seed: int) -> tuple[np.ndarray, int]:
        """Key and high half of the counter of an operation with a seed whose place in its stream others count."""
        first, second = (_DEFAULT if self.seed is None else self.seed) % _SPAN, seed % _SPAN
        second = second if (first, second) != (0, 0) else _SPAN
        return np.array([first & 0xFFFFFFFF, first >> 32], np.uint32), second


def _place(key: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([key & 0xFFFFFFFF, key >> 32], np.uint32), np.array([low % 2**64, high], np.uint64)


SEEDS = Seeds()
