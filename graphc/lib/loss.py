"""Losses of TensorFlow 1's ``losses`` module: one value per element, weighted and averaged."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.ir.node import Node
from graphc.lib import math, nn
from graphc.lib import reduction as reductions
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, broadcast_to
from graphc.prims.table import apply

REDUCTIONS = (
    "none",
    "weighted_sum",
    "weighted_mean",
    "weighted_sum_by_nonzero_weights",
    "weighted_sum_over_batch_size",
)


def weighted(losses: Node, weights=1.0, kind: str = "weighted_sum_by_nonzero_weights") -> Node:
    """Losses times weights, summed and divided as ``kind`` says.

    Raises:
        UsageError: unknown reduction.
    """
    if kind not in REDUCTIONS:
        raise UsageError(explain(f"loss: reduction {kind!r} is none of {', '.join(REDUCTIONS)}"))
    w = as_node(weights) if isinstance(weights, Node) else as_node(weights, losses.dtype)
    while 0 < len(w.shape) < len(losses.shape):
        w = apply("reshape", w, shape=(*w.shape, 1))
    product = math.multiply(losses, w)
    if kind == "none":
        return product
    total = reductions.reduce_sum(product)
    if kind == "weighted_sum":
        return total
    spread = broadcast_to(w, product.shape)
    if kind == "weighted_mean":
        return math.divide_no_nan(total, reductions.reduce_sum(spread))
    if kind == "weighted_sum_over_batch_size":
        return math.divide_no_nan(total, reductions.reduce_sum(full_like(spread, 1)))
    present = math.cast(apply("ne", spread, full_like(spread, 0)), losses.dtype)
    return math.divide_no_nan(total, reductions.reduce_sum(present))


def mean_squared_error(labels, predictions, weights=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """Squared differences."""
    return weighted(math.squared_difference(predictions, labels), weights, reduction)


def absolute_difference(labels, predictions, weights=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """Absolute differences."""
    return weighted(apply("abs", math.subtract(predictions, labels)), weights, reduction)


def huber_loss(labels, predictions, weights=1.0, delta=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """Half the squared difference up to ``delta``, linear beyond."""
    error = apply("abs", math.subtract(predictions, labels))
    quadratic = math.minimum(error, delta)
    linear = math.subtract(error, quadratic)
    value = math.add(math.multiply(math.square(quadratic), 0.5), math.multiply(linear, delta))
    return weighted(value, weights, reduction)


def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """``-y * log(p) - (1 - y) * log(1 - p)`` for probabilities ``p``."""
    p = as_node(predictions)
    y = as_node(labels) if isinstance(labels, Node) else as_node(labels, p.dtype)
    positive = math.multiply(y, apply("log", math.add(p, epsilon)))
    negative = math.multiply(math.subtract(1.0, y), apply("log", math.add(math.subtract(1.0, p), epsilon)))
    return weighted(apply("neg", math.add(positive, negative)), weights, reduction)


def hinge_loss(labels, logits, weights=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """``max(0, 1 - y * x)`` with labels 0 and 1 read as -1 and 1."""
    x = as_node(logits)
    y = as_node(labels) if isinstance(labels, Node) else as_node(labels, x.dtype)
    signed = math.subtract(math.multiply(y, 2.0), 1.0)
    return weighted(nn.relu(math.subtract(1.0, math.multiply(signed, x))), weights, reduction)


def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0,
                          reduction="weighted_sum_by_nonzero_weights") -> Node:  # fmt: skip
    """Cross entropy of one-hot labels, optionally smoothed."""
    x = as_node(logits)
    y = math.cast(onehot_labels, x.dtype)
    if label_smoothing:
        classes = x.shape[-1]
        y = math.add(math.multiply(y, 1.0 - label_smoothing), label_smoothing / classes)
    return weighted(nn.softmax_cross_entropy_with_logits(y, x), weights, reduction)


def sparse_softmax_cross_entropy(labels, logits, weights=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """Cross entropy of integer labels; a last label axis of size 1 is dropped."""
    x, y = as_node(logits), as_node(labels)
    if len(y.shape) == len(x.shape):
        y = apply("reshape", y, shape=y.shape[:-1])
    return weighted(nn.sparse_softmax_cross_entropy_with_logits(y, x), weights, reduction)


def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0,
                          reduction="weighted_sum_by_nonzero_weights") -> Node:  # fmt: skip
    """Cross entropy of independent yes/no labels, optionally smoothed."""
    x = as_node(logits)
    y = math.cast(multi_class_labels, x.dtype)
    if label_smoothing:
        y = math.add(math.multiply(y, 1.0 - label_smoothing), 0.5 * label_smoothing)
    return weighted(nn.sigmoid_cross_entropy_with_logits(y, x), weights, reduction)


def cosine_distance(labels, predictions, axis=None, weights=1.0, reduction="weighted_sum_by_nonzero_weights") -> Node:
    """``1 - sum(labels * predictions)`` along ``axis`` for unit vectors."""
    distance = math.subtract(1.0, reductions.reduce_sum(math.multiply(predictions, labels), axis, True))
    return weighted(distance, weights, reduction)


def mean_pairwise_squared_error(labels, predictions, weights=1.0) -> Node:
    """Squared differences between the errors of every pair of elements of an example, averaged; summed over the batch."""
    errors = math.subtract(predictions, labels)
    w = as_node(weights) if isinstance(weights, Node) else as_node(weights, errors.dtype)
    axes = list(range(1, len(errors.shape)))
    present = math.cast(apply("ne", w, full_like(w, 0)), errors.dtype)
    count = reductions.reduce_sum(broadcast_to(present, errors.shape), axes, True)
    pairs = math.subtract(count, 1.0)
    squares = math.divide_no_nan(reductions.reduce_sum(math.square(errors), axes, True), pairs)
    square = math.square(reductions.reduce_sum(errors, axes, True))
    means = math.subtract(squares, math.divide_no_nan(square, math.multiply(count, pairs)))
    return reductions.reduce_sum(math.multiply(math.multiply(means, 2.0), w))
