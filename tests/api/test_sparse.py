"""SparseTensor and IndexedSlices as objects: eagerly, with tapes, in branches, and in version 1's sessions."""

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as tf1
from graphc.errors import UsageError

PLACES, SHAPE = [[0, 1], [2, 0]], [3, 4]


def example(values=(1.0, 2.0)):
    return tf.SparseTensor(PLACES, list(values), SHAPE)


def dense(values=(1.0, 2.0)):
    out = np.zeros(SHAPE, np.float32)
    out[tuple(np.transpose(PLACES))] = values
    return out


def test_parts_and_what_is_known_of_them():
    x = example()
    assert x.dtype is tf.float32 and x.shape == (3, 4) and x.get_shape().as_list() == [3, 4]
    assert x.indices.dtype is tf.int64 and x.dense_shape.numpy().tolist() == SHAPE
    assert x.with_values([5, 6]).values.numpy().tolist() == [5, 6]
    again = tf.SparseTensor.from_value(x)
    assert again is not x and again.indices.numpy().tolist() == PLACES


def test_it_is_shown_as_tensorflow_shows_it():
    text = repr(example())
    assert text.startswith("SparseTensor(indices=tf.Tensor(") and "dense_shape=tf.Tensor([3 4]" in text


def test_gradients_reach_the_values():
    values = tf.constant([1.0, 2.0])
    b = np.arange(8, dtype=np.float32).reshape(4, 2)
    with tf.GradientTape() as tape:
        tape.watch(values)
        x = example().with_values(values)
        y = tf.reduce_sum(tf.sparse.sparse_dense_matmul(x, b)) + tf.reduce_sum(tf.sparse.add(x, x).values ** 2)
    assert tape.gradient(y, values).numpy().tolist() == [5 + 8, 1 + 16]


def test_branches_and_loops_carry_sparse_tensors():
    one, other = example(), example([5.0, 6.0])
    found = tf.cond(tf.constant(False), lambda: one, lambda: other)
    np.testing.assert_array_equal(tf.sparse.to_dense(found), dense([5, 6]))
    _, found = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x.with_values(x.values * 2.0)), (0, one))
    np.testing.assert_array_equal(tf.sparse.to_dense(found), dense([8, 16]))


def test_unary_functions_take_sparse_tensors():
    np.testing.assert_array_equal(tf.sparse.to_dense(tf.square(example([2.0, 3.0]))), dense([4, 9]))
    assert tf.cast(example(), tf.int32).dtype is tf.int32
    with pytest.raises(UsageError, match="does not take a SparseTensor"):
        tf.math.add(example(), 1.0)


def test_indexed_slices_stand_for_a_tensor():
    x = tf.IndexedSlices([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [0, 2, 0], [3, 2])
    wanted = [[6, 8], [0, 0], [3, 4]]
    assert tf.convert_to_tensor(x).numpy().tolist() == wanted
    assert (tf.add(x, 1.0).numpy() - 1).tolist() == wanted
    assert (-x).values.numpy().tolist() == [[-1, -2], [-3, -4], [-5, -6]]
    with pytest.raises(UsageError, match="dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices([1.0], [0]))


def test_specifications():
    spec = tf.SparseTensorSpec([None, 4], tf.float32)
    assert spec.is_compatible_with(example()) and not tf.SparseTensorSpec([2, 4]).is_compatible_with(example())
    assert tf.SparseTensorSpec.from_value(example()) == tf.SparseTensorSpec([3, 4], tf.float32)


@pytest.fixture
def graph():
    with tf1.Graph().as_default() as made:
        yield made


def test_a_session_feeds_and_fetches_sparse_tensors(graph):
    x = tf1.sparse_placeholder(tf.float32, [None, 4], name="x")
    assert x.shape.as_list() == [None, 4]
    w = tf1.placeholder(tf.float32, [4, 2])
    product = tf1.sparse_tensor_dense_matmul(x, w)
    slopes = tf1.gradients(tf1.reduce_sum(product), [x.values, w])
    total = tf1.sparse.add(x, x)
    value = tf1.SparseTensorValue(PLACES, [1.0, 2.0], SHAPE)
    ones = np.ones((4, 2), np.float32)
    with tf1.Session() as sess:
        for given in (value, (PLACES, [1.0, 2.0], SHAPE)):
            feeds = {x: given, w: ones}
            found, y, (dv, dw), both = sess.run([x, product, slopes, {"a": total}], feeds)
            assert isinstance(found, tf1.SparseTensorValue) and found.indices.tolist() == PLACES
            np.testing.assert_array_equal(y, dense() @ ones)
            assert dv.tolist() == [2, 2] and dw.tolist() == [[2, 2], [1, 1], [0, 0], [0, 0]]
            assert both["a"].values.tolist() == [2, 4]
        small = sess.run(tf1.sparse.to_dense(x), {x: ([[0, 0]], [7.0], [1, 4])})
        assert small.tolist() == [[7, 0, 0, 0]]


SIZES_FROM_DATA = {
    "to_dense": lambda x: tf1.sparse.to_dense(x),
    "reorder": lambda x: tf1.sparse.to_dense(tf1.sparse.reorder(x)),
    "transpose": lambda x: tf1.sparse.to_dense(tf1.sparse.transpose(x)),
    "reshape": lambda x: tf1.sparse.to_dense(tf1.sparse.reshape(x, [-1, 2])),
    "slice": lambda x: tf1.sparse.to_dense(tf1.sparse.slice(x, [0, 0], [2, 3])),
    "concat": lambda x: tf1.sparse.to_dense(tf1.sparse.concat(1, [x, x])),
    "reduce_sum": lambda x: tf1.sparse.reduce_sum(x, axis=1),
    "reduce_max": lambda x: tf1.sparse.reduce_max(x, axis=0),
    "softmax": lambda x: tf1.sparse.softmax(x).values,
    "fill_empty_rows": lambda x: tf1.sparse.to_dense(tf1.sparse.fill_empty_rows(x, -1.0)[0]),
    "split": lambda x: [tf1.sparse.to_dense(p) for p in tf1.sparse.split(sp_input=x, num_split=2, axis=1)],
    "expand_dims": lambda x: tf1.sparse.to_dense(tf1.sparse.expand_dims(x, 0)),
    "shape": lambda x: tf1.shape(x),
}


@pytest.mark.parametrize("name", SIZES_FROM_DATA)
def test_sizes_that_only_a_run_knows_give_what_known_ones_give(name, graph):
    function = SIZES_FROM_DATA[name]
    x = tf1.sparse_placeholder(tf.float32, [None, None])
    known = function(tf1.SparseTensor(PLACES, tf1.constant([1.0, 2.0]), SHAPE))
    with tf1.Session() as sess:
        found, wanted = sess.run([function(x), known], {x: (PLACES, [1.0, 2.0], SHAPE)})
    for a, b in zip(*(v if isinstance(v, list) else [v] for v in (found, wanted))):
        np.testing.assert_array_equal(a, b)


def test_constants_go_into_the_graph(graph):
    x = tf1.SparseTensor(PLACES, [1.0, 2.0], SHAPE)
    total = tf1.sparse_reduce_sum(x)
    sums = tf1.sparse_reduce_sum_sparse(x, axis=1)
    with tf1.Session() as sess:
        assert sess.run(total) == 3
        assert sess.run(sums).values.tolist() == [1, 2]
        assert sess.run(tf1.sparse_to_dense([1, 3], [5], 7)).tolist() == [0, 7, 0, 7, 0]
        assert sess.run(tf1.sparse_to_dense([[0, 1]], [1, 2], [4.0], default_value=1.0)).tolist() == [[1, 4]]


def test_values_are_merged_at_places_that_ids_give(graph):
    ids = tf1.SparseTensor([[0, 0], [0, 1], [1, 0]], tf1.constant([3, 1, 2], tf.int64), [2, 2])
    weights = tf1.SparseTensor([[0, 0], [0, 1], [1, 0]], [0.5, 1.5, 2.5], [2, 2])
    merged = tf1.sparse_merge(ids, weights, 5)
    with tf1.Session() as sess:
        found = sess.run(merged)
    assert found.indices.tolist() == [[0, 1], [0, 3], [1, 2]] and found.values.tolist() == [1.5, 0.5, 2.5]
    assert found.dense_shape.tolist() == [2, 5]


def test_placeholders_are_not_fed_with_other_than_three_parts(graph):
    x = tf1.sparse_placeholder(tf.float32)
    with tf1.Session() as sess, pytest.raises(UsageError, match="has 3 parts, got 2"):
        sess.run(x.values, {x: (PLACES, [1.0, 2.0])})
