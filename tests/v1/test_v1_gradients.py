"""``tf.gradients``: against closed forms, through every way of asking."""

import numpy as np
import pytest

import graphc.v1 as tf


def value(tensor, feeds=None):
    with tf.Session() as sess:
        if tf.global_variables():
            sess.run(tf.global_variables_initializer())
        return sess.run(tensor, feeds)


def test_sine_over_ten_thousand_points_of_an_unshaped_placeholder():
    x = tf.placeholder(tf.float32)
    (slope,) = tf.gradients(tf.sin(x), [x])
    points = np.linspace(-5, 5, 10_000).astype(np.float32)
    np.testing.assert_allclose(value(slope, {x: points}), np.cos(points), atol=1e-6)


def test_second_and_third_derivatives():
    x = tf.placeholder(tf.float64, [None])
    y = tf.sin(x) * x
    for _ in range(3):
        (y,) = tf.gradients(y, x)
    at = np.linspace(-2, 2, 7)
    np.testing.assert_allclose(value(y, {x: at}), -3 * np.sin(at) - at * np.cos(at), rtol=1e-12)


def test_second_derivatives_of_unknown_rank():
    x = tf.placeholder(tf.float64)
    (once,) = tf.gradients(x**3.0, x)
    (twice,) = tf.gradients(once, x)
    np.testing.assert_allclose(value(twice, {x: [[1.0, 2.0]]}), [[6.0, 12.0]])


def test_intermediate_values():
    x = tf.constant(3.0)
    h = x * x
    y = h * h
    assert value(tf.gradients(y, [x, h])) == [108.0, 18.0]


def test_equal_values_are_told_apart():
    x = tf.placeholder(tf.float32, [])
    same = tf.identity(x)
    y = same * 2.0 + x
    assert value(tf.gradients(y, [same, x]), {x: 1.0}) == [2.0, 3.0]
    a, b = tf.constant(1.0), tf.constant(1.0)
    assert value(tf.gradients(a * 5.0 + b, [a, b])) == [5.0, 1.0]


def test_grad_ys_and_several_ys():
    x = tf.constant([1.0, 2.0])
    assert value(tf.gradients([x * x, 3.0 * x], x, grad_ys=[[1.0, 10.0], None])[0]).tolist() == [5.0, 43.0]
    with pytest.raises(ValueError):
        tf.gradients(x, x, grad_ys=[tf.ones([3])])


def test_stop_gradients():
    a = tf.constant(2.0)
    b = a * 3.0
    assert value(tf.gradients(a + b, [a, b], stop_gradients=[a, b])) == [1.0, 1.0]
    assert value(tf.gradients(a + b, [a, b])) == [4.0, 1.0]
    assert value(tf.gradients(a * tf.stop_gradient(a), a)) == [2.0]


def test_unconnected_is_none():
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [])
    assert tf.gradients(x * 2.0, [y]) == [None]
    assert tf.gradients(tf.stop_gradient(y) * 2.0, [y]) == [None]
    assert tf.gradients(tf.cast(tf.argmax([y, y]), tf.float32), [y]) == [None]
    assert tf.gradients(tf.stop_gradient(x), [x]) == [None]
    out = tf.gradients(x * 2.0, [x, y], unconnected_gradients="zero")
    assert value(out, {x: 1.0, y: 5.0}) == [2.0, 0.0]


def test_variables_and_their_reads():
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    loss = tf.reduce_sum(v * w * v)
    found = value(tf.gradients(loss, [v, w]))
    assert found[0].tolist() == [6.0, 16.0] and found[1].tolist() == [1.0, 4.0]


def test_reads_before_and_after_a_write_both_count():
    v = tf.Variable(2.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        after = v.read_value()
    assert value(tf.gradients(v * after, v)) == [5.0]


def test_through_dropout():
    tf.set_random_seed(1)
    x = tf.ones([1000])
    y = tf.nn.dropout(x, 0.5)
    out, slope = value([y, tf.gradients(y, x)[0]])
    np.testing.assert_array_equal(out, slope)
    assert 300 < np.count_nonzero(out) < 700


def test_feeding_cuts():
    x = tf.placeholder(tf.float32, [])
    h = x * 2.0
    (g,) = tf.gradients(h * h, x)
    with tf.Session() as sess:
        assert sess.run(g, {x: 3.0}) == 24.0
        assert sess.run(g, {x: 3.0, h: 1.0}) == 0.0


def test_deep_graphs():
    x = tf.placeholder(tf.float32, [])
    y = x
    for _ in range(3000):
        y = y + 0.001 * x
    assert value(tf.gradients(y, x)[0], {x: 1.0}) == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize(
    "function, slopes",
    [
        (tf.nn.relu, [0, 0, 1]),
        (tf.nn.relu6, [0, 0, 1]),
        (tf.nn.elu, [np.exp(-1), 1, 1]),
        (tf.nn.selu, [1.6732632 * 1.0507010 * np.exp(-1), 1.0507010, 1.0507010]),
        (tf.nn.leaky_relu, [0.2, 0.2, 1]),
        (tf.nn.softplus, [0.26894142, 0.5, 0.73105858]),
        (tf.log_sigmoid, [0.73105858, 0.5, 0.26894142]),
        (lambda x: tf.nn.sigmoid_cross_entropy_with_logits(labels=0 * x, logits=x), [0.26894142, 0.5, 0.73105858]),
        (lambda x: tf.nn.weighted_cross_entropy_with_logits(0 * x + 1, x, 2.0), [-1.46211716, -1.0, -0.53788284]),
        (lambda x: tf.maximum(x, 0.0), [0, 1, 1]),
        (lambda x: tf.clip_by_value(x, 0.0, 1.0), [0, 1, 1]),
        (tf.abs, [-1, 0, 1]),
    ],
    ids=range(12),
)  # fmt: skip
def test_slopes_where_functions_have_a_corner(function, slopes):
    x = tf.placeholder(tf.float32, [3])
    (slope,) = tf.gradients(function(x), x)
    np.testing.assert_allclose(tf.Session().run(slope, {x: [-1, 0, 1]}), slopes, rtol=1e-6)
