"""``tf.losses`` of TensorFlow 1: a weighted mean, added to the collection of losses."""

from __future__ import annotations

import inspect
from collections import defaultdict

from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.spelling import respelled
from graphc.lib import loss
from graphc.v1 import ops
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.mode import default_recorder
from graphc.v1.tensor import Tensor


class Reduction:
    """How the losses of a batch become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"


def _define(kind: str, function, tensors: str, arguments: str):
    """A loss as TensorFlow 1 has it: its value also goes into a collection."""
    lifted = lift(Op(function.__name__, kind, function, tensors, kind), default_recorder)

    def collected(loss_collection=GraphKeys.LOSSES, **kwargs):
        value = lifted(**kwargs)
        if loss_collection and not value.graph.is_eager:
            value.graph.add_to_collection(loss_collection, value)
        return value

    parameters = inspect.signature(lifted).parameters.values()
    added = inspect.Parameter("loss_collection", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=GraphKeys.LOSSES)
    collected.__signature__ = inspect.Signature([*parameters, added])
    collected.__doc__ = function.__doc__
    name, _, own = arguments.partition(": ")
    collected.__name__ = name
    public = respelled(collected, f"{own} scope=name loss_collection{_REDUCTION[function]}")
    public.__module__ = __name__
    return public


_REDUCTION = defaultdict(lambda: " reduction", {
    loss.weighted: " reduction=kind", loss.mean_pairwise_squared_error: "", loss.cosine_distance: " reduction dim=axis",
})  # fmt: skip

mean_squared_error = _define("mean_squared_error", loss.mean_squared_error, "predictions labels",
                             "mean_squared_error: labels predictions weights")  # fmt: skip
absolute_difference = _define("absolute_difference", loss.absolute_difference, "predictions labels",
                              "absolute_difference: labels predictions weights")  # fmt: skip
huber_loss = _define("huber_loss", loss.huber_loss, "predictions labels",
                     "huber_loss: labels predictions weights delta")  # fmt: skip
log_loss = _define("log_loss", loss.log_loss, "predictions labels", "log_loss: labels predictions weights epsilon")
hinge_loss = _define("hinge_loss", loss.hinge_loss, "logits labels", "hinge_loss: labels logits weights")
cosine_distance = _define("cosine_distance_loss", loss.cosine_distance, "predictions labels",
                          "cosine_distance: labels predictions axis weights")  # fmt: skip
softmax_cross_entropy = _define("softmax_cross_entropy_loss", loss.softmax_cross_entropy, "logits | onehot_labels",
                                "softmax_cross_entropy: onehot_labels logits weights label_smoothing")  # fmt: skip
sigmoid_cross_entropy = _define("sigmoid_cross_entropy_loss", loss.sigmoid_cross_entropy, "logits | multi_class_labels",
                                "sigmoid_cross_entropy: multi_class_labels logits weights label_smoothing")  # fmt: skip
sparse_softmax_cross_entropy = _define(
    "sparse_softmax_cross_entropy_loss", loss.sparse_softmax_cross_entropy, "logits | labels",
    "sparse_softmax_cross_entropy: labels logits weights")  # fmt: skip
mean_pairwise_squared_error = _define(
    "mean_pairwise_squared_error", loss.mean_pairwise_squared_error, "predictions labels",
    "mean_pairwise_squared_error: labels predictions weights")  # fmt: skip
compute_weighted_loss = _define("weighted_loss", loss.weighted, "losses", "compute_weighted_loss: losses weights")


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
    "Reduction", "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses",
    "get_regularization_loss", "get_regularization_losses", "get_total_loss", "hinge_loss", "huber_loss", "log_loss",
    "mean_pairwise_squared_error", "mean_squared_error", "sigmoid_cross_entropy", "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
