"""``tf.io.gfile``: files and folders of this machine, under TensorFlow's names."""

from __future__ import annotations

import glob as _glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from graphc.errors import AlreadyExistsError, NotFoundError, StateError, explain


@contextmanager
def _told(op: str, path) -> Iterator[None]:
    """The errors of the system as TensorFlow names them."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(explain(f"{op}: {path}: no such file or directory")) from None
    except FileExistsError:
        raise AlreadyExistsError(explain(f"{op}: {path}: exists already")) from None
    except OSError as error:
        raise StateError(explain(f"{op}: {path}: {error.strerror}")) from None


@dataclass(frozen=True)
class FileStatistics:
    """What ``stat`` says: bytes, the time of the last change in nanoseconds, whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


class GFile:
    """A file opened for reading (``r``), writing (``w``) or appending (``a``), as text, or as bytes with ``b``.

    Raises:
        NotFoundError, StateError: it cannot be opened; told at the first use.
    """

    def __init__(self, name, mode="r"):
        self.name, self.mode, self._file = os.fspath(name), mode, None

    def _opened(self):
        if self._file is None:
            with _told("GFile", self.name):
                encoding = None if "b" in self.mode else "utf-8"
                self._file = open(self.name, self.mode, encoding=encoding, newline=None if "b" in self.mode else "")
        return self._file

    def size(self) -> int:
        """How many bytes the file has."""
        return stat(self.name).length

    def read(self, n=-1):
        """The next ``n`` bytes or characters; all that is left by default."""
        return self._opened().read(n)

    def seek(self, offset=None, whence=0, position=None) -> None:
        """Go on at a byte."""
        self._opened().seek(position if offset is None else offset, whence)

    def close(self) -> None:
        """Close it; a file that was to be written exists from then on."""
        if self._file is None and self.mode[0] in "wa":
            self._opened()
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getattr__(self, name: str):
        if name not in ("write", "readline", "readlines", "tell", "flush"):
            raise AttributeError(f"GFile has no attribute {name!r}")
        return getattr(self._opened(), name)

    def __iter__(self):
        return iter(self._opened())

    def __enter__(self):
        self._opened()
        return self

    def __exit__(self, *exception):
        self.close()


def exists(path) -> bool:
    """Whether there is a file or folder of this name."""
    return os.path.exists(os.fspath(path))


def isdir(path) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(os.fspath(path))


def glob(pattern) -> list[str]:
    """The names that match a pattern, or one of several, sorted."""
    patterns = list(pattern) if isinstance(pattern, (list, tuple)) else [pattern]
    return sorted({name for p in patterns for name in _glob.glob(os.fspath(p))})


def listdir(path) -> list[str]:
    """The names in a folder."""
    with _told("listdir", path):
        return os.listdir(os.fspath(path))


def join(path, *paths) -> str:
    """Parts of a name put together."""
    return os.path.join(os.fspath(path), *map(os.fspath, paths))


def makedirs(path) -> None:
    """Make a folder and those around it; nothing happens if it exists."""
    with _told("makedirs", path):
        os.makedirs(os.fspath(path), exist_ok=True)


def mkdir(path) -> None:
    """Make a folder in one that exists."""
    with _told("mkdir", path):
        os.mkdir(os.fspath(path))


def remove(path) -> None:
    """Delete a file."""
    with _told("remove", path):
        os.remove(os.fspath(path))


def rmtree(path) -> None:
    """Delete a folder and all that is in it."""
    with _told("rmtree", path):
        shutil.rmtree(os.fspath(path))


def copy(src, dst, overwrite=False) -> None:
    """Copy a file; one that exists is replaced only if ``overwrite`` is set."""
    _free("copy", dst, overwrite)
    with _told("copy", src):
        shutil.copyfile(os.fspath(src), os.fspath(dst))


def rename(src, dst, overwrite=False) -> None:
    """Rename or move; what exists is replaced only if ``overwrite`` is set."""
    _free("rename", dst, overwrite)
    with _told("rename", src):
        os.replace(os.fspath(src), os.fspath(dst))


def _free(op: str, path, overwrite: bool) -> None:
    if not overwrite and exists(path):
        raise AlreadyExistsError(explain(f"{op}: {path}: exists already; pass overwrite=True to replace it"))


def stat(path) -> FileStatistics:
    """Size, time and kind."""
    with _told("stat", path):
        found = os.stat(os.fspath(path))
    return FileStatistics(found.st_size, found.st_mtime_ns, isdir(path))


def walk(top, topdown=True, onerror=None) -> Iterator[tuple[str, list[str], list[str]]]:
    """Folder, folders in it and files in it, for a folder and all below."""
    yield from os.walk(os.fspath(top), topdown, onerror)


def get_registered_schemes() -> list[str]:
    """The kinds of file systems: this machine's."""
    return ["", "file"]
