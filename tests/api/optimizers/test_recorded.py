"""Signatures, configurations, names of variables, schedules and loss scaling are those of TensorFlow 2.21."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import graphc as tf

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


def found(name):
    at = tf.optimizers
    for part in name.split("."):
        at = getattr(at, part)
    return at


@pytest.mark.parametrize("name", RECORDED["signatures"])
def test_signature(name):
    assert str(inspect.signature(found(name))) == RECORDED["signatures"][name]


@pytest.mark.parametrize("name", RECORDED["config"])
def test_config(name):
    config, wanted = found(name)(name="o").get_config(), RECORDED["config"][name]
    assert config == wanted
    assert type(found(name).from_config(config)) is found(name)
    assert found(name).from_config(config).get_config() == wanted


@pytest.mark.parametrize("name", RECORDED["names"])
def test_variables(name):
    arguments, wanted = RECORDED["names"][name]
    optimizer = found(name)(name="o", **arguments)
    optimizer.build([tf.Variable([[1.0, 2.0], [3, 4]], name="a"), tf.Variable([1.0, 2.0], name="b")])
    got = [[v.name.removeprefix("o/"), v.dtype.name, v.shape.as_list()] for v in optimizer.variables]
    wanted = [[path.removeprefix("o/").removesuffix(":0") + ":0", dtype, shape] for path, dtype, shape in wanted]
    assert got == wanted


@pytest.mark.parametrize("k", range(len(RECORDED["schedules"])))
def test_schedule(k):
    name, arguments, wanted = RECORDED["schedules"][k]
    schedule = getattr(tf.optimizers.schedules, name)(**arguments)
    for make in (int, lambda s: tf.constant(s, tf.int64), lambda s: tf.Variable(s)):
        got = [float(schedule(make(s))) for s in RECORDED["steps"]]
        np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-8)
    in_function = tf.function(schedule)
    got = [float(in_function(tf.constant(s, tf.int64))) for s in RECORDED["steps"]]
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-8)
    again = tf.optimizers.schedules.deserialize(tf.optimizers.schedules.serialize(schedule))
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    assert float(again(6)) == float(schedule(6))


def test_loss_scale():
    w = tf.Variable([1.0, 2.0])
    optimizer = tf.optimizers.LossScaleOptimizer(tf.optimizers.Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    for k, (value, scale, counter, steps) in enumerate(RECORDED["loss_scale"]):
        g = np.array([1.0, -2.0 + k], "f") * 8
        if k == 3:
            g[0] = np.inf
        optimizer.apply_gradients([(tf.constant(g), w)])
        np.testing.assert_allclose(w.numpy(), value, rtol=2e-5, atol=1e-6)
        assert float(optimizer.dynamic_scale) == scale
        assert (int(optimizer.step_counter), int(optimizer.iterations)) == (counter, steps)
    assert float(optimizer.scale_loss(2.0)) == 2.0 * RECORDED["loss_scale"][-1][1]


def test_loss_scale_of_an_optimizer_with_a_method():
    class Own(tf.optimizers.Adam):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    w = tf.Variable([1.0, 2.0])
    optimizer = tf.optimizers.LossScaleOptimizer(Own(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    for k, (value, scale, counter, steps) in enumerate(RECORDED["loss_scale"]):
        g = np.array([1.0, -2.0 + k], "f") * 8
        if k == 3:
            g[0] = np.inf
        optimizer.apply_gradients([(tf.constant(g), w)])
        np.testing.assert_allclose(w.numpy(), value, rtol=2e-5, atol=1e-6)
        assert (float(optimizer.dynamic_scale), int(optimizer.step_counter)) == (scale, counter)
        assert int(optimizer.iterations) == steps
