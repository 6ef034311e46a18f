"""Connectionist temporal classification of ``keras.ops.nn``: the loss, and the likeliest labels."""

from __future__ import annotations

import graphc as tf
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.lib import ctc_decode as lib
from keras.src.backend.common import dtypes

from graphc.keras.keras_graphc.core import cast, convert_to_tensor

__all__ = ["ctc_decode", "ctc_loss"]

_beams = lift(Op("ctc_beams", "CTCBeams", lib.beams, "inputs | sequence_length"), eager)


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    target, output = convert_to_tensor(target, "int32"), convert_to_tensor(output)
    return tf.nn.ctc_loss(
        target, cast(output, dtypes.result_type(output.dtype, "float32")), convert_to_tensor(target_length, "int32"),
        convert_to_tensor(output_length, "int32"), logits_time_major=False, blank_index=mask_index,
    )  # fmt: skip


def ctc_decode(inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True,
               mask_index=0):  # fmt: skip
    inputs = convert_to_tensor(inputs)
    inputs = cast(inputs, dtypes.result_type(inputs.dtype, "float32"))
    lengths = convert_to_tensor(sequence_lengths, "int32")
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'.")
    classes = inputs.shape[-1]
    blank = (classes - 1 if mask_index is None else mask_index) % classes
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, blank)
    return _searched(inputs, lengths, beam_width, top_paths, blank)


def _greedy(inputs, lengths, merge_repeated: bool, blank: int):
    """The best class of every frame, those that are kept at the front, -1 behind them; and minus their logits."""
    steps = tf.range(tf.shape(inputs)[1])
    best = tf.argmax(inputs, axis=-1, output_type="int32")
    inside = steps[None, :] < lengths[:, None]
    kept = inside & (best != blank)
    if merge_repeated:
        before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        kept = kept & (best != before)
    top = tf.reduce_max(inputs, axis=-1)
    scores = -tf.reduce_sum(tf.where(inside, top, tf.zeros_like(top)), axis=1, keepdims=True)
    order = tf.argsort(tf.cast(~kept, "int32"), axis=-1, stable=True)
    labels = tf.gather(tf.where(kept, best, -tf.ones_like(best)), order, batch_dims=1)
    return labels[None], scores


def _searched(inputs, lengths, beam_width: int, top_paths: int, blank: int):
    """The best paths of a search for which the blank is the last class."""
    others = [k for k in range(inputs.shape[-1]) if k != blank]
    frames = tf.gather(tf.transpose(inputs, [1, 0, 2]), [*others, blank], axis=-1)
    rows, counts, scores = _beams(frames, lengths, beam_width, top_paths)
    rows = tf.where(rows >= blank, rows + 1, rows)
    inside = tf.range(tf.shape(rows)[-1], dtype="int64") < counts[..., None]
    return tf.cast(tf.where(inside, rows, -tf.ones_like(rows)), "int32"), scores
