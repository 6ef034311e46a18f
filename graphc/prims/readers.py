"""Readers: the records of files whose names come from a queue."""

from __future__ import annotations

import gzip
import json
import struct
import threading
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from graphc.errors import DataLossError, InvalidArgumentError, NotFoundError


class Reader:
    """Goes through files record by record; the next file is asked for when one has ended.

    Args:
        records: answers for the name of a file with pairs of the key and the content of its records.
    """

    def __init__(self, records: Callable[[bytes], Iterator]):
        self._records = records
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> tuple:
        """Start anew, in the middle of a file too."""
        self._open: Iterator | None = None
        self._produced = self._completed = 0
        return ()

    def read(self, queue) -> tuple:
        """Key and content of the next record."""
        with self._lock:
            return tuple([np.array(x, object) for x in self._next(queue)])

    def read_up_to(self, queue, count) -> tuple:
        """Keys and contents of the next records, at most ``count`` and of one file."""
        with self._lock:
            pairs = [self._next(queue)]
            while len(pairs) < int(count) and (pair := self._more()) is not None:
                pairs.append(pair)
        return tuple([np.array(column, object) for column in zip(*pairs)])

    def num_records_produced(self) -> tuple:
        """How many records were read."""
        return (np.array(self._produced, np.int64),)

    def num_work_units_completed(self) -> tuple:
        """How many files were read to their end."""
        return (np.array(self._completed, np.int64),)

    def cancel(self) -> None:
        """Nothing waits for it but at its queue."""

    def _next(self, queue) -> tuple:
        while True:
            if self._open is None:
                self._open = self._records(bytes(queue.dequeue()[0].item()))
            pair = self._more()
            if pair is not None:
                return pair

    def _more(self) -> tuple | None:
        """The next record of the file; None at its end."""
        try:
            pair = next(self._open)
        except StopIteration:
            self._open, self._completed = None, self._completed + 1
            return None
        except BaseException:
            self._open = None
            raise
        self._produced += 1
        return pair


def _content(name: bytes) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFoundError(f"{name.decode('utf-8', 'replace')}: there is no such file") from None


def _lines(skip: int) -> Callable:
    def records(name: bytes) -> Iterator:
        lines = _content(name).split(b"\n")
        for k, line in enumerate(lines if lines[-1] else lines[:-1]):
            if k >= skip:
                yield name + b":%d" % (k + 1), line.removesuffix(b"\r")

    return records


def _whole(name: bytes) -> Iterator:
    yield name, _content(name)


def _itself(name: bytes) -> Iterator:
    yield name, name


def _fixed(size: int, header: int, footer: int, hop: int) -> Callable:
    def records(name: bytes) -> Iterator:
        content = _content(name)
        last = len(content) - footer - size
        for k, start in enumerate(range(header, last + 1, hop or size)):
            yield name + b":%d" % k, content[start : start + size]

    return records


def _length_prefixed(compression: str) -> Callable:
    def records(name: bytes) -> Iterator:
        content = _content(name)
        if compression:
            content = gzip.decompress(content) if compression == "GZIP" else zlib.decompress(content)
        start = 0
        while start < len(content):
            end = start + 12 + struct.unpack_from("<Q", content, start)[0] if start + 12 <= len(content) else -1
            if not 0 <= end <= len(content) - 4:
                raise DataLossError(f"{name.decode('utf-8', 'replace')}: the record at byte {start} is truncated")
            yield name + b":%d" % start, content[start + 12 : end]
            start = end + 4

    return records


_KINDS = {
    "TextLineReader": _lines,
    "WholeFileReader": lambda: _whole,
    "IdentityReader": lambda: _itself,
    "FixedLengthRecordReader": _fixed,
    "TFRecordReader": _length_prefixed,
}


def definition_of(label: str, name: str, *arguments) -> str:
    """A reader as text, from which it can be made.

    Raises:
        InvalidArgumentError: a number of bytes cannot be.
    """
    if label == "FixedLengthRecordReader" and (arguments[0] <= 0 or min(arguments) < 0):
        raise InvalidArgumentError(f"{label}: sizes of {arguments} bytes (record, header, footer, hop) cannot be")
    return json.dumps([label, name, *arguments])


def made(definition: str) -> Reader:
    """The reader that a text defines, at its start."""
    label, _, *arguments = json.loads(definition)
    return Reader(_KINDS[label](*arguments))
