"""Files read piece by piece, plain or compressed: what is in memory at a time does not depend on how long they are."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

from graphc.errors import DataLossError, UsageError, explain
from graphc.formats.atomic import told

KINDS = ("", "ZLIB", "GZIP")
SIZE = 1 << 18  # bytes of a block
_MOST = 1 << 22  # bytes of one block that are uncompressed at a time
_WIDE = {"ZLIB": 15, "GZIP": 31}


def kind_of(op: str, compression) -> str:
    """The name of a compression: one of KINDS, None or their number.

    Raises:
        UsageError: it is something else.
    """
    kind = getattr(compression, "compression_type", compression) or ""
    kind = KINDS[kind] if type(kind) is int and 0 <= kind < len(KINDS) else kind
    kind = kind.decode() if isinstance(kind, bytes) else kind
    if kind not in KINDS:
        raise UsageError(
            explain(f"{op}: compression_type must be one of {', '.join(map(repr, KINDS))}, got {compression!r}")
        )
    return kind


def blocks(path, compression: str = "", size: int | None = None) -> Iterator[bytes]:
    """The content of a file in pieces.

    Args:
        compression: one of KINDS; size: bytes that are read at a time.

    Raises:
        NotFoundError: there is no such file. StateError: it cannot be read.
        DataLossError: the compressed data are damaged; names the file.
    """
    path, size = os.fsdecode(path), size or SIZE
    with told("read", path), open(path, "rb", buffering=0) as file:
        raw = iter(lambda: file.read(size), b"")
        yield from _inflated(raw, path, compression) if compression else raw


def _inflated(raw: Iterator[bytes], path, compression: str) -> Iterator[bytes]:
    unpack, begun = zlib.decompressobj(_WIDE[compression]), False
    try:
        for data in raw:
            while data:
                if unpack.eof:  # another stream behind the first one
                    unpack = zlib.decompressobj(_WIDE[compression])
                begun = True
                found = unpack.decompress(data, _MOST)
                data = unpack.unconsumed_tail or unpack.unused_data
                if found:
                    yield found
    except zlib.error as error:
        raise DataLossError(explain(f"{os.fsdecode(path)}: damaged {compression} data: {error}")) from None
    if begun and not unpack.eof:
        raise DataLossError(explain(f"{os.fsdecode(path)}: damaged {compression} data: the file ends too early"))


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a text without their ends (also those of carriage returns, wherever these stand)."""
    rest = b""
    for piece in pieces:
        if b"\n" not in piece:
            rest += piece
            continue
        found = (rest + piece).replace(b"\r", b"").split(b"\n")
        rest = found.pop()
        yield from found
    rest = rest.replace(b"\r", b"")
    if rest:
        yield rest


def records_of_size(pieces: Iterator[bytes], path, size: int, header: int = 0, footer: int = 0) -> Iterator[bytes]:
    """Records of ``size`` bytes each between the ends of a file.

    Raises:
        DataLossError: what is between the ends is no multiple of ``size`` bytes.
    """
    rest, skipped, total = b"", header, 0
    for piece in pieces:
        rest, total = rest + piece, total + len(piece)
        at = min(skipped, len(rest))
        skipped -= at
        stop = at + max(0, len(rest) - at - footer) // size * size
        for start in range(at, stop, size):
            yield rest[start : start + size]
        rest = rest[stop if stop > at else at :]
    if skipped or len(rest) != footer:
        what = f"{os.fsdecode(path)}: {total} bytes without the header ({header} bytes) and footer ({footer} bytes)"
        raise DataLossError(explain(f"{what} are no multiple of {size}, the size of a record"))
