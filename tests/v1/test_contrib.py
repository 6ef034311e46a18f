"""tf.contrib's layers and cells: values against NumPy, and TensorFlow 1's names of variables."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import UsageError

X = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def run(fetches, feed=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed)


def test_fully_connected():
    x = tf.placeholder(tf.float32, [None, 6])
    h = tf.contrib.layers.fully_connected(x, 5, weights_regularizer=tf.contrib.layers.l2_regularizer(0.1))
    y = tf.contrib.layers.fully_connected(h, 2, activation_fn=None, scope="out", outputs_collections="ends")
    assert [v.op.name for v in tf.trainable_variables()] == [
        "fully_connected/weights", "fully_connected/biases", "out/weights", "out/biases"]  # fmt: skip
    assert tf.get_collection("ends") == [y]
    got, w, v, loss = run(
        [y, "fully_connected/weights:0", "out/weights:0", tf.losses.get_regularization_loss()], {x: X}
    )
    np.testing.assert_allclose(got, np.maximum(X @ w, 0) @ v, rtol=1e-4, atol=1e-6)
    assert loss == pytest.approx(0.05 * (w * w).sum(), rel=1e-5)
    assert abs(w).max() <= np.sqrt(6 / (6 + 5))


def test_more_axes_reuse_and_normalizer():
    x = tf.constant(X.reshape(2, 2, 6))
    one = tf.contrib.layers.linear(x, 3, scope="s", weights_initializer=tf.ones_initializer())
    two = tf.contrib.layers.relu(x, 3, scope="s", reuse=True)
    scaled = dict(normalizer_fn=lambda z, by: z * by, normalizer_params={"by": 2.0})
    three = tf.contrib.layers.fully_connected(x, 3, None, scope="s", reuse=True, **scaled)
    sums = np.repeat(X.sum(1).reshape(2, 2, 1), 3, 2)
    for got, wanted in zip(run([one, two, three]), (sums, np.maximum(sums, 0), 2 * sums)):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    assert len(tf.global_variables()) == 2


def test_flatten():
    x = tf.placeholder(tf.float32, [None, 2, 3])
    flat = tf.contrib.layers.flatten(x)
    assert flat.shape.as_list() == [None, 6] and flat.name.startswith("Flatten/")
    np.testing.assert_array_equal(run(flat, {x: X.reshape(4, 2, 3)}), X)
    unknown = tf.placeholder(tf.float32, [None, None, 3])
    np.testing.assert_array_equal(run(tf.contrib.layers.flatten(unknown), {unknown: X.reshape(4, 2, 3)}), X)
    np.testing.assert_array_equal(run(tf.contrib.layers.flatten(tf.constant([1.0, 2.0]))), [[1.0], [2.0]])


@pytest.mark.parametrize("arguments, spread", [
    ({}, 2 / 300), ({"factor": 1.0, "mode": "FAN_AVG", "uniform": True}, 1 / 200), ({"mode": "FAN_OUT"}, 2 / 100),
])  # fmt: skip
def test_variance_scaling(arguments, spread):
    make = tf.contrib.layers.variance_scaling_initializer(seed=1, **arguments)
    values = run(tf.get_variable("w", [300, 100], initializer=make))
    assert np.var(values) == pytest.approx(spread, rel=0.05)


def test_cells_are_those_of_nn():
    for name in ("BasicLSTMCell", "LSTMCell", "GRUCell", "MultiRNNCell", "DropoutWrapper", "LSTMStateTuple"):
        assert getattr(tf.contrib.rnn, name) is getattr(tf.nn.rnn_cell, name)
    assert tf.contrib.rnn.static_rnn is tf.nn.static_rnn
    step = tf.contrib.framework.get_or_create_global_step()
    assert step is tf.train.get_global_step()


def test_misuse():
    layers = tf.contrib.layers
    with pytest.raises(UsageError, match="mode must be one of FAN_IN, FAN_OUT, FAN_AVG, got 'fan_in'"):
        layers.variance_scaling_initializer(mode="fan_in")
    with pytest.raises(UsageError, match="last axis must be known"):
        layers.fully_connected(tf.placeholder(tf.float32, [3, None]), 3)
    with pytest.raises(UsageError, match="num_outputs must be an integer, got 2.5"):
        layers.fully_connected(tf.zeros([2, 2]), 2.5)
    with pytest.raises(UsageError, match="rank 1 or more"):
        layers.flatten(tf.constant(1.0))
    with pytest.raises(AttributeError, match="did you mean 'contrib.rnn.GRUCell'"):
        getattr(tf.contrib.rnn, "GRUCel")  # noqa: B009


def test_output_projection():
    rows = tf.placeholder(tf.float32, [None, 5, 3])
    cell = tf.contrib.rnn.OutputProjectionWrapper(tf.contrib.rnn.BasicRNNCell(4), output_size=2, activation=tf.nn.relu)
    outputs, last = tf.nn.dynamic_rnn(cell, rows, dtype=tf.float32)
    assert sorted(v.op.name for v in tf.trainable_variables()) == [
        "rnn/output_projection_wrapper/basic_rnn_cell/bias", "rnn/output_projection_wrapper/basic_rnn_cell/kernel",
        "rnn/output_projection_wrapper/bias", "rnn/output_projection_wrapper/kernel"]  # fmt: skip
    assert outputs.shape.as_list() == [None, 5, 2] and len(cell.variables) == 4
    values = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    weights = {v.op.name.removeprefix("rnn/output_projection_wrapper/"): v for v in tf.trainable_variables()}
    got, state, w = run([outputs, last, weights], {rows: values})
    h, wanted = np.zeros((2, 4)), []
    for k in range(5):
        h = np.tanh(np.concatenate([values[:, k], h], 1) @ w["basic_rnn_cell/kernel"] + w["basic_rnn_cell/bias"])
        wanted.append(np.maximum(h @ w["kernel"] + w["bias"], 0))
    np.testing.assert_allclose(got, np.stack(wanted, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(state, h, rtol=1e-4, atol=1e-5)
    slopes = tf.gradients(tf.reduce_sum(outputs), tf.trainable_variables())
    assert all(np.abs(g).sum() >= 0 for g in run(slopes, {rows: values}))
    with pytest.raises(UsageError, match="needs a cell"):
        tf.contrib.rnn.OutputProjectionWrapper(tf.zeros([2]), 3)
    with pytest.raises(UsageError, match="output_size must be an integer from 1, got 0"):
        tf.contrib.rnn.OutputProjectionWrapper(tf.contrib.rnn.BasicRNNCell(4), 0)
