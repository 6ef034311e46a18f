"""Turns: runs that write the same state, one after the other."""

from __future__ import annotations

import os
import threading
import weakref

import numpy as np

from graphc.errors import UsageError

_turns: "weakref.WeakSet[Turn]" = weakref.WeakSet()


class Turn:
    """Keeps the runs of one callable apart, in native code by two words: 1 while a run is under way, how many wait.

    The words are read and changed with the GIL held; as a context manager it does the same for runs from Python.
    """

    def __init__(self):
        self.words = np.zeros(2, dtype=np.int64)
        self.address = self.words.__array_interface__["data"][0]
        self._lock, self._owner = threading.Lock(), None
        _turns.add(self)

    def __enter__(self) -> None:
        if self._owner == threading.get_ident():
            raise UsageError("a program was called again, by a host step of its own, while its state was being updated")
        self._lock.acquire()
        self._owner = threading.get_ident()

    def __exit__(self, *_) -> None:
        self._owner = None
        self._lock.release()


def _after_fork() -> None:
    """In a child no run of another thread is under way any more."""
    for turn in list(_turns):
        if turn._owner == threading.get_ident():
            continue  # a host step forked, and its run goes on here as well
        turn.words[:] = 0
        turn._lock, turn._owner = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
