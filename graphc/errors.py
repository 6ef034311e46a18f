"""Errors, how a message is laid out, and where in the user's code something was made."""

from __future__ import annotations

import contextlib
import functools
import linecache
import os
import re
import sys
import threading
from dataclasses import dataclass, replace

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# what our own "with" blocks, cached values, threads and imports go through
_not_users = (_PACKAGE, contextlib.__file__, functools.__file__, threading.__file__, "<frozen importlib")
_STDLIB = os.path.dirname(os.__file__) + os.sep
_own_files: set[str] = set()  # those of our files that were met


class GraphcError(Exception):
    """Base of every error that graphc raises on purpose.

    Made of a message, or, as TensorFlow's errors are, of ``node_def, op, message``.

    Attributes:
        error_code: TensorFlow's number of the kind.
        op, node_def: the operation that failed and its node, or None.
    """

    error_code = 2
    op = node_def = None

    def __init__(self, *args):
        if len(args) >= 3 and isinstance(args[2], str):
            self.node_def, self.op, *args = args
        super().__init__(*args)

    @property
    def message(self) -> str:
        """What it says."""
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(GraphcError, ValueError):
    """An operation was given values that it cannot work with."""

    error_code = 3


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

    error_code = 9


class InternalError(GraphcError, RuntimeError):
    """Something is wrong inside of graphc."""

    error_code = 13


class UnimplementedError(GraphcError, NotImplementedError):
    """What was asked for does not exist."""

    error_code = 12


class UnavailableError(GraphcError, RuntimeError):
    """What was asked for is not there, here or now."""

    error_code = 14


class UnknownError(GraphcError, RuntimeError):
    """Something failed that has no kind of its own, such as a Python function that a run calls."""


class AbortedError(GraphcError, RuntimeError):
    """An operation was given up because of what another did; it may be tried again."""

    error_code = 10


class CompileError(InternalError):
    """A stage of the compiler could not produce its result."""


class DeviceUnavailable(GraphcError, RuntimeError):
    """The device asked for is not there."""


class DeviceError(InternalError):
    """A device refused what it was asked for, or a kernel on it did what it must not.

    Attributes:
        kernels: those that may have done it, as the device calls them.
    """

    def __init__(self, *args, kernels: tuple[str, ...] = ()):
        super().__init__(*args)
        self.kernels = kernels


class FormatError(GraphcError, ValueError):
    """A file or text is damaged, truncated or of another format."""


class UsageError(GraphcError, ValueError):
    """A call that cannot mean anything: unknown name, impossible argument."""


class SymbolicError(GraphcError, TypeError):
    """A tensor that has no value yet was used where Python needs one: ``if``, ``for``, ``float``."""


class NoValueError(SymbolicError, AttributeError):
    """``numpy()`` of a tensor that has no value yet; in TensorFlow such a tensor has no ``numpy``."""


class OutOfRangeError(GraphcError, IndexError):
    """There is nothing more: a queue is closed and empty, a file or a dataset has ended."""

    error_code = 11


class CancelledError(GraphcError, RuntimeError):
    """An operation was given up, usually because what it waited for was closed."""

    error_code = 1


class NotFoundError(GraphcError, LookupError):
    """A file, or something of that name, does not exist."""

    error_code = 5


class AlreadyExistsError(GraphcError, ValueError):
    """Something of that name exists already."""

    error_code = 6


class DeadlineExceededError(GraphcError, TimeoutError):
    """An operation did not end in the time it was given."""

    error_code = 4


class DataLossError(FormatError):
    """Data that cannot be read back: truncated or damaged records."""

    error_code = 15


class PermissionDeniedError(GraphcError, PermissionError):
    """What was asked for is not allowed."""

    error_code = 7


class UnauthenticatedError(GraphcError, PermissionError):
    """It is not known who asks."""

    error_code = 16


class ResourceExhaustedError(GraphcError, MemoryError):
    """There is not enough memory for what was asked."""

    error_code = 8


class GraphcWarning(UserWarning):
    """Something works, but not as well as it could."""


# Names under which TensorFlow's programs expect some of these.
OpError = GraphcError
FailedPreconditionError = StateError
OperatorNotAllowedInGraphError = SymbolicError
(OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
 RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS,
 UNAUTHENTICATED) = range(17)  # fmt: skip


@dataclass(frozen=True)
class Location:
    """A line of the user's program, and the names that scopes give to what is made there, such as ``model/dense_1``."""

    file: str
    line: int
    scope: str = ""

    @property
    def source(self) -> str:
        """The text of the line, empty where it cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        cell = _cell(self.file)
        line = f"{cell}, line {self.line}" if cell else f"{os.path.basename(self.file)}:{self.line}"
        return f"{line} {self.scope}" if self.scope else line


def _cell(file: str) -> str:
    """What a notebook calls the cell that it keeps in such a file, as ``Cell In[3]``; empty for other files."""
    notebook = sys.modules.get("IPython")
    shell = notebook.get_ipython() if notebook is not None else None
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found = named(file) if named is not None else None
    return " ".join(found) if found else ""


class _Current(threading.local):
    location: Location | None = None
    fixed = False
    scope = ""


_current = _Current()


def here() -> Location | None:
    """The innermost line outside graphc that led to this call, or the one set by ``located``."""
    found = place()
    if type(found) is tuple:
        return Location(*found, _current.scope)
    return replace(found, scope=_current.scope) if _current.scope and found is not None and not found.scope else found


def place() -> tuple[str, int] | Location | None:
    """``here`` for what is seldom told: file and line are a Location only where ``located`` says so."""
    if _current.fixed:
        return _current.location
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _own_files:
            if not file.startswith(_not_users):
                return file, frame.f_lineno
            _own_files.add(file)
        frame = frame.f_back
    return None


def pass_over(folder: str) -> None:
    """No file in a folder is the user's: a line that leads to it is looked for further out."""
    global _not_users
    folder = os.path.join(folder, "")
    if folder not in _not_users:
        _not_users += (folder,)


def is_own(file: str) -> bool:
    """Whether a file of code is graphc's."""
    return file.startswith(_PACKAGE)


def is_installed(file: str) -> bool:
    """Whether a file of code belongs to Python or to an installed library: its lines are not for the user to change."""
    return file.startswith(_STDLIB) or f"{os.sep}site-packages{os.sep}" in file


def raised_at(error: BaseException) -> Location | None:
    """The innermost line of the user's program that an error came from; None if it came from none."""
    at, found = error.__traceback__, None
    while at is not None:
        file = at.tb_frame.f_code.co_filename
        if not file.startswith((*_not_users, "<")) and not is_installed(file):
            found = Location(file, at.tb_lineno)
        at = at.tb_next
    return found


class located:
    """Everything made inside is attributed to a location. Entered for every Node that is made anew, so it is no generator."""

    __slots__ = ("_location", "_before")

    def __init__(self, location: Location | None):
        self._location = location

    def __enter__(self) -> None:
        self._before = _current.location, _current.fixed
        _current.location, _current.fixed = self._location, True

    def __exit__(self, *_) -> None:
        _current.location, _current.fixed = self._before


@contextlib.contextmanager
def scoped(names: str):
    """Everything made inside is said to be made under these names."""
    before, _current.scope = _current.scope, names
    try:
        yield
    finally:
        _current.scope = before


_SIZE = re.compile(r"\b(?:(_k\d+|unknown\d+_\d+)|[A-Za-z_]\w*_\d+)\b")
_sizes: dict[str, str] = {}  # symbols of sizes -> what messages call them
_SIZES_KEPT = 1 << 16


def call_size(symbol: str, shown: str) -> None:
    """Let messages call a symbolic size ``shown``, such as ``images.0``."""
    if len(_sizes) >= _SIZES_KEPT:
        _sizes.clear()
    _sizes[symbol] = shown


def _readable(text: str) -> str:
    """The text with sizes called as users know them; what only a run tells is ``?``."""
    return _SIZE.sub(lambda m: "?" if m[1] else _sizes.get(m[0], m[0]), text)


def explain(what: str, operands=(), location: Location | None = None) -> str:
    """Lay out a message: what happened, where each operand comes from, the user's line.

    Args:
        what: one sentence with the operation, the types and the violated rule.
        operands: pairs ``(name, description)`` such as ``("x", "from reshape   model.py:14")``.
        location: the user's line; found from the call stack if None.
    """
    location = location or here()
    lines = [_readable(what)] + [f"  {name}  {_readable(text)}" for name, text in operands]
    if location is not None:
        source = location.source
        lines.append(f"  at {location}" + (f": {source}" if source else ""))
    return "\n".join(lines)


_NO_ADDRESSES = "array is too big", "Maximum allowed dimension exceeded"  # how NumPy refuses what no memory could hold


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
        why = str(error) or "a value in between needs more than there is"
        raise ResourceExhaustedError(explain(f"run: there is not enough memory: {why}")) from None
    except ValueError as error:
        if not any(words in str(error) for words in _NO_ADDRESSES):
            raise
        raise ResourceExhaustedError(explain(f"run: there is not enough memory: {error}")) from None
