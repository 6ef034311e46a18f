"""``tf.losses`` of TensorFlow 1: a weighted mean, added to the collection of losses."""

from __future__ import annotations

import inspect

from graphc.errors import explain
from graphc.lib import loss
from graphc.v1.catalogue import members_of
from graphc.v1 import ops
from graphc.v1.define import construct
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.tensor import Tensor


class Reduction:
    """How the losses of a batch become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"


def _define(name: str, function, first: str, second: str, extra: tuple = ()):
    """A loss of labels and predictions whose further arguments are ``weights`` and ``extra``, in TensorFlow's order."""
    own = inspect.signature(function).parameters
    signature = inspect.Signature([own[k] for k in (first, second, *extra)])

    def public(
        *args, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, **kwargs
    ):
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(explain(f"{function.__name__}: {error}")) from None
        arguments.setdefault("weights", 1.0)
        ordered = {second: arguments.pop(second), first: arguments.pop(first), **arguments, "reduction": reduction}
        groups = {second: 0, first: 1 if first != "labels" or function is loss.sparse_softmax_cross_entropy else 0}
        value = construct(name, name, function, ordered, groups, (), scope)
        if loss_collection:
            value.graph.add_to_collection(loss_collection, value)
        return value

    public.__name__ = public.__qualname__ = function.__name__
    public.__doc__ = function.__doc__
    return public


mean_squared_error = _define("mean_squared_error", loss.mean_squared_error, "labels", "predictions", ("weights",))
absolute_difference = _define("absolute_difference", loss.absolute_difference, "labels", "predictions", ("weights",))
huber_loss = _define("huber_loss", loss.huber_loss, "labels", "predictions", ("weights", "delta"))
log_loss = _define("log_loss", loss.log_loss, "labels", "predictions", ("weights", "epsilon"))
hinge_loss = _define("hinge_loss", loss.hinge_loss, "labels", "logits", ("weights",))
cosine_distance = _define("cosine_distance_loss", loss.cosine_distance, "labels", "predictions", ("axis", "weights"))
softmax_cross_entropy = _define(
    "softmax_cross_entropy_loss", loss.softmax_cross_entropy, "onehot_labels", "logits", ("weights", "label_smoothing")
)
sigmoid_cross_entropy = _define(
    "sigmoid_cross_entropy_loss",
    loss.sigmoid_cross_entropy,
    "multi_class_labels",
    "logits",
    ("weights", "label_smoothing"),
)
sparse_softmax_cross_entropy = _define(
    "sparse_softmax_cross_entropy_loss", loss.sparse_softmax_cross_entropy, "labels", "logits", ("weights",)
)


def add_loss(loss, loss_collection=GraphKeys.LOSSES) -> None:  # noqa: F811  TensorFlow's argument
    """Count ``loss`` among the losses."""
    loss.graph.add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection=GraphKeys.LOSSES) -> list:
    """The losses of the default graph."""
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope=None) -> list:
    """The regularisation losses of the default graph."""
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None, name="total_regularization_loss") -> Tensor:
    """The sum of the regularisation losses; 0 if there are none."""
    found = get_regularization_losses(scope)
    return ops.add_n(found, name=name) if found else ops.constant(0.0)


def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None) -> Tensor:
    """The sum of the losses of the default graph."""
    found = get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else [])
    return ops.add_n(found, name=name)


__all__ = [
    "Reduction", "absolute_difference", "add_loss", "cosine_distance", "get_losses", "get_regularization_loss",
    "get_regularization_losses", "get_total_loss", "hinge_loss", "huber_loss", "log_loss", "mean_squared_error",
    "sigmoid_cross_entropy", "softmax_cross_entropy", "sparse_softmax_cross_entropy",
]  # fmt: skip


__getattr__ = members_of("losses")


def __dir__() -> list[str]:
    return __all__
