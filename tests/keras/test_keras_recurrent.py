"""Keras' recurrent layers on graphc: masks, directions, LSTM and GRU as one operation, cells that assign or need values."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc import keras
from graphc.errors import SymbolicError
from keras.src import backend

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 5, 4)).astype(np.float32)
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
W = (0.5 * RNG.standard_normal((4, 2))).astype(np.float32)


def sums(row, states):
    """A cell whose output is not its state."""
    new = states[0] + row @ W
    return 2 * new, [new]


def by_rows(mask, backwards, zero):
    """What ``rnn`` answers for ``sums``, row by row."""
    state, before = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    outputs = []
    for k in range(5)[:: -1 if backwards else 1]:
        counts = np.ones((3, 1), bool) if mask is None else mask[:, k : k + 1]
        new = state + X[:, k] @ W
        before = np.where(counts, 2 * new, 0 if zero else before)
        state = np.where(counts, new, state)
        outputs.append(before)
    return outputs[-1], np.stack(outputs, 1), state


@pytest.mark.parametrize("mask", [None, MASK], ids=["all rows", "some rows"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("time_major", [False, True])
def test_rows_that_count(mask, backwards, zero, time_major):
    def turned(x):
        return x if x is None or not time_major else np.swapaxes(x, 0, 1)

    def run(all_outputs=True, **more):
        start = [tf.zeros([3, 2])]
        last, outputs, (state,) = backend.rnn(
            sums, turned(X), start, go_backwards=backwards, mask=turned(mask), zero_output_for_mask=zero,
            time_major=time_major, return_all_outputs=all_outputs, **more,
        )  # fmt: skip
        return last, outputs, state

    wanted = by_rows(mask, backwards, zero)
    for found in (run(), run(unroll=True), tf.function(run, autograph=False)()):
        for a, b in zip(found, (wanted[0], turned(wanted[1]), wanted[2])):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-5, atol=1e-6)
    last, only, _ = run(False)
    np.testing.assert_allclose(last.numpy(), wanted[0], rtol=1e-5, atol=1e-6)
    assert only.shape == ((1, 3, 2) if time_major else (3, 1, 2))


def test_sizes_that_only_a_run_knows():
    run = tf.function(lambda x, m: backend.rnn(sums, x, [tf.zeros([tf.shape(x)[0], 2])], mask=m)[:2], autograph=False,
                      input_signature=[tf.TensorSpec([None, None, 4]), tf.TensorSpec([None, None], "bool")])  # fmt: skip
    wanted = by_rows(MASK, False, False)
    for a, b in zip(run(X, MASK), wanted[:2]):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-5, atol=1e-6)
    assert run(X[:1, :2], MASK[:1, :2])[1].shape == (1, 2, 2)


def through(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = layer(x)
        loss = sum(tf.reduce_sum(tf.cast(y, "float32") ** 2) for y in found)
    return [y.numpy() for y in found], [g.numpy() for g in tape.gradient(loss, [x, *layer.trainable_variables])]


@pytest.mark.parametrize("kind, more, sequences", [
    ("LSTM", {}, True), ("GRU", {}, False), ("GRU", {"reset_after": False, "go_backwards": True}, True),
    ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid", "go_backwards": True}, False),
])  # fmt: skip
def test_one_operation_is_what_the_cell_does(kind, more, sequences):
    made = [
        getattr(keras.layers, kind)(6, return_sequences=sequences, return_state=True, use_cudnn=fused, bias_initializer="normal",
                                    **more) for fused in ("auto", False)
    ]  # fmt: skip
    x = tf.constant(X)
    for layer in made:
        layer.build(X.shape)
    made[1].set_weights(made[0].get_weights())
    (outputs, gradients), (plain, wanted) = (through(layer, x) for layer in made)
    for a, b in zip([*outputs, *gradients], [*plain, *wanted], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5)


def test_other_activations_and_integers_take_the_cell():
    layer = keras.layers.LSTM(3, activation=lambda x: tf.sin(x))
    other = keras.layers.LSTM(3, activation=tf.sin, use_cudnn=False)
    assert layer(X).shape == other(X).shape == (3, 3)
    keras.layers.GRU(3)(np.arange(24).reshape(2, 3, 4))


def test_a_cell_may_assign():
    count = keras.Variable(0, dtype="int32")
    total = keras.Variable(np.zeros(2, np.float32))

    def cell(row, states):
        count.assign_add(1)
        total.assign_add(tf.reduce_sum(row @ W, 0))
        return row @ W * tf.cast(count.value, "float32"), states

    def run():
        return backend.rnn(cell, X, [tf.zeros([3, 1])], mask=MASK, zero_output_for_mask=True)[1]

    rows = X @ W
    for k, call in enumerate([run, tf.function(run, autograph=False)]):
        places = np.arange(1, 6, dtype=np.float32)[None, :, None] + 5 * k
        np.testing.assert_allclose(call().numpy(), rows * places * MASK[:, :, None], rtol=1e-5, atol=1e-6)
        assert count.numpy() == 5 * (k + 1)
        np.testing.assert_allclose(total.numpy(), (k + 1) * rows.sum((0, 1)), rtol=1e-4)


def test_what_a_cell_assigns_in_a_stateless_scope_stays_inside():
    count = keras.Variable(0.0)

    def cell(row, states):
        count.assign_add(1.0)
        return row * count.value, states

    with keras.StatelessScope([(count, 2.0)]) as scope:
        outputs = backend.rnn(cell, X, [tf.zeros([3, 1])])[1]
    np.testing.assert_allclose(outputs.numpy(), 3 * X)
    assert float(scope.get_current_value(count)) == 2 and count.numpy() == 0


def test_a_cell_that_needs_values_is_called_row_by_row():
    calls = []

    def cell(row, states):
        calls.append(float(tf.reduce_sum(row).numpy()))
        return row @ W, [states[0] + 1]

    for mask in (None, MASK):
        _, outputs, (state,) = backend.rnn(cell, X, [tf.zeros([3, 1])], mask=mask, zero_output_for_mask=True)
        counts = np.ones_like(MASK) if mask is None else mask
        np.testing.assert_allclose(outputs.numpy(), X @ W * counts[:, :, None], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(state.numpy()[:, 0], counts.sum(1))
    assert len(calls) == 10
    with pytest.raises(SymbolicError):
        tf.function(lambda: backend.rnn(cell, X, [tf.zeros([3, 1])]), autograph=False)()


def test_layers_train_through_time():
    x = RNG.standard_normal((64, 6, 3)).astype(np.float32)
    y = (x[:, :, 0].sum(1) > 0).astype(np.float32)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.layers.Masking(5.0), keras.layers.Bidirectional(keras.layers.GRU(8, return_sequences=True)),
        keras.layers.LSTM(8, dropout=0.1), keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=24, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0] and history["accuracy"][-1] > 0.8
    padded = np.concatenate([x, np.full((64, 2, 3), 5.0, np.float32)], 1)
    np.testing.assert_allclose(model.predict(padded, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
