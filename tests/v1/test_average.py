"""Moving averages against TensorFlow's recorded numbers and names."""

import json

import numpy as np
import pytest
from optimizer_programs import AVERAGES, RECORDED, average

import graphc.v1 as tf
from graphc.api.mode import MODE

EXPECTED = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("text", AVERAGES)
def test_averages_are_tensorflows(text):
    found, wanted = average(tf, text), EXPECTED[text]
    for key in ("names", "moving", "name", "average", "restored"):
        assert found[key] == wanted[key], key
    for ours, theirs in zip(found["values"], wanted["values"]):
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_of_trainable_variables_after_training():
    v = tf.Variable([2.0, 4.0], name="v")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v * v))
    averages = tf.train.ExponentialMovingAverage(0.5)
    with tf.control_dependencies([train]):
        step = averages.apply()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(v), [1.6, 3.2], rtol=1e-6)
        np.testing.assert_allclose(sess.run(averages.average(v)), [1.8, 3.6], rtol=1e-6)
    assert averages.average(tf.Variable(1.0)) is None


def test_applied_twice_keeps_one_average():
    v = tf.Variable(1.0, name="v")
    averages = tf.train.ExponentialMovingAverage(0.5)
    averages.apply([v])
    averages.apply([v])
    assert [x.name for x in tf.global_variables()] == ["v:0", "v/ExponentialMovingAverage:0"]


def test_with_eager_evaluation():
    tf.enable_eager_execution()
    try:
        v = tf.Variable([1.0, 2.0])
        averages = tf.train.ExponentialMovingAverage(0.5, num_updates=0)
        averages.apply([v])
        v.assign([2.0, 4.0])
        averages.apply([v])
        np.testing.assert_allclose(averages.average(v).numpy(), [1.9, 3.8], rtol=1e-6)
    finally:
        MODE.choose(None)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="half, float or double"):
        tf.train.ExponentialMovingAverage(0.5).apply([tf.Variable(1)])
