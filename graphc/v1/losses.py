"""``tf.losses`` of TensorFlow 1: a weighted loss for every element, as one number in the collection of losses."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import nn, ops
from graphc.v1.calling import named
from graphc.v1.catalogue import SHARED
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.tensor import Tensor
from graphc.v1.weights import check_weights

_tensor = SHARED.get("convert_to_tensor")


class Reduction:
    """How the losses of a batch become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"

    @classmethod
    def all(cls) -> tuple:
        """Every reduction."""
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def validate(cls, key) -> None:
        """Refuse what is no reduction.

        Raises:
            UsageError: it is none.
        """
        if key not in cls.all():
            raise UsageError(explain(f"loss: reduction {key!r} is none of {', '.join(cls.all())}"))


_MEAN = Reduction.SUM_BY_NONZERO_WEIGHTS


@named
def compute_weighted_loss(losses, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_MEAN) -> Tensor:
    """Losses times weights, reduced to one number.

    Args:
        losses: a loss for each element.
        weights: a scalar, or of the rank of the losses with sizes 1 or theirs.
        scope: a name for its operations.
        loss_collection: the collection that the result is added to; None for none.
        reduction: ``tf.losses.Reduction.NONE`` (as they are), ``SUM``, ``MEAN`` (the sum divided by that of the
            weights), ``SUM_OVER_BATCH_SIZE`` (divided by the number of losses) or ``SUM_BY_NONZERO_WEIGHTS`` (divided
            by the number of those whose weight is not 0).

    Raises:
        ShapeError: the weights do not fit. UsageError: unknown reduction.
    """
    Reduction.validate(reduction)
    with get_default_graph().name_scope(scope or "weighted_loss"):
        losses = _tensor(losses)
        kind, losses = losses.dtype, _as(losses, dt.f32)
        weights = _as(weights, dt.f32)
        check_weights("loss", weights, losses)
        if weights.shape.ndims is None:
            weights = ops.broadcast_to(weights, ops.shape(losses))  # refused when running, if they do not fit
        loss = ops.multiply(losses, weights)
        if reduction != Reduction.NONE:
            loss = ops.reduce_sum(loss)
        if reduction == Reduction.MEAN:
            loss = ops.div_no_nan(loss, ops.reduce_sum(ops.ones_like(losses) * weights), name="value")
        elif reduction == _MEAN:
            loss = ops.div_no_nan(loss, _present(losses, weights), name="value")
        elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
            loss = ops.div_no_nan(loss, _as(ops.size(losses, name="num_elements"), dt.f32), name="value")
        loss = _as(loss, kind)
        add_loss(loss, loss_collection)
        return loss


def _as(x, dtype):
    """A tensor of ``dtype``."""
    x = _tensor(x)
    return x if x.dtype is dtype else ops.cast(x, dtype)


def _present(losses, weights, axes=None):
    """How many losses have a weight other than 0; with ``axes``, for each example, as [batch, 1, ...]."""
    with get_default_graph().name_scope("num_present") as scope:
        one = _as(ops.not_equal(weights, 0.0), dt.f32)
        if axes is None and weights.shape.ndims == 0:
            return ops.multiply(one, _as(ops.size(losses), dt.f32), name=scope)
        every = ops.multiply(one, ops.ones_like(losses), name="broadcast_weights")
        return ops.reduce_sum(every, axes, keepdims=axes is not None, name=scope)


def _pair(what: str, labels, predictions, names=("labels", "predictions")) -> tuple:
    """Both as float32 tensors of one shape."""
    labels, predictions = (_as(v, dt.f32) for v in _given(what, labels, predictions, names))
    _require_alike(what, labels, predictions, names)
    return labels, predictions


def _with_logits(what: str, labels, logits, names) -> tuple:
    """Both as tensors of one shape and of the dtype of the logits."""
    labels, logits = _given(what, labels, logits, names)
    logits = _tensor(logits)
    labels = _as(labels, logits.dtype)
    _require_alike(what, labels, logits, names)
    return labels, logits


def _given(what: str, labels, predictions, names) -> tuple:
    for value, name in zip((labels, predictions), names):
        if value is None:
            raise UsageError(explain(f"{what}: {name} must be given, not None"))
    return labels, predictions


def _require_alike(what: str, labels, predictions, names) -> None:
    if not predictions.shape.is_compatible_with(labels.shape):
        problem = f"{names[0]} of shape {labels.shape} and {names[1]} of shape {predictions.shape} do not fit"
        raise ShapeError(explain(f"{what}: {problem}; they must have one shape"))


@named
def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                        reduction=_MEAN) -> Tensor:  # fmt: skip
    """``|predictions - labels|``. See ``compute_weighted_loss``.

    Raises:
        ShapeError: labels, predictions and weights do not fit.
    """
    with get_default_graph().name_scope(scope or "absolute_difference") as scope:
        labels, predictions = _pair("absolute_difference", labels, predictions)
        losses = ops.abs(ops.subtract(predictions, labels))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                       reduction=_MEAN) -> Tensor:  # fmt: skip
    """``(predictions - labels)^2``. See ``absolute_difference``."""
    with get_default_graph().name_scope(scope or "mean_squared_error") as scope:
        labels, predictions = _pair("mean_squared_error", labels, predictions)
        losses = ops.squared_difference(predictions, labels)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
               reduction=_MEAN) -> Tensor:  # fmt: skip
    """Half the squared difference up to ``delta``, linear beyond. See ``absolute_difference``."""
    with get_default_graph().name_scope(scope or "huber_loss") as scope:
        labels, predictions = _pair("huber_loss", labels, predictions)
        error = ops.abs(ops.subtract(predictions, labels))
        quadratic = ops.minimum(error, delta)
        linear = ops.subtract(error, quadratic)
        square = ops.multiply(quadratic, quadratic)
        losses = ops.add(ops.multiply(0.5, square), ops.multiply(delta, linear))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection=GraphKeys.LOSSES,
             reduction=_MEAN) -> Tensor:  # fmt: skip
    """``-y * log(p + epsilon) - (1 - y) * log(1 - p + epsilon)`` of labels y and probabilities p.

    See ``absolute_difference``.
    """
    with get_default_graph().name_scope(scope or "log_loss") as scope:
        labels, predictions = _pair("log_loss", labels, predictions)
        positive = ops.multiply(labels, ops.log(predictions + epsilon))
        negative = ops.multiply(1 - labels, ops.log(1 - predictions + epsilon))
        return compute_weighted_loss(-positive - negative, weights, scope, loss_collection, reduction)


@named
def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_MEAN) -> Tensor:
    """``max(0, 1 - y * logits)`` with labels 0 and 1 read as y = -1 and 1. See ``absolute_difference``."""
    with get_default_graph().name_scope(scope or "hinge_loss") as scope:
        labels, logits = _pair("hinge_loss", labels, logits, ("labels", "logits"))
        ones = ops.ones_like(labels)
        signs = ops.subtract(2 * labels, ones)
        losses = nn.relu(ops.subtract(ones, ops.multiply(signs, logits)))
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def cosine_distance(labels, predictions, axis=None, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                    reduction=_MEAN, dim=None) -> Tensor:  # fmt: skip
    """One minus the sum of ``labels * predictions`` along ``axis`` (formerly ``dim``), for unit vectors.

    See ``absolute_difference``.

    Raises:
        UsageError: not exactly one of ``axis`` and ``dim`` is given.
    """
    if (axis is None) == (dim is None):
        raise UsageError(explain("cosine_distance: pass axis (or dim, its older name)"))
    with get_default_graph().name_scope(scope or "cosine_distance_loss") as scope:
        labels, predictions = _pair("cosine_distance", labels, predictions)
        products = ops.multiply(predictions, labels)
        losses = 1 - ops.reduce_sum(products, axis=[dim if axis is None else axis], keepdims=True)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection=GraphKeys.LOSSES, reduction=_MEAN) -> Tensor:  # fmt: skip
    """Cross entropy of independent yes/no labels, moved towards 1/2 by ``label_smoothing``.

    See ``absolute_difference``.
    """
    names = "multi_class_labels", "logits"
    with get_default_graph().name_scope(scope or "sigmoid_cross_entropy_loss") as scope:
        labels, logits = _with_logits("sigmoid_cross_entropy", multi_class_labels, logits, names)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None,
                          loss_collection=GraphKeys.LOSSES, reduction=_MEAN) -> Tensor:  # fmt: skip
    """Cross entropy of one-hot labels [batch, classes], moved towards 1/classes by ``label_smoothing``.

    Args:
        weights: a scalar, or [batch]; see ``compute_weighted_loss``.

    Raises:
        ShapeError: labels, logits and weights do not fit.
    """
    names = "onehot_labels", "logits"
    with get_default_graph().name_scope(scope or "softmax_cross_entropy_loss") as scope:
        labels, logits = _with_logits("softmax_cross_entropy", onehot_labels, logits, names)
        if label_smoothing > 0:
            classes = _as(ops.shape(labels)[-1], logits.dtype)
            labels = labels * (1.0 - label_smoothing) + label_smoothing / classes
        labels = ops.stop_gradient(labels, name="labels_stop_gradient")
        losses = nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                                 reduction=_MEAN) -> Tensor:  # fmt: skip
    """Cross entropy of integer labels [batch] with logits [batch, classes].

    A last axis of size 1 of labels or weights is dropped. See ``compute_weighted_loss``.

    Raises:
        ShapeError: labels, logits and weights do not fit. DtypeError: the labels are no integers.
    """
    what = "sparse_softmax_cross_entropy"
    with get_default_graph().name_scope(scope or "sparse_softmax_cross_entropy_loss") as scope:
        labels, logits = (_tensor(v) for v in _given(what, labels, logits, ("labels", "logits")))
        weights, rank = _tensor(weights), logits.shape.ndims
        if rank is not None and labels.shape.ndims == rank and labels.shape.as_list()[-1] in (None, 1):
            labels = ops.squeeze(labels, [-1])
        if labels.shape.ndims is not None and weights.shape.ndims == labels.shape.ndims + 1:
            weights = ops.squeeze(weights, [-1])
        losses = nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


@named
def mean_pairwise_squared_error(labels, predictions, weights=1.0, scope=None,
                                loss_collection=GraphKeys.LOSSES) -> Tensor:  # fmt: skip
    """Squared differences between the errors of every pair of elements of an example, averaged; summed over the batch.

    Args:
        weights: a scalar, [batch, 1, ...], or one for each element.

    Raises:
        ShapeError: labels, predictions and weights do not fit.
    """
    with get_default_graph().name_scope(scope or "mean_pairwise_squared_error"):
        labels, predictions = _pair("mean_pairwise_squared_error", labels, predictions)
        weights = _as(weights, dt.f32)
        check_weights("mean_pairwise_squared_error", weights, labels)
        errors = ops.subtract(predictions, labels)
        axes = list(range(1, errors.shape.ndims))
        count = _present(errors, weights, axes)
        squares = ops.reduce_sum(ops.square(errors), axes, keepdims=True)
        each = 2.0 * ops.div_no_nan(squares, ops.maximum(count - 1.0, 0.0), name="value")
        square = ops.square(ops.reduce_sum(errors, axes, keepdims=True))
        pairs = ops.maximum(ops.multiply(count, count - 1.0), 0.0)
        mean = 2.0 * ops.div_no_nan(square, pairs, name="value")
        total = ops.reduce_sum(ops.multiply(each - mean, weights))
        loss = ops.where(ops.reduce_sum(count) > 0, total, ops.zeros_like(total), name="value")
        add_loss(loss, loss_collection)
        return loss


def add_loss(loss, loss_collection=GraphKeys.LOSSES) -> None:
    """Count ``loss`` among the losses; None for the collection counts it nowhere.

    Raises:
        UsageError: it is no tensor.
    """
    if not isinstance(loss, Operators):
        raise UsageError(explain(f"add_loss: needs a tensor, got {loss!r}"))
    if loss_collection and not loss.graph.is_eager:
        loss.graph.add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection=GraphKeys.LOSSES) -> list:
    """The losses of the default graph; with ``scope``, those whose names begin with it."""
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope=None) -> list:
    """The regularisation losses of the default graph."""
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None, name="total_regularization_loss") -> Tensor:
    """The sum of the regularisation losses; 0 if there are none."""
    found = get_regularization_losses(scope)
    return ops.add_n(found, name=name) if found else ops.constant(0.0)


def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None) -> Tensor:
    """The sum of the losses of the default graph.

    Raises:
        UsageError: there are none.
    """
    found = get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else [])
    if not found:
        what = "get_total_loss: the graph has no losses yet; tf.losses and tf.losses.add_loss add some"
        raise UsageError(explain(what))
    return ops.add_n(found, name=name)


__all__ = [
    "Reduction", "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses",
    "get_regularization_loss", "get_regularization_losses", "get_total_loss", "hinge_loss", "huber_loss", "log_loss",
    "mean_pairwise_squared_error", "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
