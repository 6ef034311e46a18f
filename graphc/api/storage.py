"""The memory of a variable that compiled functions write to in place, how tensors see it, and whose turn it is.

As long as one thread runs functions and looks at variables, a tensor shows the memory itself, and a function moves on
to other memory if somebody still sees the tensor. Between threads nothing tells a function that is about to run: what
other threads read is a copy, and what they assign is put into the memory, both when no function that writes is running.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import sys
import threading
import weakref
from threading import get_ident

import numpy as np

from graphc.api.gate import GATE
from graphc.errors import UsageError
from graphc.runtime.device import Device
from graphc.runtime.executable import new_turn
from graphc.runtime.resident import Resident


class _Memory(np.ndarray):
    """A class of its own: NumPy lets views of a view refer to the first one of their class, which is then counted."""


class Storage:
    """An array that functions are bound to.

    Attributes:
        work: the array as functions read and write it.
        source: the array that the content was copied from, as long as nothing was written since.
    """

    __slots__ = ("_memory", "_view", "work", "source")

    def __init__(self, value: np.ndarray):
        self._memory = np.ndarray.__new__(_Memory, value.shape, value.dtype)
        self.work, self._view = self._memory.view(np.ndarray), _nothing
        self.put(value)

    def put(self, value: np.ndarray) -> None:
        """Take over a value."""
        self.work[...] = value
        self.source = value

    def copied(self) -> np.ndarray:
        """A copy of the content between two runs that write it."""
        with _turn(shared=True):
            array = self.work.copy()
        array.flags.writeable = False
        return array

    def shown(self) -> np.ndarray:
        """A new read-only array of the same memory."""
        view = self._memory.view(np.ndarray)
        view.flags.writeable = False
        self._view = weakref.ref(view)
        return view

    @property
    def is_seen(self) -> bool:
        """Whether somebody may look at the memory."""
        return self._view() is not None

    def shows(self, array: np.ndarray) -> bool:
        """Whether an array is of this memory."""
        return array.base is self._memory


class DeviceStorage:
    """The same on a device: ``work`` is a Resident, and what others see is a copy, which nobody writes to.

    Attributes: as of Storage.
    """

    __slots__ = ("work", "source")

    is_seen = False

    def __init__(self, device: Device, value: np.ndarray):
        self.work = Resident(device, value.dtype, value.shape)
        self.put(value)

    def put(self, value: np.ndarray) -> None:
        """Take over a value."""
        self.work.put(value)
        self.source = value

    def copied(self) -> np.ndarray:
        """A copy of the content between two runs that write it."""
        with _turn(shared=True):
            return self.work.array()

    def shown(self) -> np.ndarray:
        """The content as a read-only array."""
        return self.work.array()

    def shows(self, array: np.ndarray) -> bool:
        """Whether an array is what ``shown`` answers now."""
        return self.work.is_seen_as(array)


def _nothing():
    return None


class _Changes:
    """Says whether any variable was given another tensor since one looked last.

    Attributes:
        now: another number after every such change.
    """

    def __init__(self):
        self._numbers = itertools.count(1)
        self.now = 0

    def note(self) -> None:
        """Something has changed."""
        self.now = next(self._numbers)
        GATE.note_change(self.now)


CHANGES = _Changes()
KEEPING = threading.RLock()  # one thread at a time decides where the values of variables are kept
RUNNING: set[int] = set()  # threads that run functions
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=KEEPING._at_fork_reinit)  # a thread of the parent may have had it


@functools.cache
def shared_turn():
    """Keeps runs apart that use the same variables."""
    return new_turn()


@contextlib.contextmanager
def _turn(shared: bool):
    """No function writes variables inside; unless ``shared``, none reads them either."""
    hold = shared_turn().hold(shared)
    try:
        with contextlib.suppress(UsageError):  # in a host step of a function: nothing is written meanwhile
            hold.enter()
        yield
    finally:
        hold.leave()


def alone():
    """Nobody reads or writes the memory of variables inside."""
    return _turn(shared=False)


def note_thread() -> None:
    """This thread runs functions from now on."""
    if get_ident() not in RUNNING:
        threading.current_thread()  # so that threads that are not Python's own are listed, too
        RUNNING.add(get_ident())


def may_run() -> bool:
    """Whether functions may be running: in other threads, or around this, which is a host step then."""
    if not RUNNING or len(RUNNING) == 1 and get_ident() in RUNNING:
        return bool(RUNNING) and shared_turn().is_written
    GATE.shut()  # a new thread may have the number of one that has ended
    RUNNING.intersection_update([t.ident for t in threading.enumerate()])
    return bool(RUNNING - {get_ident()}) or shared_turn().is_written


def references(value) -> int:
    """How often an object is referred to, beside by the caller."""
    return sys.getrefcount(value) - _ALONE


def _alone() -> int:
    value = np.empty(0)
    return references(value)


_ALONE = 0
_ALONE = _alone()  # how this Python counts a caller's variable and an argument
