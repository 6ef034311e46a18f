"""RaggedTensor as an object: parts, picking, tapes, branches, and version 1's sessions."""

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as tf1
from graphc.errors import InvalidArgumentError, ShapeError

ROWS = [[1.0, 2.0], [], [3.0, 4.0, 5.0]]
DEEP = [[[1], [2, 3]], [], [[], [4]]]


def test_parts_and_what_is_known_of_them():
    x = tf.ragged.constant(ROWS)
    assert x.values.numpy().tolist() == [1, 2, 3, 4, 5] and x.row_splits.numpy().tolist() == [0, 2, 2, 5]
    assert x.shape.as_list() == [3, None] and x.ragged_rank == 1 and x.dtype is tf.float32
    deep = tf.ragged.constant(DEEP)
    assert deep.ragged_rank == 2
    assert [s.numpy().tolist() for s in deep.nested_row_splits] == [[0, 2, 2, 4], [0, 1, 3, 3, 4]]
    even = tf.RaggedTensor.from_tensor(np.zeros((2, 3), np.float32))
    assert even.shape.as_list() == [2, 3] and even.uniform_row_length.numpy() == 3


def test_it_is_shown_and_listed():
    assert repr(tf.ragged.constant([[1, 2], [3]])) == "<tf.RaggedTensor [[1, 2], [3]]>"
    assert tf.ragged.constant(DEEP).to_list() == DEEP
    assert tf.ragged.constant([[b"a"], []]).to_list() == [[b"a"], []]
    assert [r.tolist() for r in tf.ragged.constant(ROWS).numpy()] == ROWS
    assert tf.ragged.constant([[1, 2], [3, 4]]).numpy().tolist() == [[1, 2], [3, 4]]


def test_rows_are_iterated_and_picked():
    x = tf.ragged.constant(ROWS)
    assert [r.numpy().tolist() for r in x] == ROWS
    assert x[tf.constant(2)].numpy().tolist() == ROWS[2]
    assert x[:, tf.constant(1) :].to_list() == [[2.0], [], [4.0, 5.0]]
    assert tf.ragged.constant(DEEP)[0].to_list() == DEEP[0]
    assert x[tf.newaxis].to_list() == [ROWS] and x[1:, tf.newaxis].to_list() == [[[]], [ROWS[2]]]


def test_partitions_are_checked():
    with pytest.raises(InvalidArgumentError, match="ascend"):
        tf.RaggedTensor.from_row_splits([1, 2], [0, 3])
    with pytest.raises(InvalidArgumentError, match="ascend"):
        tf.RaggedTensor.from_row_splits([1, 2], [1, 2])
    assert tf.RaggedTensor.from_row_splits([1, 2], [0, 1, 2], validate=False).nrows().numpy() == 2


def test_gradients_reach_the_values():
    x = tf.ragged.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(x.flat_values)
        y = tf.reduce_sum(tf.reduce_sum(x * x, axis=1) * [1.0, 10.0, 100.0]) + tf.reduce_sum(x.to_tensor() ** 2)
    found = tape.gradient(y, x)
    assert found.to_list() == [[4, 8], [], [606, 808, 1010]]


def test_branches_and_loops_carry_ragged_tensors():
    x = tf.ragged.constant(ROWS)
    assert tf.cond(tf.constant(True), lambda: x * 2.0, lambda: x).to_list() == [[2, 4], [], [6, 8, 10]]
    _, found = tf.while_loop(lambda i, r: i < 2, lambda i, r: (i + 1, r + 1.0), (0, x))
    assert found.to_list() == [[3, 4], [], [5, 6, 7]]


def test_operands_broadcast_to_rows():
    x = tf.ragged.constant(ROWS)
    assert (x + [[10.0], [20.0], [30.0]]).to_list() == [[11, 12], [], [33, 34, 35]]
    assert (tf.constant([[1.0, 2.0, 3.0]]) * x).to_list() == [[1, 4], [], [3, 8, 15]]
    assert (1.0 - x).to_list() == [[0, -1], [], [-2, -3, -4]]
    with pytest.raises(ShapeError, match="other lengths"):
        x + tf.ragged.constant([[1.0], [], [1.0]])


def test_specifications():
    spec = tf.RaggedTensorSpec([None, None], tf.float32)
    assert spec.is_compatible_with(tf.ragged.constant(ROWS))
    assert tf.RaggedTensorSpec.from_value(tf.ragged.constant(DEEP)).ragged_rank == 2


FUNCTIONS = {
    "to_tensor": lambda m, x: x.to_tensor(),
    "to_tensor_cut": lambda m, x: x.to_tensor(-1.0, shape=[None, 2]),
    "to_sparse": lambda m, x: m.sparse.to_dense(x.to_sparse()),
    "row": lambda m, x: x[2],
    "last_row": lambda m, x: x[-1],
    "rows": lambda m, x: x[1:],
    "heads": lambda m, x: x[:, :1],
    "backwards": lambda m, x: x[:, ::-1],
    "sums": lambda m, x: m.reduce_sum(x, axis=1),
    "column_sums": lambda m, x: m.reduce_sum(x, axis=0),
    "means": lambda m, x: m.reduce_max(x, axis=1),
    "concat": lambda m, x: m.concat([x, x], axis=1),
    "stack": lambda m, x: m.ragged.stack([x, x]),
    "gather": lambda m, x: m.gather(x, [2, 0]),
    "plus": lambda m, x: x + 1.0,
    "broadcast": lambda m, x: x * [[1.0], [2.0], [3.0]],
    "lengths": lambda m, x: x.row_lengths(),
    "rowids": lambda m, x: x.value_rowids(),
    "bounds": lambda m, x: x.bounding_shape(),
    "nrows": lambda m, x: x.nrows(),
    "softmax": lambda m, x: m.nn.softmax(x),
    "mask": lambda m, x: m.ragged.boolean_mask(x, x > 1.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_session_gives_what_eager_evaluation_gives(name):
    wanted = FUNCTIONS[name](tf, tf.ragged.constant(ROWS))
    with tf1.Graph().as_default(), tf1.Session() as sess:
        x = tf1.ragged.placeholder(tf.float32, 1)
        found = sess.run(FUNCTIONS[name](tf1, x), {x: tf1.ragged.constant_value(ROWS)})
    if isinstance(found, tf1.ragged.RaggedTensorValue):
        assert found.to_list() == wanted.to_list()
    else:
        np.testing.assert_array_equal(found, wanted.numpy())
