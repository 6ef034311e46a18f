"""Regularisers: functions from a variable to what its size adds to the loss."""

from __future__ import annotations

import numbers
from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.v1 import nn, ops
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_keys import GraphKeys


def _scale(what: str, value, name: str = "scale") -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or isinstance(value, numbers.Integral) and value:
        raise UsageError(explain(f"{what}: {name} must be a float, got {value!r}"))
    if value < 0.0:
        raise UsageError(explain(f"{what}: {name} must not be negative, got {value}"))
    return float(value)


def _regularizer(what: str, scale: float, scope, loss: Callable) -> Callable:
    """A function of weights, ``scale * loss(weights)``; one that answers with None for a scale of 0."""
    if scale == 0.0:
        return lambda _: None

    def regularizer(weights, name=None):
        weights = ops.convert_to_tensor(weights)
        with get_default_graph().name_scope(scope or what) as inner:
            factor = ops.constant(scale, weights.dtype, name="scale")
            return ops.multiply(factor, loss(weights), name=name or inner)

    return regularizer


def l1_regularizer(scale: float, scope=None) -> Callable:
    """``scale`` times the sum of absolute values.

    Raises:
        UsageError: ``scale`` is no float or negative.
    """
    return _regularizer("l1_regularizer", _scale("l1_regularizer", scale), scope, lambda w: ops.reduce_sum(ops.abs(w)))


def l2_regularizer(scale: float, scope=None) -> Callable:
    """``scale`` times half the sum of squares.

    Raises:
        UsageError: ``scale`` is no float or negative.
    """
    return _regularizer("l2_regularizer", _scale("l2_regularizer", scale), scope, nn.l2_loss)


def l1_l2_regularizer(scale_l1: float = 1.0, scale_l2: float = 1.0, scope=None) -> Callable:
    """The sum of ``l1_regularizer`` and ``l2_regularizer``.

    Raises:
        UsageError: a scale is no float or negative.
    """
    what = "l1_l2_regularizer"
    _scale(what, scale_l1, "scale_l1"), _scale(what, scale_l2, "scale_l2")
    scope = scope or what
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope)


def sum_regularizer(regularizer_list, scope=None) -> Callable | None:
    """The sum of several regularisers, leaving out those that are None; None if nothing is left."""
    regularizers = [r for r in regularizer_list if r is not None]
    if not regularizers:
        return None

    def sum_reg(weights):
        with get_default_graph().name_scope(scope or "sum_regularizer") as inner:
            found = [loss for loss in (r(weights) for r in regularizers) if loss is not None]
            return ops.add_n(found, name=inner) if found else None

    return sum_reg


def apply_regularization(regularizer: Callable, weights_list=None):
    """The sum of the regulariser's values for all weights, each also kept as a regularisation loss.

    Args:
        weights_list: tensors and variables; the collection of weights if None.

    Raises:
        UsageError: there are no weights.
    """
    graph = get_default_graph()
    weights = list(graph.get_collection(GraphKeys.WEIGHTS) if weights_list is None else weights_list)
    if not weights:
        raise UsageError(explain("apply_regularization: there are no weights to regularise"))
    with graph.name_scope("get_regularization_penalty") as inner:
        penalties = [p if p is not None else ops.constant(0.0) for p in (regularizer(w) for w in weights)]
        for p in penalties:
            if p.shape.ndims != 0:
                what = f"apply_regularization: the regulariser must answer with a scalar, got shape {p.shape}"
                raise UsageError(explain(what))
        summed = ops.add_n(penalties, name=inner)
    graph.add_to_collections([GraphKeys.REGULARIZATION_LOSSES], summed)
    return summed


def no_regularizer(_):
    """No regularisation, where a scope around would have some."""
    return None
