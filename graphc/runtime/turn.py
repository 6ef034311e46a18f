"""Turns: runs that use the same state; one that writes it is alone, those that only read it go side by side."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref

import numpy as np

from graphc.errors import UsageError
from graphc.runtime.library import Library

_turns: "weakref.WeakSet[Turn]" = weakref.WeakSet()


class Turn:
    """Keeps runs apart by two words: how many runs read (-1 while one writes), and how many wait.

    Native code reads and changes the words with the GIL held; runs from Python do it through the same native functions,
    or without any, where all runs are Python's.
    """

    def __init__(self):
        self.words = np.zeros(2, dtype=np.int64)
        self.busy = self.words.view(np.int32)[:1]
        self.address = self.words.__array_interface__["data"][0]
        self.holders: dict[int, tuple] = {}  # threads whose runs Python drives: whether they only read, how deep
        self._change = threading.Condition()
        self._enter = self._leave = None
        _turns.add(self)

    def share_with(self, library: Library) -> None:
        """Some of the runs are native code's own, which is that of this support library."""
        if self._enter is None:
            self._leave = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(library.address("gc_turn_leave"))
            self._enter = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)(library.address("gc_turn_enter"))

    def taken(self, shared: bool) -> "_Taken":
        """A ``with`` block, to be entered as often as there are runs."""
        return _Taken(self, shared)

    def take(self, shared: bool) -> None:
        """Wait until no run writes the state, or, unless ``shared``, until none uses it."""
        if self._enter is not None:
            self._enter(self.address, shared)
            return
        with self._change:
            self._change.wait_for(lambda: not self.busy[0] or (shared and self.busy[0] > 0))
            self.busy[0] = self.busy[0] + 1 if shared else -1

    def give(self) -> None:
        """Let others begin."""
        if self._leave is not None:
            self._leave(self.address)
            return
        with self._change:
            self.busy[0] = max(0, self.busy[0] - 1)
            self._change.notify_all()


class _Taken:
    """What ``Turn.taken`` answers."""

    def __init__(self, turn: Turn, shared: bool):
        self._turn, self._shared = turn, shared

    def __enter__(self) -> None:
        me = threading.get_ident()
        shared, depth = self._turn.holders.get(me, (True, 0))
        if depth and not (shared and self._shared):
            raise UsageError("a program was called again, by a host step of its own, while its state was being updated")
        self._turn.take(self._shared)
        self._turn.holders[me] = self._shared, depth + 1

    def __exit__(self, *_) -> None:
        me = threading.get_ident()
        shared, depth = self._turn.holders.pop(me)
        if depth > 1:
            self._turn.holders[me] = shared, depth - 1
        self._turn.give()


def _after_fork() -> None:
    """In a child no run of another thread is under way any more."""
    for turn in list(_turns):
        held = turn.holders.get(threading.get_ident())  # a host step forked, and its run goes on here as well
        turn.holders = {} if held is None else {threading.get_ident(): held}
        turn.words[:] = 0
        turn.busy[0] = 0 if held is None else held[1] if held[0] else -1
        turn._change = threading.Condition()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
