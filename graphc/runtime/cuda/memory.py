"""Memory of a CUDA device, kept when it is given back, and copies between it and arrays of the host."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable

import numpy as np

from graphc.errors import ResourceExhaustedError, UsageError

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: streams that have nothing to do with the default one, which other libraries may use
_SMALL, _PAGE = 512, 2 << 20  # sizes are rounded up to these, below and above half a page
_SLACK = 8  # a kept block serves for what is at most an eighth smaller
_STAGED = 1 << 20  # bytes from which on a copy goes through page-locked buffers
_CHUNK = 4 << 20


class Pool:
    """Blocks of device memory. The driver takes a hundred microseconds for one and waits for the device to free it.

    Blocks that were given back serve whoever asks next: all work is on one stream, so what the former user had asked for is
    done before the next one's begins.

    Attributes:
        used, peak, kept: bytes that are in use, were at the most, and wait for the next user.
    """

    def __init__(self, device: str, take: Callable[[int], object], is_shortage: Callable[[Exception], bool], free: Callable[[], tuple[int, int]]):
        """Args: ``take``: the driver's allocation; ``is_shortage``: of its errors; ``free``: bytes left, and in all."""
        self._device, self._take, self._is_shortage, self._free = device, take, is_shortage, free
        self._live: dict[int, tuple[object, int]] = {}
        self._idle: list[tuple[int, int, object]] = []  # size, address, block; the smallest first
        self._returned: deque[tuple[object, int]] = deque()  # finalizers give back in the middle of anything
        self.used = self.peak = self.kept = 0

    def allocate(self, size: int) -> int:
        """The address of ``size`` bytes.

        Raises:
            ResourceExhaustedError: neither the pool nor the driver has so much.
        """
        if size < 0:
            raise UsageError(f"{self._device}: {size} bytes cannot be allocated")
        self._collect()
        rounded = _rounded(size)
        block, rounded = self._kept_block(rounded) or (self._fresh(rounded, size), rounded)
        address = int(block)
        self._live[address] = (block, rounded)
        self.used += rounded
        self.peak = max(self.peak, self.used)
        return address

    def free(self, address: int) -> None:
        """Give back; may be called by a finalizer.

        Raises:
            UsageError: nothing is allocated there.
        """
        found = self._live.pop(address, None)
        if found is None:
            raise UsageError(f"{self._device}: no memory is allocated at {address:#x}")
        self._returned.append(found)

    def trim(self) -> None:
        """Give what is kept back to the driver."""
        self._collect()
        for _, _, block in self._idle:
            block.free()
        self._idle.clear()
        self.kept = 0

    def _collect(self) -> None:
        while self._returned:
            block, size = self._returned.popleft()
            insort(self._idle, (size, int(block), block), key=lambda item: item[:2])
            self.used -= size
            self.kept += size

    def _kept_block(self, size: int) -> tuple[object, int] | None:
        at = bisect_left(self._idle, size, key=lambda item: item[0])
        if at == len(self._idle) or self._idle[at][0] > size + size // _SLACK:
            return None
        found, _, block = self._idle.pop(at)
        self.kept -= found
        return block, found

    def _fresh(self, rounded: int, size: int) -> object:
        try:
            return self._take(rounded)
        except Exception as error:
            if not self._is_shortage(error):
                raise
        self.trim()
        try:
            return self._take(rounded)
        except Exception as error:
            if not self._is_shortage(error):
                raise
        left, total = self._free()
        raise ResourceExhaustedError(
            f"{self._device}: {_mega(size)} were wanted, and {_mega(left)} of {_mega(total)} are left; graphc has {_mega(self.used)} in "
            "use. Use smaller batches or fewer live results; what runs beside this process on the device takes memory, too"
        )


class Staging:
    """Copies of arrays. Large ones go through page-locked buffers on a stream of their own.

    The host fills one buffer while the device empties another; from ordinary memory the driver copies at half the speed, and
    makes the host wait.
    """

    def __init__(self, driver, stream):
        """Args: ``driver``: pycuda.driver; ``stream``: what the device computes on. A context must be active in all calls."""
        self._driver, self._stream = driver, stream
        self._copies = None
        self._buffers: list[tuple[np.ndarray, object]] = []  # each with the event after which it is free again

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy to the device, after what was asked for before; the array may be changed when this returns."""
        data = _bytes(array)
        if data.size < _STAGED:
            self._driver.memcpy_htod_async(address, data, self._stream)
            return
        self._begin()
        for k, start in enumerate(range(0, data.size, _CHUNK)):
            buffer, free = self._buffers[k % len(self._buffers)]
            free.synchronize()
            part = data[start : start + _CHUNK]
            buffer[: part.size] = part
            self._driver.memcpy_htod_async(address + start, buffer[: part.size], self._copies)
            free.record(self._copies)
        self._stream.wait_for_event(free)

    def download(self, array: np.ndarray, address: int) -> None:
        """Copy from the device, after what was asked for before; the array is complete when this returns."""
        data = _bytes(array)
        if data.size < _STAGED:
            self._driver.memcpy_dtoh_async(data, address, self._stream)
            self._stream.synchronize()
            return
        self._begin()
        waiting: deque[tuple[np.ndarray, np.ndarray, object]] = deque()
        for k, start in enumerate(range(0, data.size, _CHUNK)):
            buffer, done = self._buffers[k % len(self._buffers)]
            if len(waiting) == len(self._buffers):
                _fetch(*waiting.popleft())
            part = data[start : start + _CHUNK]
            self._driver.memcpy_dtoh_async(buffer[: part.size], address + start, self._copies)
            done.record(self._copies)
            waiting.append((part, buffer[: part.size], done))
        for item in waiting:
            _fetch(*item)

    def _begin(self) -> None:
        """Let the stream of copies wait for what is on the other one."""
        if self._copies is None:
            self._copies = self._driver.Stream(NON_BLOCKING)
            self._buffers = [(self._driver.pagelocked_empty(_CHUNK, np.uint8), self._driver.Event()) for _ in range(2)]
        ready = self._driver.Event()
        ready.record(self._stream)
        self._copies.wait_for_event(ready)


def _fetch(to: np.ndarray, buffer: np.ndarray, done) -> None:
    done.synchronize()
    to[...] = buffer


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


def _rounded(size: int) -> int:
    step = _SMALL if size <= _PAGE // 2 else _PAGE
    return max(step, -(-size // step) * step)


def _mega(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
