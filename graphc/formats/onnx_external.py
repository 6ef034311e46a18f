"""Files beside a model that hold values of its tensors: found inside of the model's folder only, and mapped."""

from __future__ import annotations

import mmap
import os
import stat
import threading

from graphc.errors import FormatError, explain

_LONGEST = 4096  # characters of a path
_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def map_file(path) -> memoryview:
    """The bytes of a file, mapped to be read.

    Raises:
        OSError: it is not there, or must not be read.
        FormatError: it is a folder, a device or a pipe.
    """
    handle = os.open(path, _OPEN)
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            kind = "a folder" if stat.S_ISDIR(state.st_mode) else "no ordinary file"
            raise FormatError(explain(f"{os.fspath(path)}: {kind}"))
        return memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_READ) if state.st_size else b"")
    finally:
        os.close(handle)


class Folder:
    """The folder of a model, for what is stored beside the model.

    Args:
        roots: folders that files may lie in; names are relative to the first. Empty where there is no folder.
    """

    def __init__(self, roots: tuple[str, ...]):
        self.roots = tuple(os.path.realpath(r) for r in roots)
        self._base = roots[0] if roots else ""
        self._mapped: dict[str, memoryview] = {}
        self._lock = threading.Lock()

    @staticmethod
    def of(path: str) -> Folder:
        """The folder of a file; where the file is a link, also the folder that its content lies in."""
        return Folder((os.path.dirname(path) or ".", os.path.dirname(os.path.realpath(path))))

    def map(self, location: str, what: str) -> memoryview:
        """The bytes of a file of the folder.

        Args:
            location: its name as the model has it.
            what: what errors begin with.

        Raises:
            FormatError: the name leads out of the folder, or to what is no ordinary file.
            OSError: there is no such file.
        """
        with self._lock:
            if location not in self._mapped:
                self._mapped[location] = map_file(self._path(location, what))
            return self._mapped[location]

    def _path(self, location: str, what: str) -> str:
        shown = location if len(location) <= 200 else f"{location[:200]}..."
        if not self.roots:
            why = "the model was given as bytes or a message: say where the file is with folder="
            raise FormatError(explain(f"{what}: its values are in the file {shown!r}, and {why}"))
        parts = location.replace("\\", "/").split("/")
        if not location or len(location) > _LONGEST or not location.isprintable():
            raise FormatError(explain(f"{what}: {shown!r} is no name of a file with its values"))
        if not parts[0] or ":" in parts[0] or ".." in parts or os.path.isabs(location):
            why = "must lie in the model's folder: no absolute path, no '..'"
            raise FormatError(explain(f"{what}: the file of its values {shown!r} {why}"))
        real = os.path.realpath(os.path.join(self._base, *parts))
        if not any(os.path.commonpath([root, real]) == root for root in self.roots):
            why = "is a link that leads out of the model's folder"
            raise FormatError(explain(f"{what}: the file of its values {shown!r} {why}"))
        return real
