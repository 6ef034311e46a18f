"""What metrics have in common: local variables that sum up, operands that fit, and where the results are listed."""

from __future__ import annotations

from contextlib import contextmanager

from graphc.api.sparse import SparseTensor
from graphc.errors import ShapeError, StateError, explain
from graphc.v1 import ops
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.mode import executing_eagerly
from graphc.v1.scope import variable_scope
from graphc.v1.variables import Variable

_COLLECTIONS = (GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES)


def metric_variable(shape, dtype, name: str) -> Variable:
    """A variable of zeros that is neither trained nor saved, but reset by ``tf.local_variables_initializer()``."""
    return Variable(lambda: ops.zeros(shape, dtype), trainable=False, collections=list(_COLLECTIONS), name=name)


@contextmanager
def metric_scope(name: str | None, default: str):
    """The scope of the variables of one metric.

    Raises:
        StateError: operations are evaluated at once.
    """
    if executing_eagerly():
        raise StateError(explain(f"metrics.{default}: needs a graph, but eager execution is on"))
    with variable_scope(name, default_name=default) as scope:
        yield scope


def published(value, update, metrics_collections, updates_collections) -> tuple:
    """Value and update operation, after adding them to collections."""
    graph = get_default_graph()
    for names, element in ((metrics_collections, value), (updates_collections, update)):
        if names:
            graph.add_to_collections(names, element)
    return value, update


def tensor(value):
    """A tensor for a literal; sparse tensors stay."""
    return value if isinstance(value, SparseTensor) else ops.convert_to_tensor(value)


def _last_may_be_one(x) -> bool:
    return x.shape.as_list()[-1] in (None, 1)


def aligned(what: str, labels, predictions, weights=None) -> tuple:
    """Labels, predictions and weights of one rank: a last axis of size 1 that the others have not is dropped.

    Weights of rank 0 stay; those that lack a last axis get one of size 1.

    Raises:
        ShapeError: labels and predictions have different shapes.
    """
    predictions, labels = tensor(predictions), None if labels is None else tensor(labels)
    rank = predictions.shape.ndims
    if labels is not None and rank is not None and labels.shape.ndims is not None:
        more = rank - labels.shape.ndims
        if more == 1 and _last_may_be_one(predictions):
            predictions = ops.squeeze(predictions, [-1])
        elif more == -1 and _last_may_be_one(labels):
            labels = ops.squeeze(labels, [-1])
        require_alike(what, labels, predictions)
        rank = predictions.shape.ndims
    if weights is None:
        return labels, predictions, None
    weights = tensor(weights)
    if weights.shape.ndims and rank is not None:
        if weights.shape.ndims - rank == 1:
            weights = ops.squeeze(weights, [-1])
        elif rank - weights.shape.ndims == 1:
            weights = ops.expand_dims(weights, -1)
    return labels, predictions, weights


def require_alike(what: str, labels, predictions) -> None:
    """Refuse labels and predictions of different shapes.

    Raises:
        ShapeError: they are.
    """
    if not predictions.shape.is_compatible_with(labels.shape):
        shapes = f"labels of shape {labels.shape} and predictions of shape {predictions.shape}"
        raise ShapeError(explain(f"metrics.{what}: {shapes} do not fit; they must have one shape"))
