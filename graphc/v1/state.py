"""What a session remembers from run to run: the values of variables and how far the random streams have come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from graphc.api.run import new_turn
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.running import Container


@dataclass(frozen=True, eq=False)
class Flag:
    """Says in a run whether a variable has a value.

    Attributes:
        start: the Node that stands for it.
    """

    variable: object
    start: Node
    dtype = dt.b1
    type = Type(dt.b1, ())


class State:
    """One array for each variable and counter; an array stays the same object for as long as the session lives.

    Attributes:
        resources: the session's queues and accumulators.
        turn: keeps runs that write from runs that read or write at the same time.
        timeout: seconds that a run may wait for a queue, or None.
    """

    def __init__(self):
        self._arrays: dict = {
            True: np.zeros((), np.uint64),
            False: np.array(secrets.randbits(62), np.uint64),
        }
        self._initialised: set = {True, False}
        self.resources, self.turn = Container(), new_turn()
        self.timeout: float | None = None

    def array(self, key) -> np.ndarray:
        """The storage of a Variable or counter; fresh storage holds zeros and counts as uninitialised."""
        found = self._arrays.get(key)
        if found is None:
            found = self._arrays[key] = np.zeros(key.type.shape, key.dtype.numpy)
            if isinstance(key, Flag):
                found[...] = self.is_initialised(key.variable)
        return found

    def is_initialised(self, key) -> bool:
        return key in self._initialised

    def mark_initialised(self, keys) -> None:
        self._initialised.update(keys)
        for key in keys:
            flag = self._arrays.get(getattr(key, "flag", None))
            if flag is not None:
                flag[...] = True

    def clear(self) -> None:
        """Forget everything; what waits for a resource is given up."""
        self.resources.cancel()
        self._arrays.clear()
        self._initialised.clear()
