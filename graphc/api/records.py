"""TFRecord files: records of bytes with check sums, written and read, compressed or not."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zlib
from collections.abc import Iterator

from graphc.errors import DataLossError, NotFoundError, StateError, UsageError, explain
from graphc.formats.crc32c import masked

_KINDS = ("", "ZLIB", "GZIP")


class TFRecordCompressionType:
    """TensorFlow 1's numbers of the kinds of compression."""

    NONE, ZLIB, GZIP = range(3)


class TFRecordOptions:
    """How a file is compressed: ``""``, ``"ZLIB"`` or ``"GZIP"``, and how much, 0 to 9; the rest is for compatibility.

    Raises:
        UsageError: unknown compression.
    """

    def __init__(self, compression_type=None, flush_mode=None, input_buffer_size=None, output_buffer_size=None,
                 window_bits=None, compression_level=None, compression_method=None, mem_level=None,
                 compression_strategy=None):  # fmt: skip
        self.compression_type = _known(compression_type or "")
        self.compression_level = -1 if compression_level is None else int(compression_level)

    @classmethod
    def get_compression_type_string(cls, options) -> str:
        """The name of the compression of options, of a name, or of None."""
        return "" if not options else _known(getattr(options, "compression_type", options))


def _known(kind: str | int) -> str:
    kind = _KINDS[kind] if type(kind) is int and 0 <= kind < len(_KINDS) else kind
    if kind not in _KINDS:
        raise UsageError(
            explain(f"TFRecordOptions: compression_type must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
        )
    return kind


class TFRecordWriter:
    """Writes records to a file, which ``close``, or the end of a ``with`` block, completes.

    Args:
        options: TFRecordOptions, or the name of a compression.

    Raises:
        StateError: the file cannot be written.
    """

    def __init__(self, path, options=None):
        options = options if isinstance(options, TFRecordOptions) else TFRecordOptions(options)
        self._kind = options.compression_type
        try:
            self._file = open(os.fspath(path), "wb")  # noqa: SIM115  closed by close
        except OSError as error:
            raise StateError(explain(f"TFRecordWriter: {path}: {error.strerror}")) from None
        wide = 31 if self._kind == "GZIP" else 15
        self._pack = zlib.compressobj(options.compression_level, wbits=wide) if self._kind else None

    def write(self, record) -> None:
        """Add a record of bytes.

        Raises:
            StateError: the writer is closed. TypeError: no bytes.
        """
        if self._file is None:
            raise StateError(explain("TFRecordWriter: the writer is closed"))
        record = record.encode() if isinstance(record, str) else bytes(memoryview(record))
        self._put(framed(record))

    def _put(self, data: bytes) -> None:
        self._file.write(data if self._pack is None else self._pack.compress(data))

    def flush(self) -> None:
        """Write out what is waiting."""
        if self._file is not None:
            if self._pack is not None:
                self._file.write(self._pack.flush(zlib.Z_SYNC_FLUSH))
            self._file.flush()

    def close(self) -> None:
        """Complete the file."""
        if self._file is not None:
            if self._pack is not None:
                self._file.write(self._pack.flush())
            self._file.close()
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def framed(record: bytes) -> bytes:
    """A record as it stands in a file: length, its check sum, the bytes, theirs."""
    length = struct.pack("<Q", len(record))
    return b"".join((length, struct.pack("<I", masked(length)), record, struct.pack("<I", masked(record))))


def tf_record_iterator(path, options=None) -> Iterator[bytes]:
    """The records of a file.

    Raises:
        NotFoundError: there is no such file. DataLossError: it is damaged or truncated.
    """
    kind = TFRecordOptions.get_compression_type_string(options)
    try:
        with open(os.fspath(path), "rb") as raw:
            file = gzip.open(raw) if kind == "GZIP" else io.BytesIO(zlib.decompress(raw.read())) if kind else raw
            yield from _records(file, path)
    except FileNotFoundError:
        raise NotFoundError(explain(f"{path}: no such file or directory")) from None
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataLossError(explain(f"{path}: damaged {kind} data: {error}")) from None


def _records(file, path) -> Iterator[bytes]:
    at = 0
    while head := file.read(12):
        if len(head) < 12 or struct.unpack("<I", head[8:])[0] != masked(head[:8]):
            raise DataLossError(explain(f"{path}: the record at byte {at} is truncated or damaged"))
        (length,) = struct.unpack("<Q", head[:8])
        record = _exactly(file, length)
        tail = file.read(4)
        if record is None or len(tail) < 4 or struct.unpack("<I", tail)[0] != masked(record):
            raise DataLossError(explain(f"{path}: the record at byte {at} is truncated or damaged"))
        at += length + 16
        yield record


def _exactly(file, length: int) -> bytes | None:
    """That many bytes, read piece by piece so that a wrong length does not ask for memory; None if there are fewer."""
    parts, left = [], length
    while left:
        part = file.read(min(left, 1 << 24))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
