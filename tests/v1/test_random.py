"""Random operations: new numbers in every run, repeated by seeds, never merged."""

import numpy as np

import graphc.v1 as tf


def draws(build, runs=2):
    with tf.Graph().as_default():
        tensor = build()
        with tf.Session() as sess:
            return [sess.run(tensor) for _ in range(runs)]


def test_every_run_draws_anew():
    a, b = draws(lambda: tf.random_normal([100]))
    assert (a != b).all()


def test_unseeded_graphs_differ():
    assert (draws(lambda: tf.random_normal([100]))[0] != draws(lambda: tf.random_normal([100]))[0]).all()


def test_graph_seed_repeats():
    def build():
        tf.set_random_seed(7)
        return tf.random_uniform([10]), tf.random_uniform([10])

    one, two = draws(build), draws(build)
    np.testing.assert_array_equal(one, two)
    assert (one[0][0] != one[0][1]).all()


def test_operation_seed_repeats():
    one, two = draws(lambda: tf.random_normal([10], seed=4)), draws(lambda: tf.random_normal([10], seed=4))
    np.testing.assert_array_equal(one, two)
    other = draws(lambda: tf.random_normal([10], seed=5))
    assert (one[0] != other[0]).all()


def test_two_operations_differ():
    a, b = tf.random_normal([50]), tf.random_normal([50])
    with tf.Session() as sess:
        x, y, same = sess.run([a, b, a - a])
    assert (x != y).all() and not same.any()


def test_distributions():
    tf.set_random_seed(1)
    made = [
        tf.random_normal([20_000], 3.0, 2.0), tf.truncated_normal([20_000]), tf.random_uniform([20_000], -1.0, 1.0),
        tf.random_uniform([20_000], 5, 8, tf.int32), tf.random_normal([20_000], dtype=tf.float64),
        tf.multinomial(tf.log([[0.2, 0.8]]), 20_000),
    ]  # fmt: skip
    normal, truncated, uniform, ints, wide, classes = tf.Session().run(made)
    assert abs(normal.mean() - 3) < 0.05 and abs(normal.std() - 2) < 0.05
    assert np.abs(truncated).max() <= 2 and abs(truncated.std() - 0.8796) < 0.02
    assert uniform.min() >= -1 and uniform.max() < 1 and abs(uniform.mean()) < 0.02
    assert sorted(set(ints.tolist())) == [5, 6, 7] and ints.dtype == np.int32
    assert wide.dtype == np.float64 and abs(wide.std() - 1) < 0.02
    assert classes.dtype == np.int64 and abs(classes.mean() - 0.8) < 0.02


def test_shuffle_is_a_permutation():
    a, b = draws(lambda: tf.random_shuffle(tf.range(50), seed=1))
    assert sorted(a.tolist()) == list(range(50)) and a.tolist() != b.tolist()


def test_shapes_from_sizes():
    x = tf.placeholder(tf.float32, [None, 2])
    noise = tf.random_normal(tf.shape(x), stddev=0.1)
    assert tf.Session().run(x + noise, {x: np.zeros((7, 2))}).shape == (7, 2)


def test_the_module():
    with tf.Session() as sess:
        assert sess.run(tf.random.uniform([3])).shape == sess.run(tf.random.normal([3])).shape == (3,)


def test_dropout_scales_and_drops():
    keep = tf.placeholder(tf.float32)
    y = tf.nn.dropout(tf.ones([1000]), keep)
    with tf.Session() as sess:
        out = sess.run(y, {keep: 0.8})
        np.testing.assert_allclose(np.unique(out), [0.0, 1.25])
        assert 700 < np.count_nonzero(out) < 900
        assert (sess.run(y, {keep: 1.0}) == 1).all()
