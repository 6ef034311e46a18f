"""TensorFlow 1's readers: operations that give the next record of files whose names come from a queue."""

from __future__ import annotations

from typing import NamedTuple

from graphc.api.queue import QueueBase
from graphc.api.resource import Resource
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.prims.readers import definition_of
from graphc.v1.mode import default_recorder
from graphc.v1.tensor import Tensor


class Records(NamedTuple):
    """Keys and contents of records."""

    keys: Tensor
    values: Tensor


class Record(NamedTuple):
    """Key and content of a record."""

    key: Tensor
    value: Tensor


class ReaderBase(Resource):
    """Reads one record after the other, on the host; every session has its own place in the files.

    Attributes:
        reader_ref: what names it; supports_serialize: whether its place can be stored: False.
    """

    fallback = staticmethod(default_recorder)
    supports_serialize = False

    def __init__(self, reader_ref=None, supports_serialize=False):
        raise UsageError(explain("ReaderBase: make one of its kinds, such as tf.TextLineReader"))

    def _make(self, name, *arguments) -> None:
        label = type(self).__name__
        self._define(lambda full, _: definition_of(label, full, *arguments), name or f"{label}V2", None)
        self.reader_ref = self._definition

    def read(self, queue, name=None) -> Record:
        """Key (file and number) and content of the next record; the queue is asked for a file when one has ended.

        Raises:
            OutOfRangeError: when running: the queue is closed and empty. NotFoundError: there is no such file.
        """
        results = ((dt.string, ()), (dt.string, ()))
        return Record(*self._call("ReaderReadV2", "ReaderReadV2", "read", (), results, name, _queue("read", queue)))

    def read_up_to(self, queue, num_records, name=None) -> Records:
        """Keys and contents of the next records of a file, at most ``num_records``; see ``read``."""
        count, results = self._tensor("read_up_to", num_records, dt.i64), ((dt.string, (-1,)), (dt.string, (-1,)))
        label = "ReaderReadUpToV2"
        return Records(*self._call(label, label, "read_up_to", (count,), results, name, _queue("read_up_to", queue)))

    def num_records_produced(self, name=None) -> Tensor:
        """How many records were read: i64."""
        label = "ReaderNumRecordsProducedV2"
        return self._call(label, label, "num_records_produced", (), ((dt.i64, ()),), name)[0]

    def num_work_units_completed(self, name=None) -> Tensor:
        """How many files were read to their end: i64."""
        label = "ReaderNumWorkUnitsCompletedV2"
        return self._call(label, label, "num_work_units_completed", (), ((dt.i64, ()),), name)[0]

    def reset(self, name=None):
        """Start anew with the next file."""
        return self._call("ReaderResetV2", "ReaderResetV2", "reset", (), name=name)


def _queue(op: str, queue) -> QueueBase:
    if not isinstance(queue, QueueBase):
        raise UsageError(explain(f"{op}: needs a queue of names of files, got {queue!r}"))
    return queue


class TextLineReader(ReaderBase):
    """Lines, without their ends.

    Args:
        skip_header_lines: so many are left out at the beginning of every file.
    """

    def __init__(self, skip_header_lines=None, name=None):
        self._make(name, int(skip_header_lines or 0))


class WholeFileReader(ReaderBase):
    """Whole files; the key is the name."""

    def __init__(self, name=None):
        self._make(name)


class IdentityReader(ReaderBase):
    """The names themselves."""

    def __init__(self, name=None):
        self._make(name)


class FixedLengthRecordReader(ReaderBase):
    """Records of so many bytes each.

    Args:
        header_bytes, footer_bytes: at both ends of a file, which belong to no record.
        hop_bytes: from the beginning of a record to the next; the size of a record if None or 0.
        encoding: none but the plain one.
    """

    def __init__(self, record_bytes, header_bytes=None, footer_bytes=None, hop_bytes=None, name=None, encoding=None):
        if encoding:
            raise UsageError(explain(f"FixedLengthRecordReader: encoding {encoding!r} is not known"))
        self._make(name, int(record_bytes), int(header_bytes or 0), int(footer_bytes or 0), int(hop_bytes or 0))


class TFRecordReader(ReaderBase):
    """The records of TFRecord files.

    Args:
        options: has ``compression_type``: nothing, ``"GZIP"`` or ``"ZLIB"``, or is that.
    """

    def __init__(self, name=None, options=None):
        compression = getattr(options, "compression_type", options)
        compression = {1: "ZLIB", 2: "GZIP", 0: ""}.get(compression, compression) or ""
        if compression not in ("", "GZIP", "ZLIB"):
            raise UsageError(explain(f"TFRecordReader: compression {compression!r} is not known"))
        self._make(name, compression)
