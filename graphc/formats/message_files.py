"""Messages in files, as bytes or as text."""

from __future__ import annotations

import importlib
import os

from graphc.errors import DataLossError, explain
from graphc.formats.atomic import told, write_file


def write_message(op: str, message, path, as_text: bool = False) -> str:
    """Write a message; the file appears whole or not at all. Answers with its path.

    Raises:
        NotFoundError, PermissionDeniedError, ...: the file cannot be written; ``op`` is named.
    """
    path = os.fspath(path)
    with told(op, path):
        write_file(path, as_written(message).encode() if as_text else message.SerializeToString(deterministic=True))
    return path


def as_written(message) -> str:
    """The text form of a message."""
    return importlib.import_module("google.protobuf.text_format").MessageToString(message)


def from_text(kind: type, text: str, path):
    """The message of class ``kind`` that a text says.

    Raises:
        DataLossError: it says none; ``path`` is named.
    """
    module = importlib.import_module("google.protobuf.text_format")
    try:
        return module.Parse(text, kind())
    except module.ParseError as error:
        raise DataLossError(explain(f"{path}: the file is damaged: {error}")) from None


def read_message(op: str, kind: type, path):
    """The message of class ``kind`` in a file, bytes or text.

    Raises:
        NotFoundError, ...: the file cannot be read. DataLossError: it is no such message.
    """
    path = os.fspath(path)
    with told(op, path), open(path, "rb") as file:
        data = file.read()
    errors = importlib.import_module("google.protobuf.message").DecodeError
    try:
        return kind.FromString(data)
    except errors:
        pass
    text = importlib.import_module("google.protobuf.text_format")
    try:
        return text.Parse(data.decode(), kind())
    except (text.ParseError, UnicodeDecodeError) as error:
        what = f"{op}: {path} holds no {kind.DESCRIPTOR.name}, neither as bytes nor as text ({error})"
        raise DataLossError(explain(what)) from None
