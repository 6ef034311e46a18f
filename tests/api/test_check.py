"""check_gradients and compute_gradient: derivatives against finite differences."""

import numpy as np
import pytest

import graphc as tf
from graphc.autodiff import GradientError

X, W = np.random.default_rng(0).normal(size=(2, 3)), np.random.default_rng(1).normal(size=(3, 4))


def test_right_gradients_pass_to_second_order():
    tf.check_gradients(lambda x, w: tf.tanh(tf.matmul(x, w)), [X, W], order=2)
    v = tf.constant([1.5, 2.5, 0.5], tf.float64)
    tf.check_gradients(lambda x: {"a": x * v, "b": tf.reduce_sum(x)}, [X])


def test_a_wrong_gradient_is_found_and_named():
    @tf.custom_gradient
    def wrong(x):
        return x * x, lambda upstream: upstream * x

    with pytest.raises(GradientError, match="x0: f64"):
        tf.check_gradients(lambda x: wrong(x), [X])


def test_compute_gradient_answers_with_both_jacobians():
    derived, found = tf.test.compute_gradient(lambda x, w: tf.sin(tf.matmul(x, w)), [X, W])
    assert [d.shape for d in derived] == [(8, 6), (8, 12)]
    for d, n in zip(derived, found):
        np.testing.assert_allclose(d, n, atol=1e-5)
