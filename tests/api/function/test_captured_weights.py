"""Captured weights are constants of what runs, and tensors for everything else."""

import numpy as np
import pytest

import graphc as tf
from graphc.api.function.weights import with_weights


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def constants_of(function, x) -> list:
    traced = function.get_concrete_function(x).traced
    graph = with_weights(traced)
    assert [n.type for n in graph.inputs] == [n.type for n in traced.graph.inputs]
    before = set(traced.graph.nodes)
    return [n.shape for n in graph.nodes if n.op == "const" and n not in before]


def test_weights_give_what_they_give_as_arguments():
    x, w, v = values(7, 65), tf.constant(values(65, 80, seed=1)), tf.constant(values(80, 80, seed=2))

    @tf.function
    def captured(x):
        return tf.matmul(tf.nn.relu(x @ w), v, transpose_b=True)

    @tf.function
    def given(x, w, v):
        return tf.matmul(tf.nn.relu(x @ w), v, transpose_b=True)

    for _ in range(2):
        np.testing.assert_array_equal(captured(x).numpy(), given(x, w, v).numpy())
    assert constants_of(captured, x) == [(65, 80), (80, 80)]


def test_filters_give_what_they_give_as_arguments():
    x, w = values(1, 9, 9, 32), tf.constant(values(3, 3, 32, 32, seed=1))
    captured = tf.function(lambda x: tf.nn.conv2d(x, w, 1, "SAME"))
    given = tf.function(lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"))
    np.testing.assert_array_equal(captured(x).numpy(), given(x, w).numpy())


@pytest.mark.parametrize("function", [lambda x, w: x + w, lambda x, w: tf.reduce_sum(x * w)])
def test_tensors_that_no_contraction_reads_stay_inputs(function):
    w = tf.constant(values(128, 128))
    assert constants_of(tf.function(lambda x: function(x, w)), values(128, 128)) == []


def test_small_weights_stay_inputs():
    w = tf.constant(values(8, 8))
    assert constants_of(tf.function(lambda x: x @ w), values(3, 8)) == []


def test_tapes_see_captured_weights():
    x, w = values(4, 64), tf.constant(values(64, 96))
    function = tf.function(lambda x: x @ w)
    function(x)
    with tf.GradientTape() as tape:
        tape.watch(w)
        total = tf.reduce_sum(function(x))
    np.testing.assert_allclose(tape.gradient(total, w).numpy(), np.repeat(x.sum(0)[:, None], 96, 1), rtol=1e-5)
