"""``tf.resource_loader``: files that lie beside a program's modules."""

from __future__ import annotations

import inspect
import os
import sys

from graphc.errors import NotFoundError, explain


def get_data_files_path() -> str:
    """The folder of the file that calls this."""
    return os.path.dirname(inspect.getfile(sys._getframe(1)))


def get_root_dir_with_all_resources() -> str:
    """The folder of the file that calls this."""
    return os.path.dirname(inspect.getfile(sys._getframe(1)))


def get_path_to_datafile(path) -> str:
    """A path relative to the file that calls this, made absolute."""
    return os.path.join(os.path.dirname(inspect.getfile(sys._getframe(1))), path)


def load_resource(path) -> bytes:
    """The content of a file; its path is relative to the file that calls this.

    Raises:
        NotFoundError: it cannot be read.
    """
    full = os.path.join(os.path.dirname(inspect.getfile(sys._getframe(1))), path)
    try:
        with open(full, "rb") as file:
            return file.read()
    except OSError as error:
        raise NotFoundError(explain(f"load_resource: {full}: {error.strerror}")) from None


def readahead_file_path(path, readahead="128M") -> str:
    """The path itself."""
    return path
