"""What a tape remembers: the derivatives and the None that TensorFlow answers with, each kind of step built once."""

import gc
import weakref

import numpy as np
import pytest

import graphc as tf
from graphc.api import history
from graphc.api.learnt import Library
from graphc.errors import DtypeError, ShapeError, StateError, UsageError


def numbers(found):
    return [None if g is None else np.asarray(g).tolist() for g in found]


@pytest.fixture
def built(monkeypatch):
    """The derivatives that were built, by a tape that knows none."""
    seen, original = [], history._derivatives
    monkeypatch.setattr(history, "_KNOWN", Library())
    monkeypatch.setattr(history, "_derivatives", lambda *args: seen.append(len(args)) or original(*args))
    return seen


def test_watching_later_does_not_reach_back():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        tape.watch(x)
    assert tape.gradient(y, x) is None
    with tf.GradientTape() as tape:
        before = x * x
        tape.watch(x)
        after = x * x
        total = before + after
    assert float(tape.gradient(total, x)) == 6.0


def test_intermediate_values_are_told_apart_without_watching_them():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        a, b = x * 2.0, x * 2.0
        y = a * b
        c = tf.identity(a)
    assert numbers(tape.gradient(y, [a, b, x])) == [6.0, 6.0, 24.0]
    assert tape.gradient(y, c) is None
    assert float(tape.gradient(c, a)) == 1.0
    assert float(tape.gradient(x, x)) == 1.0


def test_what_was_computed_outside_is_a_constant():
    x = tf.constant(2.0)
    with tf.GradientTape() as first:
        first.watch(x)
        y = x * x
    with tf.GradientTape(persistent=True) as second:
        second.watch(x)
        z = y * x
    assert numbers(second.gradient(z, [x, y])) == [4.0, None]
    assert float(first.gradient(y, x)) == 4.0


def test_a_variable_is_a_source_whatever_is_assigned_since():
    v = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = v * v
        v.assign(10.0)
    assert float(tape.gradient(y, v)) == 6.0
    with tf.GradientTape() as tape:
        y = v * 2.0
        v.assign_add(1.0)
        y += v * v
    assert float(tape.gradient(y, v)) == 2.0 + 22.0


def test_second_and_third_derivatives():
    x = tf.Variable(2.0)
    with tf.GradientTape() as third:
        with tf.GradientTape() as second:
            with tf.GradientTape() as first:
                y = tf.exp(x) * x**3
            one = first.gradient(y, x)
        two = second.gradient(one, x)
    three = third.gradient(two, x)
    e = np.exp(2.0)
    np.testing.assert_allclose([one, two, three], [e * 20, e * 44, e * 86], rtol=1e-5)


def test_second_derivatives_tell_equal_values_apart():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            a, b = x * 2.0, x * 2.0
            y = a * b
        slope = inner.gradient(y, a)
    assert numbers(outer.gradient(slope, [a, b, x])) == [None, 1.0, 2.0]


def test_a_gradient_penalty_is_trained_through():
    w = tf.Variable([[1.0, 2.0], [3.0, -1.0]])
    x = tf.constant([[0.5, -1.0]])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            out = tf.reduce_sum(tf.tanh(tf.matmul(x, w)))
        penalty = tf.reduce_sum(tf.square(inner.gradient(out, x)))
    found = outer.gradient(penalty, w).numpy()

    def value(w):
        return np.sum(((1 - np.tanh(np.float64([[0.5, -1.0]]) @ w) ** 2) @ w.T) ** 2)

    wn, eps = w.numpy().astype(np.float64), 1e-6
    for k in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[k] = eps
        np.testing.assert_allclose(found[k], (value(wn + step) - value(wn - step)) / (2 * eps), rtol=1e-3)


def test_persistent_tapes_go_on():
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        dy = tape.gradient(y, x)
        z = dy * x
    assert [float(tape.gradient(t, x)) for t in (y, z, dy)] == [4.0, 8.0, 2.0]
    del tape


def test_reset_and_watched_variables():
    v, w = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
    frozen = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        y = v * w
        assert [x.name for x in tape.watched_variables()] == ["v:0", "w:0"]
        tape.reset()
        z = w * frozen
    assert [x.name for x in tape.watched_variables()] == ["w:0"]
    assert numbers(tape.gradient(z, [v, w, frozen])) == [None, 3.0, None]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(v)
        y = v * w * frozen
    assert numbers(tape.gradient(y, [v, w])) == [6.0, None]
    with tf.GradientTape() as tape:
        tape.watch(frozen)
        y = frozen * frozen
    assert numbers(tape.gradient(y, [frozen])) == [6.0]


def test_stop_recording():
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        with tape.stop_recording():
            z = x * y
        t = z + y
    assert numbers([tape.gradient(t, x), tape.gradient(z, x)]) == [6.0, None]


def test_several_targets_and_cotangents():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z, n = x * x, 3.0 * x, tf.argmax(x)
    assert tape.gradient([y, z], x).numpy().tolist() == [5.0, 7.0]
    assert tape.gradient({"y": y, "n": n}, x).numpy().tolist() == [2.0, 4.0]
    assert tape.gradient([y, z], x, output_gradients=[tf.constant([1.0, 0.5]), None]).numpy().tolist() == [5.0, 5.0]
    assert tape.gradient(y, x, output_gradients=tf.constant([2.0, 0.0])).numpy().tolist() == [4.0, 0.0]
    assert tape.gradient(n, x) is None
    with pytest.raises(ShapeError, match=r"f32\[3\]"):
        tape.gradient(y, x, output_gradients=tf.ones([3]))
    with pytest.raises(UsageError, match="3 output gradients for 2 targets"):
        tape.gradient([y, z], x, output_gradients=[[1.0, 2.0], None])
    with pytest.raises(UsageError, match="unconnected_gradients"):
        tape.gradient(y, x, unconnected_gradients="other")
    zero = tape.gradient(n, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert zero.numpy().tolist() == [0.0, 0.0]


def test_unconnected_matrices():
    x, u = tf.constant([1.0, 2.0]), tf.constant([[1.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, u])
        y = x * x
    assert tape.jacobian(y, u) is None
    full, empty = tape.jacobian(y, [x, u], unconnected_gradients="zero")
    assert full.numpy().tolist() == [[2, 0], [0, 4]] and empty.shape == (2, 1, 1) and not empty.numpy().any()


def test_a_hessian_by_jacobian_of_a_gradient():
    x = tf.Variable([1.0, 2.0, -1.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(x**3) + x[0] * x[1]
        slope = inner.gradient(y, x)
    expected = np.diag([6.0, 12.0, -6.0])
    expected[0, 1] = expected[1, 0] = 1.0
    np.testing.assert_allclose(outer.jacobian(slope, x), expected, rtol=1e-6)


def test_forward_over_reverse():
    x, w = tf.constant([1.0, 2.0]), tf.constant([[3.0, 1.0], [1.0, 2.0]])
    with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as forward:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(x * tf.linalg.matvec(w, x))
        slope = tape.gradient(y, x)
    assert forward.jvp(slope).numpy().tolist() == [6.0, 2.0]
    assert forward.jvp(w) is None
    with tf.autodiff.ForwardAccumulator([x, w], [tf.ones([2]), tf.ones([2, 2])]) as forward:
        y = tf.reduce_sum(tf.linalg.matvec(w, x))
    assert float(forward.jvp(y)) == 3 + 1 + 1 + 2 + 2 * 3


def test_integers_and_misuse(caplog):
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with pytest.raises(StateError, match="recording already"):
            tape.__enter__()
        tape.watch(tf.constant([1, 2]))
        y = x * x
    assert "int32 has no gradients" in caplog.text
    for target, sources in ((None, x), (y, [x, "x"]), (2.0, x)):
        with pytest.raises(DtypeError, match="must be tensors or variables"):
            tape.gradient(target, sources)
    assert float(tape.gradient(y, x)) == 2.0
    for again in (tape.gradient, tape.jacobian):
        with pytest.raises(StateError, match="persistent=True"):
            again(y, x)


def test_values_that_were_looked_at(built):
    w = tf.Variable([1.0, 2.0])
    for look in (False, True):
        with tf.GradientTape() as tape:
            h = tf.exp(w)
            if look:
                h.numpy()
            y = tf.reduce_sum(h * h)
            if look:
                y.numpy()
        np.testing.assert_allclose(tape.gradient(y, w), 2 * np.exp([2.0, 4.0]), rtol=1e-6)
    assert len(built) == 1


def test_steps_of_one_structure_are_built_and_compiled_once(built, compiles):
    w, b = tf.Variable(np.ones((3, 2), np.float32)), tf.Variable([0.0, 0.0])
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    losses = []
    for step in range(12):
        with tf.GradientTape() as tape:
            h = tf.nn.relu(tf.matmul(x, w) + b)
            loss = tf.reduce_mean(tf.square(h - 1.0))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.1 / (1 + step) * dw)
        b.assign_sub(0.1 / (1 + step) * db)
        losses.append(float(loss))
    assert losses[-1] < losses[0] and len(built) == 1
    assert len(compiles) == 2  # with the rate of the first step, and with any


def test_two_tapes_over_one_forward_pass():
    g, d = tf.Variable(2.0), tf.Variable(3.0)
    for _ in range(3):
        with tf.GradientTape() as of_g, tf.GradientTape() as of_d:
            fake = g * 2.0
            score = d * fake
            loss_g, loss_d = score * score, -score
        a, b = of_g.gradient(loss_g, g), of_d.gradient(loss_d, d)
        gn, dn = g.numpy(), d.numpy()
        assert float(a) == pytest.approx(8 * gn * dn**2) and float(b) == pytest.approx(-2 * gn)
        g.assign_sub(0.01 * a)
        d.assign_sub(0.01 * b)


def test_a_tape_holds_what_it_recorded_and_no_longer():
    x = tf.Variable(np.ones(100, np.float32))
    with tf.GradientTape() as tape:
        h = tf.exp(x)
        y = tf.reduce_sum(h)
    inner = weakref.ref(h.record)
    del h
    float(y)
    assert inner() is not None
    tape.gradient(y, x)
    del tape
    gc.collect()
    assert inner() is None


def test_a_state_carried_through_tapes_does_not_grow():
    w, h = tf.Variable(0.5), tf.constant([1.0])
    states = []
    for _ in range(30):
        with tf.GradientTape() as tape:
            h = tf.tanh(w * h)
            loss = tf.reduce_sum(h)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        h.numpy()
        states.append(weakref.ref(h.record))
    gc.collect()
    assert sum(s() is not None for s in states) <= 2


def test_tapes_inside_functions():
    v = tf.Variable(3.0)

    @tf.function
    def slopes(x):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = x * x * x * v
            slope = inner.gradient(y, x)
            v.assign(2.0)
            z = v * x
        return slope, outer.gradient(slope, [x, v]), outer.gradient(z, [x, v]), outer.jacobian(y, x)

    x = tf.constant(2.0)
    slope, second, after, full = slopes(x)
    assert numbers([slope, *second, *after, full]) == [36.0, 36.0, 12.0, 2.0, 2.0, 36.0]
    v.assign(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = slopes(x)[0]
    assert numbers(tape.gradient(y, [x, v])) == [36.0, 12.0]


def test_control_flow_and_variables_inside():
    w = tf.Variable(2.0)
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.cond(x > 0.0, lambda: w * x, lambda: x)
        z = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * w), (tf.constant(0), x))[1]
    assert numbers(tape.gradient(y, [w, x])) == [3.0, 2.0]
    assert numbers(tape.gradient(z, [w, x])) == [36.0, 8.0]
