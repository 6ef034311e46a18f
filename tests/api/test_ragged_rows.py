"""``map_fn`` over the rows of ragged tensors; wanted values are TensorFlow's."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc import errors

ROWS = [[1, 2, 3], [], [4, 5]]
DEEP = [[[1.0, 2.0], [3.0]], [], [[4.0, 5.0, 6.0]]]
INTS = tf.RaggedTensorSpec([None], tf.int32)


def test_scalars_become_a_tensor():
    sums = tf.map_fn(lambda row: tf.cast(tf.reduce_sum(row), tf.float32), tf.ragged.constant(ROWS),
                     fn_output_signature=tf.float32)  # fmt: skip
    assert isinstance(sums, tf.Tensor) and sums.dtype is tf.float32 and sums.numpy().tolist() == [6, 0, 9]
    means = tf.map_fn(tf.reduce_mean, tf.ragged.constant([[1.0, 3.0], [], [4.5]]), fn_output_signature=tf.float32)
    assert np.array_equal(means, [2, np.nan, 4.5], equal_nan=True)


@pytest.mark.parametrize("signature", [None, INTS])
def test_vectors_become_rows(signature):
    doubled = tf.map_fn(lambda row: row * 2, tf.ragged.constant(ROWS), fn_output_signature=signature)
    assert doubled.to_list() == [[2, 4, 6], [], [8, 10]] and doubled.shape.as_list() == [3, None]


def test_vectors_of_one_length_become_a_matrix_if_a_tensor_is_wanted():
    def both(row):
        return tf.stack([tf.size(row), tf.reduce_sum(row)])

    rows = tf.ragged.constant(ROWS)
    for wanted in (tf.int32, tf.TensorSpec([2], tf.int32)):
        dense = tf.map_fn(both, rows, fn_output_signature=wanted)
        assert isinstance(dense, tf.Tensor) and dense.numpy().tolist() == [[3, 6], [0, 0], [2, 9]]
    ragged = tf.map_fn(both, rows)
    assert ragged.to_list() == [[3, 6], [0, 0], [2, 9]] and ragged.shape.as_list() == [3, None]


def test_rows_of_rows():
    deep = tf.ragged.constant(DEEP)
    sums = tf.map_fn(lambda x: tf.reduce_sum(x, axis=1), deep,
                     fn_output_signature=tf.RaggedTensorSpec([None], tf.float32))  # fmt: skip
    assert sums.to_list() == [[3, 3], [], [15]]
    more = tf.map_fn(lambda x: x + 1, deep,
                     fn_output_signature=tf.RaggedTensorSpec([None, None], tf.float32, ragged_rank=1))  # fmt: skip
    assert more.to_list() == [[[2, 3], [4]], [], [[5, 6, 7]]] and more.shape.as_list() == [3, None, None]


def test_structures_go_in_and_come_out():
    rows = tf.ragged.constant(ROWS)
    scaled = tf.map_fn(lambda p: tf.reduce_sum(p[0]) * p[1], (rows, tf.constant([1, 10, 100])),
                       fn_output_signature=tf.int32)  # fmt: skip
    assert scaled.numpy().tolist() == [6, 0, 900]
    sizes, more = tf.map_fn(lambda row: (tf.size(row), row + 1), rows, fn_output_signature=(tf.int32, INTS))
    assert sizes.numpy().tolist() == [3, 0, 2] and more.to_list() == [[2, 3, 4], [], [5, 6]]
    named = tf.map_fn(lambda d: {"n": tf.size(d["x"]), "s": tf.reduce_sum(d["x"])}, {"x": rows},
                      fn_output_signature={"n": tf.int32, "s": tf.int32})  # fmt: skip
    assert {k: v.numpy().tolist() for k, v in named.items()} == {"n": [3, 0, 2], "s": [6, 0, 9]}


def test_rows_of_different_lengths_are_made_from_a_tensor():
    made = tf.map_fn(tf.range, tf.constant([2, 0, 3]), fn_output_signature=INTS)
    assert made.to_list() == [[0, 1], [], [0, 1, 2]] and made.shape.as_list() == [3, None]


def test_gradients_come_back_through_the_rows():
    flat = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(flat)
        rows = tf.RaggedTensor.from_row_lengths(flat, [2, 0, 1])
        squares = tf.map_fn(lambda row: tf.reduce_sum(row * row), rows, fn_output_signature=tf.float32)
    assert tape.gradient(squares, flat).numpy().tolist() == [2, 4, 6]


def test_what_cannot_be_mapped_is_told():
    rows = tf.ragged.constant(ROWS)
    with pytest.raises(errors.ShapeError, match=r"map_fn: elems have different numbers of rows, \[2, 3\]"):
        tf.map_fn(lambda p: tf.reduce_sum(p[0]), (rows, tf.constant([1, 2])), fn_output_signature=tf.int32)
    with pytest.raises(errors.UsageError, match="elems without rows do not show what the function answers with"):
        tf.map_fn(tf.reduce_sum, tf.ragged.constant([], ragged_rank=1, dtype=tf.int32))
    with pytest.raises(errors.UsageError, match="not known while a function is traced; use tf.ragged.map_flat_values"):
        tf.function(lambda x: tf.map_fn(tf.reduce_sum, x))(rows)
    with pytest.raises(errors.UsageError, match="not known while a function is traced"):
        tf.function(lambda n: tf.map_fn(tf.range, n, fn_output_signature=INTS))(tf.constant([2, 0, 3]))
