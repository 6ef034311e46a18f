"""Losses of numbers, directions and margins: one value per example, over the last axis."""

from __future__ import annotations

import math as python_math

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import linalg, math, nn, reduction
from graphc.lib.loss_reduction import alike
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, together
from graphc.prims.table import apply

EPSILON = 1e-7  # keeps logarithms and quotients finite


def predicted(op: str, y_pred) -> Node:
    """Predictions as real numbers; integers become float32.

    Raises:
        DtypeError: they are no numbers.
    """
    p = as_node(y_pred)
    if p.dtype.is_integer:
        return math.cast(p, dt.f32)
    if not p.dtype.is_float:
        raise DtypeError(explain(f"{op}: predictions must be real numbers, not {p.type}", origins(y_pred=p)))
    return p


def rows_of(op: str, p: Node, least: int = 1, most: int | None = None) -> Node:
    """Predictions with as many axes as a loss needs.

    Raises:
        ShapeError: they have fewer, or more.
    """
    rank = len(p.shape)
    if rank < least or (most is not None and rank > most):
        wanted = f"{least} axes" if least == most else f"at least {least} axes"
        raise ShapeError(explain(f"{op}: predictions must have {wanted}, not {p.type}", origins(y_pred=p)))
    return p


def pair(op: str, y_true, y_pred) -> tuple[Node, Node]:
    """Wanted and predicted values of one dtype and shape."""
    p = predicted(op, y_pred)
    t, p = alike(math.cast(y_true, p.dtype), p)
    return tuple(together(op, t, p))


def setting(value, dtype) -> Node:
    """A number that says how a loss is computed, in the dtype of the predictions."""
    return math.cast(value, dtype) if isinstance(value, Node) else as_node(value, dtype)


def _mean(x: Node) -> Node:
    return reduction.reduce_mean(x, -1) if x.shape else x


def _at_least(x: Node, low: float) -> Node:
    return apply("max", full_like(x, low), x)


def mean_squared_error(y_true, y_pred) -> Node:
    """The mean of ``(y_true - y_pred) ** 2`` along the last axis."""
    t, p = pair("mean_squared_error", y_true, y_pred)
    return _mean(math.square(apply("sub", t, p)))


def mean_absolute_error(y_true, y_pred) -> Node:
    """The mean of ``|y_true - y_pred|`` along the last axis."""
    t, p = pair("mean_absolute_error", y_true, y_pred)
    return _mean(apply("abs", apply("sub", t, p)))


def mean_absolute_percentage_error(y_true, y_pred) -> Node:
    """100 times the mean of ``|(y_true - y_pred) / y_true|`` along the last axis."""
    t, p = pair("mean_absolute_percentage_error", y_true, y_pred)
    return math.multiply(
        _mean(apply("abs", apply("div", apply("sub", t, p), _at_least(apply("abs", t), EPSILON)))), 100.0
    )


def mean_squared_logarithmic_error(y_true, y_pred) -> Node:
    """The mean of ``(log(y_true + 1) - log(y_pred + 1)) ** 2`` along the last axis, for values above 0."""
    t, p = pair("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [apply("log", math.add(_at_least(x, EPSILON), 1.0)) for x in (p, t)]
    return _mean(math.square(apply("sub", *logs)))


def huber(y_true, y_pred, delta=1.0) -> Node:
    """The mean of half the squared error up to ``delta``, linear beyond it, along the last axis."""
    t, p = pair("huber", y_true, y_pred)
    error = apply("sub", p, t)
    far, d = apply("abs", error), setting(delta, p.dtype)
    beyond = math.subtract(math.multiply(far, d), math.multiply(math.square(d), 0.5))
    return _mean(math.where(math.less_equal(far, d), math.multiply(math.square(error), 0.5), beyond))


def log_cosh(y_true, y_pred) -> Node:
    """The mean of ``log(cosh(y_pred - y_true))`` along the last axis."""
    t, p = pair("log_cosh", y_true, y_pred)
    x = apply("sub", p, t)
    return _mean(math.subtract(apply("add", x, nn.softplus(math.multiply(x, -2.0))), python_math.log(2.0)))


def poisson(y_true, y_pred) -> Node:
    """The mean of ``y_pred - y_true * log(y_pred)`` along the last axis."""
    p = predicted("poisson", y_pred)
    t, p = together("poisson", math.cast(y_true, p.dtype), p)
    return _mean(apply("sub", p, apply("mul", t, apply("log", math.add(p, EPSILON)))))


def kl_divergence(y_true, y_pred) -> Node:
    """The sum of ``y_true * log(y_true / y_pred)`` along the last axis, for probabilities."""
    p = predicted("kl_divergence", y_pred)
    t, p = [math.clip_by_value(x, EPSILON, 1.0) for x in (math.cast(y_true, p.dtype), p)]
    return reduction.reduce_sum(math.multiply(t, apply("log", math.divide(t, p))), -1)


def cosine_similarity(y_true, y_pred, axis=-1) -> Node:
    """Minus the cosine of the angle between vectors: -1 for the same direction."""
    t, p = pair("cosine_similarity", y_true, y_pred)
    t, p = (reduction.l2_normalize(x, axis) for x in (t, p))
    return apply("neg", reduction.reduce_sum(apply("mul", t, p), axis))


def hinge(y_true, y_pred) -> Node:
    """The mean of ``max(1 - y_true * y_pred, 0)`` along the last axis; labels are -1 and 1, or 0 and 1."""
    return _mean(_margins("hinge", y_true, y_pred))


def squared_hinge(y_true, y_pred) -> Node:
    """The mean of ``max(1 - y_true * y_pred, 0) ** 2`` along the last axis; labels are -1 and 1, or 0 and 1."""
    return _mean(math.square(_margins("squared_hinge", y_true, y_pred)))


def _margins(op: str, y_true, y_pred) -> Node:
    p = predicted(op, y_pred)
    t = math.cast(y_true, p.dtype)
    binary = reduction.reduce_all(math.logical_or(math.equal(t, 0.0), math.equal(t, 1.0)))
    t = math.where(binary, math.subtract(math.multiply(t, 2.0), 1.0), t)
    return math.maximum(math.subtract(1.0, math.multiply(t, p)), 0.0)


def categorical_hinge(y_true, y_pred) -> Node:
    """``max(largest wrong score - right score + 1, 0)`` for one-hot labels."""
    p = predicted("categorical_hinge", y_pred)
    t, p = together("categorical_hinge", math.cast(y_true, p.dtype), p)
    right = reduction.reduce_sum(apply("mul", t, p), -1)
    wrong = reduction.reduce_max(apply("mul", math.subtract(1.0, t), p), -1)
    return math.maximum(math.add(apply("sub", wrong, right), 1.0), 0.0)


def dice(y_true, y_pred, axis=None) -> Node:
    """``1 - 2 * overlap / (sum of both)`` over ``axis`` (None: over everything)."""
    p = predicted("dice", y_pred)
    t = math.cast(y_true, p.dtype)
    common = reduction.reduce_sum(math.multiply(t, p), axis)
    both = math.add(math.add(reduction.reduce_sum(t, axis), reduction.reduce_sum(p, axis)), EPSILON)
    return math.subtract(1.0, math.divide_no_nan(math.multiply(common, 2.0), both))


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None) -> Node:
    """``1 - overlap / (overlap + alpha * missed + beta * too much)`` over ``axis`` (None: over everything)."""
    p = predicted("tversky", y_pred)
    t = math.cast(y_true, p.dtype)
    common = reduction.reduce_sum(math.multiply(t, p), axis)
    missed = math.multiply(reduction.reduce_sum(math.multiply(math.subtract(1.0, p), t), axis), alpha)
    extra = math.multiply(reduction.reduce_sum(math.multiply(p, math.subtract(1.0, t)), axis), beta)
    total = math.add(math.add(math.add(common, missed), extra), EPSILON)
    return math.subtract(1.0, math.divide_no_nan(common, total))


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4) -> Node:
    """The circle loss of unit vectors: those of one label are drawn together, others driven apart.

    Args:
        y_true: integer labels [batch]. y_pred: unit vectors [batch, size].
        ref_labels, ref_embeddings: labels and vectors to compare with; None for the batch itself.
        remove_diagonal: whether an example is not compared with the one of its own number.
        gamma: the scale. margin: how far apart labels shall be.
    """
    p = rows_of("circle", predicted("circle", y_pred), 2, 2)
    labels = math.cast(y_true, dt.i32)
    others = p if ref_embeddings is None else math.cast(ref_embeddings, p.dtype)
    known = labels if ref_labels is None else math.cast(ref_labels, dt.i32)
    far = math.maximum(math.subtract(1.0, linalg.matmul(p, others, transpose_b=True)), 0.0)
    rows, columns = far.shape
    same = math.equal(apply("reshape", labels, shape=(rows, 1)), apply("reshape", known, shape=(1, columns)))
    places = [apply("iota", shape=far.shape, axis=k, dtype=dt.i64) for k in (0, 1)]
    near = math.logical_and(same, apply("ne", *places)) if remove_diagonal else same
    apart = math.logical_not(same)
    drawn = _exponents(near, math.add(far, margin), math.subtract(margin, far), -gamma)
    driven = _exponents(apart, math.subtract(1 + margin, far), math.subtract(1 - margin, far), gamma)
    return nn.softplus(apply("add", drawn, driven))


def _exponents(mask: Node, weight: Node, distance: Node, gamma) -> Node:
    weight = math.maximum(weight, 0.0)
    product = math.multiply(math.multiply(weight, float(gamma)), distance)
    return reduction.reduce_logsumexp(math.where(mask, product, full_like(product, float("-inf"))), 1)
