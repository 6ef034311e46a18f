"""Writing several files so that none of them is ever half there."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphc.runtime.container import TEMPORARY


@contextmanager
def new_folders(folders: Iterable[Path]) -> Iterator[None]:
    """Folders, made with those above them where they are missing; what was made is taken away again if something fails.

    Raises:
        OSError: one cannot be made.
    """
    made: list[Path] = []
    try:
        for path in [up for folder in folders for up in (*reversed(folder.parents), folder)]:
            if not path.is_dir():
                path.mkdir()
                made.append(path)
        yield
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):  # somebody else put something there
                path.rmdir()
        raise


def check_replaceable(path: Path) -> None:
    """Say what is no file that another can take the place of.

    Raises:
        OSError: a folder, a device such as ``/dev/null``, or a pipe is there.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "A device or pipe is there, whose place no file takes", str(path))


def replace_files(files: dict[Path, Iterable]) -> None:
    """Write files of bytes-like pieces. Each is complete under a temporary name before the first gets its own name.

    Raises:
        OSError: something cannot be written. Then no file is changed, unless renaming itself fails half-way.
    """
    temporaries: dict[Path, Path] = {}
    try:
        for path, pieces in files.items():
            check_replaceable(path)
            temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
            try:
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
                temporaries[path] = temporary
                with os.fdopen(handle, "wb") as file:
                    for piece in pieces:
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise OSError(error.errno, error.strerror or str(error), str(path)) from None
        for path in files:
            os.replace(temporaries[path], path)
            del temporaries[path]
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
