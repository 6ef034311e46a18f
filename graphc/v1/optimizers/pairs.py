"""Pairs of gradient and variable, as optimizers are given them."""

from __future__ import annotations

from collections.abc import ValuesView

from graphc.api.operators import Operators
from graphc.api.sparse import IndexedSlices
from graphc.errors import DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.v1.partition import PartitionedVariable
from graphc.v1.variables import Variable


def label(variable) -> str:
    """The name of a variable without its output."""
    return variable.name.partition(":")[0]


def origin(variable) -> list:
    """Where a variable was made, for messages."""
    return [] if variable.graph.is_eager else [(label(variable), f"is variable   {variable.op.location}")]


def flat(items):
    """The items of nested lists, dicts and ``dict.values()``; of a variable in parts these."""
    if isinstance(items, dict):
        items = [items[k] for k in sorted(items)]
    elif isinstance(items, ValuesView):
        items = list(items)
    for item in items if isinstance(items, (list, tuple, PartitionedVariable)) else [items]:
        if isinstance(item, (list, tuple, dict, PartitionedVariable)):
            yield from flat(item)
        else:
            yield item


def checked_pairs(grads_and_vars) -> list:
    """The pairs, with gradients as tensors, IndexedSlices, or None.

    Raises:
        GraphError: there are none. UsageError: something is no such pair.
        ShapeError, DtypeError: a gradient does not fit its variable.
    """
    try:
        pairs = list(grads_and_vars)
    except TypeError:
        what = f"apply_gradients: needs a list of pairs of gradient and variable, got {grads_and_vars!r}"
        raise UsageError(explain(what)) from None
    if not pairs:
        raise GraphError(explain("apply_gradients: no variables are provided"))
    return [_checked(pair) for pair in pairs]


def _checked(pair) -> tuple:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[1], Variable):
        raise UsageError(explain(f"apply_gradients: needs pairs of gradient and variable, got {pair!r}"))
    g, v = pair
    if g is None:
        return g, v
    if not isinstance(g, IndexedSlices):
        g = v.graph.convert(g, None if isinstance(g, Operators) else v.dtype)
    if g.dtype is not v.dtype:
        what = f"apply_gradients: the gradient is {g.dtype.name}, but variable {label(v)} is {v.dtype.name}"
        raise DtypeError(explain(what, origin(v)))
    if not g.shape.is_compatible_with(v.shape):
        what = f"apply_gradients: the gradient of shape {g.shape} does not fit variable {label(v)} of {v.type}"
        raise ShapeError(explain(what, origin(v)))
    return g, v
