"""What a run is asked for: tensors, operations, names, and any nesting of lists, tuples and dicts of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.api.operators import Composed, Operators
from graphc.errors import GraphcError, GraphError, UsageError, explain
from graphc.v1.graph import Graph
from graphc.v1.tensor import Operation, Tensor


def resolve(graph: Graph, fetches) -> tuple[list[Tensor], list[Operation], Callable]:
    """Distinct Tensors and Operations in a structure of fetches, and how to rebuild it from the Tensors' values.

    Raises:
        GraphError: an element belongs to another graph, or there is none of that name.
        DtypeError: something in the structure cannot be fetched.
    """
    tensors: dict[Tensor, int] = {}
    operations: dict[Operation, None] = {}
    build = _resolve(graph, fetches, tensors, operations)
    return list(tensors), list(operations), build


def _resolve(graph: Graph, item, tensors: dict, operations: dict) -> Callable:
    if isinstance(item, Mapping):
        parts = {k: _resolve(graph, v, tensors, operations) for k, v in item.items()}
        kind = type(item) if type(item) is not dict else dict
        return lambda values: _mapping(kind, {k: part(values) for k, part in parts.items()})
    if isinstance(item, (list, tuple)):
        parts = [_resolve(graph, v, tensors, operations) for v in item]
        kind = type(item)
        if hasattr(item, "_fields"):
            return lambda values: kind(*[part(values) for part in parts])
        return lambda values: kind([part(values) for part in parts])
    if hasattr(type(item), "__attrs_attrs__"):
        fields = [a.name for a in type(item).__attrs_attrs__]
        parts = {name: _resolve(graph, getattr(item, name), tensors, operations) for name in fields}
        return lambda values: type(item)(**{name: part(values) for name, part in parts.items()})
    if isinstance(item, Composed):
        parts = [_resolve(graph, part, tensors, operations) for part in item.parts]
        return lambda values: item.fetched([part(values) for part in parts])
    try:
        is_known = isinstance(item, Operators) and item.graph.is_eager
        element = graph.convert(item) if is_known else graph.as_graph_element(item)
    except GraphcError as error:
        first, *_ = str(error).split("\n")
        if item is None:
            first = "it is None, as tf.summary.merge_all() answers without summaries and tf.gradients without a path"
        if isinstance(item, (int, float, np.ndarray, np.generic)):
            first += "; it is a value already: does 'x = sess.run(x)' overwrite a tensor's name?"
        raise type(error)(explain(f"run: cannot fetch {_named(item)}: {first}")) from None
    if not graph.is_fetchable(element):
        raise GraphError(explain(f"run: {_named(item)} may not be fetched (Graph.prevent_fetching)"))
    if isinstance(element, Operation):
        operations.setdefault(element)
        return lambda values: None
    place = tensors.setdefault(element, len(tensors))
    return lambda values: values[place]


def _mapping(kind: type, values: dict):
    try:
        return kind(values)
    except TypeError:
        return values


def _named(item) -> str:
    return str(getattr(item, "name", None) or repr(item))


def frozen(fetches):
    """A hashable key of a structure of fetches; None where something in it cannot be a key."""
    if isinstance(fetches, Mapping):
        parts = [(k, frozen(v)) for k, v in fetches.items()]
        return None if any(v is None for _, v in parts) else (type(fetches), tuple(parts))
    if isinstance(fetches, (list, tuple)):
        parts = [frozen(v) for v in fetches]
        return None if any(v is None for v in parts) else (type(fetches), tuple(parts))
    try:
        hash(fetches)
    except (TypeError, UsageError):  # the latter from a tensor that has a value already
        return None
    return fetches
