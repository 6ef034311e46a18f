"""Memory of devices: counted, and given back when nobody has it any more, in whatever thread and moment that is noticed."""

from __future__ import annotations

import threading
import weakref
from collections import deque

from graphc.errors import ResourceExhaustedError
from graphc.runtime.device import Device


class _Held:
    """What this process has of one device's memory.

    Attributes:
        lock: one thread at a time uses the device.
        arrays, peak: bytes of arrays, now and at the most. scratch: bytes of programs, beside these.
        left: address, size and whether it is scratch, of what nobody uses any more. It is given back when memory is wanted next:
            a finalizer may run in the middle of anything, also while a device records what it is asked for.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.arrays = self.peak = self.scratch = 0
        self.left: deque[tuple[int, int, bool]] = deque()

    def count(self, size: int, is_scratch: bool) -> None:
        """So many bytes more, or less."""
        if is_scratch:
            self.scratch += size
        else:
            self.arrays += size
            self.peak = max(self.peak, self.arrays)

    def give_back(self, device: Device) -> None:
        """Free what was left; the lock must be held."""
        while self.left:
            address, size, is_scratch = self.left.popleft()
            device.free(address)
            self.count(-size, is_scratch)


_HELD: "weakref.WeakKeyDictionary[Device, _Held]" = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def _held(device: Device) -> _Held:
    found = _HELD.get(device)
    if found is None:
        with _MAKING:
            found = _HELD.setdefault(device, _Held())
    return found


def lock_of(device: Device) -> threading.RLock:
    """What a thread holds while it uses a device."""
    return _held(device).lock


def memory_held(device: Device) -> tuple[int, int]:
    """Bytes of the device's memory that arrays have now, and the most they had so far."""
    held = _held(device)
    with held.lock:
        held.give_back(device)
        return held.arrays, held.peak


def scratch_held(device: Device) -> int:
    """Bytes that programs have there for themselves: constants, copies of their inputs, intermediate results."""
    held = _held(device)
    with held.lock:
        held.give_back(device)
        return held.scratch


def forget_peak(device: Device) -> None:
    """Count the most bytes from now on."""
    held = _held(device)
    with held.lock:
        held.give_back(device)
        held.peak = held.arrays


class Block:
    """Memory of a device, given back when nobody has this object any more; at its end the process leaves that to the driver.

    Args:
        size: bytes. is_scratch: it is a program's own, and counted as such.

    Raises:
        ResourceExhaustedError: the device has not so much left.
    """

    __slots__ = ("address", "__weakref__")

    def __init__(self, device: Device, size: int, is_scratch: bool = False):
        held, size = _held(device), max(1, size)
        with held.lock:
            held.give_back(device)
            try:
                self.address = device.allocate(size)
            except ResourceExhaustedError as error:
                raise ResourceExhaustedError(f"{error} (arrays have {held.arrays} bytes there, programs {held.scratch} beside)") from error
            held.count(size, is_scratch)
        weakref.finalize(self, held.left.append, (self.address, size, is_scratch)).atexit = False
