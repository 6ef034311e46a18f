"""TensorFlow's names for the errors of a run."""

from graphc.errors import (
    CompileError,
    DeviceUnavailable,
    FeedError,
    FormatError,
    GraphcError,
    StateError,
)

OpError = GraphcError
InvalidArgumentError = FeedError
FailedPreconditionError = StateError
InternalError = CompileError
NotFoundError = DeviceUnavailable
DataLossError = FormatError


__all__ = [
    "DataLossError", "FailedPreconditionError", "InternalError", "InvalidArgumentError", "NotFoundError", "OpError",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
