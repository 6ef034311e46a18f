"""``tf.losses``: values that TensorFlow gave, arguments, collections."""

import inspect

import numpy as np
import pytest

import graphc.v1 as tf

RANDOM = np.random.default_rng(0)
P = RANDOM.uniform(0.1, 0.9, (4, 3)).astype(np.float32)
Y = RANDOM.integers(0, 2, (4, 3)).astype(np.float32)
W = np.array([[1], [0], [2], [1]], np.float32)
CASES = {
    "tf.losses.mean_squared_error(Y, P)": 0.33472,
    "tf.losses.mean_squared_error(Y, P, W)": 0.53758,
    "tf.losses.absolute_difference(Y, P, 2.0, reduction='weighted_mean')": 0.51075,
    "tf.losses.huber_loss(Y, P, delta=0.3)": 0.1114,
    "tf.losses.log_loss(Y, P)": 0.91666,
    "tf.losses.hinge_loss(Y, P)": 0.92742,
    "tf.losses.cosine_distance(Y, P, 1)": 0.10875,
    "tf.losses.cosine_distance(Y, P, dim=1)": 0.10875,
    "tf.losses.softmax_cross_entropy(Y.astype(int), tf.constant(P), label_smoothing=0.1)": 1.89771,
    "tf.losses.sigmoid_cross_entropy(Y.astype(int), tf.constant(P))": 0.69913,
    "tf.losses.sparse_softmax_cross_entropy([0, 1, 2, 1], P)": 0.988,
    "tf.losses.mean_pairwise_squared_error(Y, P)": 3.44499,
    "tf.losses.mean_pairwise_squared_error(Y, P, W)": 4.08237,
    "tf.losses.compute_weighted_loss(P, W)": 0.70764,
}


@pytest.mark.parametrize("text", CASES)
def test_value_is_tensorflows(text):
    value = eval(text)
    assert tf.losses.get_losses() == [value]
    assert tf.Session().run(value) == pytest.approx(CASES[text], abs=1e-5)


def test_collections_and_scopes():
    tf.losses.mean_squared_error(Y, P, loss_collection=None)
    own = tf.losses.mean_squared_error(Y, P, 1.0, "own", "mine")
    assert tf.losses.get_losses() == [] and tf.get_collection("mine") == [own] and own.op.name == "own"
    arguments = "labels predictions weights scope loss_collection reduction".split()
    assert list(inspect.signature(tf.losses.mean_squared_error).parameters) == arguments
    assert tf.losses.mean_squared_error.__name__ == "mean_squared_error" and tf.losses.huber_loss.__doc__
