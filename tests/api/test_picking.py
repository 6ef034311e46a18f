"""Elements and rows of values that are there: as NumPy picks them, without a program for each index, with gradients."""

import numpy as np
import pytest

import graphc as tf
from graphc.api import eager


@pytest.fixture
def compiled(monkeypatch):
    """How many graphs eager evaluation has compiled."""
    count = []
    compile_graph = eager.compile_graph
    monkeypatch.setattr(eager, "compile_graph", lambda graph, *options: count.append(graph) or compile_graph(graph, *options))
    return count


KEYS = [0, -1, np.int64(1), (0, 1), (..., 0), (slice(None), None, 1), slice(None, None, -1), (slice(1), slice(None, None, 2)),
        (slice(0, 9), slice(3, 1)), (), (None,), (1, ..., slice(-2, None)), (slice(2, None, -2), 1)]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=repr)
@pytest.mark.parametrize("waits", [False, True])
def test_as_numpy_picks(key, waits):
    array = np.arange(24.0).reshape(2, 3, 4)
    x = tf.constant(array) + 0 if waits else tf.constant(array)
    found = x[key]
    assert found.shape == array[key].shape and found.dtype is tf.float64
    np.testing.assert_array_equal(found.numpy(), array[key])
    np.testing.assert_array_equal(tf.reshape(found, [-1]).numpy(), array[key].ravel())
    assert not np.asarray(found).flags.writeable and np.asarray(found).flags.c_contiguous


def test_an_index_is_no_program(compiled):
    x, table = tf.constant(np.arange(300.0).reshape(100, 3)), tf.range(50) * 2
    assert [float(row[1]) for row in x][-1] == 298
    assert [int(n) for n in table] == list(range(0, 100, 2))
    assert [x[i : i + 10].numpy()[0, 0] for i in range(0, 90, 7)][1] == 21
    v = tf.Variable([1.0, 2.0, 3.0])
    assert [float(v[k]) for k in range(3)] == [1, 2, 3]
    assert len(compiled) <= 1


def test_batches_of_data_make_one_program_under_a_tape(compiled):
    x, w = tf.constant(np.arange(40.0, dtype=np.float32).reshape(20, 2)), tf.Variable([[1.0], [1.0]])
    for k in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.matmul(x[k * 4 : k * 4 + 4], w))
        slope = tape.gradient(loss, w)
        np.testing.assert_array_equal(slope.numpy().ravel(), np.asarray(x)[k * 4 : k * 4 + 4].sum(axis=0))
    assert len(compiled) <= 2


def test_gradients_go_through_indices():
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x[1] * x[1] + x[0]
    assert tape.gradient(y, x).numpy().tolist() == [1, 4, 0]
    v = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape(persistent=True) as tape:
        t = v.value()
        y, z = tf.reduce_sum(v[1:] ** 2), t[0] * 5 + sum(r for r in v)
    assert tape.gradient(y, v).numpy().tolist() == [0, 4, 6] and tape.gradient(z, v).numpy().tolist() == [6, 1, 1]
    with tf.GradientTape() as tape:
        tape.watch(x)
        hidden = x * 2
        y = hidden[0] * 3 + [h for h in hidden][2]
    assert tape.gradient(y, x).numpy().tolist() == [6, 0, 2]


def test_gradients_of_gradients_and_forward_ones():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x[0] ** 3 * x[1]
        slope = inner.gradient(y, x)[0]
    assert outer.gradient(slope, x).numpy().tolist() == [12, 3]
    with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as forward:
        y = x[0] ** 3 * x[1]
    assert forward.jvp(y).numpy() == 6


def test_wrong_indices_are_told_as_ever():
    x = tf.constant([[1, 2]])
    for key, error, words in (5, ValueError, "5 is out of range for axis 0"), ((0, 0, 0), ValueError, "3 indices"), \
            ((..., ...), ValueError, "only one"), (1.5, TypeError, "valid indices"), (slice(None, None, 0), ValueError, "step"):  # fmt: skip
        with pytest.raises(error, match=words):
            x[key]


def test_iteration_stops_where_it_is_left():
    x = tf.constant([[1, 2], [3, 4]])
    first = next(iter(x))
    assert first.numpy().tolist() == [1, 2] and [r.numpy().tolist() for r in reversed(x)] == [[3, 4], [1, 2]]
    with pytest.raises(TypeError, match="scalar.*cannot be iterated"):
        iter(tf.constant(1))
