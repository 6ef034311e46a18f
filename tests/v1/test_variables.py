"""Variables, scopes, initial values, layers, losses."""

import numpy as np
import pytest

import graphc.v1 as tf


def run(fetches, feeds=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feeds)


def test_variable_scopes_name_and_reuse():
    with tf.variable_scope("a"):
        with tf.variable_scope("b"):
            v = tf.get_variable("v", [2])
        op = tf.constant(1.0)
    assert v.name == "a/b/v:0" and op.name == "a/Const:0"
    with tf.variable_scope("a", reuse=True), tf.variable_scope("b"):
        assert tf.get_variable("v") is v and tf.constant(1.0).name == "a_1/b/Const:0"
    with tf.variable_scope("a/b", reuse=tf.AUTO_REUSE) as scope:
        assert tf.get_variable("v", [2]) is v
        w = tf.get_variable("w", [3])
        scope.reuse_variables()
        assert tf.get_variable("w") is w


def test_default_scopes_are_unique():
    names = []
    for _ in range(2):
        with tf.variable_scope(None, "layer"):
            names.append(tf.get_variable("v", []).name)
    assert names == ["layer/v:0", "layer_1/v:0"]


def test_layers_without_names_are_found_again_in_a_reused_scope():
    def model(x):
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
            return tf.layers.dense(tf.layers.dense(x, 3), 1)

    model(tf.ones([2, 4]))
    model(tf.zeros([5, 4]))
    assert [v.op.name for v in tf.trainable_variables()] == [
        "model/dense/kernel", "model/dense/bias", "model/dense_1/kernel", "model/dense_1/bias"]  # fmt: skip


def test_initializers():
    tf.set_random_seed(3)
    shape = [200, 100]
    made = {
        "zeros": tf.get_variable("zeros", shape, initializer=tf.zeros_initializer()),
        "ones": tf.get_variable("ones", shape, initializer=tf.ones_initializer),
        "constant": tf.get_variable("constant", shape, initializer=tf.constant_initializer(3)),
        "normal": tf.get_variable("normal", shape, initializer=tf.random_normal_initializer(stddev=2.0)),
        "truncated": tf.get_variable("truncated", shape, initializer=tf.truncated_normal_initializer()),
        "uniform": tf.get_variable("uniform", shape, initializer=tf.random_uniform_initializer(-1, 1)),
        "glorot": tf.get_variable("glorot", shape),
        "he": tf.get_variable("he", shape, initializer=tf.initializers.he_normal()),
    }
    found = run(made)
    assert not found["zeros"].any() and (found["ones"] == 1).all() and (found["constant"] == 3).all()
    assert found["normal"].std() == pytest.approx(2.0, rel=0.05) and found["normal"].mean() == pytest.approx(
        0, abs=0.05
    )
    assert np.abs(found["truncated"]).max() <= 2.0 and found["truncated"].std() == pytest.approx(0.8796, rel=0.05)
    assert np.abs(found["uniform"]).max() <= 1.0 and found["uniform"].std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    limit = np.sqrt(6 / 300)
    assert np.abs(found["glorot"]).max() <= limit and found["glorot"].std() == pytest.approx(
        limit / np.sqrt(3), rel=0.05
    )
    assert found["he"].std() == pytest.approx(np.sqrt(2 / 200), rel=0.05)


def test_initial_values_of_every_kind():
    made = [tf.Variable(3), tf.Variable(lambda: tf.ones([2])), tf.Variable(np.ones((1, 2))), tf.Variable([True, False]),
            tf.get_variable("c", initializer=tf.constant([7, 8])), tf.get_variable("n", initializer=4.0)]  # fmt: skip
    assert [v.dtype.name for v in made] == ["int32", "float32", "float64", "bool", "int32", "float32"]
    assert [np.asarray(v).tolist() for v in run(made)] == [3, [1.0, 1.0], [[1.0, 1.0]], [True, False], [7, 8], 4.0]


def test_one_initial_value_from_another():
    v = tf.Variable(tf.random_normal([3]))
    w = tf.Variable(v.initialized_value() * 2.0)
    a, b = run([v, w])
    np.testing.assert_array_equal(a * 2, b)


def test_operators_on_variables():
    v = tf.Variable([1.0, 2.0])
    assert [x.tolist() for x in run([v + 1.0, 1.0 - v, v * v, -v, v[1:], v / 2.0, v**2.0])] == [
        [2.0, 3.0], [0.0, -1.0], [1.0, 4.0], [-1.0, -2.0], [2.0], [0.5, 1.0], [1.0, 4.0]]  # fmt: skip


def test_assignments():
    v = tf.Variable([1.0, 2.0])
    with tf.Session() as sess:
        sess.run(v.initializer)
        assert sess.run(tf.assign(v, [5.0, 6.0])).tolist() == [5.0, 6.0]
        assert sess.run(tf.assign_sub(v, [1.0, 1.0])).tolist() == [4.0, 5.0]
        assert sess.run(tf.scatter_update(v, [1], [9.0])).tolist() == [4.0, 9.0]
        assert sess.run(tf.scatter_add(v, [0, 0], [1.0, 1.0])).tolist() == [6.0, 9.0]
        v.load([0.0, 1.0], sess)
        assert sess.run(v).tolist() == [0.0, 1.0]
        sess.run(v.initializer)
        assert v.eval(sess).tolist() == [1.0, 2.0]


def test_dense_layers():
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.layers.dense(x, 4, tf.nn.relu, name="one")
    z = tf.layers.dense(y, 2, kernel_initializer=tf.ones_initializer())
    assert [v.name for v in tf.trainable_variables()] == [
        "one/kernel:0",
        "one/bias:0",
        "dense/kernel:0",
        "dense/bias:0",
    ]
    assert z.shape.as_list() == [None, 2]
    one, kernel, out = run([y, tf.trainable_variables()[0], z], {x: np.ones((5, 3))})
    np.testing.assert_allclose(one, np.maximum(np.ones((5, 3)) @ kernel, 0), rtol=1e-6)
    np.testing.assert_allclose(out, np.repeat(one.sum(1, keepdims=True), 2, 1), rtol=1e-6)
    again = tf.layers.dense(x, 4, tf.nn.relu, name="one", reuse=True)
    assert len(tf.trainable_variables()) == 4 and again.shape.as_list() == [None, 4]


def test_regularizers_are_collected():
    tf.layers.dense(tf.ones([1, 2]), 2, kernel_initializer=tf.ones_initializer(), kernel_regularizer=tf.nn.l2_loss)
    assert run(tf.losses.get_regularization_loss()) == 2.0


def test_flatten_and_dropout_layers():
    x = tf.placeholder(tf.float32, [None, 2, 3])
    flat, training = tf.layers.flatten(x), tf.placeholder(tf.bool, [])
    dropped = tf.layers.dropout(flat, 0.5, training=training)
    assert flat.shape.as_list() == [None, 6]
    with tf.Session() as sess:
        value = np.ones((50, 2, 3))
        assert sess.run(dropped, {x: value, training: False}).sum() == 300
        assert set(np.unique(sess.run(dropped, {x: value, training: True}))) == {0.0, 2.0}


def test_in_top_k():
    predictions = [[0.1, 0.9, 0.0], [0.3, 0.2, 0.5]]
    assert run(tf.nn.in_top_k(predictions, [0, 2], 1)).tolist() == [False, True]
    assert run(tf.nn.in_top_k(predictions, [0, 1], 2)).tolist() == [True, False]


def test_losses():
    labels, values = tf.constant([[1.0, 2.0], [3.0, 5.0]]), tf.constant([[1.0, 4.0], [3.0, 4.0]])
    assert run(tf.losses.mean_squared_error(labels, values)) == 1.25
    assert run(tf.losses.absolute_difference(labels, values, weights=[[1.0], [0.0]])) == 1.0
    assert run(tf.losses.huber_loss(labels, values)) == pytest.approx((1.5 + 0.5) / 4)
    logits = tf.constant([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    dense = tf.losses.softmax_cross_entropy([[0, 0, 1], [1, 0, 0]], logits)
    sparse = tf.losses.sparse_softmax_cross_entropy([2, 0], logits)
    a, b = run([dense, sparse])
    assert a == pytest.approx(b) and a == pytest.approx((0.4076059 + 1.0986123) / 2, rel=1e-5)
    assert len(tf.losses.get_losses()) == 5
