"""How the elements of a string tensor stand in a checkpoint: their lengths, a check sum of these, the bytes."""

from __future__ import annotations

import struct

import numpy as np

from graphc.errors import DtypeError, explain
from graphc.formats import crc32c
from graphc.formats.table import read_number
from graphc.formats.varint import varint


def encode(name: str, array: np.ndarray) -> tuple[bytes, int]:
    """The bytes of an array of strings, and their check sum.

    Raises:
        DtypeError: an element is no string.
    """
    elements = [_as_bytes(name, v) for v in array.reshape(-1).tolist()]
    sums = crc32c.crc32c(_lengths(map(len, elements)))
    middle = struct.pack("<I", crc32c.mask(sums))
    body = b"".join(elements)
    return b"".join(varint(len(e)) for e in elements) + middle + body, crc32c.extend(crc32c.extend(sums, middle), body)


def decode(data, count: int) -> tuple[list[bytes], int] | None:
    """``count`` strings and their check sum, or None where the bytes cannot be that many strings."""
    lengths, at = [], 0
    if count > len(data):
        return None
    head = bytes(data[: min(len(data), count * 10)])
    for _ in range(count):
        length, at = read_number(head, at)
        if length < 0:
            return None
        lengths.append(length)
    sums = crc32c.crc32c(_lengths(lengths))
    middle = bytes(data[at : at + 4])
    if middle != struct.pack("<I", crc32c.mask(sums)) or at + 4 + sum(lengths) != len(data):
        return None
    body = bytes(data[at + 4 :])
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    elements = [body[end - length : end] for length, end in zip(lengths, ends)]
    return elements, crc32c.extend(crc32c.extend(sums, middle), body)


def _lengths(lengths) -> bytes:
    """The lengths as they enter the check sum: four bytes each, eight where four are too few."""
    return b"".join(struct.pack("<I" if n <= 0xFFFFFFFF else "<Q", n) for n in lengths)


def _as_bytes(name: str, value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise DtypeError(explain(f"{name}: an element of a string tensor is {value!r} of type {type(value).__name__}"))
