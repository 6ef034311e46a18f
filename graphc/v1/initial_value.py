"""Initial values that are computed from other variables: they take initial values where there is none yet."""

from __future__ import annotations

from graphc.errors import GraphError, explain
from graphc.v1.differentiate import ancestors
from graphc.v1.tensor import Initialised, Read, ReadOr, Tensor


def safe_initial(variable, value: Tensor) -> Tensor:
    """``value`` with reads of other variables replaced by their ``initialized_value()``, where there are any.

    All variables can then be initialised in one run, in whatever order. The operations between those reads and the
    value are copied, under their names followed by that of the variable.

    Raises:
        GraphError: the value is computed from the variable itself.
    """
    path = ancestors([value], lambda t: False)
    if not any(type(op.effect) is Read for op in path):
        return value
    replaced: dict[Tensor, Tensor] = {}
    for op in path:
        effect = op.effect
        if isinstance(effect, (ReadOr, Initialised)):
            continue
        if isinstance(effect, Read):
            if effect.variable is variable:
                what = f"Variable: the initial value of {variable.op.name} is computed from the variable itself"
                raise GraphError(explain(what))
            replaced[op.outputs[0]] = _initialised(effect.variable, replaced)
        elif effect is None and any(t in replaced for t in op.operands):
            _copy(variable, op, replaced)
    return replaced.get(value, value)


def _initialised(other, replaced: dict) -> Tensor:
    """One read for each variable, whatever the number of operations that read it."""
    return next((new for old, new in replaced.items() if old.op.effect is not None
                 and getattr(old.op.effect, "variable", None) is other), None) or other.initialized_value()  # fmt: skip


def _copy(variable, op, replaced: dict) -> None:
    graph = op.graph
    operands = tuple(replaced.get(t, t) for t in op.operands)
    with graph.name_scope(None):
        full = graph.unique_name(f"{op.name}_{variable.op.name}")
    outputs = [(t.dtype, t.node) for t in op.outputs]
    made = graph.create(op.type, full, operands, op.build, None, outputs)
    for old, new in zip(op.outputs, made.outputs):
        new.refined = old.refined
        replaced[old] = new
