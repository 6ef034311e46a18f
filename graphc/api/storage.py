"""The memory of a variable that compiled functions write to in place, and how tensors see it."""

from __future__ import annotations

import itertools
import sys
import weakref

import numpy as np


class _Memory(np.ndarray):
    """A class of its own: NumPy lets views of a view refer to the first one of their own class, which is then counted."""


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


CHANGES = _Changes()


def references(value) -> int:
    """How often an object is referred to, beside by the caller."""
    return sys.getrefcount(value) - _ALONE


def _alone() -> int:
    value = np.empty(0)
    return references(value)


_ALONE = 0
_ALONE = _alone()  # how this Python counts a caller's variable and an argument
