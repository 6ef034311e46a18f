"""Protocol buffers' wire format: fields in and out, and TensorFlow's records read without making messages of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from graphc.errors import DataLossError
from graphc.ir import dtype as dt

VARINT, WIDE, BYTES, NARROW = 0, 1, 2, 5
_MASK = (1 << 64) - 1

BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3  # the field of a Feature that holds its values
KINDS = {BYTES_LIST: dt.string, FLOAT_LIST: dt.f32, INT64_LIST: dt.i64}


# -------------------------------------------------------------------------------------------------- writing


def varint(value: int) -> bytes:
    """A number of 64 bits, seven of them a byte; negative ones as two's complement."""
    value &= _MASK
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes: a string, a message, or packed numbers."""
    return varint(number << 3 | BYTES) + varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    """A field of an integer."""
    return varint(number << 3 | VARINT) + varint(value)


# -------------------------------------------------------------------------------------------------- reading


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise DataLossError("a message is damaged: a number does not end")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value & _MASK, at


def fields(data: bytes) -> Iterator[tuple[int, int, object]]:
    """Number, kind and value of every field of a message: an int, or the bytes.

    Raises:
        DataLossError: the message is damaged.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind in (WIDE, NARROW, BYTES):
            size, at = _varint(data, at) if kind == BYTES else (8 if kind == WIDE else 4, at)
            if at + size > len(data):
                raise DataLossError("a message is damaged: it is truncated")
            value, at = data[at : at + size], at + size
        else:
            raise DataLossError(f"a message is damaged: field {number} is of unknown kind {kind}")
        if not number:
            raise DataLossError("a message is damaged: a field has the number 0")
        yield number, kind, value


def joined(data: bytes, number: int) -> bytes:
    """The message in a field; several of them are merged."""
    return b"".join(value for n, kind, value in fields(data) if n == number and kind == BYTES)


def integers(data: bytes) -> np.ndarray:
    """Packed numbers of 64 bits."""
    out, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value)
    return np.array(out, np.uint64).view(np.int64)


def feature_values(data: bytes) -> tuple[int | None, list]:
    """Which list a Feature holds, and its values."""
    kind, values = None, []
    for number, wire, content in fields(data):
        if number not in KINDS or wire != BYTES:
            continue
        values = values if number == kind else []
        kind = number
        for inner, how, value in fields(content):
            if inner == 1:
                values += _elements(kind, how, value)
    return kind, values


def _elements(kind: int, how: int, value) -> list:
    if kind == BYTES_LIST:
        return [value]
    if kind == FLOAT_LIST:
        if len(value) % 4:
            raise DataLossError("a message is damaged: packed floats do not fill it")
        return np.frombuffer(value, "<f4").tolist()
    return integers(value).tolist() if how == BYTES else [value - (value >> 63 << 64)]


def entries(data: bytes) -> dict[str, bytes]:
    """A map from text to messages, field 1 of a message; of equal keys the last one counts."""
    found = {}
    for number, kind, entry in fields(data):
        if number == 1 and kind == BYTES:
            key = value = b""
            for inner, _, content in fields(entry):
                key, value = (content, value) if inner == 1 else (key, content) if inner == 2 else (key, value)
            found[key.decode()] = value
    return found


@functools.lru_cache(1024)
def features(example: bytes) -> dict[str, bytes]:
    """The features of an Example, or the context of a SequenceExample: name -> Feature."""
    return entries(joined(example, 1))


@functools.lru_cache(1024)
def feature_lists(example: bytes) -> dict[str, list[bytes]]:
    """The feature lists of a SequenceExample: name -> Features."""
    lists = entries(joined(example, 2))
    return {name: [v for n, kind, v in fields(data) if n == 1 and kind == BYTES] for name, data in lists.items()}
