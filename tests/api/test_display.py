"""What a program sees of tensors, variables, shapes and dtypes when it prints, formats or indexes them."""

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as tf1


def test_scalars_show_plain_numbers():
    assert repr(tf.constant(3)) == "<tf.Tensor: shape=(), dtype=int32, numpy=3>"
    assert repr(tf.constant("a")) == "<tf.Tensor: shape=(), dtype=string, numpy=b'a'>"
    assert repr(tf.constant(True)) == "<tf.Tensor: shape=(), dtype=bool, numpy=True>"
    assert repr(tf.Variable(0.5)) == "<tf.Variable 'Variable:0' shape=() dtype=float32, numpy=0.5>"


def test_several_lines_begin_below():
    x = tf.constant([[1, 2], [3, 4]])
    assert str(x) == "tf.Tensor(\n[[1 2]\n [3 4]], shape=(2, 2), dtype=int32)"
    assert repr(x).startswith("<tf.Tensor: shape=(2, 2), dtype=int32, numpy=\narray([[1, 2],\n")


def test_format_is_that_of_the_value():
    assert f"{tf.constant([1.0, 2.0])}" == "[1. 2.]" and f"{tf.constant(2.5):.2f}" == "2.50"
    slices = tf.IndexedSlices(tf.constant([1.0]), tf.constant([0]))
    assert str(slices).startswith("IndexedSlices(indices=tf.Tensor([0], shape=(1,), dtype=int32), values=tf.Tensor(")


def test_sizes_are_ints_here_and_dimensions_in_version_one():
    x = tf.constant([[1.0, 2.0]])
    assert type(x.shape[1]) is int and list(x.shape) == [1, 2] and tf.TensorShape([None, 2])[0] is None
    assert isinstance(x.shape, tf.TensorShape) and isinstance(x.shape[:1], tf.TensorShape)
    with tf1.Graph().as_default():
        y = tf1.placeholder(tf1.float32, [None, 2])
        assert isinstance(y.shape[0], tf1.Dimension) and y.shape[0].value is None and y.shape[1] == 2
        assert isinstance(y.shape, tf1.TensorShape) and isinstance(y.shape[1:][0], tf1.Dimension)


def test_numpys_functions_take_tensors_with_a_value():
    x, a = tf.constant([1.0, 2.0]), np.float32([3.0, 4.0])
    np.testing.assert_array_equal(np.square(x), [1, 4])
    np.testing.assert_array_equal(np.add(a, tf.Variable(x)), [4, 6])
    for found in (a + x, x + a, a * tf.Variable(x), np.float32(2) * x, a < x):
        assert isinstance(found, tf.Tensor)


def test_eval_without_a_session():
    with pytest.raises(ValueError, match=r"use \.numpy\(\)"):
        tf.constant(1).eval()


def test_a_name_of_tensorflow_1_points_to_its_module():
    with pytest.raises(AttributeError, match="no attribute 'placeholder'.*graphc.v1"):
        tf.placeholder
