"""Changing parts of a variable."""

import numpy as np
import pytest

import graphc as tf


@pytest.mark.parametrize("kind, nd, rows", [
    ("update", [[9, 1], [2, 8]], [[4, 5], [6, 7]]), ("add", [[9, 1], [2, 11]], [[4, 6], [8, 10]]),
    ("sub", [[-9, 1], [2, -5]], [[-4, -4], [-4, -4]]), ("max", [[9, 1], [2, 8]], [[4, 5], [6, 7]]),
    ("min", [[0, 1], [2, 3]], [[0, 1], [2, 3]]),
])  # fmt: skip
def test_scatter_methods(kind, nd, rows):
    start = np.float32([[0, 1], [2, 3]])
    v = tf.Variable(start)
    assert getattr(v, f"scatter_nd_{kind}")([[0, 0], [1, 1]], [9, 8]) is v
    np.testing.assert_array_equal(v.numpy(), nd)
    v = tf.Variable(start)
    assert getattr(v, f"scatter_{kind}")(tf.IndexedSlices([[6.0, 7.0], [4.0, 5.0]], [1, 0])) is v
    np.testing.assert_array_equal(v.numpy(), rows)


def test_indices_must_be_integers():
    with pytest.raises(TypeError, match="indices"):
        tf.Variable([1.0]).scatter_nd_add([[0.5]], [1.0])
