"""Work recorded once and done again by one call: CUDA graphs, which pycuda does not have, by ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: what other threads do is no part of it, and no fault
_pointer = ctypes.c_void_p


class Graph:
    """A recorded sequence of work.

    Attributes:
        kernels: the names of those in it, for messages.
    """

    __slots__ = ("kernels", "_handle", "_drop")

    def __init__(self, handle: _pointer, kernels: tuple[str, ...], drop: Callable[[_pointer], None]):
        self._handle, self.kernels, self._drop = handle, kernels, drop

    def __del__(self):
        self._drop(self._handle)


class Graphs:
    """Recording and replaying on one stream; a context must be active in all calls.

    Errors of the driver are raised as ``error(text)``, whose text is made as pycuda makes it.
    """

    def __init__(self, library: ctypes.CDLL, stream, text: Callable[[int], str], error: type[Exception]):
        self._library, self._text, self._error = library, text, error
        self._stream = _pointer(stream.handle)
        self._replay = library.cuGraphLaunch
        self._replay.argtypes = (_pointer, _pointer)

    def begin(self) -> None:
        """Record from now on what is put on the stream by this thread."""
        self._call("cuStreamBeginCapture_v2", self._stream, _THREAD_LOCAL)

    def end(self, kernels: tuple[str, ...], drop: Callable[[_pointer], None]) -> Graph:
        """What was recorded, ready to be replayed."""
        recorded, ready = _pointer(), _pointer()
        self._call("cuStreamEndCapture", self._stream, ctypes.byref(recorded))
        try:
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(ready), recorded, ctypes.c_ulonglong(0))
        finally:
            self._library.cuGraphDestroy(recorded)
        return Graph(ready, kernels, drop)

    def abandon(self) -> None:
        """End a recording that failed."""
        recorded = _pointer()
        self._library.cuStreamEndCapture(self._stream, ctypes.byref(recorded))
        if recorded:
            self._library.cuGraphDestroy(recorded)

    def replay(self, graph: Graph) -> None:
        """Put what was recorded on the stream."""
        code = self._replay(graph._handle, self._stream)
        if code:
            raise self._error(f"cuGraphLaunch failed: {self._text(code)}")

    def destroy(self, handle: _pointer) -> None:
        """Free what a Graph had; the driver does so when it has run."""
        self._library.cuGraphExecDestroy(handle)

    def _call(self, name: str, *arguments) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise self._error(f"{name} failed: {self._text(code)}")
