"""Work recorded once and done again by one call: CUDA graphs, which pycuda does not have, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from graphc.runtime.gpus import error_text

_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do is no part of it, and no fault
_pointer = ctypes.c_void_p


class Graph:
    """A recorded sequence of work.

    Attributes:
        kernels: the names of those in it, for messages.
    """

    __slots__ = ("kernels", "_handle", "_arrays", "_drop")

    def __init__(self, handle: _pointer, arrays: list[np.ndarray], kernels: tuple[str, ...], drop: Callable[[_pointer], None]):
        self._handle, self._arrays, self.kernels, self._drop = handle, arrays, kernels, drop

    def __del__(self):
        self._drop(self._handle)


class Graphs:
    """Recording and replaying on one stream; a context must be active in all calls, whose errors are pycuda's."""

    def __init__(self, library: ctypes.CDLL, driver, stream):
        """Args: ``library``: of the CUDA driver. ``driver``: pycuda.driver."""
        self._library, self._driver, self._stream = library, driver, stream
        self._handle = _pointer(stream.handle)
        self._arrays: list[np.ndarray] = []  # what the recording reads
        self._replay = library.cuGraphLaunch
        self._replay.argtypes = (_pointer, _pointer)

    def begin(self) -> None:
        """Record from now on what is put on the stream by this thread."""
        self._arrays = []
        self._call("cuStreamBeginCapture_v2", self._handle, _THREAD_LOCAL)

    def upload(self, address: int, array: np.ndarray) -> None:
        """Record an upload of the array's content as it is now."""
        self._arrays.append(array.copy().reshape(-1).view(np.uint8))
        self._driver.memcpy_htod_async(address, self._arrays[-1], self._stream)

    def end(self, kernels: tuple[str, ...], drop: Callable[[_pointer], None]) -> Graph:
        """What was recorded, ready to be replayed."""
        recorded, ready = _pointer(), _pointer()
        self._call("cuStreamEndCapture", self._handle, ctypes.byref(recorded))
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(ready), recorded, ctypes.c_ulonglong(0))
        finally:
            self._library.cuGraphDestroy(recorded)
        return Graph(ready, self._arrays, kernels, drop)

    def abandon(self) -> None:
        """End a recording that failed."""
        recorded = _pointer()
        self._library.cuStreamEndCapture(self._handle, ctypes.byref(recorded))
        if recorded:
            self._library.cuGraphDestroy(recorded)

    def replay(self, graph: Graph) -> None:
        """Put what was recorded on the stream."""
        code = self._replay(graph._handle, self._handle)
        if code:
            raise self._error("cuGraphLaunch", code)

    def destroy(self, handle: _pointer) -> None:
        """Free what a Graph had; the driver does so when it has run."""
        self._library.cuGraphExecDestroy(handle)

    def _call(self, name: str, *arguments) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise self._error(name, code)

    def _error(self, name: str, code: int) -> Exception:
        return self._driver.Error(f"{name} failed: {error_text(self._library, code)}")
