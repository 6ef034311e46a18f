"""The core of the Keras back end where Keras' own tests do not look: in functions, with unknown sizes, and by gradients."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import graphc as tf
from graphc import keras
from keras import ops
from keras.src import backend, tree

ROWS = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)


def each_way(function, *arrays):
    """The answer, which is the same in a function with known and with unknown sizes."""
    found = function(*arrays)
    unknown = [tf.TensorSpec([None] * np.ndim(x), np.asarray(x).dtype) for x in arrays]
    for again in (tf.function(function, autograph=False),
                  tf.function(function, autograph=False, input_signature=unknown)):  # fmt: skip
        for x, y in zip(tree.flatten(found), tree.flatten(again(*arrays)), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5)
    return tree.map_structure(ops.convert_to_numpy, found)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_associative_scan(axis, reverse):
    found = each_way(lambda x: ops.associative_scan(operator.add, x, reverse=reverse, axis=axis), ROWS)
    wanted = np.flip(np.cumsum(np.flip(ROWS, axis), axis), axis) if reverse else np.cumsum(ROWS, axis)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_scan():
    def run(x):
        return ops.scan(lambda c, row: ({"sum": c["sum"] + row}, (c["sum"] * 2, row[:1])), {"sum": ops.zeros(3)}, x)

    carry, (doubled, first) = each_way(run, ROWS)
    np.testing.assert_allclose(carry["sum"], ROWS.sum(0), rtol=1e-4)
    np.testing.assert_allclose(doubled[1:], 2 * np.cumsum(ROWS, 0)[:-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(first, ROWS[:, :1])
    assert ops.scan(lambda c, _: (c + 1, None), 0, length=4)[1] is None


def test_maps_are_one_loop():
    many = np.random.default_rng(1).normal(size=(20000, 8)).astype(np.float32)
    calls = []

    def norm(row):
        calls.append(row)
        return {"sum": ops.sum(row), "row": row * 2}

    for mapped in (ops.map, ops.vectorized_map):
        np.testing.assert_allclose(mapped(norm, many)["sum"], many.sum(1), rtol=1e-3, atol=1e-4)
    assert len(calls) == 2
    np.testing.assert_allclose(each_way(lambda x: ops.map(norm, x), ROWS)["row"], ROWS * 2)


def test_counters_of_loops_fit_what_is_carried():
    assert float(ops.fori_loop(0, 4, lambda i, x: x + i, 0.5)) == 6.5
    found = each_way(lambda x: ops.fori_loop(0, 3, lambda i, c: c * 2, x), ROWS)
    np.testing.assert_allclose(found, ROWS * 8, rtol=1e-6)
    steps, _ = each_way(lambda x: ops.while_loop(lambda i, c: i < 9, lambda i, c: (i + 1, c), (0, x), 3), ROWS)
    assert int(steps) == 3


@pytest.mark.parametrize("start", [0, 1, 5, 9, -2])
def test_slice_update_moves_a_start_at_the_end(start):
    part = np.ones((2, 2), np.float32)
    found = each_way(lambda x, at: ops.slice_update(x, [at, 1], part), ROWS, np.int32(start))
    wanted = ROWS.copy()
    wanted[min(max(start, 0), 5) :][:2, 1:] = 1
    np.testing.assert_array_equal(found, wanted)


def test_gradients_of_writes():
    x = tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        twice = ops.scatter_update(x, [[1], [3]], x[:2], "mul")
        loss = ops.sum(twice) + 10 * ops.sum(ops.slice_update(x, [2, 0], x[4:6]))
    wanted = np.full_like(ROWS, 11)
    wanted[0] += ROWS[1]
    wanted[1] += ROWS[3] - 1 + ROWS[0]
    wanted[3] += ROWS[1] - 1
    wanted[2:4] -= 10
    wanted[4:6] += 10
    np.testing.assert_allclose(tape.gradient(loss, x), wanted, rtol=1e-4)


def test_variables_are_assigned_in_loops():
    seen = keras.Variable(0, dtype="int32", trainable=False)

    def counted(x):
        def step(carry, row):
            seen.assign(seen + 1)
            return carry + row, seen + 0

        return ops.scan(step, ops.zeros(3), x)[1]

    assert counted(ROWS).numpy().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert tf.function(counted, autograph=False)(ROWS).numpy()[-1] == 14 and int(seen.numpy()) == 14


def test_tapes_follow_what_is_trainable():
    frozen, free = keras.Variable([1.0, 2.0], trainable=False), keras.Variable([3.0])
    frozen.trainable, free.trainable = True, False
    with tf.GradientTape() as tape:
        loss = ops.sum(frozen * frozen) + ops.sum(free)
    found, none = tape.gradient(loss, [frozen, free])
    assert found.numpy().tolist() == [2.0, 4.0] and none is None


@pytest.mark.parametrize("again", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))], ids=["copy", "pickle"])
def test_copies_of_variables_have_values_of_their_own(again):
    first = keras.Variable(np.arange(3.0), dtype="float32", name="w", trainable=False)
    second = again(first)
    second.assign([5.0, 5.0, 5.0])
    assert first.numpy().tolist() == [0, 1, 2] and second.numpy().tolist() == [5, 5, 5]
    assert second.name == "w" and not second.trainable and not second._value.trainable


def test_specs_of_loops_and_of_what_is_no_tensor():
    batch = keras.KerasTensor((None, 3))
    carry, kept = backend.compute_output_spec(lambda x: ops.scan(lambda c, r: (c + r, c), ops.zeros(3), x), batch)
    assert carry.shape == (3,) and kept.shape == (None, 3)
    found, *rest = backend.compute_output_spec(lambda x: (ops.reshape(x, (-1, 6)), None, 3, "a"), batch)
    assert found.shape == (None, 6) and rest == [None, 3, "a"]
    both = keras.KerasTensor((None, None))
    difference = backend.compute_output_spec(lambda x: ops.arange(ops.shape(x)[1] - ops.shape(x)[0]), both)
    assert difference.shape == (None,)  # unknown sizes of different axes are not taken for one


def test_dtypes_of_values():
    kinds = {"float32": [1.5, [1, 2.5], 2.0], "bool": [True, [False]], "string": ["a"], "int32": [3, [1, 2]]}
    for name, values in kinds.items():
        assert [backend.standardize_dtype(ops.convert_to_tensor(v).dtype) for v in values] == [name] * len(values)
    eighth = keras.Variable(np.array([1.0, 0.3]), dtype="float8_e4m3fn")
    assert eighth.numpy().astype(np.float32).tolist() == [1.0, 0.3125]
    with pytest.raises(ValueError, match="`ragged=True` is not supported with the graphc backend"):
        ops.convert_to_tensor([1], ragged=True)
