"""The global seed of eager random operations, and which numbers each of them draws."""

from __future__ import annotations

import random
import threading

import numpy as np


class Seeds:
    """Counts random operations: with a seed, equal programs draw equal numbers; without one, new ones every time."""

    def __init__(self):
        self._lock = threading.Lock()
        self.set(None)

    def set(self, seed: int | None) -> None:
        """Start anew from a global seed; None: from the system's randomness."""
        with self._lock:
            self.seed, self.count = seed, 0
            self._base = random.SystemRandom().getrandbits(32) if seed is None else seed

    def next(self, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Key and counter of the next operation, whose own seed is ``seed``."""
        with self._lock:
            self.count += 1
            stream = self.count if seed is None else seed
            key = np.array([self._base & 0xFFFFFFFF, stream & 0xFFFFFFFF], np.uint32)
            return key, np.array(0 if seed is None else self.count, np.uint64)


SEEDS = Seeds()
