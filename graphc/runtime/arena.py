"""Scratch memory of an executable: kept between runs, grown where needed, given back at the end."""

from __future__ import annotations

import ctypes
import os
import weakref

import numpy as np

from graphc.runtime.library import Library

_arenas: "weakref.WeakSet[Arena]" = weakref.WeakSet()


class Arena:
    """Three words that native code reads and changes: address, bytes, 1 while a run uses it.

    A run that finds it in use takes memory of its own, so no run ever waits for another.

    Args:
        support: the native support library, which makes and frees the memory.
    """

    def __init__(self, support: Library):
        self._support = support
        self.words = np.array([0, -1, 0], dtype=np.int64)
        self.address = self.words.__array_interface__["data"][0]
        free = ctypes.CFUNCTYPE(None, ctypes.c_int64)(support.address("gc_memory_free"))
        weakref.finalize(self, _release, self.words, free).atexit = False
        _arenas.add(self)

    @property
    def bytes(self) -> int:
        """What it holds now."""
        return max(0, int(self.words[1]))


def _release(words: np.ndarray, free) -> None:
    if words[0]:
        free(int(words[0]))
        words[0] = 0


def _after_fork() -> None:
    """In a child no run of another thread is under way any more."""
    for arena in list(_arenas):
        arena.words[2] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
