"""CSV records taken apart into columns: a row on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import InvalidArgumentError
from graphc.ir import dtype as dt
from graphc.ir.type import TupleType, Type
from graphc.prims.strings import expect, number, texts
from graphc.prims.table import Prim, declare

_QUOTE = b'"'


def _type(x: Type, *defaults: Type, **attrs) -> TupleType:
    expect("decode_csv", x)
    return TupleType(tuple([x.with_dtype(d.dtype) for d in defaults]))


def fields_of(line: bytes, delimiter: bytes, quotes: bool) -> list[bytes]:
    """The fields of one record.

    Raises:
        InvalidArgumentError: quotes or newlines where RFC 4180 has none.
    """
    if not quotes or _QUOTE not in line:
        if quotes and (b"\n" in line or b"\r" in line):
            raise InvalidArgumentError("unquoted fields cannot have quotes or newlines inside")
        return line.split(delimiter) if line else []
    found, at = [], 0
    while True:
        if line[at : at + 1] == _QUOTE:
            value, at = _quoted(line, at + 1, delimiter)
        else:
            end = line.find(delimiter, at)
            value = line[at:] if end < 0 else line[at:end]
            at += len(value)
            if any(c in value for c in (_QUOTE, b"\n", b"\r")):
                raise InvalidArgumentError("unquoted fields cannot have quotes or newlines inside")
        found.append(value)
        if at >= len(line):
            return found
        at += 1


def _quoted(line: bytes, at: int, delimiter: bytes) -> tuple[bytes, int]:
    """A field after its opening quote, and the place after the closing one."""
    value = b""
    while True:
        end = line.find(_QUOTE, at)
        if end < 0:
            raise InvalidArgumentError("a quoted field has to end with a quote")
        value += line[at:end]
        if line[end + 1 : end + 2] != _QUOTE:
            break
        value, at = value + _QUOTE, end + 2
    if line[end + 1 : end + 2] not in (b"", delimiter):
        raise InvalidArgumentError("a quote inside of a string has to be escaped by another quote")
    return value, end + 1


def _array(x, *defaults, delimiter, quotes, empty, columns):
    mark, missing = delimiter.encode(), empty.encode("utf-8", "surrogateescape")
    kinds = [dt.as_dtype(d.dtype) for d in defaults]
    readers = [bytes if k is dt.string else number(k) for k in kinds]
    out = [[] for _ in defaults]
    for row, line in enumerate(x.reshape(-1).tolist()):
        try:
            found = fields_of(line, mark, quotes)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"decode_csv: record {row}: {error}") from None
        if columns:
            if columns[-1] >= len(found):
                raise InvalidArgumentError(f"decode_csv: record {row} has {len(found)} fields, no field {columns[-1]}")
            found = [found[c] for c in columns]
        if len(found) != len(defaults):
            raise InvalidArgumentError(
                f"decode_csv: expected {len(defaults)} fields but have {len(found)} in record {row}"
            )
        for k, value in enumerate(found):
            out[k].append(_value(value, missing, defaults[k], readers[k], kinds[k], k, row))
    return tuple(
        texts(column, x.shape) if k is dt.string else np.array(column).astype(k.numpy).reshape(x.shape)
        for column, k in zip(out, kinds)
    )


def _value(value: bytes, missing: bytes, default, reader, kind, column: int, row: int):
    if not value or value == missing:
        if not default.size:
            raise InvalidArgumentError(f"decode_csv: field {column} is required but missing in record {row}")
        return default.reshape(-1)[0]
    try:
        return reader(value)
    except InvalidArgumentError:
        raise InvalidArgumentError(
            f"decode_csv: field {column} in record {row} is not a valid {kind.name}: {value!r}"
        ) from None


declare(Prim("decode_csv", _type, _array, native=False))
