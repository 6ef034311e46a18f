"""tf.contrib's layers for images, arg_scope and slim: values against tf.layers and NumPy, and TensorFlow 1's names."""

import numpy as np
import pytest

import graphc.v1 as tf

layers = tf.contrib.layers
IMAGES = np.random.default_rng(1).normal(size=(2, 6, 6, 3)).astype(np.float32)


def run(fetches, feeds=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feeds)


def test_convolutions_are_those_of_tf_layers():
    x = tf.constant(IMAGES)
    ones = {"weights_initializer": tf.ones_initializer()}
    a = layers.conv2d(x, 4, [3, 3], stride=2, **ones, weights_regularizer=layers.l2_regularizer(0.5))
    b = layers.conv2d(x, 4, 3, padding="VALID", activation_fn=None, scope="named", outputs_collections="ends", **ones)
    c = layers.conv2d(x, 4, 3, padding="VALID", activation_fn=None, scope="named", reuse=True)
    d = layers.conv2d_transpose(x, 2, 3, stride=2)
    like = tf.nn.relu(tf.layers.conv2d(x, 4, 3, 2, "same", kernel_initializer=tf.ones_initializer()))
    names = [v.op.name for v in tf.contrib.framework.model_variables()]
    assert names == ["Conv/weights", "Conv/biases", "named/weights", "named/biases", "Conv2d_transpose/weights",
                     "Conv2d_transpose/biases"]  # fmt: skip
    assert tf.get_collection("ends") == [b] and d.shape.as_list() == [2, 12, 12, 2]
    assert len(tf.losses.get_regularization_losses()) == 1
    a, b, c, like = run([a, b, c, like])
    np.testing.assert_array_equal(a, like)
    np.testing.assert_array_equal(b, c)
    windows = np.lib.stride_tricks.sliding_window_view(IMAGES, (3, 3), (1, 2)).sum((3, 4, 5))
    np.testing.assert_allclose(b[..., 0], windows, atol=1e-4)


def test_pooling_dropout_and_labels():
    x = tf.constant(IMAGES)
    most, mean = layers.max_pool2d(x, 2), layers.avg_pool2d(x, [2, 2], stride=2)
    still, dropped = layers.dropout(x, 0.5, is_training=False), layers.dropout(tf.ones([1000]), 0.8)
    most, mean, still, dropped, hot = run([most, mean, still, dropped, layers.one_hot_encoding([1, 0], 3)])
    tiles = IMAGES.reshape(2, 3, 2, 3, 2, 3)
    np.testing.assert_array_equal(most, tiles.max((2, 4)))
    np.testing.assert_allclose(mean, tiles.mean((2, 4)), rtol=1e-5)
    np.testing.assert_array_equal(still, IMAGES)
    assert set(np.unique(dropped)) == {0.0, np.float32(1.25)} and 700 < (dropped > 0).sum() < 900
    assert hot.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]


def test_batch_normalisation():
    x, training = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])
    y = layers.batch_norm(x, decay=0.9, scale=True, is_training=training)
    assert [v.op.name for v in tf.global_variables()] == [
        "BatchNorm/gamma", "BatchNorm/beta", "BatchNorm/moving_mean", "BatchNorm/moving_variance"]  # fmt: skip
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2 and len(tf.trainable_variables()) == 2
    in_place = layers.batch_norm(x, decay=0.9, updates_collections=None, scope="now")
    own = layers.batch_norm(x, updates_collections="mine", scope="own")
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2
    assert len(tf.get_collection("mine")) == 2 and own is not None
    value = np.random.default_rng(0).normal(3.0, 2.0, (50, 3)).astype(np.float32)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        found = sess.run(y, {x: value, training: True})
        np.testing.assert_allclose(found, (value - value.mean(0)) / np.sqrt(value.var(0) + 1e-3), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(sess.run(y, {x: value, training: False}), value / np.sqrt(1.001), rtol=1e-4)
        sess.run(in_place, {x: value})
        moving = next(v for v in tf.global_variables() if v.op.name == "now/moving_mean")
        np.testing.assert_allclose(sess.run(moving), 0.1 * value.mean(0), rtol=1e-4)


def test_normalisers_and_lists_of_layers():
    x = tf.constant(IMAGES)
    y = layers.conv2d(x, 4, 3, normalizer_fn=layers.batch_norm, normalizer_params={"is_training": True})
    assert "Conv/biases" not in [v.op.name for v in tf.global_variables()]
    assert "Conv/BatchNorm/beta" in [v.op.name for v in tf.global_variables()]
    z = layers.repeat(x, 2, layers.conv2d, 5, 3, scope="conv1")
    w = layers.stack(layers.flatten(z), layers.fully_connected, [7, 4], scope="fc")
    names = [v.op.name for v in tf.global_variables()]
    assert "conv1/conv1_1/weights" in names and "conv1/conv1_2/biases" in names and "fc/fc_1/weights" in names
    assert run([y, w])[1].shape == (2, 4)


def test_arguments_from_scopes():
    slim = tf.contrib.slim
    x = tf.constant(IMAGES)
    both, ones = [slim.conv2d, slim.fully_connected], tf.ones_initializer()
    with slim.arg_scope(both, activation_fn=None, weights_initializer=ones):
        with slim.arg_scope([slim.conv2d], stride=2) as scope:
            a = slim.conv2d(x, 4, 3)
        b = slim.conv2d(x, 4, 3, stride=3)
        c = slim.fully_connected(slim.flatten(x), 2)
    with slim.arg_scope(scope):
        d = slim.conv2d(x, 4, 3)
    assert [t.shape.as_list()[1] for t in (a, b, d)] == [3, 2, 3] and a.op.type != "Relu"
    np.testing.assert_allclose(run(c)[:, 0], IMAGES.reshape(2, -1).sum(1), rtol=1e-4)

    @tf.contrib.framework.add_arg_scope
    def scaled(value, by=1.0):
        return value * by

    with tf.contrib.framework.arg_scope([scaled], by=3.0):
        assert scaled(2.0) == 6.0 and scaled(2.0, by=1.0) == 2.0
    assert tf.contrib.framework.has_arg_scope(scaled) and not tf.contrib.framework.has_arg_scope(len)
    with pytest.raises(ValueError, match="arg_scope: len takes no arguments from it"), slim.arg_scope([len], a=1):
        pass
    with pytest.raises(ValueError, match="needs a list of functions or a scope, got 3"), slim.arg_scope(3):
        pass


def test_what_is_not_there_says_what_to_use():
    with pytest.raises(AttributeError, match="tf.contrib.learn.DNNClassifier is not available; use tf.layers.dense"):
        tf.contrib.learn.DNNClassifier
    with pytest.raises(AttributeError, match="tf.contrib.seq2seq.BasicDecoder is not available: .*; use tf.nn.dynamic_rnn"):
        tf.contrib.seq2seq.BasicDecoder
    with pytest.raises(ValueError, match="data_format must be NHWC, NCHW or None, got 'x'"):
        layers.max_pool2d(tf.constant(IMAGES), 2, data_format="x")
    with pytest.raises(ValueError, match="batch_weights and zero_debias_moving_mean are not available"):
        layers.batch_norm(tf.constant(IMAGES), zero_debias_moving_mean=True)
