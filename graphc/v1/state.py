"""What a session remembers from run to run: the values of variables and how far the random streams have come."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from graphc.api.places import HOST, device_at, place_of
from graphc.api.run import Resident, new_turn
from graphc.errors import located
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.running import Container
from graphc.v1.tensor import Update, Write


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

    Args:
        home: the device of the session, as ``cpu:0``, ``cuda:0``. soft: whether it serves instead of GPUs that are not there.

    Attributes:
        resources: the session's queues and accumulators.
        turn: keeps runs that write from runs that read or write at the same time.
        timeout: seconds that a run may wait for a queue, or None.
    """

    def __init__(self, home: str = HOST, soft: bool = True):
        self.home, self._soft = home, soft
        self._arrays: dict = {
            True: np.zeros((), np.uint64),
            False: np.array(secrets.randbits(62), np.uint64),
        }
        self._initialised: set = {True, False}
        self.resources, self.turn = Container(), new_turn()
        self.timeout: float | None = None

    def place(self, op) -> str:
        """The device of an operation where it is another one than that of the session; empty where it is not.

        What changes a variable runs where the variable is.

        Raises:
            DeviceUnavailable: it is not there.
        """
        match op.effect:
            case Write(variable):
                op = variable.op
            case Update((variable, *_)):
                op = variable.op
        if not op.device:
            return ""
        with located(op.location):
            place = place_of(op.device, self._soft)
        return "" if place in (None, self.home) else place

    def array(self, key) -> np.ndarray | Resident:
        """The storage of a Variable or counter; fresh storage holds zeros and counts as uninitialised.

        That of a variable lies on the variable's device.
        """
        found = self._arrays.get(key)
        if found is None:
            found = np.zeros(key.type.shape, key.dtype.numpy)
            if isinstance(key, Flag):
                found[...] = self.is_initialised(key.variable)
            elif key.dtype is not dt.string:
                device = device_at(self.place(key.op) or self.home)
                found = found if device is None else Resident.of(device, found)
            self._arrays[key] = found
        return found

    def value(self, key) -> np.ndarray:
        """What the storage of a Variable holds, to be looked at while no run writes."""
        found = self.array(key)
        return found.array() if isinstance(found, Resident) else found

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
