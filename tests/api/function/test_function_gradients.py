"""Gradients through traced functions and inside of them."""

import numpy as np
import pytest

import graphc as tf


def test_a_call_under_a_tape():
    w, x = tf.Variable(3.0), tf.constant(2.0)
    f = tf.function(lambda x: w * x * x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = f(x)
        z = y * 2
    assert float(z) == 24
    assert [float(g) for g in tape.gradient(z, [x, w])] == [24, 8]
    assert float(tape.gradient(y, x)) == 12
    assert tape.watched_variables() == (w,)


def test_the_graph_of_a_call_is_kept_from_step_to_step():
    w = tf.Variable([1.0, 2.0])
    f = tf.function(lambda x: tf.reduce_sum((w * x) ** 2))
    for k in range(1, 5):
        with tf.GradientTape() as tape:
            loss = f(tf.constant([float(k), 1.0]))
        slope = tape.gradient(loss, w)
        assert slope.numpy().tolist() == [2 * k * k, 4] and float(loss) == k * k + 4
    assert f.experimental_get_tracing_count() == 1


def test_second_order():
    x, cube = tf.constant(2.0), tf.function(lambda x: x**3)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = cube(x)
        slope = inner.gradient(y, x)
    assert float(slope) == pytest.approx(12) and float(outer.gradient(slope, x)) == pytest.approx(12)


def test_effects_happen_once_under_a_tape(capfd):
    w = tf.Variable(1.0)

    @tf.function
    def f(x):
        tf.print("run")
        w.assign_add(x)
        return w * x

    with tf.GradientTape() as tape:
        y = f(tf.constant(2.0))
    assert float(tape.gradient(y, w)) == 2 and float(y) == 6 and float(w) == 3
    assert capfd.readouterr().err == "run\n"


def test_assignments_under_a_tape():
    w = tf.Variable([1.0, 1.0])
    update = tf.function(lambda x: (w.assign_add(x), tf.reduce_sum(w * x))[1])
    with tf.GradientTape() as tape:
        loss = update(tf.constant([1.0, 2.0]))
    assert float(loss) == 8 and w.numpy().tolist() == [2, 3]
    assert tape.gradient(loss, w).numpy().tolist() == [1, 2]


def test_random_numbers_are_the_same_in_value_and_gradient():
    x = tf.constant(3.0)
    f = tf.function(lambda x: x * tf.random.uniform([]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert float(tape.gradient(y, x)) * 3 == pytest.approx(float(y))
    assert float(f(x)) != float(y)


def test_unknown_sizes_under_a_tape():
    w = tf.Variable(2.0)
    f = tf.function(lambda x: tf.reduce_sum(w * x * x))
    for n in (2, 3, 4):
        x = tf.ones([n])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        slope_x, slope_w = tape.gradient(y, [x, w])
        assert slope_x.numpy().tolist() == [4] * n and float(slope_w) == n
    assert f.experimental_get_tracing_count() == 2


def test_a_tape_inside():
    w = tf.Variable([[0.0], [0.0]])
    x = tf.constant([[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]])
    y = x @ tf.constant([[1.0], [2.0]])

    @tf.function
    def train(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    losses = [float(train(x, y)) for _ in range(200)]
    assert losses[-1] < 1e-8 < losses[0]
    assert w.numpy() == pytest.approx(np.array([[1.0], [2.0]]), abs=1e-3)
    assert train.experimental_get_tracing_count() == 1


def test_two_steps_in_one_function():
    w = tf.Variable(2.0)

    @tf.function
    def two():
        slopes = []
        for _ in range(2):
            with tf.GradientTape() as tape:
                loss = w**2
            slopes.append(tape.gradient(loss, w))
            w.assign_sub(0.25 * slopes[-1])
        return slopes

    assert [float(s) for s in two()] == [4, 2] and float(w) == 0.5


def test_gradients_do_not_go_through_assignments():
    w = tf.Variable(1.0)

    @tf.function
    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            w.assign(x * 2)
            y = w * x
        return tape.gradient(y, [x, w])

    assert [float(g) for g in f(tf.constant(3.0))] == [6, 3]


def test_a_tape_in_a_loop_inside():
    w = tf.Variable(8.0)

    @tf.function
    def f(n):
        for _ in tf.range(n):
            with tf.GradientTape() as tape:
                loss = w * w
            w.assign_sub(0.25 * tape.gradient(loss, w))
        return w

    assert float(f(tf.constant(3))) == 1.0


def test_gradients_through_control_flow_inside():
    @tf.function
    def f(x, n):
        y = x
        for _ in tf.range(n):
            y = y * x
        if y > 10.0:
            y = y * 2.0
        return y

    for n, slope in ((1, 6.0), (2, 54.0)):
        x = tf.constant(3.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x, tf.constant(n))
        assert float(tape.gradient(y, x)) == slope


def test_nested_functions_and_stop_gradient():
    inner = tf.function(lambda x: tf.stop_gradient(x) * x)
    outer = tf.function(lambda x: inner(x) * 2)
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = outer(x)
    assert float(tape.gradient(y, x)) == 6


def test_custom_gradient_inside():
    @tf.custom_gradient
    def twice(x):
        return x * 2, lambda upstream: upstream * 100.0

    f = tf.function(lambda x: twice(x) + x)
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert float(y) == 3 and float(tape.gradient(y, x)) == 101


def test_jacobian_and_forward_accumulator():
    f = tf.function(lambda x: x * x)
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert tape.jacobian(y, x).numpy().tolist() == [[2, 0], [0, 4]]
    with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 1.0])) as acc:
        y = f(x)
    assert acc.jvp(y).numpy().tolist() == [2, 4]


def test_a_constant_that_is_watched_inside_is_told_from_equal_literals():
    @tf.function
    def f():
        x = tf.constant(3.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x * x + 3.0 * x
        return tape.gradient(y, x)

    assert float(f()) == 9


def test_gradients_without_a_tape():
    w = tf.Variable(2.0)

    @tf.function
    def f(x):
        y = w * x * x
        h = x * x
        stopped = tf.gradients(h * x, x, grad_ys=10.0, stop_gradients=[h])
        return tf.gradients(y, [x, w]), stopped, tf.gradients(y, tf.constant(1.0))

    both, stopped, nothing = f(tf.constant(3.0))
    assert [float(g) for g in both] == [12, 9] and float(stopped[0]) == 90 and nothing == [None]
    with pytest.raises(RuntimeError, match="use tf.GradientTape in eager code"):
        tf.gradients(w * 1.0, w)


def test_forward_mode_in_functions():
    x, v = tf.constant([1.1, -0.4]), tf.Variable([[1.0, 2.0]])

    @tf.function
    def of_tensors(x, t):
        with tf.autodiff.ForwardAccumulator(x, t) as acc:
            y, z, c = tf.reduce_sum(tf.sin(x) * x), x**3, tf.constant(2.0)
        assert acc.jvp(c) is None
        return acc.jvp([y, z]), acc.jvp(c, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    (y, z), zero = of_tensors(x, tf.constant([1.0, 2.0]))
    np.testing.assert_allclose(y, -0.1255224, rtol=1e-5)  # TensorFlow's answers
    np.testing.assert_allclose(z, [3.63, 0.96], rtol=1e-6)
    assert float(zero) == 0.0

    @tf.function
    def of_a_gradient(t):
        with tf.autodiff.ForwardAccumulator(v, t) as acc:
            with tf.GradientTape() as tape:
                loss = tf.reduce_prod(v) ** 2
            slope = tape.gradient(loss, v)
        return acc.jvp(loss), acc.jvp(slope)

    loss, slope = of_a_gradient(tf.constant([[1.0, 0.0]]))
    assert float(loss) == 8.0 and slope.numpy().tolist() == [[8.0, 8.0]]

    @tf.function
    def twice_through_a_loop(x):
        ones = tf.ones_like(x)
        with tf.autodiff.ForwardAccumulator(x, ones) as outer:
            with tf.autodiff.ForwardAccumulator(x, ones) as inner:
                y = x
                for _ in tf.range(2):
                    y = y * x
            first = inner.jvp(y)
        return first, outer.jvp(first)

    first, second = twice_through_a_loop(tf.constant([1.0, 2.0]))
    assert first.numpy().tolist() == [3.0, 12.0] and second.numpy().tolist() == [6.0, 12.0]
