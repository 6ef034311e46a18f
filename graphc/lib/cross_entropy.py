"""Cross entropies of class labels, from probabilities or logits: one value per example."""

from __future__ import annotations

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import index, math, nn, reduction
from graphc.lib.dims import axis_of, dim_node
from graphc.lib.math import full_like
from graphc.lib.promote import as_node
from graphc.lib.regression_loss import EPSILON, predicted, setting, rows_of
from graphc.prims.table import apply


def _labels(op: str, y_true, p: Node) -> Node:
    """Labels of the dtype of the predictions.

    Raises:
        ShapeError: their shapes differ.
    """
    t = math.cast(y_true, p.dtype)
    differ = any(type(a) is int and type(b) is int and a != b for a, b in zip(t.shape, p.shape))
    if len(t.shape) != len(p.shape) or differ:
        what = f"{op}: labels {t.type} and predictions {p.type} differ in shape"
        raise ShapeError(explain(what, origins(y_true=t, y_pred=p)))
    return t


def _smoothed(t: Node, label_smoothing, classes) -> Node:
    if isinstance(label_smoothing, (int, float)) and label_smoothing == 0:
        return t
    part = setting(label_smoothing, t.dtype)
    return math.add(math.multiply(t, math.subtract(1.0, part)), math.divide(part, classes))


def _inner(x: Node) -> Node:
    """Probabilities kept away from 0 and 1."""
    return math.clip_by_value(x, EPSILON, 1.0 - EPSILON)


def _shares(p: Node, axis: int) -> Node:
    return _inner(math.divide(p, reduction.reduce_sum(p, axis, True)))


def _binary(t: Node, p: Node) -> Node:
    p = _inner(p)
    yes = math.multiply(t, apply("log", p))
    no = math.multiply(math.subtract(1.0, t), apply("log", math.subtract(1.0, p)))
    return apply("neg", math.add(yes, no))


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1) -> Node:
    """The mean of ``-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)`` along ``axis``.

    Args:
        from_logits: predictions are logits instead of probabilities.
        label_smoothing: how far labels are moved towards one half.

    Raises:
        ShapeError: labels and predictions differ in shape.
    """
    p = predicted("binary_crossentropy", y_pred)
    t = _smoothed(_labels("binary_crossentropy", y_true, p), label_smoothing, 2.0)
    losses = nn.sigmoid_cross_entropy_with_logits(t, p) if from_logits else _binary(t, p)
    return reduction.reduce_mean(losses, axis)


def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1) -> Node:  # fmt: skip
    """``binary_crossentropy`` times ``(1 - p) ** gamma`` for the probability ``p`` of the right answer.

    Args:
        apply_class_balancing: weight label 1 by ``alpha`` and label 0 by ``1 - alpha``.
    """
    p = predicted("binary_focal_crossentropy", y_pred)
    t = _smoothed(_labels("binary_focal_crossentropy", y_true, p), label_smoothing, 2.0)
    losses = nn.sigmoid_cross_entropy_with_logits(t, p) if from_logits else _binary(t, p)
    p = apply("sigmoid", p) if from_logits else p
    rest = math.subtract(1.0, t)
    right = math.add(math.multiply(t, p), math.multiply(rest, math.subtract(1.0, p)))
    losses = math.multiply(math.pow(math.subtract(1.0, right), gamma), losses)
    if apply_class_balancing:
        losses = math.multiply(math.add(math.multiply(t, alpha), math.multiply(rest, 1 - alpha)), losses)
    return reduction.reduce_mean(losses, axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1) -> Node:
    """``-sum(y_true * log(y_pred))`` along ``axis``.

    Args:
        from_logits: predictions are logits instead of probabilities, which are divided by their sum.
        label_smoothing: how far labels are moved towards equal shares.

    Raises:
        ShapeError: labels and predictions differ in shape.
    """
    p = predicted("categorical_crossentropy", y_pred)
    t = _labels("categorical_crossentropy", y_true, p)
    t = _smoothed(t, label_smoothing, dim_node(t.shape[-1], t.dtype))
    if from_logits:
        return nn.softmax_cross_entropy_with_logits(t, p, axis)
    return apply("neg", reduction.reduce_sum(math.multiply(t, apply("log", _shares(p, axis))), axis))


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0,
                                   axis=-1) -> Node:  # fmt: skip
    """``-sum(alpha * (1 - y_pred) ** gamma * y_true * log(y_pred))`` along ``axis``."""
    p = rows_of("categorical_focal_crossentropy", predicted("categorical_focal_crossentropy", y_pred))
    t = _labels("categorical_focal_crossentropy", y_true, p)
    t = _smoothed(t, label_smoothing, dim_node(t.shape[-1], t.dtype))
    shares = _shares(nn.softmax(p, axis) if from_logits else p, axis)
    weight = math.multiply(math.pow(math.subtract(1.0, shares), gamma), alpha)
    return apply("neg", reduction.reduce_sum(math.multiply(weight, math.multiply(t, apply("log", shares))), axis))


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1) -> Node:
    """``-log(y_pred[label])`` for integer labels.

    Args:
        from_logits: predictions are logits instead of probabilities.
        ignore_class: a label whose examples have loss 0.
        axis: that of the classes.

    Raises:
        ShapeError: labels do not have the predictions' shape without ``axis``.
    """
    p = predicted("sparse_categorical_crossentropy", y_pred)
    k = axis_of("sparse_categorical_crossentropy", axis, p)
    t = sparse_labels(as_node(y_true), p, k)
    if k != len(p.shape) - 1:
        order = [*(j for j in range(len(p.shape)) if j != k), k]
        p = apply("transpose", p, perm=tuple(order))
    valid = None if ignore_class is None else math.not_equal(t, ignore_class)
    if valid is not None:
        t = math.where(valid, t, full_like(t, 0))
        p = math.where(apply("reshape", valid, shape=(*valid.shape, 1)), p, full_like(p, 0))
    losses = nn.sparse_softmax_cross_entropy_with_logits(t, p if from_logits else apply("log", _inner(p)))
    return losses if valid is None else math.where(valid, losses, full_like(losses, 0))


def sparse_labels(t: Node, p: Node, axis: int) -> Node:
    """Integer labels without the axis of classes, which they may have with size 1."""
    if len(t.shape) == len(p.shape) and type(t.shape[axis]) is int and t.shape[axis] == 1:
        t = apply("reshape", t, shape=(*t.shape[:axis], *t.shape[axis + 1 :]))
    return t if t.dtype.is_integer else math.cast(t, dt.i64)


def counted(y_true, y_pred, ignore_class, axis=-1) -> Node:
    """Which labels are not ``ignore_class``."""
    p = as_node(y_pred)
    t = sparse_labels(as_node(y_true), p, axis_of("sparse_categorical_crossentropy", axis, p))
    return math.not_equal(t, ignore_class)


def categorical_generalized_cross_entropy(y_true, y_pred, q) -> Node:
    """``(1 - p ** q) / q`` for the probability ``p`` of the right class; ``q`` in (0, 1) trades noise for speed.

    Raises:
        UsageError: ``q`` is not between 0 and 1.
    """
    if isinstance(q, (int, float)) and not 0 < q < 1:
        raise UsageError(explain(f"categorical_generalized_cross_entropy: q must lie in (0, 1), got {q}"))
    op = "categorical_generalized_cross_entropy"
    p = rows_of(op, predicted(op, y_pred))
    hot = index.one_hot(math.cast(y_true, dt.i64), p.shape[-1], dtype=p.dtype)
    right = reduction.reduce_sum(math.multiply(p, hot), -1)
    return math.divide(math.subtract(1.0, math.pow(right, q)), q)
