"""Parts of a graph as pure graphs without a session: with initial values as constants, or with the state as inputs."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.errors import UsageError, explain
from graphc.ir.graph import Graph as PureGraph
from graphc.v1.fetches import resolve
from graphc.v1.freeze import freeze, placed_input
from graphc.v1.graph import Graph, GraphKeys
from graphc.v1.session import Session
from graphc.v1.tensor import Feed, Operation, Tensor
from graphc.v1.trace import COUNTERS, needed, trace

KEPT = (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES)


def freeze_initial(outputs, name: str = "model") -> PureGraph:
    """The function from placeholders to ``outputs`` with the initial values of the variables.

    Args:
        outputs: tensors of one graph, as one, as a list, or as a dict from the names of the outputs. The inputs are the
            placeholders that they need, in the order in which these were made.

    Raises:
        UsageError: there are no outputs; else as ``freeze``.
    """
    tensors = _values(outputs)
    graph = _graph_of(tensors)
    found, operations, _ = resolve(graph, tensors)
    inputs = _placeholders(found, operations)
    session = Session(graph=graph)
    try:
        session.run([v.initializer for key in KEPT for v in graph.get_collection(key)])
        return freeze(session, inputs, outputs, name=name)
    finally:
        session.close()


def step_graph(fetches, name: str = "step") -> PureGraph:
    """What one ``Session.run`` computes: from placeholders and state to the fetched values and the new state.

    New values of variables are outputs that are written over their inputs.

    Args:
        fetches: tensors and operations, as one, a list or a dict.

    Raises:
        UsageError: there are no fetches, or a placeholder has no known rank.
    """
    values = _values(fetches)
    graph = _graph_of(values)
    tensors, operations, _ = resolve(graph, values)
    fed = _placeholders(tensors, operations)
    unknown = [t.name for t in fed if t.node is None]
    if unknown:
        raise UsageError(explain(f"step_graph: placeholder {unknown[0]} has no known rank; use set_shape"))
    kept = {v.start.attr("name") for key in KEPT for v in graph.get_collection(key)} | set(COUNTERS.values())
    labels = [t.op.name if t.op.name not in kept else graph.feed_names(t, 0)[0] for t in fed]
    nodes = [placed_input(label, t) for label, t in zip(labels, fed)]
    traced = trace(name, tensors, operations, dict(zip(fed, nodes)), tuple(nodes))
    if traced.has_effects:
        raise UsageError(explain("step_graph: operations with effects (print, queues) cannot become a pure graph"))
    names = [t.op.name for t in tensors] + [COUNTERS[v] if isinstance(v, bool) else v.op.name for v in traced.written]
    pure = traced.graph
    return PureGraph(name, pure.inputs, pure.outputs, tuple(names), pure.donated)


def _values(outputs) -> list:
    if isinstance(outputs, dict):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _graph_of(values: list) -> Graph:
    if not values:
        raise UsageError(explain("there is nothing to compute: no outputs are given"))
    if not isinstance(values[0], (Operators, Operation)):
        raise UsageError(explain(f"{values[0]!r} of type {type(values[0]).__name__} is no tensor or operation"))
    return values[0].graph


def _placeholders(tensors, operations) -> list[Tensor]:
    """The placeholders that must be fed, in the order in which they were made."""
    order = needed([t.op for t in tensors] + list(operations), lambda tensor: False)
    return [op.outputs[0] for op in sorted(order, key=lambda op: op.id) if isinstance(op.effect, Feed)]
