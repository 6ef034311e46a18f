"""Arrays that lie on a device: they come to the host when somebody looks, and go back when a program wants them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.runtime.device import Device
from graphc.runtime.device_memory import Block, lock_of
from graphc.runtime.turn import Turn


class Resident:
    """An array whose content is on a device, on the host, or on both.

    Attributes:
        device: where programs want it. dtype, shape: NumPy's.
    """

    __slots__ = ("device", "dtype", "shape", "_block", "_there", "_host", "__weakref__")

    def __init__(self, device: Device, dtype: np.dtype, shape: tuple[int, ...]):
        self.device, self.dtype, self.shape = device, np.dtype(dtype), tuple(shape)
        self._block: Block | None = None
        self._there = False  # whether the content is on the device
        self._host: np.ndarray | None = None

    @classmethod
    def of(cls, device: Device, array: np.ndarray) -> "Resident":
        """An array of the host, brought to the device at once."""
        made = cls(device, array.dtype, array.shape)
        with lock_of(device):
            address = made.reserved()
            if made.nbytes:
                device.upload(address, np.ascontiguousarray(array))
        made._there = True
        return made

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def reserved(self) -> int:
        """The address of its memory on the device, whatever that holds.

        Raises:
            ResourceExhaustedError: the device has not so much left.
        """
        if self._block is None:
            self._block = Block(self.device, self.nbytes)
        return self._block.address

    def address(self) -> int:
        """The address of its content on the device, which is brought there if it is not."""
        with lock_of(self.device):
            address = self.reserved()
            if not self._there:
                if self._host is not None and self.nbytes:
                    self.device.upload(address, self._host)
                self._there = True
            return address

    def written(self) -> None:
        """Its memory on the device has been written to."""
        self._there, self._host = True, None

    def array(self) -> np.ndarray:
        """The content as a read-only array; later changes are not seen in it."""
        host = self._host
        if host is None:
            with lock_of(self.device):
                host = self._host
                if host is None:
                    host = np.empty(self.shape, self.dtype)
                    if self._there and self.nbytes:
                        self.device.download(host, self._block.address)
                    host.flags.writeable = False
                    self._host = host
        return host

    def is_seen_as(self, array: np.ndarray) -> bool:
        """Whether an array is what ``array`` answers now, without asking the device."""
        return self._host is array

    def copied(self) -> np.ndarray:
        """The content as an array of the caller's own."""
        with lock_of(self.device):
            if self._host is not None:
                return self._host.copy()
            found = np.empty(self.shape, self.dtype)
            if self._there and self.nbytes:
                self.device.download(found, self._block.address)
            return found

    def put(self, array: np.ndarray) -> None:
        """Take a copy of an array for the content."""
        with lock_of(self.device):
            host = np.array(array, self.dtype, order="C").reshape(self.shape)
            host.flags.writeable = False
            self._host, self._there = host, False

    def exchange(self, other: "Resident") -> None:
        """Change places with another one of its device, dtype and shape."""
        with lock_of(self.device):
            for name in ("_block", "_there", "_host"):
                mine, theirs = getattr(self, name), getattr(other, name)
                setattr(self, name, theirs)
                setattr(other, name, mine)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        array = self.array()
        return array if dtype is None and not copy else np.array(array, dtype)

    def __repr__(self) -> str:
        return f"<Resident {self.dtype}{list(self.shape)} on {self.device.name}>"


def hosted(bind: Callable, state: Mapping[int, object], written: frozenset[int], turn: Turn | None) -> Callable:
    """A program for the host over state of which some lies on devices: copied in before, and out after each run.

    Args:
        bind: from arrays by position to the function of the other inputs.
        written: positions of state that a run writes to.
        turn: as of ``Executable.bind``.
    """
    residents = {k: a for k, a in state.items() if isinstance(a, Resident)}
    staging = {k: np.empty(a.shape, a.dtype) for k, a in residents.items()}
    call, turn = bind({**state, **staging}), turn or Turn()

    def run(*given):
        hold = turn.hold(shared=False)  # of what lies in ``staging``
        try:
            hold.enter()
            for k, resident in residents.items():
                staging[k][...] = resident.array()
            found = call(*given)
            for k in written & residents.keys():
                residents[k].put(staging[k])
            return found
        finally:
            hold.leave()

    return run
