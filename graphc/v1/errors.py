"""TensorFlow's names for the errors of a run."""

from graphc.errors import (  # noqa: F401
    AbortedError, AlreadyExistsError, CancelledError, DataLossError, DeadlineExceededError, FailedPreconditionError,
    InternalError, InvalidArgumentError, NotFoundError, OpError, OutOfRangeError, PermissionDeniedError,
    ResourceExhaustedError, UnauthenticatedError, UnavailableError, UnimplementedError, UnknownError,
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted(name for name in globals() if name.endswith("Error"))
