"""``tf.nn`` of TensorFlow 1."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.lib import linalg, nn, order
from graphc.v1.catalogue import members_of
from graphc.v1 import ops
from graphc.v1.define import DIMENSION, REDUCTION, construct, name_functions, op, random_op
from graphc.v1.ops import l2_normalize, sigmoid, tanh  # noqa: F401  also found here
from graphc.v1.tensor import Tensor

relu, relu6 = op("Relu", nn.relu, "features"), op("Relu6", nn.relu6, "features")
leaky_relu = op("LeakyRelu", nn.leaky_relu, "features")
elu, selu = op("Elu", nn.elu, "features"), op("Selu", nn.selu, "features")
softplus, softsign = op("Softplus", nn.softplus, "features"), op("Softsign", nn.softsign, "features")
gelu = op("Gelu", nn.gelu, "features")
swish = silu = op("swish_f32", nn.silu, "features")
log_sigmoid = op("LogSigmoid", nn.log_sigmoid, "x")
softmax = op("Softmax", nn.softmax, "logits", spellings=DIMENSION)
log_softmax = op("LogSoftmax", nn.log_softmax, "logits", spellings=DIMENSION)
bias_add = op("BiasAdd", nn.bias_add, "value bias")
l2_loss = op("L2Loss", nn.l2_loss, "t")
moments = op("moments", nn.moments, "x", spellings=REDUCTION)
batch_normalization = op("batchnorm", nn.batch_normalization, "x mean variance offset scale")
top_k = op("TopKV2", order.top_k, "input")
in_top_k = op(
    "in_top_k", lambda predictions, targets, k: order.in_top_k(targets, predictions, k), "predictions | targets"
)
xw_plus_b = op(
    "xw_plus_b", lambda x, weights, biases: nn.bias_add(linalg.matmul(x, weights), biases), "x weights biases"
)

_CROSS_ENTROPY = "SoftmaxCrossEntropyWithLogits"


def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None) -> Tensor:
    """``-sum(labels * log_softmax(logits))``; the labels get no gradient.

    Raises:
        UsageError: arguments are not passed by name.
    """
    _by_name("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return softmax_cross_entropy_with_logits_v2(ops.stop_gradient(labels), logits, dim if axis is None else axis, name)


def softmax_cross_entropy_with_logits_v2(labels, logits, axis=None, name=None, dim=None) -> Tensor:
    """``-sum(labels * log_softmax(logits))``; gradients flow into the labels too."""
    axis = axis if axis is not None else dim if dim is not None else -1
    arguments = {"logits": logits, "labels": labels, "axis": axis}
    label = "softmax_cross_entropy_with_logits"
    return construct(
        _CROSS_ENTROPY, label, nn.softmax_cross_entropy_with_logits, arguments, {"logits": 0, "labels": 0}, (), name
    )


def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None) -> Tensor:
    """``-log_softmax(logits)[label]`` for integer labels.

    Raises:
        UsageError: arguments are not passed by name.
    """
    label = "SparseSoftmaxCrossEntropyWithLogits"
    _by_name("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    arguments, groups = {"labels": labels, "logits": logits}, {"labels": 0, "logits": 1}
    return construct(label, label, nn.sparse_softmax_cross_entropy_with_logits, arguments, groups, (), name)


def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None) -> Tensor:
    """Cross entropy of independent yes/no labels.

    Raises:
        UsageError: arguments are not passed by name.
    """
    _by_name("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    arguments, groups = {"logits": logits, "labels": labels}, {"logits": 0, "labels": 0}
    return construct(
        "logistic_loss", "logistic_loss", nn.sigmoid_cross_entropy_with_logits, arguments, groups, (), name
    )


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None, targets=None) -> Tensor:
    """Cross entropy of yes/no labels with the positive ones weighted."""
    arguments = {"logits": logits, "labels": targets if labels is None else labels, "pos_weight": pos_weight}
    groups = dict.fromkeys(arguments, 0)
    return construct(
        "logistic_loss", "logistic_loss", nn.weighted_cross_entropy_with_logits, arguments, groups, (), name
    )


def _by_name(op_name: str, sentinel, labels, logits) -> None:
    if sentinel is not None or labels is None or logits is None:
        raise UsageError(explain(f"{op_name}: pass labels=... and logits=... by name"))


def dropout(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None) -> Tensor:
    """``x`` with elements zeroed at random and the others scaled up.

    Args:
        keep_prob: probability to keep an element; or ``rate``: probability to drop it.

    Raises:
        UsageError: both or neither are given, or the probability is impossible.
    """
    if (keep_prob is None) == (rate is None):
        raise UsageError(explain("dropout: pass either keep_prob or rate"))
    if rate is None:
        if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
            raise UsageError(explain(f"dropout: keep_prob must lie in (0, 1], got {keep_prob}"))
        rate = 1 - keep_prob
    arguments = {"x": x, "rate": rate, "noise_shape": noise_shape}

    return random_op("Dropout", "dropout", nn.dropout, arguments, {"x": 0}, seed, name)


def embedding_lookup(params, ids, partition_strategy="mod", name=None, validate_indices=True, max_norm=None) -> Tensor:
    """Rows of a table."""
    return ops.gather(params, ids, axis=0, name=name or "embedding_lookup")


def zero_fraction(value, name=None) -> Tensor:
    """The fraction of elements that are zero."""
    return ops.reduce_mean(ops.to_float(ops.equal(value, 0)), name=name or "zero_fraction")


def crelu(features, name=None, axis=-1) -> Tensor:
    """``relu`` of the features and of their negatives, joined along ``axis``."""
    return ops.concat([relu(features), relu(ops.negative(features))], axis, name=name or "CRelu")


def relu_layer(x, weights, biases, name=None) -> Tensor:
    """``relu(x @ weights + biases)``."""
    return relu(xw_plus_b(x, weights, biases), name=name or "relu_layer")


name_functions(globals())


__all__ = [
    "batch_normalization", "bias_add", "crelu", "dropout", "elu", "embedding_lookup", "gelu", "in_top_k", "l2_loss",
    "l2_normalize", "leaky_relu", "log_sigmoid", "log_softmax", "moments", "relu", "relu6", "relu_layer", "selu",
    "sigmoid", "sigmoid_cross_entropy_with_logits", "silu", "softmax", "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2", "softplus", "softsign", "sparse_softmax_cross_entropy_with_logits",
    "swish", "tanh", "top_k", "weighted_cross_entropy_with_logits", "xw_plus_b", "zero_fraction",
]  # fmt: skip


__getattr__ = members_of("nn")


def __dir__() -> list[str]:
    return __all__
