"""Optimizers in functions, in checkpoints, and made of others."""

import numpy as np
import pytest

import graphc as tf
from graphc.errors import UsageError
from tests.api.optimizers.test_values import CASES, gradients, made, optimizer_of, variables

SOME = ["SGD", "SGD nesterov", "Adam amsgrad", "Adam everything", "Nadam", "Adafactor", "Muon", "Lamb",
        "SGD ExponentialDecay 0", "Adam schedule accumulation", "ScheduleFreeAdamW"]  # fmt: skip


def check(case, w, b):
    np.testing.assert_allclose(w.numpy().ravel(), case["w"], rtol=3e-5, atol=3e-6)
    np.testing.assert_allclose(b.numpy(), case["b"], rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("name", SOME)
def test_in_a_function(name):
    """The variables of the optimizer are made while the function is traced, once."""
    optimizer, (w, b) = optimizer_of(CASES[name]), variables()
    traced = []

    @tf.function
    def step(first, second):
        traced.append(1)
        optimizer.apply_gradients(zip((first, second), (w, b)))

    for k in range(5):
        step(*map(tf.constant, gradients(k)))
    check(CASES[name], w, b)
    assert len(traced) <= 2
    assert int(optimizer._iterations) == 5


def test_method_in_a_function():
    case = CASES["Adam everything"]

    class Own(tf.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    optimizer, (w, b) = Own(**{k: made(v) for k, v in case["arguments"].items()}), variables()
    optimizer.build([w, b])

    @tf.function
    def step(first, second):
        optimizer.apply([first, second], [w, b])

    for k in range(5):
        step(*map(tf.constant, gradients(k)))
    check(case, w, b)


def test_a_training_step_in_a_function():
    x = tf.constant(np.linspace(-1, 1, 32, dtype="f")[:, None])
    w, b = tf.Variable([[0.0]]), tf.Variable([0.0])
    optimizer = tf.optimizers.Adam(0.1)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y))
        optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
        return loss

    losses = [float(step(x, 3.0 * x - 1.0)) for _ in range(150)]
    assert losses[-1] < 1e-3 < losses[0]
    np.testing.assert_allclose([float(w[0, 0]), float(b[0])], [3, -1], atol=0.05)
    optimizer.learning_rate = 0.0
    before = w.numpy()
    step(x, x)
    np.testing.assert_array_equal(w, before)  # the rate is read by every call
    assert int(optimizer.iterations) == 151


def test_minimize_and_rate_in_a_function():
    w = tf.Variable([2.0])
    optimizer = tf.optimizers.SGD(0.5)
    optimizer.build([w])

    @tf.function
    def step():
        optimizer.minimize(lambda: tf.reduce_sum(w * w), [w])
        optimizer.learning_rate.assign(optimizer.learning_rate * 0.5)

    step()
    np.testing.assert_array_equal(w, [0.0])
    w.assign([2.0])
    step()
    np.testing.assert_array_equal(w, [1.0])
    assert float(optimizer.learning_rate) == 0.125


def trained(optimizer, w, b, first=0, last=3):
    for k in range(first, last):
        optimizer.apply_gradients(zip(gradients(k), (w, b)))


@pytest.mark.parametrize("name", ["Adam everything", "Nadam", "Adafactor", "Muon", "SGD nesterov", "RMSprop centered"])
def test_checkpoints(name, tmp_path):
    """What is kept beside variables is restored when it is made, after the checkpoint was read."""
    optimizer, (w, b) = optimizer_of(CASES[name]), variables()
    trained(optimizer, w, b)
    path = tf.train.Checkpoint(optimizer=optimizer, w=w, b=b).save(str(tmp_path / "ckpt"))
    trained(optimizer, w, b, 3, 5)
    other, (v, c) = optimizer_of(CASES[name]), variables()
    status = tf.train.Checkpoint(optimizer=other, w=v, b=c).restore(path)
    assert int(other._iterations) == 3 and not other.built
    trained(other, v, c, 3, 5)
    status.assert_consumed()
    np.testing.assert_array_equal(v, w)
    np.testing.assert_array_equal(c, b)


def test_checkpoints_of_users_optimizers(tmp_path):
    class Counting(tf.optimizers.Optimizer):
        def build(self, variables):
            super().build(variables)
            self.counts = self.add_optimizer_variables(variables, "count")

        def update_step(self, gradient, variable, learning_rate):
            self.counts[self._get_variable_index(variable)].assign_add(tf.ones_like(gradient))

    optimizer, (w, b) = Counting(0.1), variables()
    trained(optimizer, w, b)
    path = tf.train.Checkpoint(optimizer=optimizer).save(str(tmp_path / "ckpt"))
    other = Counting(0.5)
    tf.train.Checkpoint(optimizer=other).restore(path)
    other.build(variables())
    assert float(other.counts[0][0, 0]) == 3.0 and float(other.learning_rate) == np.float32(0.1)


def test_restored_inside_a_function(tmp_path):
    optimizer, (w, b) = optimizer_of(CASES["Adam"]), variables()
    trained(optimizer, w, b)
    path = tf.train.Checkpoint(optimizer=optimizer, w=w, b=b).save(str(tmp_path / "ckpt"))
    trained(optimizer, w, b, 3, 5)
    other, (v, c) = optimizer_of(CASES["Adam"]), variables()
    tf.train.Checkpoint(optimizer=other, w=v, b=c).restore(path)

    @tf.function
    def step(first, second):
        other.apply_gradients(zip((first, second), (v, c)))

    for k in (3, 4):
        step(*map(tf.constant, gradients(k)))
    np.testing.assert_allclose(v, w, rtol=1e-6)


def test_one_optimizer_for_each_group():
    w, b = variables()
    sgd, adam = tf.optimizers.SGD(0.5), tf.optimizers.Adam(0.25)
    optimizer = tf.optimizers.MultiOptimizer(tf.optimizers.OptimizerMap(adam, {"w.*": sgd}))
    before = w.numpy(), b.numpy()
    optimizer.apply_gradients([(tf.ones([2, 3]), w), (tf.ones([3]), b)])
    np.testing.assert_allclose(w, before[0] - 0.5, rtol=1e-6)
    np.testing.assert_allclose(b, before[1] - 0.25, atol=1e-5)
    assert optimizer.optimizers == [sgd, adam] and int(optimizer.iterations) == int(sgd.iterations) == 1
    assert len(optimizer.variables) == 2 + 2 + 4
    again = tf.optimizers.deserialize(tf.optimizers.serialize(optimizer))
    assert [type(o) for o in again.optimizers] == [tf.optimizers.SGD, tf.optimizers.Adam]
    for refused in (lambda: optimizer.learning_rate, lambda: setattr(optimizer, "lr", 0.1)):
        with pytest.raises(UsageError, match="learning rate"):
            refused()
    with pytest.raises(UsageError, match=r"several patterns: w\.\*, ww\?"):
        tf.optimizers.OptimizerMap(adam, {"w": sgd, "w.*": sgd, "ww?": sgd})["ww"]
    with pytest.raises(UsageError, match="needs an optimizer"):
        tf.optimizers.OptimizerMap("adam")


def test_loss_scale_is_written_down():
    optimizer = tf.optimizers.LossScaleOptimizer(tf.optimizers.SGD(0.25, momentum=0.5), initial_scale=4.0)
    again = tf.optimizers.deserialize(tf.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config() and again.inner_optimizer.momentum == 0.5
    again.learning_rate = 0.5
    assert float(again.inner_optimizer.learning_rate) == 0.5
    with pytest.raises(UsageError, match="inner optimizer"):
        tf.optimizers.LossScaleOptimizer(tf.optimizers.SGD(), clipnorm=1.0)
    with pytest.raises(UsageError, match="dynamic=False"):
        tf.optimizers.LossScaleOptimizer(tf.optimizers.SGD(), dynamic=False)


def test_clipping_functions():
    """They work on lists with None, eagerly and in functions."""
    gradients = [tf.constant([3.0, 4.0]), None, tf.constant([[12.0]])]

    def clip(first, last):
        clipped, norm = tf.clip_by_global_norm([first, None, last], 6.5)
        assert clipped[1] is None
        by_norm, by_value = tf.clip_by_norm(first, 2.5), tf.clip_by_value(last, -1.0, 1.0)
        return clipped[0], clipped[2], norm, by_norm, by_value, tf.linalg.global_norm([first, None, last])

    wanted = [[1.5, 2.0], [[6.0]], 13.0, [1.5, 2.0], [[1.0]], 13.0]
    for way in (clip, tf.function(clip)):
        for got, value in zip(way(gradients[0], gradients[2]), wanted):
            np.testing.assert_allclose(got, value, rtol=1e-6)
