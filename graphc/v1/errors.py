"""TensorFlow's names for the errors of a run, and their numbers."""

from graphc import errors as _errors
from graphc.errors import (  # noqa: F401
    ABORTED, ALREADY_EXISTS, CANCELLED, DATA_LOSS, DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT,
    NOT_FOUND, OK, OUT_OF_RANGE, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE, UNIMPLEMENTED,
    UNKNOWN, AbortedError, AlreadyExistsError, CancelledError, DataLossError, DeadlineExceededError,
    FailedPreconditionError, InternalError, InvalidArgumentError, NotFoundError, OpError, OutOfRangeError,
    PermissionDeniedError, ResourceExhaustedError, UnauthenticatedError, UnavailableError, UnimplementedError,
    UnknownError,
)  # fmt: skip

_CLASSES = (
    CancelledError, UnknownError, InvalidArgumentError, DeadlineExceededError, NotFoundError, AlreadyExistsError,
    PermissionDeniedError, ResourceExhaustedError, FailedPreconditionError, AbortedError, OutOfRangeError,
    UnimplementedError, InternalError, UnavailableError, DataLossError, UnauthenticatedError,
)  # fmt: skip


def exception_type_from_error_code(error_code: int) -> type:
    """The class of errors with a number.

    Raises:
        UsageError: there is none.
    """
    if error_code not in range(1, len(_CLASSES) + 1):
        what = f"exception_type_from_error_code: needs a number from 1 to {len(_CLASSES)}, got {error_code!r}"
        raise _errors.UsageError(_errors.explain(what))
    return _CLASSES[error_code - 1]


def error_code_from_exception_type(cls: type) -> int:
    """The number of a class of errors; that of UnknownError for any other class."""
    return _CLASSES.index(cls) + 1 if cls in _CLASSES else UNKNOWN


def __dir__() -> list[str]:
    return sorted(name for name in globals() if not name.startswith("_"))
