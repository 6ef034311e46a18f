"""Python functions as operations, eagerly."""

import numpy as np
import pytest

import graphc as tf


def test_numpy_function_gets_arrays():
    kinds = []

    def product(a, b):
        kinds.append((type(a), type(b)))
        return np.outer(a, b)

    found = tf.numpy_function(product, [tf.constant([1.0, 2.0]), [3.0, 4.0]], tf.float32)
    np.testing.assert_array_equal(found, [[3, 4], [6, 8]])
    assert kinds == [(np.ndarray, np.ndarray)]
    one, two = tf.numpy_function(lambda x: (x, x + 1), [tf.constant(1)], [tf.int32, tf.int32])
    assert (int(one), int(two)) == (1, 2)


def test_numpy_function_raises_what_the_function_raises():
    def bad(x):
        raise KeyError("no")

    with pytest.raises(KeyError):
        tf.numpy_function(bad, [1.0], tf.float32)


def test_py_function_has_a_gradient():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.py_function(lambda a: a * a if float(a) > 0 else -a, [x], tf.float32)
    assert float(y) == 9.0 and float(tape.gradient(y, x)) == 6.0


def test_py_function_answers_in_the_structure_of_tout():
    (only,) = tf.py_function(lambda a: a + 1, [1.0], [tf.float32])
    assert float(only) == 2.0
    assert tf.py_function(lambda a: None, [1.0], []) == []
    a, b = tf.py_function(lambda a: (a, "text"), [1.0], (tf.float32, tf.string))
    assert float(a) == 1.0 and b.numpy() == b"text"


@pytest.mark.parametrize(
    "error, kind",
    [(ValueError, tf.errors.InvalidArgumentError), (TypeError, tf.errors.InvalidArgumentError),
     (StopIteration, tf.errors.OutOfRangeError), (KeyError, tf.errors.UnknownError),
     (tf.errors.NotFoundError, tf.errors.NotFoundError)],
)  # fmt: skip
def test_errors_of_py_function(error, kind):
    def bad(x):
        raise error("oops")

    with pytest.raises(kind, match="oops"):
        tf.py_function(bad, [1.0], tf.float32)


def test_refusals():
    with pytest.raises(ValueError, match="Tout says int32"):
        tf.py_function(lambda x: x, [1.0], tf.int32)
    with pytest.raises(ValueError, match="func must be a function"):
        tf.numpy_function(3, [1.0], tf.float32)
    with pytest.raises(ValueError, match="inp must be a list"):
        tf.numpy_function(abs, 1.0, tf.float32)
    with pytest.raises(ValueError, match="1 values, but Tout has 2"):
        tf.py_function(lambda x: x, [1.0], [tf.float32, tf.float32])
