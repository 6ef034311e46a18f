"""Averages over all batches: of values, of errors, of what is right."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.calling import named
from graphc.v1.control import control_dependencies
from graphc.v1.metrics.state import aligned, metric_scope, metric_variable, published, require_alike, tensor
from graphc.v1.variables import assign_add
from graphc.v1.weights import spread


@named
def mean(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The weighted mean of all values so far.

    Args:
        values: numbers of any shape.
        weights: None, a scalar, or of the rank of the values with sizes 1 or theirs.
        metrics_collections, updates_collections: names of collections for the two results.
        name: of the scope of its variables ``total`` and ``count``.

    Returns:
        The mean, and the operation that counts a batch in and answers with the mean after it. Variables start with
        ``tf.local_variables_initializer()``.

    Raises:
        ShapeError: the weights do not fit. StateError: eager execution is on.
    """
    with metric_scope(name, "mean"):
        return _averaged(values, weights, (), "total", "count", metrics_collections, updates_collections)


@named
def mean_tensor(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The weighted mean of each element over all batches; the shape of ``values`` must be known. See ``mean``."""
    with metric_scope(name, "mean"):
        values = tensor(values)
        return _averaged(values, weights, values.shape, "total_tensor", "count_tensor", metrics_collections,
                         updates_collections)  # fmt: skip


def _averaged(values, weights, shape, total_name, count_name, metrics_collections, updates_collections):
    values = ops.cast(values, dt.f32)
    each = total_name == "total_tensor"
    total, count = (metric_variable(shape, dt.f32, n) for n in (total_name, count_name))
    if weights is None:
        number = ops.ones_like(values) if each else ops.cast(ops.size(values), dt.f32)
    else:
        _, values, weights = aligned("mean", None, values, weights)
        weights = spread("metrics.mean", weights, values, dt.f32)
        values = ops.multiply(values, weights)
        number = weights if each else ops.reduce_sum(weights)
    new_total = assign_add(total, values if each else ops.reduce_sum(values))
    with control_dependencies([values]):
        new_count = assign_add(count, number)
    value = ops.div_no_nan(total, ops.maximum(count, 0.0), name="value")
    update = ops.div_no_nan(new_total, ops.maximum(new_count, 0.0), name="update_op")
    return published(value, update, metrics_collections, updates_collections)


@named
def accuracy(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """How many predictions equal their labels, as a fraction of all so far. See ``mean``.

    Raises:
        ShapeError: labels, predictions and weights do not fit.
    """
    labels, predictions, weights = aligned("accuracy", labels, predictions, weights)
    if labels.dtype is not predictions.dtype:
        predictions = ops.cast(predictions, labels.dtype)
    right = ops.cast(ops.equal(predictions, labels), dt.f32)
    return mean(right, weights, metrics_collections, updates_collections, name or "accuracy")


@named
def mean_absolute_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None,
                        name=None):  # fmt: skip
    """The mean of ``|predictions - labels|``. See ``mean``."""
    labels, predictions, weights = aligned("mean_absolute_error", labels, predictions, weights)
    errors = ops.abs(ops.subtract(predictions, labels))
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_absolute_error")


@named
def mean_squared_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None,
                       name=None):  # fmt: skip
    """The mean of ``(predictions - labels)^2``. See ``mean``."""
    labels, predictions, weights = aligned("mean_squared_error", labels, predictions, weights)
    errors = ops.squared_difference(labels, predictions)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_squared_error")


@named
def root_mean_squared_error(labels, predictions, weights=None, metrics_collections=None, updates_collections=None,
                            name=None):  # fmt: skip
    """The square root of the mean squared error. See ``mean``."""
    value, update = mean_squared_error(labels, predictions, weights, None, None, name or "root_mean_squared_error")
    return published(ops.sqrt(value), ops.sqrt(update), metrics_collections, updates_collections)


@named
def mean_relative_error(labels, predictions, normalizer, weights=None, metrics_collections=None,
                        updates_collections=None, name=None):  # fmt: skip
    """The mean of ``|labels - predictions| / normalizer``; 0 where the normalizer is. See ``mean``."""
    labels, predictions, weights = aligned("mean_relative_error", labels, predictions, weights)
    predictions, normalizer, _ = aligned("mean_relative_error", predictions, normalizer)
    require_alike("mean_relative_error", normalizer, predictions)
    errors = ops.divide(ops.abs(ops.subtract(labels, predictions)), normalizer)
    errors = ops.where(ops.equal(normalizer, 0), ops.zeros_like(errors), errors)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_relative_error")


@named
def mean_cosine_distance(labels, predictions, dim, weights=None, metrics_collections=None, updates_collections=None,
                         name=None):  # fmt: skip
    """One minus the mean of the sums of ``labels * predictions`` along axis ``dim``, for unit vectors. See ``mean``."""
    labels, predictions, weights = aligned("mean_cosine_distance", labels, predictions, weights)
    products = ops.reduce_sum(ops.multiply(predictions, labels), axis=[dim], keepdims=True)
    value, update = mean(products, weights, None, None, name or "mean_cosine_distance")
    value, update = ops.subtract(1.0, value), ops.subtract(1.0, update)
    return published(value, update, metrics_collections, updates_collections)


@named
def percentage_below(values, threshold, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """How many values are below ``threshold``, as a fraction of all so far. See ``mean``."""
    below = ops.cast(ops.less(tensor(values), threshold), dt.f32)
    return mean(below, weights, metrics_collections, updates_collections, name or "percentage_below_threshold")
