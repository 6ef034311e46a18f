"""Errors, how a message is laid out, and where in the user's code something was made."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import threading
from dataclasses import dataclass

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NOT_USERS = (_PACKAGE, contextlib.__file__)  # our own "with" blocks are entered through contextlib
_own_files: set[str] = set()  # those of our files that were met


class GraphcError(Exception):
    """Base of every error that graphc raises on purpose."""


class InvalidArgumentError(GraphcError, ValueError):
    """An operation was given values that it cannot work with."""


class ShapeError(InvalidArgumentError):
    """Shapes do not fit together."""


class DtypeError(InvalidArgumentError, TypeError):
    """Element types do not fit together."""


class GraphError(GraphcError, ValueError):
    """A graph is malformed, or something of one graph was used with another."""


class UnknownNameError(GraphError, KeyError):
    """There is nothing of that name in the graph."""

    __str__ = Exception.__str__  # a KeyError would show the quoted form


class FeedError(InvalidArgumentError):
    """A value that a run needs is missing, unknown or fed twice."""


class StateError(GraphcError, RuntimeError):
    """An object is not in a state that allows the call: closed session, uninitialised variable."""


class CompileError(GraphcError, RuntimeError):
    """A stage of the compiler could not produce its result."""


class DeviceUnavailable(GraphcError, RuntimeError):
    """The device asked for is not there."""


class FormatError(GraphcError, ValueError):
    """A file or text is damaged, truncated or of another format."""


class UsageError(GraphcError, ValueError):
    """A call that cannot mean anything: unknown name, impossible argument."""


class SymbolicError(GraphcError, TypeError):
    """A tensor that has no value yet was used where Python needs one: ``if``, ``for``, ``float``."""


class OutOfRangeError(GraphcError, IndexError):
    """There is nothing more: a queue is closed and empty, a file or a dataset has ended."""


class CancelledError(GraphcError, RuntimeError):
    """An operation was given up, usually because what it waited for was closed."""


class NotFoundError(GraphcError, LookupError):
    """A file, or something of that name, does not exist."""


class AlreadyExistsError(GraphcError, ValueError):
    """Something of that name exists already."""


class DeadlineExceededError(GraphcError, TimeoutError):
    """An operation did not end in the time it was given."""


class DataLossError(FormatError):
    """Data that cannot be read back: truncated or damaged records."""


class PermissionDeniedError(GraphcError, PermissionError):
    """What was asked for is not allowed."""


class UnauthenticatedError(GraphcError, PermissionError):
    """It is not known who asks."""


class ResourceExhaustedError(GraphcError, MemoryError):
    """There is not enough memory for what was asked."""


class GraphcWarning(UserWarning):
    """Something works, but not as well as it could."""


# Names under which TensorFlow's programs expect some of these.
OpError = GraphcError
FailedPreconditionError = StateError
OperatorNotAllowedInGraphError = SymbolicError
UnimplementedError = UnavailableError = InternalError = UnknownError = AbortedError = CompileError
(OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
 RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
 UNAUTHENTICATED) = range(17)  # fmt: skip


@dataclass(frozen=True)
class Location:
    """A line of the user's program."""

    file: str
    line: int

    @property
    def source(self) -> str:
        """The text of the line, empty where it cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


class _Current(threading.local):
    location: Location | None = None
    fixed = False


_current = _Current()


def here() -> Location | None:
    """The innermost line outside graphc that led to this call, or the one set by ``located``."""
    if _current.fixed:
        return _current.location
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _own_files:
            if not file.startswith(_NOT_USERS):
                return Location(file, frame.f_lineno)
            _own_files.add(file)
        frame = frame.f_back
    return None


@contextlib.contextmanager
def located(location: Location | None):
    """Everything made inside is attributed to ``location``."""
    before = _current.location, _current.fixed
    _current.location, _current.fixed = location, True
    try:
        yield
    finally:
        _current.location, _current.fixed = before


def explain(what: str, operands=(), location: Location | None = None) -> str:
    """Lay out a message: what happened, where each operand comes from, the user's line.

    Args:
        what: one sentence with the operation, the types and the violated rule.
        operands: pairs ``(name, description)`` such as ``("x", "from reshape   model.py:14")``.
        location: the user's line; found from the call stack if None.
    """
    location = location or here()
    lines = [what] + [f"  {name}  {text}" for name, text in operands]
    if location is not None:
        source = location.source
        lines.append(f"  at {location}" + (f": {source}" if source else ""))
    return "\n".join(lines)


@contextlib.contextmanager
def with_line():
    """Errors of a run that do not know the line of their operation name at least the line that asked for the run."""
    try:
        yield
    except GraphcError as error:
        if "\n  at " not in str(error):
            error.args = (explain(str(error)), *error.args[1:])  # it keeps its kind, its cause and what it carries
        raise
    except MemoryError as error:  # NumPy's says how much was asked for
        raise ResourceExhaustedError(explain(f"run: there is not enough memory: {error}")) from None
