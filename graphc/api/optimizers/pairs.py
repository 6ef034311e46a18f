"""Pairs of gradient and variable, as optimizers are given them: checked, and those without a gradient left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from graphc.api.operators import Operators
from graphc.api.sparse import IndexedSlices
from graphc.errors import GraphcWarning, ShapeError, UsageError, explain


def label(variable) -> str:
    """The name of a variable without its output."""
    return variable.name.partition(":")[0]


def unzipped(grads_and_vars: Iterable) -> tuple[list, list]:
    """The gradients and the variables of pairs.

    Raises:
        UsageError: they are no pairs, or there are none.
    """
    pairs = list(grads_and_vars) if isinstance(grads_and_vars, Iterable) else None
    if pairs is None or any(not isinstance(p, (tuple, list)) or len(p) != 2 for p in pairs):
        what = "apply_gradients: needs pairs of gradient and variable, as zip(grads, variables)"
        raise UsageError(explain(f"{what}, got {grads_and_vars!r}"))
    if not pairs:
        raise UsageError(explain("apply_gradients: there are no pairs of gradient and variable"))
    return [g for g, _ in pairs], [v for _, v in pairs]


def check_variables(variables: Sequence) -> None:
    """Refuse what an optimizer cannot change.

    Raises:
        UsageError: something is no variable, belongs to a graph of TensorFlow 1, or is there twice.
    """
    seen = set()
    for v in variables:
        if not isinstance(v, Operators) or not hasattr(v, "assign"):
            raise UsageError(explain(f"optimizer: needs variables, got {v!r}"))
        if not v.graph.is_eager:
            what = f"optimizer: variable {label(v)} belongs to a graph with sessions; use the optimizers of tf.train"
            raise UsageError(explain(what))
        if id(v) in seen:
            raise UsageError(explain(f"optimizer: variable {label(v)} is given twice; add its gradients up"))
        seen.add(id(v))


def with_gradients(grads: Sequence, variables: Sequence) -> list[tuple]:
    """The pairs that have a gradient, which fits; a warning names the variables that have none.

    Raises:
        UsageError: there is no gradient at all, or not one for each variable.
        ShapeError: one does not fit its variable.
    """
    if len(grads) != len(variables):
        raise UsageError(explain(f"optimizer: {len(grads)} gradients for {len(variables)} variables"))
    found = [(g, v) for g, v in zip(grads, variables) if g is not None]
    if not found:
        names = ", ".join(label(v) for v in variables)
        raise UsageError(explain(f"optimizer: no gradients are provided for any variable (variables: {names})"))
    if len(found) < len(variables):
        names = ", ".join(label(v) for g, v in zip(grads, variables) if g is None)
        warnings.warn(explain(f"optimizer: there is no gradient for {names}; they stay as they are"), GraphcWarning,
                      stacklevel=4)  # fmt: skip
    for g, v in found:
        _check(g, v)
    return found


def _check(gradient, variable) -> None:
    if isinstance(gradient, IndexedSlices):
        own, wanted = gradient.values.shape, ("rows", variable.shape[1:])
        if own.ndims is None or (own.ndims and own[1:].is_compatible_with(wanted[1])):
            return
    elif isinstance(gradient, Operators):
        if gradient.type.shape == variable.type.shape:
            return
        own, wanted = gradient.shape, ("shape", variable.shape)
        if own.is_compatible_with(wanted[1]):
            return
    else:
        return
    what = f"optimizer: the gradient of shape {own} does not fit variable {label(variable)} of {wanted[0]} {wanted[1]}"
    raise ShapeError(explain(what, [(label(variable), " ".join(map(str, variable.described())))]))
