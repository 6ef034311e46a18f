"""Loops whose length nobody knows before: TensorArrays that grow, and raw_rnn; values recorded from TensorFlow."""

import numpy as np
import pytest
from evaluation import value

import graphc.v1 as tf
from graphc import errors


def test_a_loop_lets_an_array_grow():
    n = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    _, array = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, 2.0 * tf.cast(i, tf.float32))), [0, array])
    found = [array.stack(), array.size(), array.read(1)]
    elements, size, second = value(found, {n: 5})
    assert elements.tolist() == [0, 2, 4, 6, 8] and size == 5 and second == 2
    assert value(found[0], {n: 3}).tolist() == [0, 2, 4]


def test_elements_that_are_there_before_stay():
    n = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=1, dynamic_size=True, element_shape=[2]).write(0, [5.0, 6.0])
    _, array = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, [1.0, 2.0])), [2, array])
    assert value(array.stack(), {n: 0}).tolist() == [[5, 6]]
    assert value(array.stack(), {n: 4}).tolist() == [[5, 6], [0, 0], [1, 2], [1, 2]]


def test_what_only_is_read_does_not_grow():
    x = tf.placeholder(tf.float32, [None])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True).unstack(x)
    _, total, array = tf.while_loop(
        lambda i, v, a: i < a.size(), lambda i, v, a: (i + 1, v + a.read(i), a), [0, 0.0, array]
    )  # fmt: skip
    out, slope, elements = value([total, tf.gradients(total * total, x)[0], array.stack()], {x: [1, 2, 3]})
    assert out == 6 and slope.tolist() == [12, 12, 12] and elements.tolist() == [1, 2, 3]


def test_gradients_go_through():
    x = tf.placeholder(tf.float32, [])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    _, _, array = tf.while_loop(
        lambda i, v, a: v < 20.0, lambda i, v, a: (i + 1, v * x, a.write(i, v)), [0, x, array]
    )  # fmt: skip
    powers = array.stack()
    found, slope = value([powers, tf.gradients(tf.reduce_sum(powers), x)[0]], {x: 2.0})
    assert found.tolist() == [2, 4, 8, 16] and slope == 49


def test_a_size_that_is_computed():
    x = tf.placeholder(tf.float32, [2])
    n = tf.cast(tf.reduce_sum(x), tf.int32)
    array = tf.TensorArray(tf.float32, size=n)
    body = lambda i, a: (i + 1, a.write(i, tf.reduce_sum(x) * tf.cast(i, tf.float32)))  # noqa: E731
    rows = tf.while_loop(lambda i, a: i < n, body, [0, array])[1].stack()
    found, slope = value([rows, tf.gradients(tf.reduce_sum(rows * rows), x)[0]], {x: [2, 3]})
    assert found.tolist() == [0, 5, 10, 15, 20] and slope.tolist() == [300, 300]


def test_sizes_from_what_is_differentiated_by():
    x = tf.placeholder(tf.float32, [2])
    filled = tf.zeros([tf.cast(tf.reduce_sum(x), tf.int32)]) + tf.reduce_sum(x * x)
    assert value(tf.gradients(filled * filled, x)[0], {x: [1, 2]}).tolist() == [60, 120]


def test_what_a_growing_array_cannot():
    array = tf.TensorArray(tf.float32, size=1, dynamic_size=True, element_shape=[])
    with pytest.raises(errors.StateError, match="how far a TensorArray grows .* depends on the elements; give a TensorArray size="):
        tf.while_loop(lambda i, v, a: v < 5.0, lambda i, v, a: (i + 1, v + a.read(i), a.write(i, v)), [0, 0.0, array])
    with pytest.raises(errors.StateError, match="grows .* cannot be in a loop that prints"):
        tf.while_loop(
            lambda i, a: i < 5, lambda i, a: (i + 1, a.write(i, tf.Print(1.0, [i]))), [0, array]
        )  # fmt: skip

    def outer(i, a):
        return i + 1, tf.while_loop(lambda j, b: j < 2, lambda j, b: (j + 1, b.write(i + j, 1.0)), [0, a])[1]

    with pytest.raises(errors.SymbolicError, match="not in loops inside of loops; give size="):
        tf.while_loop(lambda i, a: i < 5, outer, [0, array])


X = (np.arange(24).reshape(4, 2, 3) / 10).astype(np.float32)


def sequence(lengths=(4, 2)):
    x, n = tf.placeholder(tf.float32, [None, 2, 3]), tf.constant(lengths)
    rows = tf.TensorArray(tf.float32, size=tf.shape(x)[0]).unstack(x)
    cell = tf.nn.rnn_cell.BasicRNNCell(2)

    def step(time, output, state, own):
        state = cell.zero_state(2, tf.float32) if output is None else state
        finished = time >= n
        row = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([2, 3]), lambda: rows.read(time))
        return finished, row, state, output, None

    with tf.variable_scope("r", initializer=tf.constant_initializer(0.1)):
        outputs, state, own = tf.nn.raw_rnn(cell, step)
    assert own is None
    return x, outputs.stack(), state


def test_raw_rnn_is_dynamic_rnn_where_it_does_the_same():
    x, outputs, state = sequence()
    assert [v.name for v in tf.trainable_variables()] == ["r/rnn/basic_rnn_cell/kernel:0", "r/rnn/basic_rnn_cell/bias:0"]
    found, last = value([outputs, state], {x: X})
    wanted = [[0.029991, 0.1194273], [0.21270056, 0.31301597], [0.40744194, 0], [0.57267106, 0]]
    np.testing.assert_allclose(found[:, :, 0], wanted, rtol=1e-6)
    np.testing.assert_allclose(last, [[0.57267106] * 2, [0.31301597] * 2], rtol=1e-6)


def test_gradients_of_raw_rnn():
    x, outputs, state = sequence()
    loss = tf.reduce_sum(outputs * outputs) + tf.reduce_sum(state)
    by_x, kernel, bias = value(tf.gradients(loss, [x, *tf.trainable_variables()]), {x: X})
    wanted = [[0.0352386, 0.10492139], [0.11636964, 0.29334298], [0.18401818, 0], [0.28835452, 0]]
    np.testing.assert_allclose(by_x[:, :, 0], wanted, rtol=1e-5)
    np.testing.assert_allclose(kernel[:, 0], [5.525834, 6.0369573, 6.5480795, 0.97575855, 0.97575855], rtol=1e-5)
    np.testing.assert_allclose(bias, [5.1112266] * 2, rtol=1e-5)


def test_outputs_that_are_fed_back():
    cell, w = tf.nn.rnn_cell.BasicLSTMCell(2), tf.constant([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    ends = tf.constant([3, 5])

    def step(time, output, state, total):
        if output is None:
            return time >= ends, tf.ones([2, 3]), cell.zero_state(2, tf.float32), tf.zeros([3]), tf.constant(0.0)
        y = tf.matmul(output, w)
        return time >= ends, y, state, y, total + tf.reduce_sum(y)

    with tf.variable_scope("q", initializer=tf.constant_initializer(0.2)):
        outputs, state, total = tf.nn.raw_rnn(cell, step)
    found, last, total = value([outputs.stack(), state, total])
    np.testing.assert_allclose(found[:, 0, 2], [0.43063948, 0.44092935, 0.49406648, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(found[:, 1, 0], [0.21531974, 0.22046468, 0.24703324, 0.2796125, 0.3174669], rtol=1e-6)
    np.testing.assert_allclose(last.c[:, 0], [0.46807483, 0.61044693], rtol=1e-6)
    np.testing.assert_allclose(total, 10.131073, rtol=1e-6)


def test_the_loop_state_may_be_an_array():
    cell = tf.nn.rnn_cell.BasicRNNCell(2)

    def step(time, output, state, seen):
        if output is None:
            seen = tf.TensorArray(tf.int32, size=0, dynamic_size=True)
            return tf.constant([False]), tf.ones([1, 3]), cell.zero_state(1, tf.float32), None, seen
        return tf.stack([time >= 3]), tf.ones([1, 3]), state, output, seen.write(time - 1, time * 2)

    outputs, _, seen = tf.nn.raw_rnn(cell, step)
    found, steps = value([outputs.stack(), seen.stack()])
    assert found.shape == (3, 1, 2) and steps.tolist() == [2, 4, 6]


def test_wrong_arguments():
    cell = tf.nn.rnn_cell.BasicRNNCell(2)
    with pytest.raises(errors.UsageError, match="loop_fn must be a function"):
        tf.nn.raw_rnn(cell, 3)
    with pytest.raises(errors.UsageError, match="raw_rnn: loop_fn must answer with"):
        tf.nn.raw_rnn(cell, lambda *a: None)
    with pytest.raises(errors.DtypeError, match="finished must be bool, not int32"):
        tf.nn.raw_rnn(cell, lambda *a: (tf.constant([1]), tf.ones([1, 3]), tf.ones([1, 2]), None, None))
    with pytest.raises(errors.UsageError, match="is no cell"):
        tf.nn.raw_rnn(3, lambda *a: None)
