"""TensorFlow 1's names after ``enable_eager_execution``."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.api.mode import MODE


@pytest.fixture(autouse=True)
def eager():
    tf.enable_eager_execution()
    yield
    MODE.choose(None)


def test_values_are_there_at_once():
    assert tf.constant([1.0, 2.0]).numpy().tolist() == [1.0, 2.0] and float(tf.constant(2.0, shape=[])) == 2.0
    assert tf.convert_to_tensor([1.0]).numpy().tolist() == [1.0] and tf.executing_eagerly()
    assert tf.group(tf.constant(1.0)) is None and tf.no_op() is None and tf.global_variables_initializer() is None
    with tf.name_scope("a"), tf.control_dependencies([tf.constant(1.0)]), tf.device("/cpu:0"):
        assert tf.ones([2]).numpy().tolist() == [1.0, 1.0]


def test_variables():
    v = tf.Variable([1.0, 2.0], name="v")
    assert isinstance(v, tf.Variable) and v.numpy().tolist() == [1.0, 2.0]
    tf.assign(v, [3.0, 4.0])
    tf.assign_add(v, [1.0, 1.0])
    tf.scatter_add(v, [0], [6.0])
    assert v.numpy().tolist() == [10.0, 5.0] and bool(tf.is_variable_initialized(v))
    with tf.variable_scope("a"):
        w = tf.get_variable("w", [2], initializer=tf.ones_initializer(), regularizer=tf.nn.l2_loss)
    assert w.name == "a/w:0" and w.numpy().tolist() == [1.0, 1.0]
    twice = tf.make_template("t", lambda x: 2.0 * x)
    assert float(twice(tf.constant(2.0))) == 4.0


def test_what_belongs_to_graphs_is_refused():
    with pytest.raises(RuntimeError, match="placeholder: there is nothing to feed in eager mode"):
        tf.placeholder(tf.float32)
    with pytest.raises(RuntimeError, match="use tf.GradientTape"):
        tf.gradients(tf.constant(1.0), tf.constant(1.0))
    with pytest.raises(ValueError, match="scatter_div: not available in eager mode"):
        tf.scatter_div(tf.Variable([1.0]), [0], [1.0])


def test_graphs_still_work():
    with tf.Graph().as_default():
        x, w = tf.placeholder(tf.float32, []), tf.Variable(2.0)
        assert not tf.executing_eagerly() and isinstance(tf.constant(1.0), tf.Tensor)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            assert sess.run(x * w, {x: np.float32(3.0)}) == 6.0
