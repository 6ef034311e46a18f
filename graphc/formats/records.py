"""TFRecord files: a record is its length, the check sum of that, its bytes, and theirs."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from graphc.errors import DataLossError, explain
from graphc.formats.blocks import blocks
from graphc.formats.crc32c import masked

_HEAD = struct.Struct("<QI")
_SUM = struct.Struct("<I")


def framed(record: bytes) -> bytes:
    """A record as it stands in a file."""
    length = struct.pack("<Q", len(record))
    return b"".join((length, _SUM.pack(masked(length)), record, _SUM.pack(masked(record))))


def records(path, compression: str = "", size: int | None = None) -> Iterator[bytes]:
    """The records of a file, of which a block and the longest record are in memory at a time.

    Args:
        compression: ``""``, ``"ZLIB"`` or ``"GZIP"``; size: bytes that are read at a time.

    Raises:
        NotFoundError: there is no such file. DataLossError: it is damaged or truncated; names file, record and byte.
    """
    parts, have, need, place, count = [], 0, 12, 0, 0  # bytes that are here, and that the next record takes at least
    for piece in blocks(path, compression, size):
        parts.append(piece)
        have += len(piece)
        if have < need:
            continue
        data, at, need = b"".join(parts), 0, 12
        while len(data) - at >= 12:
            length, sum_of_length = _HEAD.unpack_from(data, at)
            if masked(data[at : at + 8]) != sum_of_length:
                raise _damaged(path, count, place, compression, "its length has another check sum")
            end = at + 12 + length
            if end + 4 > len(data):
                need = 16 + length
                break
            record = data[at + 12 : end]
            if masked(record) != _SUM.unpack_from(data, end)[0]:
                raise _damaged(path, count, place, compression, "its content has another check sum")
            yield record
            place, at, count = place + length + 16, end + 4, count + 1
        parts, have = [data[at:]], len(data) - at
    if have:
        raise _damaged(path, count, place, compression, "the file ends inside of it")


def _damaged(path, count: int, place: int, compression: str, why: str) -> DataLossError:
    name = os.fsdecode(path)
    hint = ""
    if not count:
        hint = "; is this a TFRecord file" + (", and is it compressed like this?" if compression else
                                              ", or a compressed one (compression_type)?")  # fmt: skip
    return DataLossError(explain(f"{name}: record {count} at byte {place} is truncated or damaged: {why}{hint}"))
