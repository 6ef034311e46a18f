"""GradientTape, ForwardAccumulator and Variable: gradients of eager computations."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import DtypeError, ShapeError, StateError


def test_nested_tapes_give_higher_orders():
    x = tf.constant(3.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x * x * x
        slope = inner.gradient(y, x)
    assert float(slope) == 27.0
    assert float(outer.gradient(slope, x)) == 18.0


def test_a_training_loop_descends():
    w, b = tf.Variable([[1.0, 2.0], [3.0, 4.0]]), tf.Variable([0.5, 0.0])
    wn, bn = w.numpy(), b.numpy()
    for _ in range(3):
        with tf.GradientTape() as tape:
            h = tf.matmul(tf.constant([[1.0, 1.0]]), w) + b
            loss = tf.reduce_sum(h * h)
        gw, gb = tape.gradient(loss, [w, b])
        w.assign_sub(0.01 * gw)
        b.assign_sub(0.01 * gb)
        hn = np.ones((1, 2)) @ wn + bn
        np.testing.assert_allclose(float(loss), np.sum(hn * hn), rtol=1e-6)
        wn, bn = wn - 0.01 * (np.ones((2, 1)) @ (2 * hn)), bn - 0.01 * 2 * hn[0]
    np.testing.assert_allclose(w.numpy(), wn, rtol=1e-5)
    np.testing.assert_allclose(b.numpy(), bn, rtol=1e-5)


def test_a_value_that_was_looked_at_keeps_its_history_inside_the_tape():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        z = x * 2
        assert float(z) == 6.0
        tape.watch(z)
        y = z * z + x
    assert float(tape.gradient(y, x)) == 25.0
    assert float(tape.gradient(y, z)) == 12.0


def test_equal_values_that_are_watched_apart_are_told_apart():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        a, b = x * 2, x * 2
        tape.watch(a)
        tape.watch(b)
        y = a * b
    assert float(tape.gradient(y, a)) == 6.0
    assert float(tape.gradient(y, x)) == 24.0


def test_what_is_not_watched_has_no_gradient():
    x, c = tf.constant(3.0), tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * c
    assert tape.gradient(y, c) is None
    assert float(tape.gradient(y, c, unconnected_gradients=tf.UnconnectedGradients.ZERO)) == 0.0
    frozen = tf.Variable(1.0, trainable=False)
    with tf.GradientTape() as tape:
        y = frozen * 2.0
    assert tape.gradient(y, frozen) is None


def test_stop_recording_and_stop_gradient():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.stop_gradient(x * x) * x
    assert float(tape.gradient(y, x)) == 9.0


def test_sources_keep_their_structure():
    v = {"w": tf.Variable(2.0), "b": [tf.Variable(1.0)]}
    with tf.GradientTape() as tape:
        y = v["w"] * 3.0 + v["b"][0]
    found = tape.gradient(y, v)
    assert float(found["w"]) == 3.0 and float(found["b"][0]) == 1.0


def test_jacobians_and_forward_mode():
    v, m = tf.constant([1.0, 2.0, 3.0]), tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([v, m])
        y, z = v * v * v, tf.sin(m) * m[:, :1]
    np.testing.assert_allclose(tape.jacobian(y, v), np.diag([3.0, 12.0, 27.0]), rtol=1e-6)
    full = tape.jacobian(z, m).numpy()
    np.testing.assert_allclose(tape.batch_jacobian(z, m), np.stack([full[k, :, k] for k in range(2)]), rtol=1e-6)
    with tf.autodiff.ForwardAccumulator(v, tf.constant([1.0, 0.0, 2.0])) as forward:
        y = tf.reduce_sum(v * v)
    assert float(forward.jvp(y)) == 14.0


def test_misuse_is_refused():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(StateError, match="persistent"):
        tape.gradient(y, x)
    with pytest.raises(DtypeError, match="tensors or variables"):
        tape.watch(1)
    with pytest.raises(ShapeError, match=r"f32\[2\] does not fit"):
        tf.Variable([1.0]).assign([1.0, 2.0])


def test_integers_have_no_gradient_and_a_warning(caplog):
    x = tf.constant(10)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x) is None and "int32 has no gradients" in caplog.text


def test_a_variable_is_its_own_gradient():
    v, w = tf.Variable(0.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = w * 1.0
    assert [g if g is None else float(g) for g in tape.gradient(v, [v, w])] == [1.0, None]
    assert [float(g) for g in tape.gradient([v, y], [v, w])] == [1.0, 1.0]
    assert float(tf.function(lambda: _own_gradient(v))()) == 1.0


def _own_gradient(v):
    with tf.GradientTape() as tape:
        pass
    return tape.gradient(v, v)


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))


def test_a_custom_gradient_takes_the_place_of_the_derived_one():
    x = tf.constant(100.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = log1pexp(x)
    assert float(tape.gradient(y, x)) == 1.0
    x = tf.constant([0.5, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = log1pexp(x)
        slope = inner.gradient(y, x)
    sigmoid = 1 / (1 + np.exp(-x.numpy()))
    np.testing.assert_allclose(slope, sigmoid, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(slope, x), sigmoid * (1 - sigmoid), rtol=1e-5)


def test_a_custom_gradient_with_several_arguments_and_variables():
    w = tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x, y):
        def slopes(a, b, variables=None):
            return [a * 10.0, None], [tf.constant(7.0) for _ in variables]

        return (x * y * w, y), slopes

    x, y = tf.constant(2.0), tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        one, other = scaled(x, y)
        total = one + other
    assert float(one) == 30.0
    assert [float(g) for g in tape.gradient(total, [x, y, w])] == [10.0, 0.0, 7.0]


def test_grad_pass_through():
    x = tf.constant([1.4, 2.6])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.grad_pass_through(tf.round)(x) * 3.0
    assert y.numpy().tolist() == [3.0, 9.0]
    assert tape.gradient(y, x).numpy().tolist() == [3.0, 3.0]


def test_variables_of_others_stand_for_the_one_that_they_hold():
    class Held:
        def __init__(self, variable):
            self.__graphc_variable__ = variable

    w = tf.Variable([1.0, 2.0])
    held = Held(w)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([held])
        y = tf.reduce_sum(w * w)
    assert tape.gradient(y, {"w": held})["w"].numpy().tolist() == [2.0, 4.0]
    assert tape.jacobian(y, [held])[0].numpy().tolist() == [2.0, 4.0]
    with pytest.raises(DtypeError, match="sources must be tensors or variables"):
        tape.gradient(y, [object()])
