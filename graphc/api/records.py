"""TFRecord files: records of bytes with check sums, written and read, compressed or not."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

from graphc.api.tensor import EagerTensor
from graphc.errors import StateError, explain
from graphc.formats.blocks import kind_of
from graphc.formats.records import framed, records


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
        self.compression_type = kind_of("TFRecordOptions", compression_type)
        self.compression_level = -1 if compression_level is None else int(compression_level)

    @classmethod
    def get_compression_type_string(cls, options) -> str:
        """The name of the compression of options, of a name, or of None."""
        return kind_of("TFRecordOptions", options)


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
            StateError: the writer is closed. TypeError: the record is no bytes; nothing was written.
        """
        if self._file is None:
            raise StateError(explain("TFRecordWriter: the writer is closed"))
        if isinstance(record, str):
            record = record.encode()
        elif isinstance(record, EagerTensor):
            record = record.numpy()
        try:
            data = framed(bytes(memoryview(record)))
        except TypeError:
            what = f"TFRecordWriter: a record is bytes, such as example.SerializeToString(), not {record!r}"
            raise TypeError(explain(what)) from None
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


def tf_record_iterator(path, options=None) -> Iterator[bytes]:
    """The records of a file, one after the other.

    Raises:
        NotFoundError: there is no such file. DataLossError: it is damaged or truncated.
    """
    return records(path, TFRecordOptions.get_compression_type_string(options))
