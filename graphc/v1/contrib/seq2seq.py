"""``tf.contrib.seq2seq``: the loss of a sequence of guesses; decoders are loops of cells."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import ShapeError, explain
from graphc.v1 import nn, ops
from graphc.v1.catalogue import SHARED
from graphc.v1.control import name_scope
from graphc.v1.tensor import Tensor

_LEAST = 1e-12  # so that sequences of no weight have no loss, instead of one that is no number

_tensor, _sum, _divide = (SHARED.get(name) for name in ("convert_to_tensor", "reduce_sum", "divide"))


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1.contrib.seq2seq' has no attribute {name!r}")
    what = f"tf.contrib.seq2seq.{name} is not available: it has sequence_loss"
    raise AttributeError(explain(f"{what}; use tf.nn.dynamic_rnn, or tf.while_loop around a cell of tf.nn.rnn_cell"))


def sequence_loss(
    logits,
    targets,
    weights,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable | None = None,
    name: str | None = None,
) -> Tensor:
    """The weighted cross-entropy of guesses at a class in every step of sequences.

    Args:
        logits: [batch, time, classes]. targets: integers [batch, time]. weights: numbers [batch, time].
        average_across_timesteps, average_across_batch: divide the sum along these axes by that of the weights; an axis
            that is not averaged stays.
        softmax_loss_function: function of ``labels`` and ``logits`` instead of the cross-entropy of a softmax.

    Raises:
        ShapeError: the ranks are others.
    """
    with name_scope(name, "sequence_loss", [logits, targets, weights]):
        logits, targets, weights = _tensor(logits), _tensor(targets), _tensor(weights)
        for what, tensor, rank in (("logits", logits, 3), ("targets", targets, 2), ("weights", weights, 2)):
            if tensor.shape.ndims not in (None, rank):
                shape = tensor.shape.as_list()
                raise ShapeError(explain(f"sequence_loss: {what} must have {rank} axes, got the shape {shape}"))
        given = softmax_loss_function or nn.sparse_softmax_cross_entropy_with_logits
        loss = ops.multiply(given(labels=targets, logits=logits), weights)
        axes = [axis for axis, on in enumerate((average_across_batch, average_across_timesteps)) if on]
        return _divide(_sum(loss, axes), ops.add(_sum(weights, axes), _LEAST)) if axes else loss
