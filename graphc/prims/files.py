"""Files read and written: rows on the host that take a token first and answer with the next one."""

from __future__ import annotations

import glob
import os

import numpy as np

from graphc.errors import NotFoundError, StateError
from graphc.ir import dtype as dt
from graphc.ir.type import TupleType, Type
from graphc.prims.strings import expect, texts
from graphc.prims.table import Prim, declare

_TOKEN = np.zeros(0, np.uint8)


def contents_of(name: str) -> bytes:
    """The bytes of a file.

    Raises:
        NotFoundError: there is none. StateError: it cannot be read.
    """
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFoundError(f"{name}: no such file or directory") from None
    except OSError as error:
        raise StateError(f"{name}: {error.strerror}") from None


def _read_type(token: Type, name: Type) -> TupleType:
    expect("read_file", name)
    return TupleType((token, name))


declare(Prim("read_file", _read_type, lambda token, name: (_TOKEN, texts([contents_of(os.fsdecode(_only(name)))], ())),
             native=False))  # fmt: skip


def _only(array) -> bytes:
    return array.reshape(-1)[0] if isinstance(array, np.ndarray) else array


def _write_type(token: Type, name: Type, contents: Type) -> Type:
    expect("write_file", name)
    expect("write_file", contents)
    return token


def _write_array(token, name, contents):
    path = os.fsdecode(_only(name))
    try:
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(_only(contents))
    except OSError as error:
        raise StateError(f"write_file: {path}: {error.strerror}") from None
    return _TOKEN


declare(Prim("write_file", _write_type, _write_array, native=False))


def _matching_type(token: Type, pattern: Type, sizes: tuple) -> TupleType:
    expect("matching_files", pattern)
    return TupleType((token, Type(dt.string, sizes)))


def _matching_array(token, pattern):
    found = {os.fsencode(name) for p in pattern.reshape(-1).tolist() for name in glob.glob(os.fsdecode(p))}
    return _TOKEN, texts(sorted(found), (len(found),))


declare(Prim("matching_files", _matching_type, _matching_array, native=False, sizes=1))
