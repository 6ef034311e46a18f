"""Input pipelines of TensorFlow 1: names, structure and summaries of batches, and functions that read single files."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import DtypeError, UsageError


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as made:
        yield made


def pulled(session, batch):
    """One batch, with the threads that make it."""
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    try:
        return session.run(batch)
    finally:
        coord.request_stop()
        coord.join(threads)


def test_names_and_summaries_are_those_of_tensorflow():
    x, y = tf.random_uniform([3]), tf.constant(1)
    assert [t.name for t in tf.train.batch([x, y], 4)] == ["batch:0", "batch:1"]
    assert [t.name for t in tf.train.shuffle_batch([x, y], 4, 50, 10)] == ["shuffle_batch:0", "shuffle_batch:1"]
    assert tf.train.batch({"a": x}, 2, name="mine")["a"].name == "mine:0"
    assert [t.name for t in tf.train.maybe_batch([x, y], tf.constant(True), 2)] == ["batch_1:0", "batch_1:1"]
    tf.train.range_input_producer(3)
    assert [t.name for t in tf.get_collection("summaries")] == [
        "batch/fraction_of_32_full:0", "shuffle_batch/fraction_over_10_of_40_full:0", "mine/fraction_of_32_full:0",
        "batch_1/fraction_of_32_full:0", "input_producer/fraction_of_32_full:0"]  # fmt: skip
    assert [r.name for r in tf.get_collection("queue_runners")] == [
        "batch/fifo_queue", "shuffle_batch/random_shuffle_queue", "mine/fifo_queue", "batch_1/fifo_queue",
        "input_producer/input_producer"]  # fmt: skip


def test_a_list_of_one_gives_the_batch_itself():
    batch = tf.train.batch([tf.constant([1.0, 2.0])], 3)
    assert batch.name == "batch:0" and batch.shape.as_list() == [3, 2]
    with tf.Session() as sess:
        np.testing.assert_array_equal(pulled(sess, batch * 2), [[2.0, 4.0]] * 3)


def test_scalars_beside_padded_components():
    batch = tf.train.batch([tf.constant(3.0), tf.constant([1, 2])], 2, dynamic_pad=True)
    with tf.Session() as sess:
        scalars, rows = pulled(sess, batch)
    assert scalars.tolist() == [3.0, 3.0] and rows.tolist() == [[1, 2], [1, 2]]


def test_a_queue_that_could_never_give_a_batch_is_refused():
    with pytest.raises(UsageError, match="capacity 5 must be bigger than min_after_dequeue 9"):
        tf.train.shuffle_batch([tf.constant(1)], 3, 5, 9)


def test_summaries_say_how_full_the_queue_is():
    tf.train.batch([tf.constant(1)], 2, capacity=4)
    runner = tf.get_collection("queue_runners")[0]
    with tf.Session() as sess:
        sess.run(runner.enqueue_ops[0])
        (value,) = tf.Summary.FromString(sess.run(tf.summary.merge_all())).value
    assert (value.tag, value.simple_value) == ("batch/fraction_of_4_full", 0.25)


def test_python_functions_get_scalars_as_tensorflow_gives_them(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.ones((2, 2), np.float32))
    loaded = tf.py_func(lambda name: np.load(name.decode()), [tf.constant(str(path))], tf.float32)
    kinds = []
    seen = tf.py_func(lambda *a: kinds.extend(map(type, a)), [tf.constant(3), tf.constant([3]), tf.constant(True)], [])
    with tf.Session() as sess:
        assert sess.run(loaded).tolist() == [[1.0, 1.0]] * 2
        sess.run(seen)
        assert kinds == [np.int32, np.ndarray, np.bool_]
        assert sess.run(tf.numpy_function(lambda d: {0: b"zero"}[d], [tf.constant(0)], tf.string)) == b"zero"


def test_assertions_about_types_are_operations():
    x = tf.placeholder(tf.float32, [None])
    checks = [tf.assert_rank(x, 1), tf.assert_type(x, tf.float32), tf.assert_integer(tf.constant(1))]
    with tf.control_dependencies(checks), tf.Session() as sess:
        assert sess.run(tf.identity(x), {x: [5.0]}).tolist() == [5.0]
        assert sess.run(tf.cond(tf.constant(True), lambda: checked(x), lambda: x), {x: [5.0]}).tolist() == [5.0]
    with pytest.raises(DtypeError, match="assert_integer: .* is not of an integer type"):
        tf.assert_integer(x)


def checked(x):
    """The tensor behind an assertion made where it is used."""
    with tf.control_dependencies([tf.assert_rank(x, 1)]):
        return x + 0.0
