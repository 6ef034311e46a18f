"""tf.contrib.seq2seq and legacy_seq2seq: losses against NumPy, and a decoder's variables and steps."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import ShapeError, UsageError

RNG = np.random.default_rng(0)
LOGITS, TARGETS = RNG.normal(size=(2, 3, 4)).astype(np.float32), RNG.integers(0, 4, (2, 3))
WEIGHTS = np.array([[1, 1, 0], [1, 0.5, 0]], np.float32)
LOSSES = -np.take_along_axis(
    np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)), TARGETS[..., None], -1
)[..., 0] * WEIGHTS  # fmt: skip


def run(fetches):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches)


def steps(array):
    return [tf.constant(array[:, k]) for k in range(array.shape[1])]


@pytest.mark.parametrize("over_time, over_batch, axes", [
    (True, True, (0, 1)), (True, False, 1), (False, True, 0), (False, False, ()),
])  # fmt: skip
def test_sequence_loss(over_time, over_batch, axes):
    loss = tf.contrib.seq2seq.sequence_loss(
        tf.constant(LOGITS), tf.constant(TARGETS), tf.constant(WEIGHTS), over_time, over_batch, name="seq"
    )
    wanted = LOSSES.sum(axes) / (WEIGHTS.sum(axes) + 1e-12) if axes != () else LOSSES
    np.testing.assert_allclose(run(loss), wanted, rtol=1e-5)
    assert loss.name.startswith("seq/")


def test_another_loss_and_its_gradient():
    logits = tf.constant(LOGITS)
    loss = tf.contrib.seq2seq.sequence_loss(
        logits, tf.constant(TARGETS), tf.ones([2, 3]),
        softmax_loss_function=lambda labels, logits: tf.reduce_sum(logits, -1) * tf.to_float(labels),
    )  # fmt: skip
    np.testing.assert_allclose(run(loss), (LOGITS.sum(-1) * TARGETS).mean(), rtol=1e-5)
    slope = run(tf.gradients(loss, logits)[0])
    np.testing.assert_allclose(slope, np.repeat(TARGETS[..., None] / 6, 4, -1), rtol=1e-5)


def test_losses_of_lists():
    lists = steps(LOGITS), steps(TARGETS), steps(WEIGHTS)
    old = tf.contrib.legacy_seq2seq
    each = LOSSES.sum(1) / WEIGHTS.sum(1)
    losses = old.sequence_loss_by_example(*lists), old.sequence_loss(*lists), old.sequence_loss(*lists, False, False)
    got = run(list(losses))
    for value, wanted in zip(got, (each, each.mean(), LOSSES.sum())):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_decoder_is_static_rnn():
    cell = tf.nn.rnn_cell.BasicRNNCell(5)
    inputs, zero = steps(LOGITS), cell.zero_state(2, tf.float32)
    outputs, state = tf.contrib.legacy_seq2seq.rnn_decoder(inputs, zero, cell, scope="rnnlm")
    assert [v.name for v in tf.global_variables()] == ["rnnlm/basic_rnn_cell/kernel:0", "rnnlm/basic_rnn_cell/bias:0"]
    *got, last, kernel = run([*outputs, state, "rnnlm/basic_rnn_cell/kernel:0"])
    h = np.zeros((2, 5), np.float32)
    for k, output in enumerate(got):
        h = np.tanh(np.concatenate([LOGITS[:, k], h], 1) @ kernel)
        np.testing.assert_allclose(output, h, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(last, got[-1])


def test_decoder_that_reads_what_it_wrote():
    def double(x, state):
        return x * 2.0, state + 1.0

    inputs = [tf.constant([[1.0]])] * 4
    decoder = tf.contrib.legacy_seq2seq.rnn_decoder
    outputs, state = decoder(inputs, tf.zeros([]), double, lambda last, k: last + float(k))
    assert [y.tolist() for y in run(outputs)] == [[[2.0]], [[6.0]], [[16.0]], [[38.0]]]
    assert run(state) == 4


def test_mistakes_are_explained():
    with pytest.raises(ShapeError, match=r"sequence_loss: logits must have 3 axes, got the shape \[2, 4\]"):
        tf.contrib.seq2seq.sequence_loss(tf.constant(LOGITS[:, 0]), tf.constant(TARGETS), tf.constant(WEIGHTS))
    with pytest.raises(UsageError, match="equally long lists of a tensor for each step; they have 3, 3 and 2"):
        tf.contrib.legacy_seq2seq.sequence_loss(steps(LOGITS), steps(TARGETS), steps(WEIGHTS)[:2])
    with pytest.raises(AttributeError, match="seq2seq.BasicDecoder is not available: it has sequence_loss; use tf"):
        tf.contrib.seq2seq.BasicDecoder
    with pytest.raises(AttributeError, match="legacy_seq2seq.attention_decoder is not available: it has rnn_decoder"):
        tf.contrib.legacy_seq2seq.attention_decoder
