"""Counts of right and wrong predictions, and what follows from them: precision, recall, means over classes."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.calling import named
from graphc.v1.metrics.state import aligned, metric_scope, metric_variable, published, require_alike, tensor
from graphc.v1.variables import assign_add, scatter_add


def _counter(name: str, label: bool, prediction: bool):
    """The function that counts examples of one kind."""

    def count(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
        with metric_scope(name, default):
            labels, predictions, weights = _as_bools(default, labels, predictions, weights)
            chosen = ops.logical_and(ops.equal(labels, label), ops.equal(predictions, prediction))
            return _counted(default, chosen, weights, metrics_collections, updates_collections)

    default = name
    count.__name__ = count.__qualname__ = name
    which = f"labels that are {label} and predicted {prediction}"
    count.__doc__ = f"The sum of the weights of all {which} so far.\n\n    See ``metrics.mean`` for the arguments."
    return named(count)


def _as_bools(what: str, labels, predictions, weights) -> tuple:
    return aligned(what, ops.cast(tensor(labels), dt.b1), ops.cast(tensor(predictions), dt.b1), weights)


def _counted(what: str, chosen, weights, metrics_collections, updates_collections) -> tuple:
    count = metric_variable((), dt.f32, "count")
    values = ops.cast(chosen, dt.f32)
    if weights is not None:
        if weights.shape.ndims and values.shape.ndims not in (None, weights.shape.ndims):
            problem = f"weights of shape {weights.shape} do not fit values of shape {values.shape}"
            raise ShapeError(explain(f"metrics.{what}: {problem}; they must be a scalar or have that rank"))
        values = ops.multiply(values, ops.cast(weights, dt.f32))
    value = ops.identity(count)
    return published(value, assign_add(count, ops.reduce_sum(values)), metrics_collections, updates_collections)


true_positives, true_negatives = _counter("true_positives", True, True), _counter("true_negatives", False, False)
false_positives, false_negatives = _counter("false_positives", False, True), _counter("false_negatives", True, False)


@named
def precision(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """True positives as a fraction of all that were predicted positive; 0 if there are none. See ``metrics.mean``."""
    with metric_scope(name, "precision"):
        return _share("precision", false_positives, labels, predictions, weights, metrics_collections,
                      updates_collections)  # fmt: skip


@named
def recall(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """True positives as a fraction of all that are positive; 0 if there are none. See ``metrics.mean``."""
    with metric_scope(name, "recall"):
        return _share("recall", false_negatives, labels, predictions, weights, metrics_collections,
                      updates_collections)  # fmt: skip


def _share(what: str, others, labels, predictions, weights, metrics_collections, updates_collections) -> tuple:
    labels, predictions, weights = _as_bools(what, labels, predictions, weights)
    hits, new_hits = true_positives(labels, predictions, weights)
    rest, new_rest = others(labels, predictions, weights)
    value, update = _fraction(hits, rest, "value"), _fraction(new_hits, new_rest, "update_op")
    return published(value, update, metrics_collections, updates_collections)


def _fraction(hits, rest, name: str):
    total = ops.add(hits, rest)
    return ops.where(ops.greater(total, 0.0), ops.divide(hits, total), ops.zeros_like(total), name=name)


@named
def mean_iou(labels, predictions, num_classes, weights=None, metrics_collections=None, updates_collections=None,
             name=None):  # fmt: skip
    """The mean over classes of: both label and prediction, divided by label or prediction.

    Args:
        labels, predictions: classes below ``num_classes``, of one shape.

    Returns:
        The mean over the classes that occurred, and the operation that counts a batch in and answers with the
        confusion matrix [num_classes, num_classes].

    Raises:
        ShapeError: labels and predictions have different shapes.
    """
    with metric_scope(name, "mean_iou"):
        labels, predictions = tensor(labels), tensor(predictions)
        require_alike("mean_iou", labels, predictions)
        matrix = metric_variable((num_classes, num_classes), dt.f64, "total_confusion_matrix")
        labels, predictions = (_flat(ops.cast(v, dt.i64)) for v in (labels, predictions))
        weights = None if weights is None else _flat(tensor(weights))
        batch = ops.confusion_matrix(labels, predictions, num_classes, dtype=dt.f64, weights=weights)
        update = assign_add(matrix, batch)
        rows, columns = (ops.cast(ops.reduce_sum(matrix, axis), dt.f32) for axis in (0, 1))
        both = ops.cast(ops.diag_part(matrix), dt.f32)
        either = rows + columns - both
        occurred = ops.reduce_sum(ops.cast(ops.not_equal(either, 0.0), dt.f32))
        ratio = ops.divide(both, ops.where(ops.greater(either, 0.0), either, ops.ones_like(either)))
        mean = ops.divide(ops.reduce_sum(ratio, name="mean_iou"), occurred)
        value = ops.where(ops.greater(occurred, 0.0), mean, ops.zeros_like(mean))
        return published(value, update, metrics_collections, updates_collections)


@named
def mean_per_class_accuracy(labels, predictions, num_classes, weights=None, metrics_collections=None,
                            updates_collections=None, name=None):  # fmt: skip
    """The mean over classes of how many of their examples are predicted right.

    Returns:
        The mean, and the operation that counts a batch in and answers with the accuracy of each class.

    Raises:
        ShapeError: labels and predictions have different shapes.
    """
    with metric_scope(name, "mean_accuracy"):
        labels, predictions = _flat(ops.cast(tensor(labels), dt.i64)), _flat(tensor(predictions))
        require_alike("mean_per_class_accuracy", labels, predictions)
        total, count = (metric_variable((num_classes,), dt.f32, n) for n in ("total", "count"))
        right = ops.cast(ops.equal(ops.cast(predictions, dt.i64), labels), dt.f32)
        ones = ops.ones_like(right)
        if weights is not None:
            weights = ops.cast(_flat(tensor(weights)), dt.f32)
            right, ones = right * weights, ones * weights
        new_total, new_count = scatter_add(total, labels, ones), scatter_add(count, labels, right)
        each = ops.div_no_nan(count, ops.maximum(total, 0.0))
        value = ops.reduce_mean(each, name="mean_accuracy")
        update = ops.div_no_nan(new_count, ops.maximum(new_total, 0.0), name="update_op")
        return published(value, update, metrics_collections, updates_collections)


def _flat(x):
    """One axis for all, a scalar as it is."""
    return ops.reshape(x, [-1]) if x.shape.ndims is None or x.shape.ndims > 1 else x
