"""``freeze``: a part of a graph with the variables' current values as constants, as a pure graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.errors import StateError, UsageError, explain, located
from graphc.ir.graph import Graph as PureGraph
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.v1.feeds import resolve_keys
from graphc.v1.fetches import resolve
from graphc.v1.session import Session
from graphc.v1.tensor import Tensor
from graphc.v1.trace import trace


def freeze(session: Session, inputs, outputs, name: str = "model") -> PureGraph:
    """The function from ``inputs`` to ``outputs`` with the values that the variables have now.

    Args:
        inputs: placeholders (any tensors of known rank), as a list, or as a dict from the names of the inputs.
        outputs: tensors, as one, as a list, or as a dict from the names of the outputs.

    Raises:
        UsageError: an input has no known rank, or the outputs change variables or draw random numbers.
        StateError: a variable is uninitialised.
    """
    graph = session.graph
    labels, keys = (list(inputs), list(inputs.values())) if isinstance(inputs, Mapping) else (None, _list(inputs))
    fed = resolve_keys(graph, keys)
    labels = labels or [t.op.name for t in fed]
    unknown = [t.name for t in fed if t.node is None]
    if unknown:
        raise UsageError(explain(f"freeze: input {unknown[0]} has no known rank; use set_shape"))
    names, wanted = (list(outputs), list(outputs.values())) if isinstance(outputs, Mapping) else (None, _list(outputs))
    tensors, operations, rebuild = resolve(graph, wanted)
    names = names or [t.op.name for t in rebuild(tensors)]
    nodes = [placed_input(label, t) for label, t in zip(labels, fed)]
    traced = trace(name, tensors, operations, dict(zip(fed, nodes)), tuple(nodes))
    if traced.written:
        raise UsageError(
            explain("freeze: the outputs change variables or draw random numbers; freeze an inference graph")
        )
    missing = [v.op.name for v in traced.read if not session.state.is_initialised(v)]
    if missing:
        raise StateError(explain(f"freeze: uninitialised variable {', '.join(missing)}; run the initializer first"))
    values = {}
    for v in traced.read:
        with located(v.op.location):
            values[v.start] = const(np.array(session.state.value(v)), v.type)
    frozen = rebuild(substitute(traced.graph.outputs, values))
    return PureGraph(name, tuple(nodes), tuple(frozen), tuple(names))


def placed_input(label: str, tensor: Tensor) -> Node:
    """The input that stands for a tensor, at the line where the tensor was made."""
    with located(tensor.op.location):
        return input_node(label, Type(tensor.dtype, tensor.node.shape))


def _list(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]
