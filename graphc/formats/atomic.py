"""Files that appear whole or not at all: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import errno
import os
import platform
import secrets
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from graphc.errors import (
    AlreadyExistsError, GraphcError, NotFoundError, PermissionDeniedError, ResourceExhaustedError, StateError, explain,
)  # fmt: skip

TEMPORARY = ".tmp-ckpt-"  # how the names of files begin that are not complete yet
_ABANDONED = 3600  # seconds after which a file is removed whose process may be one of another machine
_FULL = {errno.ENOSPC: "no space is left on the disk", errno.EDQUOT: "the disk quota is used up",
         errno.EFBIG: "the file would be larger than files may be"}  # fmt: skip


@contextmanager
def told(op: str, path) -> Iterator[None]:
    """The errors of the system as errors of graphc that name the operation and the file."""
    try:
        yield
    except GraphcError:
        raise
    except OSError as error:
        raise _named(error, op, os.fspath(path)) from error


def _named(error: OSError, op: str, path: str) -> GraphcError:
    if error.errno in _FULL:
        what = f"{op}: {path} cannot be written: {_FULL[error.errno]}; what was there before is unchanged"
        return ResourceExhaustedError(explain(what))
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return NotFoundError(explain(f"{op}: {path}: no such file or directory"))
    if isinstance(error, FileExistsError):
        return AlreadyExistsError(explain(f"{op}: {path}: exists already and is no folder"))
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return PermissionDeniedError(explain(f"{op}: {path}: {error.strerror}"))
    return StateError(explain(f"{op}: {path}: {error.strerror or error}"))


class NewFile:
    """A file that is being written. It has its own name after ``commit``; before, ``discard`` leaves nothing of it.

    Args:
        path: where it will be; what is there stays until ``commit``.
    """

    def __init__(self, path: str):
        self.path, self.size = path, 0
        folder = os.path.dirname(path)
        self.temporary = os.path.join(folder, f"{_mine()}{os.getpid()}-{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._handle: int | None = os.open(self.temporary, flags, 0o666)
        self._exists = True

    def write(self, data) -> None:
        """Add bytes."""
        data = memoryview(data)
        while len(data):
            count = os.write(self._handle, data)
            self.size += count
            data = data[count:]

    def finish(self) -> None:
        """Have all of it on the disk."""
        os.fsync(self._handle)
        self._close()

    def commit(self, path: str | None = None) -> None:
        """Give it its name (or ``path``), at once and in place of what has that name."""
        os.replace(self.temporary, path or self.path)
        self._exists = False

    def discard(self) -> None:
        """Remove what is not committed."""
        with suppress(OSError):
            self._close()
        if self._exists:
            remove(self.temporary)
            self._exists = False

    def _close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)


def write_file(path: str, data: bytes) -> None:
    """Replace a file: a reader sees the old or the whole new content, whatever happens in between."""
    file = NewFile(path)
    try:
        file.write(data)
        file.finish()
        file.commit()
    except BaseException:
        file.discard()
        raise
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Have the names in the folder of ``path`` on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: str) -> bool:
    """Delete a file if it is there; whether it was."""
    try:
        os.remove(path)
    except OSError:
        return False
    return True


def remove_abandoned(path: str) -> None:
    """Delete what processes that were killed have left in the folder of ``path``."""
    folder = os.path.dirname(path) or "."
    limit = time.time() - _ABANDONED
    with suppress(OSError):
        for name in os.listdir(folder):
            full = os.path.join(folder, name)
            if name.startswith(TEMPORARY) and (_is_of_the_dead(name) or os.stat(full).st_mtime < limit):
                remove(full)


def _mine() -> str:
    """How the names of this machine's files begin that are not complete yet."""
    return f"{TEMPORARY}{zlib.crc32(platform.node().encode()):08x}-"


def _is_of_the_dead(name: str) -> bool:
    """Whether a file that is not complete was of a process of this machine that is there no more."""
    number = name.removeprefix(_mine()).partition("-")[0]
    if os.name != "posix" or not name.startswith(_mine()) or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass
    return False
