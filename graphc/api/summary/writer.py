"""TensorFlow 2's summary writers: where ``tf.summary.scalar`` and the like put what they are given."""

from __future__ import annotations

import time
from contextlib import contextmanager

from graphc.api.summary import message
from graphc.api.summary.event_file import EventFile
from graphc.api.summary.state import STATE
from graphc.errors import StateError, UsageError, explain


class _Entered:
    """A ``with`` block in which a writer is the default one."""

    def __init__(self, writer, step):
        self._writer, self._step, self._before = writer, step, []

    def __enter__(self):
        self._before.append((STATE.writer, STATE.step))
        STATE.writer = self._writer
        if self._step is not None:
            STATE.step = self._step
        return self._writer

    def __exit__(self, *error):
        self._writer.flush()
        STATE.writer, step = self._before.pop()
        if self._step is not None:
            STATE.step = step
        return False


class SummaryWriter:
    """Takes summaries; ``create_file_writer`` makes one that keeps them."""

    def as_default(self, step=None):
        """A ``with`` block in which summaries go here, at this step where they name none; flushes at its end."""
        return _Entered(self, step)

    def set_as_default(self, step=None) -> None:
        """Summaries of this thread go here from now on."""
        self.as_default(step).__enter__()

    def init(self) -> None:
        """Nothing: a writer is ready when it is made."""

    def flush(self) -> None:
        """Let readers see everything."""

    def close(self) -> None:
        """Take no more summaries."""


class FileSummaryWriter(SummaryWriter):
    """Writes to an event file; see ``create_file_writer``."""

    def __init__(self, file: EventFile):
        self._file = file

    @property
    def logdir(self) -> str:
        return self._file.logdir

    def _check_open(self) -> None:
        if self._file.is_closed:
            raise StateError(explain(f"SummaryWriter of {self.logdir}: the writer is already closed"))

    def as_default(self, step=None):
        """See SummaryWriter.

        Raises:
            StateError: it is closed.
        """
        self._check_open()
        return super().as_default(step)

    def init(self) -> None:
        """Nothing: a writer is ready when it is made.

        Raises:
            StateError: it is closed.
        """
        self._check_open()

    def write(self, step: int, field: int, content: bytes) -> None:
        """Append an event; ``field`` says what it holds.

        Raises:
            StateError: it is closed, or the file cannot be written.
        """
        self._check_open()
        self._file.add(message.event(time.time(), step, field, content))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class NoopSummaryWriter(SummaryWriter):
    """Drops everything, and leaves the default writer as it is."""

    @contextmanager
    def as_default(self, step=None):
        """A ``with`` block that changes nothing."""
        yield

    def set_as_default(self, step=None) -> None:
        """Nothing."""


def create_file_writer(logdir, max_queue=None, flush_millis=None, filename_suffix=None, name=None,
                       experimental_trackable=False, experimental_mesh=None) -> SummaryWriter:  # fmt: skip
    """A writer that appends to a new event file in a folder, which is made if it is missing.

    Args:
        flush_millis: readers see what is older than this when the next summary comes; two minutes if None.
        filename_suffix: the end of the file's name, ``.v2`` if None.
        max_queue, name, experimental_trackable, experimental_mesh: without effect.

    Raises:
        UsageError: no folder is named. UnavailableError: tensorboardX is not installed.
        StateError, PermissionDeniedError: the folder cannot be used.
    """
    seconds = 120.0 if flush_millis is None else float(flush_millis) / 1000
    suffix = ".v2" if filename_suffix is None else filename_suffix
    return FileSummaryWriter(EventFile("create_file_writer", logdir, seconds, suffix))


def create_noop_writer() -> SummaryWriter:
    """A writer that drops everything."""
    return NoopSummaryWriter()


def flush(writer=None, name=None) -> None:
    """Let readers see everything that went to a writer, the default one if None.

    Raises:
        UsageError: it is no writer.
    """
    writer = STATE.writer if writer is None else writer
    if writer is not None:
        if not isinstance(writer, SummaryWriter):
            raise UsageError(explain(f"flush: needs a summary writer, got {writer!r}"))
        writer.flush()
