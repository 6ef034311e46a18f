"""Files read and written while a program runs, strung on a token. All of it runs on the host."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir.node import Node, origins
from graphc.lib.strings import words
from graphc.prims import files as _files  # noqa: F401  declares rows
from graphc.prims.order import item
from graphc.prims.table import apply


def _one(op: str, name: str, value) -> Node:
    x = words(op, value)
    if x.shape:
        raise ShapeError(explain(f"{op}: {name} must be one string, not {x.type}", origins(**{name: x})))
    return x


def read_file(token, filename) -> tuple[Node, Node]:
    """The bytes of a file, a scalar string. Runs on the host.

    Raises:
        NotFoundError, while running: there is no such file.
    """
    found = apply("read_file", token, _one("read_file", "filename", filename))
    return item(found, 0), item(found, 1)


def write_file(token, filename, contents) -> tuple[Node, None]:
    """Write a string to a file, whose folder is made if need be. Runs on the host."""
    return apply(
        "write_file", token, _one("write_file", "filename", filename), _one("write_file", "contents", contents)
    ), None


def matching_files(token, pattern) -> tuple[Node, Node]:
    """The names of files that match one of the patterns (``*``, ``?``, ``[a-z]``), sorted. Runs on the host."""
    x = words("matching_files", pattern)
    if len(x.shape) > 1:
        raise ShapeError(
            explain(f"matching_files: pattern must be a string or a vector, not {x.type}", origins(pattern=x))
        )
    found = apply("matching_files", token, x)
    return item(found, 0), item(found, 1)
