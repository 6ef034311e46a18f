"""Two ways, of which one is chosen now where that is possible, and in every run where a tensor decides."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import control_flow


def known_bool(name: str, value) -> bool | None:
    """A bool that is known now; None for a tensor.

    Raises:
        UsageError: it is neither a bool nor a boolean tensor.
    """
    if isinstance(value, Operators):
        if value.dtype is not dt.b1 or value.shape.ndims not in (0, None):
            found = f"{value.name} of {value.dtype.name} {value.shape}"
            raise UsageError(explain(f"{name} must be True, False or a boolean scalar, got {found}"))
        return None
    if value is None or isinstance(value, (bool, int)) or type(value).__name__ == "bool_":
        return bool(value)
    raise UsageError(explain(f"{name} must be True, False or a boolean tensor, got {value!r}"))


def choose(training, then, otherwise):
    """What ``then()`` makes in training, else what ``otherwise()`` makes."""
    known = known_bool("training", training)
    if known is None:
        return control_flow.cond(training, then, otherwise)
    return then() if known else otherwise()
