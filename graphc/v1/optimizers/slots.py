"""Variables that an optimizer or an average keeps beside others: their names and initial values."""

from __future__ import annotations

from graphc.errors import GraphError
from graphc.v1.scope import variable_scope
from graphc.v1.variables import Variable


def beside(primary, initial, name: str, collections=None, dtype=None) -> Variable:
    """A variable called ``<primary>/<name>``, with a number behind it where there is one already.

    Args:
        primary: a variable or tensor.
        initial: a tensor, or a function without arguments that makes the initial value.
    """
    graph = primary.graph
    if graph.is_eager:
        label = primary.name.partition(":")[0]
        return Variable(initial, trainable=False, name=f"{label}/{name}", dtype=dtype)
    with graph.as_default(), graph.control_dependencies(None):
        with variable_scope(None, f"{primary.op.name}/{name}") as scope:
            full = _free(graph, scope.name)
            with graph.name_scope(None):
                slot = Variable(initial, trainable=False, collections=collections, name=f"{full}/", dtype=dtype)
            _part_like(slot, primary)
            return slot


def _part_like(slot: Variable, primary) -> None:
    """Have what is kept beside a part of a variable saved as the same part of one tensor."""
    info, rank = getattr(primary, "_save_slice_info", None), len(slot.type.shape)
    if info is not None and rank:
        name = f"{info.full_name}/{slot.op.name.removeprefix(primary.op.name).strip('/')}"
        parts = (list(sizes)[:rank] for sizes in (info.full_shape, info.var_offset, info.var_shape))
        slot._set_save_slice_info(type(info)(name, *parts))


def _free(graph, name: str) -> str:
    candidate, count = name, 0
    while _is_taken(graph, candidate):
        count += 1
        candidate = f"{name}_{count}"
    return candidate


def _is_taken(graph, name: str) -> bool:
    try:
        graph.get_operation_by_name(name)
    except GraphError:
        return False
    return True
