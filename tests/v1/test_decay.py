"""Learning rate schedules against TensorFlow's recorded numbers."""

import json

import numpy as np
import pytest
from optimizer_programs import RECORDED, SCHEDULES, schedule

import graphc.v1 as tf

EXPECTED = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("text", SCHEDULES)
def test_rates_are_tensorflows(text):
    found = schedule(tf, text)
    assert found["dtype"] == EXPECTED[text]["dtype"]
    np.testing.assert_allclose(found["rates"], EXPECTED[text]["rates"], rtol=3e-6, atol=1e-8)


def test_steps_may_be_variables_and_numbers():
    step = tf.train.get_or_create_global_step()
    rates = [tf.train.exponential_decay(0.1, s, 2, 0.5) for s in (step, 4, tf.constant(4), tf.constant(4.0))]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(rates), [0.1, 0.025, 0.025, 0.025], rtol=1e-6)


def test_names():
    assert tf.train.exponential_decay(0.1, 1, 2, 0.5).op.name == "ExponentialDecay"
    assert tf.train.polynomial_decay(0.1, 1, 2, name="rate").op.name == "rate"
    assert tf.train.piecewise_constant_decay is tf.train.piecewise_constant


def test_noise_has_the_variance_that_is_asked_for():
    tf.set_random_seed(3)
    noisy = tf.train.noisy_linear_cosine_decay(1.0, 3, 10, initial_variance=0.5, variance_decay=1.0, beta=0.0)
    plain = tf.train.linear_cosine_decay(1.0, 3, 10, beta=0.0)
    with tf.Session() as sess:
        drawn = np.array([sess.run(noisy) for _ in range(400)])
        mean = sess.run(plain)
    wave = mean / 0.7
    assert drawn.mean() == pytest.approx(mean, abs=0.06)
    assert drawn.std() == pytest.approx(wave * np.sqrt(0.5 / 4), rel=0.15)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: tf.train.exponential_decay(0.1, None, 2, 0.5), "global_step is required"),
        (lambda: tf.train.cosine_decay(None, 1, 2), "learning_rate is required"),
        (lambda: tf.train.piecewise_constant(1, [2, 3], [1.0, 2.0]), "one value more than boundaries"),
        (lambda: tf.train.piecewise_constant(1.5, [2], [1.0, 2.0]), "same dtype as x"),
        (lambda: tf.train.piecewise_constant(1, [2], [1.0, 2]), "same dtype"),
    ],
)
def test_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
