"""Output whose reader leaves before the end, as ``head`` does: a command then ends without a word."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Run a command to its end, its output written out.

    Raises:
        SystemExit: with status 1, as the reader of standard output has seen enough. What else went wrong before is raised as it is.
    """
    try:
        yield
        sys.stdout.flush()  # here and not at exit, where Python would complain
    except BrokenPipeError:
        if not _reader_left():  # it was another pipe
            raise
        _write_nowhere()
        raise SystemExit(1) from None
    except BaseException:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _write_nowhere()
        raise


def _reader_left() -> bool:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors alone
    return bool(output.poll(0))


def _write_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
