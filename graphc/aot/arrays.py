"""Named arrays in one ``.npz`` file, as ``numpy.load`` reads it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from graphc.aot.replace import replace_files
from graphc.errors import FormatError, UsageError


def write_arrays(path: Path, named: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write an ``.npz`` file; unlike ``numpy.savez`` with any names, and at this very path.

    Raises:
        UsageError: an array holds strings, which cannot be read back safely.
        OSError: it cannot be written.
    """
    replace_files({path: array_pieces(named)})


def array_pieces(named: Iterable[tuple[str, np.ndarray]]) -> list:
    """What is in such a file.

    Raises:
        UsageError: an array holds strings.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, value in named:
            if value.dtype == object:
                raise UsageError(f"{name} holds strings, which an .npz file cannot hold safely; leave them out")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, value, allow_pickle=False)
    return [content.getbuffer()]


def read_arrays(path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file by name.

    Raises:
        FormatError: it is none, or damaged.
        OSError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} is no .npz file: {error}") from None
