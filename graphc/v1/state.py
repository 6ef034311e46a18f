"""What a session remembers from run to run: the values of variables and how far the random streams have come."""

from __future__ import annotations

import secrets

import numpy as np

from graphc.prims.running import Container


class State:
    """One array for each variable and counter; an array stays the same object for as long as the session lives.

    Attributes:
        resources: the session's queues and accumulators.
    """

    def __init__(self):
        self._arrays: dict = {
            True: np.zeros((), np.uint64),
            False: np.array(secrets.randbits(62), np.uint64),
        }
        self._initialised: set = {True, False}
        self.resources = Container()

    def array(self, key) -> np.ndarray:
        """The storage of a Variable or counter; fresh storage holds zeros and counts as uninitialised."""
        found = self._arrays.get(key)
        if found is None:
            found = self._arrays[key] = np.zeros(key.type.shape, key.dtype.numpy)
        return found

    def is_initialised(self, key) -> bool:
        return key in self._initialised

    def mark_initialised(self, keys) -> None:
        self._initialised.update(keys)

    def clear(self) -> None:
        """Forget everything; what waits for a resource is given up."""
        self.resources.cancel()
        self._arrays.clear()
        self._initialised.clear()
