"""Weights of losses and metrics: a scalar, or of the rank of the values with sizes 1 or theirs."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.v1 import ops


def check_weights(what: str, weights, values) -> None:
    """Refuse weights that cannot be repeated to the shape of ``values``.

    Raises:
        ShapeError: they are no scalar, and have another rank or a size that is neither 1 nor that of the values.
    """
    if not weights.shape.ndims or values.shape.ndims is None:
        return
    own, wanted = weights.shape.as_list(), values.shape.as_list()
    if len(own) != len(wanted) or any(a not in (None, 1) and b not in (None, a) for a, b in zip(own, wanted)):
        problem = f"weights of shape {weights.shape} cannot be broadcast to values of shape {values.shape}"
        raise ShapeError(explain(f"{what}: {problem}: they must be a scalar, or have sizes that are 1 or those of the "
                                 "values"))  # fmt: skip


def spread(what: str, weights, values, dtype):
    """Weights as ``dtype`` in the shape of ``values``.

    Raises:
        ShapeError: they do not fit.
    """
    weights = ops.cast(weights, dtype)
    check_weights(what, weights, values)
    if weights.shape == values.shape and values.shape.is_fully_defined():
        return weights
    return ops.multiply(weights, ops.ones_like(values, dtype=dtype), name="broadcast_weights")
