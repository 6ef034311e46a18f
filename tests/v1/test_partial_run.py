"""Runs in parts: what was computed stays, what was fed is seen later, nothing happens twice."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import FeedError, StateError, UsageError


def test_the_example_of_the_manual():
    a, b, c = (tf.placeholder(tf.float32, shape=[], name=n) for n in "abc")
    r1 = tf.add(a, b)
    r2 = tf.multiply(r1, c)
    with tf.Session() as sess:
        h = sess.partial_run_setup([r1, r2], [a, b, c])
        assert sess.partial_run(h, r1, feed_dict={a: 1, b: 2}) == 3.0
        assert sess.partial_run(h, r2, feed_dict={c: 17.0}) == 51.0


def test_numbers_drawn_and_variables_read_stay_the_same():
    x, y, v = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, []), tf.Variable(5.0)
    r = tf.random_uniform([3])
    first, second, sess = r + x, r * 1.0 + y + v, tf.Session()
    sess.run(v.initializer)
    for k in range(2):
        handle = sess.partial_run_setup([first, second], [x, y])
        one = sess.partial_run(handle, first, {x: 1.0})
        sess.run(v.assign_add(100.0))
        two = sess.partial_run(handle, second, {y: 2.0})
        np.testing.assert_allclose(one - 1.0, two - 7.0 - 100.0 * k, atol=1e-4)


def test_effects_happen_once_and_in_order():
    x, v, seen = tf.placeholder(tf.float32, []), tf.Variable(0.0), []
    first = v.assign_add(1.0)
    with tf.control_dependencies([first]):
        told = tf.py_func(lambda a: (seen.append(float(a)), np.float32(a))[1], [v.read_value()], tf.float32)
        last = v.assign_add(x)
    sess = tf.Session()
    sess.run(v.initializer)
    handle = sess.partial_run_setup({"told": told, "last": last, "op": last.op}, [x])
    assert sess.partial_run(handle, {"t": told}) == {"t": 1.0}
    assert sess.partial_run(handle, [last, last.op], {x: 10.0}) == [11.0, None]
    assert seen == [1.0] and sess.run(v) == 11.0


def test_gradients_in_a_later_part():
    x, y, w = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, []), tf.Variable(3.0)
    h = w * x
    g = tf.gradients(tf.square(h - y), [w])[0]
    sess = tf.Session()
    sess.run(w.initializer)
    handle = sess.partial_run_setup([h, g], ["Placeholder:0", y])
    assert sess.partial_run(handle, h, {x: 2.0}) == 6.0
    assert sess.partial_run(handle, g, {y: 1.0}) == 2 * (6.0 - 1.0) * 2.0


def test_refusals_leave_the_handle_usable():
    x, y, z = (tf.placeholder(tf.float32, [], name=n) for n in "xyz")
    a, b, sess = x + 1.0, y * 2.0, tf.Session()
    with pytest.raises(FeedError, match="needed but not among the feeds: y"):
        sess.partial_run_setup([a, b], [x])
    handle = sess.partial_run_setup([a, b], [x, y])
    with pytest.raises(UsageError, match="'nonsense' is no handle"):
        sess.partial_run("nonsense", a)
    with pytest.raises(FeedError, match="add:0 needs x:0, which was not fed yet"):
        sess.partial_run(handle, a)
    with pytest.raises(FeedError, match="z:0 was not among the feeds"):
        sess.partial_run(handle, a, {z: 1.0})
    with pytest.raises(ValueError, match="has shape"):
        sess.partial_run(handle, a, {x: [1.0, 2.0]})
    assert sess.partial_run(handle, a, {x: 1.0}) == 2.0
    with pytest.raises(FeedError, match="x:0 has been fed already"):
        sess.partial_run(handle, b, {x: 1.0, y: 1.0})
    with pytest.raises(FeedError, match="add:0 has been fetched already"):
        sess.partial_run(handle, a)
    with pytest.raises(FeedError, match="x:0 was not among the fetches"):
        sess.partial_run(handle, x)
    assert sess.partial_run(handle, b, {y: 4.0}) == 8.0
    with pytest.raises(UsageError, match="all of that run has been fetched"):
        sess.partial_run(handle, b)
    sess.close()
    with pytest.raises(StateError, match="closed"):
        sess.partial_run_setup([a], [x])


def test_many_runs_in_parts_keep_nothing():
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    a, b, sess = x + 1.0, x * y, tf.Session()
    for k in range(300):
        handle = sess.partial_run_setup([a, b], [x, y])
        assert sess.partial_run(handle, a, {x: k}) == k + 1
        assert sess.partial_run(handle, b, {y: 2.0}) == 2 * k
    assert not sess._partial._runs and len(sess._partial._runners) == 2
