"""Constants and reshapes of arrays are answered without a compiler, and are arrays of their own."""

import numpy as np
import pytest

import graphc as tf
from graphc.api import eager, evaluation

X = np.arange(12, dtype=np.float32).reshape(3, 4)
CASES = {
    "zeros": (lambda: tf.zeros((3, 7), tf.float16), np.zeros((3, 7), np.float16)),
    "ones of nothing": (lambda: tf.ones((0, 5)), np.ones((0, 5), np.float32)),
    "numbers": (lambda: tf.fill([2, 9], -0.0), np.full((2, 9), -0.0, np.float32)),
    "booleans": (lambda: tf.ones((11,), tf.bool), np.ones(11, bool)),
    "reshape": (lambda: tf.reshape(tf.constant(X), (2, 6)), X.reshape(2, 6)),
    "twice": (lambda: tf.expand_dims(tf.reshape(tf.constant(X), (12,)), 1), X.reshape(12, 1)),
    "like": (lambda: tf.zeros_like(tf.constant(X)), np.zeros_like(X)),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_compiled(name, monkeypatch):
    make, expected = CASES[name]
    monkeypatch.setattr(eager, "compile_graph", None)
    monkeypatch.setattr(evaluation, "compile_graph", None)
    found = make().numpy()
    assert found.dtype == expected.dtype and found.shape == expected.shape and found.flags.c_contiguous
    assert found.tobytes() == expected.tobytes()


def test_other_numbers_of_one_shape_are_arguments():
    assert [tf.fill([2, 3], float(k)).numpy()[1, 2] for k in range(4)] == [0, 1, 2, 3]


def test_a_reshaped_variable_keeps_the_value_that_it_had():
    v = tf.Variable(X)
    before = tf.reshape(v, (12,))
    seen = before.numpy()
    tf.function(lambda: v.assign_add(tf.ones((3, 4))))()
    assert (before.numpy() == X.reshape(12)).all() and (seen == X.reshape(12)).all()
    assert (tf.reshape(v, (12,)).numpy() == X.reshape(12) + 1).all()


def test_a_changed_array_does_not_change_its_reshape():
    x = X.copy()
    y = tf.reshape(tf.constant(x), (4, 3))
    y.numpy()
    x[:] = 7
    assert (y.numpy() == X.reshape(4, 3)).all()
