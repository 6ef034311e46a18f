"""``tf.nn`` of TensorFlow 1: the catalogue, and cross entropies and dropout as they were called."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.lib import nn
from graphc.v1 import ops, rnn_cell
from graphc.v1.catalogue import SHARED, listed, members_of
from graphc.v1.define import random_op
from graphc.v1.raw_rnn import raw_rnn  # noqa: F401
from graphc.v1.rnn import (
    bidirectional_dynamic_rnn, dynamic_rnn, static_bidirectional_rnn, static_rnn,
)  # fmt: skip
from graphc.v1.tensor import Tensor

_softmax, _sparse_softmax, _sigmoid = (
    SHARED.get(f"nn.{name}_cross_entropy_with_logits{version}")
    for name, version in (("softmax", "_v2"), ("sparse_softmax", ""), ("sigmoid", ""))
)


def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None) -> Tensor:
    """``-sum(labels * log_softmax(logits))``; the labels get no gradient.

    Raises:
        UsageError: arguments are not passed by name.
    """
    _by_name("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return _softmax(ops.stop_gradient(labels), logits, dim if axis is None else axis, name)


def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None) -> Tensor:
    """``-log_softmax(logits)[label]`` for integer labels.

    Raises:
        UsageError: arguments are not passed by name.
    """
    _by_name("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return _sparse_softmax(labels, logits, name)


def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None) -> Tensor:
    """Cross entropy of independent yes/no labels.

    Raises:
        UsageError: arguments are not passed by name.
    """
    _by_name("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    return _sigmoid(labels, logits, name)


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


__all__ = [
    "bidirectional_dynamic_rnn", "dropout", "dynamic_rnn", "raw_rnn", "rnn_cell", "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits", "sparse_softmax_cross_entropy_with_logits", "static_bidirectional_rnn",
    "static_rnn",
]  # fmt: skip

__getattr__, __dir__ = members_of("nn"), listed("nn", __all__)
