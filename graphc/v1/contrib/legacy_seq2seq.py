"""``tf.contrib.legacy_seq2seq``: sequences as lists of tensors, one for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.errors import UsageError, explain
from graphc.v1 import nn, ops
from graphc.v1.catalogue import SHARED
from graphc.v1.control import name_scope
from graphc.v1.scope import get_variable_scope, variable_scope
from graphc.v1.tensor import Tensor

_LEAST = 1e-12  # so that sequences of no weight have no loss, instead of one that is no number

_sum, _add_n, _divide, _shape, _cast = (
    SHARED.get(name) for name in ("reduce_sum", "add_n", "divide", "shape", "cast")
)


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1.contrib.legacy_seq2seq' has no attribute {name!r}")
    what = f"tf.contrib.legacy_seq2seq.{name} is not available: it has rnn_decoder, sequence_loss and"
    what += " sequence_loss_by_example; use tf.nn.dynamic_rnn, or tf.while_loop around a cell of tf.nn.rnn_cell"
    raise AttributeError(explain(what))


def rnn_decoder(
    decoder_inputs: Sequence, initial_state, cell: Callable, loop_function: Callable | None = None, scope=None
) -> tuple:
    """Run a cell over a list of inputs.

    Args:
        decoder_inputs: a tensor [batch, size] for each step.
        initial_state: what the cell starts from.
        cell: function of an input and a state, such as a cell of ``tf.nn.rnn_cell``.
        loop_function: function of the last output and the number of the step that makes the next input.
        scope: a name for the cell's variables; ``rnn_decoder`` if None.

    Returns:
        The list of outputs, and the last state.
    """
    with variable_scope(scope or "rnn_decoder"):
        state, outputs = initial_state, []
        for k, value in enumerate(decoder_inputs):
            if loop_function is not None and outputs:
                with variable_scope("loop_function", reuse=True):
                    value = loop_function(outputs[-1], k)
            if k:
                get_variable_scope().reuse_variables()
            output, state = cell(value, state)
            outputs.append(output)
    return outputs, state


def sequence_loss_by_example(
    logits: Sequence,
    targets: Sequence,
    weights: Sequence,
    average_across_timesteps: bool = True,
    softmax_loss_function: Callable | None = None,
    name: str | None = None,
) -> Tensor:
    """The weighted cross-entropy of each sequence of a batch: [batch].

    Args:
        logits: a tensor [batch, classes] for each step. targets: integers [batch] likewise. weights: numbers [batch].
        average_across_timesteps: divide by the sum of the weights.
        softmax_loss_function: function of ``labels`` and ``logits`` instead of the cross-entropy of a softmax.

    Raises:
        UsageError: the lists are not equally long, or empty.
    """
    if not len(logits) == len(targets) == len(weights) or not logits:
        lengths = f"{len(logits)}, {len(targets)} and {len(weights)}"
        what = f"logits, targets and weights must be equally long lists of a tensor for each step; they have {lengths}"
        raise UsageError(explain(f"sequence_loss_by_example: {what}"))
    given = softmax_loss_function or nn.sparse_softmax_cross_entropy_with_logits
    with name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        steps = zip(logits, targets, weights)
        total = _add_n([ops.multiply(given(labels=ops.reshape(t, [-1]), logits=x), w) for x, t, w in steps])
        return _divide(total, ops.add(_add_n(list(weights)), _LEAST)) if average_across_timesteps else total


def sequence_loss(
    logits: Sequence,
    targets: Sequence,
    weights: Sequence,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Callable | None = None,
    name: str | None = None,
) -> Tensor:
    """The sum of ``sequence_loss_by_example`` as one number; with ``average_across_batch`` divided by their number."""
    with name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        each = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
        total = _sum(each)
        return _divide(total, _cast(_shape(each)[0], total.dtype)) if average_across_batch else total
