"""Connectionist temporal classification with sparse labels and sparse answers."""

from __future__ import annotations

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.sparse import SparseTensor
from graphc.errors import UsageError, explain
from graphc.lib import ctc as lib
from graphc.lib import ctc_decode, ctc_sparse

_dense = lift(Op("nn.ctc_loss", "CTCLoss", lib.ctc_loss, "labels | logits | label_length | logit_length"), eager)
_from_sparse = lift(Op("nn.ctc_loss", "CTCLoss", ctc_sparse.ctc_loss,
                       "indices | values | dense_shape | logits | logit_length"), eager)  # fmt: skip
_greedy = lift(Op("nn.ctc_greedy_decoder", "CTCGreedyDecoder", ctc_decode.greedy, "inputs | sequence_length"), eager)
_beam = lift(Op("nn.ctc_beam_search_decoder", "CTCBeamSearchDecoder", ctc_decode.beam_search,
                "inputs | sequence_length"), eager)  # fmt: skip


def ctc_loss(
    labels, logits, label_length, logit_length, logits_time_major=True, unique=None, blank_index=None, name=None
):
    """Minus ``log`` of the probability of the labels, summed over all their alignments with the frames; [batch].

    Args:
        labels: integers [batch, labels], of which the first ``label_length`` count; or a SparseTensor of them.
        logits: [frames, batch, classes], or [batch, frames, classes] if not ``logits_time_major``.
        label_length, logit_length: integers [batch]; the former is not needed for sparse labels.
        unique: what ``ctc_unique_labels`` answers; not needed.
        blank_index: the class of the blank, 0 if None, and to be given for sparse labels; negative numbers count from
            the last class.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks.
        UsageError: the blank is no class, or not given for sparse labels.
    """
    if not hasattr(labels, "dense_shape"):
        return _dense(labels, logits, label_length, logit_length, logits_time_major, None, blank_index, name=name)
    if blank_index is None:
        raise UsageError(explain("ctc_loss: blank_index is needed for sparse labels"))
    return _from_sparse(labels.indices, labels.values, labels.dense_shape, logits, logit_length, logits_time_major,
                        blank_index, name=name)  # fmt: skip


def ctc_loss_v1(labels, inputs=None, sequence_length=None, preprocess_collapse_repeated=False, ctc_merge_repeated=True,
                ignore_longer_outputs_than_inputs=False, time_major=True, logits=None):  # fmt: skip
    """``ctc_loss`` of a SparseTensor of labels; the last class is the blank.

    Args:
        preprocess_collapse_repeated: whether repeated labels count once.
        ignore_longer_outputs_than_inputs: whether examples with too few frames have loss 0 instead of infinity.

    Raises:
        UsageError: ``ctc_merge_repeated=False``, or labels that are not sparse.
    """
    if not hasattr(labels, "dense_shape"):
        raise UsageError(explain("ctc_loss: labels must be a SparseTensor"))
    if not ctc_merge_repeated:
        raise UsageError(explain("ctc_loss: ctc_merge_repeated=False is not supported"))
    return _from_sparse(labels.indices, labels.values, labels.dense_shape, inputs if logits is None else logits,
                        sequence_length, time_major, -1, preprocess_collapse_repeated,
                        ignore_longer_outputs_than_inputs)  # fmt: skip


def ctc_greedy_decoder(inputs, sequence_length, merge_repeated=True, blank_index=None):
    """The most likely class of every frame, without blanks: ``([SparseTensor], minus the sum of their logits)``.

    How many labels there are is found on the host.

    Args:
        inputs: logits [frames, batch, classes]. sequence_length: how many frames count, integers [batch].
        merge_repeated: whether a class that is repeated counts once, unless a blank lies between.
        blank_index: the class of the blank, the last one if None; negative numbers count from the last.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks. UsageError: the blank is no class.
    """
    found, scores = _greedy(inputs, sequence_length, merge_repeated, blank_index)
    return [SparseTensor(*found)], scores


def ctc_beam_search_decoder(inputs, sequence_length, beam_width=100, top_paths=1):
    """The most likely label sequences: ``(list of SparseTensors, log of their probabilities [batch, top_paths])``.

    The search runs on the host.

    Args:
        inputs: logits [frames, batch, classes]; the last class is the blank.
        sequence_length: how many frames count, integers [batch].
        beam_width: how many beginnings are kept after every frame.
        top_paths: how many sequences are wanted.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks. UsageError: more paths than beginnings are kept.
    """
    found, scores = _beam(inputs, sequence_length, beam_width, top_paths)
    return [SparseTensor(*parts) for parts in found], scores


def ctc_beam_search_decoder_v1(inputs, sequence_length, beam_width=100, top_paths=1, merge_repeated=True):
    """``ctc_beam_search_decoder``; ``merge_repeated`` shows a repeated label once, even if blanks lie between."""
    found, scores = _beam(inputs, sequence_length, beam_width, top_paths, merge_repeated)
    return [SparseTensor(*parts) for parts in found], scores
