"""Loaded shared objects: from a file or from bytes, with the addresses of their symbols."""

from __future__ import annotations

import _ctypes
import ctypes
import itertools
import os
import sys
import tempfile
import weakref

from graphc.errors import CompileError


class Library:
    """A shared object in this process. It is unloaded when nothing refers to this object any more.

    Whoever keeps an address must keep the Library too.

    Args:
        source: path of a file, or the content of one.
        shared: offer its symbols to libraries loaded later.

    Raises:
        CompileError: the loader does not accept it.
    """

    def __init__(self, source: str | os.PathLike | bytes, shared: bool = False):
        mode = os.RTLD_NOW | (os.RTLD_GLOBAL if shared else os.RTLD_LOCAL)
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._library = _load_bytes(source, mode)
        else:
            self._library = _load(os.path.abspath(source), mode)
        # Not at exit: other threads may still be in its code then.
        weakref.finalize(self, _ctypes.dlclose, self._library._handle).atexit = False

    def address(self, name: str) -> int:
        """The address of a symbol.

        Raises:
            CompileError: it has none of that name.
        """
        try:
            return _ctypes.dlsym(self._library._handle, name)
        except OSError:
            raise CompileError(f"the library has no symbol {name!r}") from None

    def __contains__(self, name: str) -> bool:
        try:
            return _ctypes.dlsym(self._library._handle, name) != 0
        except OSError:
            return False


def _load(path: str, mode: int) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path, mode=mode)
    except OSError as error:
        elsewhere = "" if sys.platform.startswith("linux") else f" (compiled programs are libraries for Linux, and this is {sys.platform})"
        raise CompileError(f"cannot load compiled code: {error}{elsewhere}") from None


def load_for_good(file) -> ctypes.CDLL:
    """Load the shared object that a file open for reading is, and never unload it.

    It is this very file, whatever stands at its path by now; one that is loaded already is not loaded twice.

    Raises:
        OSError: the loader does not accept it.
    """
    path = _fresh_path(file.fileno())
    return ctypes.CDLL(path if os.path.exists(path) else os.path.abspath(file.name), mode=os.RTLD_NOW | os.RTLD_LOCAL)


_loads = itertools.count(1)


def _fresh_path(descriptor: int) -> str:
    """A path of an open file that no library was loaded by before.

    The loader takes an equal path for the same library without looking at the file, and descriptors are reused; so
    the number of the load is spelled into the path with ``./`` and ``/``, which mean nothing.
    """
    number = f"{next(_loads):b}"
    return f"/proc/self/fd/{number.replace('1', './').replace('0', '/')}{descriptor}"


def _load_bytes(content, mode: int) -> ctypes.CDLL:
    """Load through a file without a name where the system has that, else through a temporary file."""
    if hasattr(os, "memfd_create"):
        try:
            handle = os.memfd_create("graphc", os.MFD_CLOEXEC)
        except OSError:
            handle = None
        if handle is not None:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                try:
                    return ctypes.CDLL(_fresh_path(file.fileno()), mode=mode)
                except OSError:
                    pass  # no /proc, or nothing may be run from there: perhaps from a temporary file
    try:
        file = tempfile.NamedTemporaryFile(suffix=".so")
    except OSError as error:
        raise CompileError(f"cannot load compiled code: {error} (TMPDIR may name a folder to use)") from None
    with file:
        file.write(content)
        file.flush()
        return _load(file.name, mode)
