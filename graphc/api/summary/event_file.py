"""Event files: what TensorBoard reads, written by tensorboardX, read as TFRecords."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator

from graphc.api.records import tf_record_iterator
from graphc.api.summary import message
from graphc.errors import (
    DataLossError, PermissionDeniedError, ResourceExhaustedError, StateError, UnavailableError, UsageError, explain,
)  # fmt: skip
from graphc.formats import protos

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FIRST = b"brain.Event:2"


def _record_writer():
    """The class of tensorboardX that frames records.

    Raises:
        UnavailableError: it is not installed.
    """
    try:
        from tensorboardX.record_writer import RecordWriter
    except ImportError as error:
        what = f"writing summaries needs tensorboardX: pip install 'graphc[summary]' ({error})"
        raise UnavailableError(explain(what)) from None
    return RecordWriter


def _refusal(op: str, path: str, error: OSError) -> Exception:
    """The error of the system as TensorFlow names it."""
    what = f"{op}: {path}: {error.strerror or error}"
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        what = f"{op}: {path} cannot be a folder for event files: a file of that name is in the way"
        return StateError(explain(what))
    if isinstance(error, PermissionError):
        return PermissionDeniedError(explain(what))
    if error.errno in _FULL:
        return ResourceExhaustedError(explain(f"{what}; the events written last may be lost"))
    return StateError(explain(what))


class _Opened:
    """One file that is being written."""

    def __init__(self, path: str, make):
        self.path, self._records = path, make(path)
        self.pid = os.getpid()
        self.write(message.event(time.time(), 0, message.FILE_VERSION, _FIRST))

    def write(self, event: bytes) -> None:
        self._records.write(event)

    def flush(self) -> None:
        """Give everything to the system. Waiting for the disk, as tensorboardX does, would slow down training."""
        getattr(self._records, "_writer", self._records).flush()

    def close(self) -> None:
        if self.pid == os.getpid():  # a forked child does not own it
            self._records.close()


def _closed(opened: _Opened) -> None:
    try:
        opened.close()
    except OSError:
        pass  # nobody is left to be told


class EventFile:
    """Appends events to a new file of a folder, which is made if it is missing. Any thread may use it.

    Args:
        op: who asks, for messages.
        flush_secs: events are seen by readers after so many seconds, when the next one comes.
        suffix: the end of the file's name.

    Raises:
        UnavailableError: tensorboardX is not installed. StateError, PermissionDeniedError: the folder cannot be used.
    """

    def __init__(self, op: str, logdir, flush_secs: float = 120, suffix: str | None = None):
        if not isinstance(logdir, (str, bytes, os.PathLike)) or not os.fsdecode(logdir):
            raise UsageError(explain(f"{op}: logdir must be the name of a folder, got {logdir!r}"))
        self.logdir = os.fsdecode(logdir)
        self._op, self._flush_secs, self._suffix, self._make = op, flush_secs, suffix or "", _record_writer()
        self._is_remote = "://" in self.logdir  # tensorboardX knows some such places
        self._lock, self._flushed_at, self._opened = threading.Lock(), 0.0, None
        self._failure: Exception | None = None
        self.is_closed = False
        with self._lock:
            self._open()

    def _open(self) -> None:
        try:
            if not self._is_remote:
                os.makedirs(self.logdir, exist_ok=True)
            self._opened = _Opened(self._free_path(), self._make)
        except OSError as error:
            raise _refusal(self._op, self.logdir, error) from None
        self._finalizer = weakref.finalize(self, _closed, self._opened)
        self._flushed_at = 0.0

    def _free_path(self) -> str:
        """A name that no file has yet: programs may open several files in one second."""
        host, now = socket.gethostname(), int(time.time())
        base = os.path.join(self.logdir, f"events.out.tfevents.{now:010d}.{host}")
        path, count = f"{base}{self._suffix}", 0
        while not self._is_remote and os.path.exists(path):
            count += 1
            path = f"{base}.{count}{self._suffix}"
        return path

    def _carry_out(self, action) -> None:
        """Do something with the file; a failure ends it, as the last record may be torn."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        try:
            action(self._opened)
        except OSError as error:
            self._failure = _refusal(self._op, self._opened.path, error)
            self._finalizer.detach()
            _closed(self._opened)
            raise self._failure from None

    def add(self, event: bytes) -> None:
        """Append an event; nothing happens once the file is closed.

        Raises:
            ResourceExhaustedError, StateError: it could not be written, for instance because the disk is full.
        """
        with self._lock:
            if self.is_closed:
                return
            if self._opened is None:
                self._open()
            self._carry_out(lambda opened: opened.write(event))
            if time.monotonic() - self._flushed_at > self._flush_secs or not self._flushed_at:
                self._flush()

    def _flush(self) -> None:
        self._carry_out(_Opened.flush)
        self._flushed_at = time.monotonic()

    def flush(self) -> None:
        """Let readers see all events."""
        with self._lock:
            if not self.is_closed and self._opened is not None:
                self._flush()

    def close(self) -> None:
        """Complete the file."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
            if self._opened is not None and self._failure is None:
                self._carry_out(_Opened.close)
                self._finalizer.detach()
            self._opened = None

    def reopen(self) -> None:
        """Go on with a new file, if this one is closed."""
        with self._lock:
            if self.is_closed or self._failure is not None:
                self.is_closed, self._failure, self._opened = False, None, None


def summary_iterator(path) -> Iterator:
    """The events of a file, as ``tf.Event`` messages, in the order they were written.

    Raises:
        NotFoundError: there is no such file. DataLossError: it is damaged or still being written.
    """
    from_string = protos.Event.FromString
    for record in tf_record_iterator(path):
        try:
            event = from_string(record)
        except Exception as error:  # protobuf's DecodeError, whose module is not imported here
            raise DataLossError(explain(f"{path}: a record is no event: {error}")) from None
        yield event
