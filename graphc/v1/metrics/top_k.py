"""Metrics of the k classes that are predicted most strongly, against sets of labels."""

from __future__ import annotations

from graphc.api.sparse import SparseTensor
from graphc.errors import ShapeError, StateError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import nn, ops
from graphc.v1.calling import named
from graphc.v1.catalogue import SHARED
from graphc.v1.graph import get_default_graph
from graphc.v1.metrics.state import metric_variable, published, tensor
from graphc.v1.mode import executing_eagerly
from graphc.v1.variables import assign_add
from graphc.v1.weights import check_weights, spread

_difference, _intersection, _size = (SHARED.get(f"sets.{n}") for n in ("difference", "intersection", "size"))


def _named(base: str, k, class_id) -> str:
    name = f"{base}_at_k" if k is None else f"{base}_at_{k}"
    return name if class_id is None else f"{name}_class{class_id}"


def _scope(what: str, name: str | None, default: str):
    if executing_eagerly():
        raise StateError(explain(f"metrics.{what}: needs a graph, but eager execution is on"))
    return get_default_graph().name_scope(name or default)


def _expanded(what: str, labels, predictions):
    """Labels with an axis for several of them.

    Raises:
        ShapeError: the ranks do not fit.
    """
    labels = tensor(labels)
    rank, wanted = labels.shape.ndims, predictions.shape.ndims
    if rank is None or wanted is None or rank == wanted:
        return labels
    if wanted != rank + 1:
        shapes = f"labels of shape {labels.shape} and predictions of shape {predictions.shape}"
        raise ShapeError(explain(f"metrics.{what}: {shapes} do not fit; labels may lack the last axis only"))
    if isinstance(labels, SparseTensor):
        return ops.sparse_reshape(labels, ops.concat([labels.dense_shape, [1]], 0))
    return ops.expand_dims(labels, -1)


def _only(ids, class_id):
    """The sets of ids without all but ``class_id``."""
    if class_id is None:
        return ids
    if isinstance(ids, SparseTensor):
        return ops.sparse_retain(ids, ops.equal(ids.values, ops.cast(class_id, ids.values.dtype)))
    wanted = ops.fill(ops.concat([ops.shape(ids)[:-1], [1]], 0), ops.cast(class_id, dt.i64))
    return _intersection(wanted, ids)


def _streamed(what: str, base: str, k, class_id, found, weights) -> tuple:
    """A variable with the sum of the sizes of sets, and what it is after this batch."""
    with get_default_graph().name_scope(_named(base, k, class_id)) as scope:
        sizes = ops.cast(_size(found), dt.f64)
        if weights is not None:
            weights = ops.cast(weights, dt.f64)
            check_weights(f"metrics.{what}", weights, sizes)
            sizes = ops.multiply(sizes, weights)
        total = metric_variable((), dt.f64, scope)
        return total, assign_add(total, ops.reduce_sum(sizes), name="update")


def _share(what: str, base: str, rest: str, missed, labels, predictions_idx, k, class_id, weights,
           metrics_collections, updates_collections, name) -> tuple:  # fmt: skip
    """Hits divided by hits and ``missed(predictions, labels)``."""
    with _scope(what, name, _named(base, k, class_id)) as scope:
        predictions = ops.cast(tensor(predictions_idx), dt.i64)
        labels = _expanded(what, labels, predictions)
        labels = _only(_int64(labels), class_id)
        chosen = _only(predictions, class_id)
        hits, new_hits = _streamed(what, "true_positive", k, class_id, _intersection(chosen, labels), weights)
        others, new_others = _streamed(what, rest, k, class_id, missed(chosen, labels), weights)
        value = ops.divide(hits, ops.add(hits, others), name=scope)
        update = ops.divide(new_hits, ops.add(new_hits, new_others), name="update")
        return published(value, update, metrics_collections, updates_collections)


def _int64(ids):
    if isinstance(ids, SparseTensor):
        return SparseTensor(ids.indices, ops.cast(ids.values, dt.i64), ids.dense_shape)
    return ops.cast(ids, dt.i64)


@named
def precision_at_top_k(labels, predictions_idx, k=None, class_id=None, weights=None, metrics_collections=None,
                       updates_collections=None, name=None):  # fmt: skip
    """How many of the predicted classes are among the labels, as a fraction of all predicted so far.

    Args:
        labels: classes [..., number of labels], also sparse; or [...] for one label each.
        predictions_idx: classes [..., k].
        k: for the names.
        class_id: count this class only.
        weights: None, a scalar, or sizes 1 or those of [...].

    Raises:
        ShapeError: the shapes do not fit.
    """
    return _share("precision_at_top_k", "precision", "false_positive", _difference, labels, predictions_idx, k,
                  class_id, weights, metrics_collections, updates_collections, name)  # fmt: skip


@named
def recall_at_top_k(labels, predictions_idx, k=None, class_id=None, weights=None, metrics_collections=None,
                    updates_collections=None, name=None):  # fmt: skip
    """How many of the labels are among the predicted classes, as a fraction of all labels so far.

    See ``precision_at_top_k``.
    """
    return _share("recall_at_top_k", "recall", "false_negative", lambda p, y: _difference(p, y, aminusb=False),
                  labels, predictions_idx, k, class_id, weights, metrics_collections, updates_collections,
                  name)  # fmt: skip


@named
def precision_at_k(labels, predictions, k, class_id=None, weights=None, metrics_collections=None,
                   updates_collections=None, name=None):  # fmt: skip
    """``precision_at_top_k`` for the k largest of ``predictions`` [..., classes]."""
    with _scope("precision_at_k", name, _named("precision", k, class_id)) as scope:
        return precision_at_top_k(labels, _top("precision_at_k", predictions, k), k, class_id, weights,
                                  metrics_collections, updates_collections, scope)  # fmt: skip


@named
def recall_at_k(labels, predictions, k, class_id=None, weights=None, metrics_collections=None,
                updates_collections=None, name=None):  # fmt: skip
    """``recall_at_top_k`` for the k largest of ``predictions`` [..., classes]."""
    with _scope("recall_at_k", name, _named("recall", k, class_id)) as scope:
        return recall_at_top_k(labels, _top("recall_at_k", predictions, k), k, class_id, weights, metrics_collections,
                               updates_collections, scope)  # fmt: skip


def _top(what: str, predictions, k):
    if not isinstance(k, int) or k < 1:
        raise UsageError(explain(f"metrics.{what}: k must be a positive int, got {k!r}"))
    return nn.top_k(tensor(predictions), k)[1]


@named
def average_precision_at_k(labels, predictions, k, weights=None, metrics_collections=None, updates_collections=None,
                           name=None):  # fmt: skip
    """The mean over examples of the precision at the rank of each label that is among the k predicted classes.

    Args:
        labels: classes [..., number of labels], also sparse; or [...] for one label each. Negative ones, and those
            that are no class of the predictions, do not count.
        predictions: [..., classes].
        weights: None, a scalar, or sizes 1 or those of [...].

    Raises:
        UsageError: ``k`` is no positive int. ShapeError: the shapes do not fit.
    """
    what = "average_precision_at_k"
    with _scope(what, name, _named("average_precision", k, None)) as scope:
        scores = tensor(predictions)
        chosen = ops.cast(_top(what, scores, k), dt.i64)
        labels = _int64(_expanded(what, labels, chosen))
        if isinstance(labels, SparseTensor):
            labels = ops.sparse_tensor_to_dense(labels, default_value=-1, validate_indices=False)
        labels = ops.where(ops.less(labels, ops.cast(ops.shape(scores)[-1], dt.i64)), labels, -ops.ones_like(labels))
        average = _average_precision(labels, chosen, k)
        if weights is None:
            number = ops.cast(ops.size(average), dt.f64)
        else:
            weights = spread(f"metrics.{what}", weights, average, dt.f64)
            average, number = ops.multiply(average, weights), ops.reduce_sum(weights)
        largest, new_largest = _summed(number, "max_1")
        total, new_total = _summed(ops.reduce_sum(average), "total")
        value = ops.div_no_nan(total, largest, name="mean")
        return published(value, ops.div_no_nan(new_total, new_largest, name=scope), metrics_collections,
                         updates_collections)  # fmt: skip


def _average_precision(labels, chosen, k: int):
    """The average precision of each example."""
    matches = ops.equal(ops.expand_dims(chosen, -1), ops.expand_dims(labels, -2))
    relevant = ops.cast(ops.reduce_any(matches, -1), dt.f64)
    ranks = ops.cumsum(ops.ones_like(relevant), axis=-1)
    precision = ops.divide(ops.cumsum(relevant, axis=-1), ranks)
    present = ops.reduce_sum(ops.cast(ops.greater_equal(labels, ops.zeros_like(labels)), dt.i64), -1)
    possible = ops.cast(ops.minimum(present, ops.cast(k, dt.i64)), dt.f64)
    return ops.divide(ops.reduce_sum(precision * relevant, -1), possible)


def _summed(batch, name: str) -> tuple:
    with get_default_graph().name_scope(name) as scope:
        total = metric_variable((), dt.f64, scope)
        return total, assign_add(total, batch, name="update")


@named
def sparse_average_precision_at_k(labels, predictions, k, weights=None, metrics_collections=None,
                                  updates_collections=None, name=None):  # fmt: skip
    """The older name of ``average_precision_at_k``."""
    return average_precision_at_k(labels, predictions, k, weights, metrics_collections, updates_collections, name)


@named
def sparse_precision_at_k(labels, predictions, k, class_id=None, weights=None, metrics_collections=None,
                          updates_collections=None, name=None):  # fmt: skip
    """The older name of ``precision_at_k``."""
    return precision_at_k(labels, predictions, k, class_id, weights, metrics_collections, updates_collections, name)
