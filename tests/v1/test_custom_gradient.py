"""Functions with gradients of their own in TensorFlow 1's graphs."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import StateError

X = np.array([1.0, 2.0], np.float32)


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def values(session, fetches) -> list:
    return [np.asarray(v).tolist() for v in session.run(fetches)]


def test_the_given_gradient_is_used_also_in_loops(session):
    x, factor = tf.constant(X), tf.constant(5.0)

    @tf.custom_gradient
    def scaled(x):
        return x * factor, lambda upstream: tf.clip_by_value(upstream * 100.0, -1.0, 1.0) + x

    y = scaled(x)
    assert values(session, [y, *tf.gradients(y, x)]) == [[5, 10], [2, 3]]
    y = tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, scaled(a)), [0, x])[1]
    assert values(session, [y, *tf.gradients(y, x)]) == [[25, 50], [2, 3]]


def test_several_arguments_and_a_variable(session):
    x = tf.constant(X)
    w = tf.get_variable("w", [], initializer=tf.ones_initializer())
    session.run(w.initializer)

    @tf.custom_gradient
    def product(a, b):
        def grad(u, v, variables):
            assert variables == [w]
            return (u * 2.0, v * w * 3.0), [tf.reduce_sum(u) * 10.0]

        return (a * b * w, a + b), grad

    p, q = product(x, x + 1)
    assert values(session, [p, q, *tf.gradients([p, q], [x, w])]) == [[2, 6], [3, 5], [5, 5], 20]


def test_random_numbers_are_those_of_the_call(session):
    x = tf.constant(X)

    @tf.custom_gradient
    def noisy(x):
        noise = tf.random_uniform([2])
        return x * noise, lambda upstream: upstream * noise

    y = noisy(x)
    value, slope = session.run([y, tf.gradients(y, x)[0]])
    np.testing.assert_allclose(value, slope * X)


def test_effects_belong_to_the_call_alone(session, capsys):
    x = tf.constant(X)

    @tf.custom_gradient
    def printing(x):
        return tf.Print(x * 2, [x]), lambda upstream: upstream * 7.0

    y = printing(x)
    assert values(session, [y, *tf.gradients(y, x)]) == [[2, 4], [7, 7]]
    assert capsys.readouterr().err == "[1 2]\n"

    @tf.custom_gradient
    def printing_back(x):
        return x * 2, lambda upstream: tf.Print(upstream, [upstream])

    with pytest.raises(StateError, match="grad_fn prints"):
        printing_back(x)
    v = tf.Variable(1.0)

    @tf.custom_gradient
    def assigning(x):
        return x * v.assign_add(1.0), lambda upstream: upstream

    with pytest.raises(StateError, match="a variable is assigned inside"):
        assigning(x)
