"""Keras' recurrent layers as native loops of graphc: any cell, and LSTM and GRU whose inputs are projected at once."""

from __future__ import annotations

import contextlib

import graphc as tf
from graphc.api.control import EAGER_FLOW, UNTRACEABLE
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.recurrent import Course, unroll as loop
from graphc.lib import recurrent as lib
from keras.src import tree
from keras.src.backend.common.stateless_scope import StatelessScope, get_stateless_scope, in_stateless_scope

from graphc.keras.keras_graphc.core import cast, convert_to_tensor

__all__ = ["bidirectional_gru", "bidirectional_lstm", "cudnn_ok", "gru", "lstm", "rnn"]


def rnn(step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
        input_length=None, time_major=False, zero_output_for_mask=False, return_all_outputs=True):  # fmt: skip
    """The last output, all outputs (the last one, if not ``return_all_outputs``) and the last states of a cell.

    A cell that can be is traced once, for one native loop, with ``unroll`` too. One that needs values, or whose states
    change their types, is called row by row, where rows can be counted: with ``unroll`` or outside of functions.
    """
    rows = [_turned(convert_to_tensor(x), time_major) for x in tree.flatten(inputs)]
    count = rows[0].shape[0]
    if unroll and not count:
        raise ValueError("Unrolling requires a fixed number of timesteps.")
    if mask is not None:
        mask = cast(mask, "bool")
        mask = _turned(mask if len(mask.shape) == 2 else tf.reshape(mask, tf.shape(mask)[:2]), time_major)
    constants = tuple(constants or ())
    outlines: list = []

    def cell(row: list, states: list) -> tuple:
        given = tuple(tree.pack_sequence_as(initial_states, states)) + constants
        with _inner_scope():
            outlines[:] = output, new = step_function(tree.pack_sequence_as(inputs, row), given)
        return [convert_to_tensor(y) for y in tree.flatten(output)], [convert_to_tensor(s) for s in tree.flatten(new)]

    states = [convert_to_tensor(s) for s in tree.flatten(initial_states)]
    course = Course(mask=mask, backwards=go_backwards, hold=not zero_output_for_mask, last=not return_all_outputs)
    recorder = EAGER_FLOW.recorder([rows, states])
    try:
        outputs, states = loop(recorder, cell, rows, states, course)
    except UNTRACEABLE:
        if count is None or not (unroll or recorder.is_eager):
            raise
        outputs, states = _row_by_row(cell, rows, states, course)
    last = outputs
    if return_all_outputs:
        outputs = [tf.reverse(y, [0]) for y in outputs] if go_backwards else outputs
        last = [y[-1] for y in outputs]
    else:
        outputs = [tf.expand_dims(y, 0) for y in outputs]
    output, new = outlines
    outputs = [_turned(y, time_major) for y in outputs]
    packed = (tree.pack_sequence_as(output, found) for found in (last, outputs))
    return *packed, tree.pack_sequence_as(new, states)


def _turned(x, time_major: bool):
    """[rows, batch, ...] of what is in the order of Keras' arguments, or back."""
    return x if time_major else tf.transpose(x, [1, 0, *range(2, len(x.shape))])


def _inner_scope():
    """Where a cell assigns without a trace outside, if assignments are collected there: they are made in the loop."""
    if not in_stateless_scope():
        return contextlib.nullcontext()
    scope, outer = StatelessScope(), get_stateless_scope()
    scope.state_mapping = dict(outer.state_mapping)
    return scope


def _row_by_row(cell, rows: list, states: list, course: Course) -> tuple[list, list]:
    """What one loop would answer, from as many calls of the cell as there are rows."""
    count = int(rows[0].shape[0])
    found: list = [None] * count
    before = None
    for k in range(count)[:: -1 if course.backwards else 1]:
        outputs, new = cell([x[k] for x in rows], states)
        if course.mask is not None:
            others = before if course.hold and before is not None else [tf.zeros_like(y) for y in outputs]
            outputs, new = (
                [tf.where(_widened(course.mask[k], y), y, other) for y, other in zip(some, kept)]
                for some, kept in ((outputs, others), (new, states))
            )
        found[k], before, states = outputs, outputs, new
    return before if course.last else [tf.stack(parts) for parts in zip(*found)], states


def _widened(mask, like):
    return tf.reshape(mask, [-1, *[1] * (len(like.shape) - 1)])


# ----------------------------------------------------------------------------------- cells that are known

_lstm = lift(Op("lstm", "LSTM", lib.lstm, "inputs kernel recurrent_kernel bias *initial_state"), eager)
_gru = lift(Op("gru", "GRU", lib.gru, "inputs kernel recurrent_kernel bias *initial_state recurrent_bias"), eager)
_ACTIVATIONS = {"linear", "tanh", "sigmoid", "relu", "elu", "selu", "silu", "softplus", "softsign", "hard_sigmoid"}


def lstm(inputs, initial_state_h, initial_state_c, mask, kernel, recurrent_kernel, bias, activation,
         recurrent_activation, return_sequences=False, go_backwards=False, unroll=False, time_major=False):  # fmt: skip
    kind = lib.LSTM("ifco", 0.0, _known(activation), _known(recurrent_activation))
    *operands, h, c = _plain(mask, inputs, kernel, recurrent_kernel, bias, initial_state_h, initial_state_c)
    outputs, h, c = _lstm(*operands, [h, c], kind=kind, time_major=time_major, go_backwards=go_backwards,
                          return_sequences=return_sequences)  # fmt: skip
    return h, _all_outputs(outputs, return_sequences, go_backwards, time_major), [h, c]


def gru(inputs, initial_state, mask, kernel, recurrent_kernel, bias, activation, recurrent_activation,
        return_sequences=False, go_backwards=False, unroll=False, time_major=False, reset_after=True):  # fmt: skip
    kind = lib.GRU("zrh", reset_after, _known(activation), _known(recurrent_activation))
    *operands, bias, h = _plain(mask, inputs, kernel, recurrent_kernel, bias, initial_state)
    bias, own = tf.unstack(bias) if bias is not None and reset_after else (bias, None)
    outputs, h = _gru(*operands, bias, [h], kind=kind, recurrent_bias=own, time_major=time_major,
                      go_backwards=go_backwards, return_sequences=return_sequences)  # fmt: skip
    return h, _all_outputs(outputs, return_sequences, go_backwards, time_major), [h]


def _plain(mask, *operands) -> list:
    """The operands as tensors, of one dtype and without a mask.

    Raises:
        NotImplementedError: they are not: ``rnn`` is told what the output of a masked row is, and its cells promote.
    """
    found = [x if x is None else convert_to_tensor(x) for x in operands]
    if mask is not None or len({x.dtype for x in found if x is not None}) > 1:
        raise NotImplementedError
    return found


def _known(activation):
    """The function of Nodes that one of Keras' activations is; ``rnn`` has cells with others."""
    name = getattr(activation, "__name__", None)
    if name not in _ACTIVATIONS or activation.__module__ != "keras.src.activations.activations":
        raise NotImplementedError
    return lib.ACTIVATIONS[name]


def _all_outputs(outputs, return_sequences: bool, go_backwards: bool, time_major: bool):
    rows = 0 if time_major else 1
    if not return_sequences:
        return tf.expand_dims(outputs, rows)
    return tf.reverse(outputs, [rows]) if go_backwards else outputs


def bidirectional_lstm(*args, **kwargs):
    """Not at all: two layers run as two loops of one program."""
    raise NotImplementedError


def bidirectional_gru(*args, **kwargs):
    """Not at all: two layers run as two loops of one program."""
    raise NotImplementedError


def cudnn_ok(*args, **kwargs) -> bool:
    return False
