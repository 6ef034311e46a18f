"""Gradients through converted control flow, tapes inside of it, and training over datasets inside of functions."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import InvalidArgumentError


def _slope(f, x, step=1e-3):
    return (float(f(tf.constant(x + step))) - float(f(tf.constant(x - step)))) / (2 * step)


def relu_like(x):
    if x > 0: return x * x
    return x * 0.1


def newton(a):
    x = a
    for _ in tf.range(5): x = 0.5 * (x + a / x)
    return x


def until(x):
    y = x
    while y < 10.0: y = y * x + 0.3
    return y


def stopped(x):
    y = x
    for i in tf.range(20):
        y = y * 1.5
        if y > 4.0: break
        if i > 1: y = y + x
    return y


def nested(x):
    s = 0.0
    for i in tf.range(3):
        for j in tf.range(i + 1):
            if j > 0: s += x * x * tf.cast(i, tf.float32)
            else: s += tf.sin(x)
    return s


@pytest.mark.parametrize("f", [relu_like, newton, until, stopped, nested], ids=lambda f: f.__name__)
@pytest.mark.parametrize("place", ["outside", "inside"])
def test_gradients_against_differences(f, place):
    traced = tf.function(f)

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = traced(x) if place == "outside" else f(x)
        return tape.gradient(y, x)

    for x in (1.7, 0.9 if f is not until else 1.3):
        found = (slope if place == "outside" else tf.function(slope))(tf.constant(x))
        assert float(found) == pytest.approx(_slope(traced, x), rel=2e-2)


def test_a_tape_in_every_step():
    @tf.function
    def f(x):
        s = 0.0
        for i in tf.range(3):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x * x * tf.cast(i, tf.float32)
            s += tape.gradient(y, x)
        return s

    assert f(tf.constant(2.0)).numpy() == 12


def test_training_over_the_rows_of_a_tensor():
    w = tf.Variable(1.0)

    @tf.function
    def train(xs):
        for x in xs:
            with tf.GradientTape() as tape:
                loss = (w * x - 2.0) ** 2
            w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    loss, plain = train(tf.ones(5)), 1.0
    for _ in range(5): last, plain = (plain - 2) ** 2, plain - 0.2 * (plain - 2)
    assert w.numpy() == pytest.approx(plain) and loss.numpy() == pytest.approx(last)


X = np.arange(20, dtype="f").reshape(10, 2) / 10
Y = X @ np.array([1.0, -2.0], "f")


def _epoch(w, rows):
    for x, y in rows:
        w = w - 0.1 * 2 * x.T @ (x @ w - y) / len(x)
    return w


def test_training_over_a_dataset():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    w = tf.Variable([0.0, 0.0])

    @tf.function
    def epoch(rows):
        steps, total = 0, 0.0
        for x, y in rows:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.linalg.matvec(x, w) - y) ** 2)
            w.assign_sub(0.1 * tape.gradient(loss, w))
            steps += 1
            total += loss
        return steps, total, loss

    plain, batches = np.zeros(2), [(X[k : k + 4], Y[k : k + 4]) for k in (0, 4, 8)]
    for _ in range(3):
        steps, total, loss = epoch(dataset)
        plain = _epoch(plain, batches)
        assert int(steps) == 3 and float(total) >= float(loss)
        np.testing.assert_allclose(w.numpy(), plain, rtol=1e-4)


def test_leaving_a_loop_over_a_dataset():
    dataset = tf.data.Dataset.range(10)

    @tf.function
    def f(rows):
        s = tf.constant(0, tf.int64)
        for v in rows:
            s += v
            if s > 10: break
        return s

    assert [f(dataset).numpy(), f(dataset).numpy()] == [15, 15]


def test_a_dataset_without_elements():
    @tf.function
    def f(rows):
        for v in rows: last = v
        return last

    assert f(tf.data.Dataset.range(3)).numpy() == 2
    with pytest.raises(InvalidArgumentError, match="loop must iterate at least once to initialize last"):
        f(tf.data.Dataset.range(0))
