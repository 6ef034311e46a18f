"""Turns: runs that use the same state; one that writes it is alone, those that only read it go side by side."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
import weakref
from collections import deque

import numpy as np

from graphc.errors import UsageError
from graphc.runtime.library import Library

_GLANCE = 1.0  # seconds after which a wait in Python looks again: after a fork nobody tells
_turns: "weakref.WeakSet[Turn]" = weakref.WeakSet()


class Turn:
    """Gives runs their turns in the order in which they ask; readers that follow each other go together.

    Native code keeps account in the words (call_turn.ll), with the GIL held, for its own runs and for those that Python
    drives; where no run is native code's own, Python keeps account.

    Args:
        support: the native support library, where some of the runs are native code's own.

    Attributes:
        is_native: whether native code keeps account.
        address: of the words.
    """

    def __init__(self, support: Library | None = None):
        self.is_native = support is not None
        self.words = np.array([0, 0, 0, id(_refuse)], dtype=np.int64)
        self.address = self.words.__array_interface__["data"][0]
        self._support = support
        if support is not None:
            enter, leave = support.address("gc_turn_enter"), support.address("gc_turn_leave")
            self._native = _ENTER(enter), _LEAVE(leave)
        self._begin()
        _turns.add(self)

    def _begin(self) -> None:
        self._change = threading.Condition()
        self._line: deque[_Hold] = deque()
        self._holds: list[_Hold] = []

    @property
    def is_written(self) -> bool:
        """Whether a run that writes the state is under way; asked in its own thread, in a host step of it."""
        return int(self.words[0]) < 0 if self.is_native else any(not h.shared for h in self._holds)

    def hold(self, shared: bool):
        """One use of the state by a run that Python drives.

        ``enter()`` waits until no run writes the state, or, unless ``shared``, until none uses it; it raises UsageError
        in a run inside of another of the same thread where one of them writes. ``leave()`` lets others begin; it must
        be called, first thing in a ``finally`` whose ``try`` starts before ``enter()``, and does nothing where the turn
        was not taken. Nothing can come between these calls and what they do, not even a signal handler's error.
        """
        if not self.is_native:
            return _Hold(self, shared)
        words, (enter, leave) = _Words(shared=shared), self._native
        return _NativeHold(functools.partial(enter, self.address, words), functools.partial(leave, self.address, words))

    def _after_fork(self) -> None:
        if self.is_native:
            _FORKED(self._support.address("gc_turn_after_fork"))(self.address)
            return
        holds = [h for h in self._holds if h.thread == threading.get_ident()]
        self._begin()
        self._holds = holds


class _Words(ctypes.Structure):
    """``%hold`` of call_turn.ll."""

    _fields_ = [(name, ctypes.c_int64) for name in ("thread", "next", "shared", "taken")]


_ENTER = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(_Words))
_LEAVE = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Words))
_FORKED = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)


class _NativeHold:
    """What ``Turn.hold`` answers where native code keeps account."""

    __slots__ = ("enter", "leave")

    def __init__(self, enter, leave):
        self.enter, self.leave = enter, leave


class _Hold:
    """What ``Turn.hold`` answers where Python keeps account."""

    def __init__(self, turn: Turn, shared: bool):
        self._turn, self.shared, self.thread = turn, shared, 0

    def enter(self) -> None:
        turn, self.thread = self._turn, threading.get_ident()
        change = turn._change
        with change:
            outer = next((h for h in turn._holds if h.thread == self.thread), None)
            if outer is not None and not (outer.shared and self.shared):
                _refuse()
            if outer is None:
                self._wait(turn, change)
            turn._holds.append(self)

    def _wait(self, turn: Turn, change: threading.Condition) -> None:
        """Wait to be the first of the line, and until those who have the turn let one more in."""
        waits_below = (k for k, other in enumerate(turn._line) if other.thread == self.thread)
        turn._line.insert(next(waits_below, len(turn._line)), self)  # a signal handler's run cannot come after that
        try:
            while not self._is_next():
                change.wait(_GLANCE)
        finally:
            if self in turn._line:  # a handler that forked comes back to an empty line in the child
                turn._line.remove(self)
            change.notify_all()

    def _is_next(self) -> bool:
        holds, line = self._turn._holds, self._turn._line
        is_first = not line or line[0] is self
        return is_first and (not holds or self.shared and holds[0].shared)

    def leave(self) -> None:
        turn = self._turn
        with turn._change:
            if self in turn._holds:
                turn._holds.remove(self)
                turn._change.notify_all()


def _refuse():
    what = "a program was called again, by a host step of its own or a signal handler, while its state was in use"
    raise UsageError(f"{what}; let the run end first")


def _after_fork() -> None:
    """In a child no run of another thread is under way any more."""
    for turn in list(_turns):
        turn._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
