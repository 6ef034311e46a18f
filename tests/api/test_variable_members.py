"""Variables beside reading and assigning all of them: slices, rows, members, copies, shapes that change."""

import copy
import pickle

import numpy as np
import pytest

import graphc as tf


@pytest.fixture
def v():
    return tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")


SLICES = [
    (lambda v: v[0], [9.0, 8.0], [[9, 8], [3, 4]]), (lambda v: v[0, 1], 9.0, [[1, 9], [3, 4]]),
    (lambda v: v[:, 1], [8.0, 9.0], [[1, 8], [3, 9]]), (lambda v: v[:, 1:], [[8.0], [9.0]], [[1, 8], [3, 9]]),
    (lambda v: v[::2, ::-1], [[5.0, 6.0]], [[6, 5], [3, 4]]), (lambda v: v[..., 0], 7.0, [[7, 2], [7, 4]]),
    (lambda v: v[tf.constant(1)], [7.0, 8.0], [[1, 2], [7, 8]]), (lambda v: v[-1:, None], 0.0, [[1, 2], [0, 0]]),
]  # fmt: skip


@pytest.mark.parametrize("part, value, expected", SLICES)
def test_assigning_to_a_slice(v, part, value, expected):
    assert part(v).assign(value) is v
    assert v.numpy().tolist() == expected


@pytest.mark.parametrize("part, value, expected", SLICES)
def test_assigning_to_a_slice_in_a_function(v, part, value, expected):
    @tf.function
    def change(new):
        part(v).assign(new)
        return v[0, 0] + 1

    assert change(tf.constant(value)).numpy() == expected[0][0] + 1
    assert v.numpy().tolist() == expected


def test_what_does_not_fit_a_slice_changes_nothing(v):
    for key, value, words in (0, [1.0, 2.0, 3.0], "assign to a slice"), ((0, 0), "a", "expected float32"):
        with pytest.raises(ValueError, match=words):
            v[key].assign(value)
    with pytest.raises(ValueError, match="out of range"):
        v[5].assign(1.0)
    with pytest.raises(AttributeError, match="assign"):
        (v[0] + 0).assign(1.0)
    assert v.numpy().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind, expected", [
    ("update", [[1, 2], [10, 20]]), ("add", [[1, 2], [13, 24]]), ("sub", [[1, 2], [-7, -16]]), ("mul", [[1, 2], [30, 80]]),
    ("div", [[1, 2], [3 / 10, 4 / 20]]), ("max", [[1, 2], [10, 20]]), ("min", [[1, 2], [3, 4]]),
])  # fmt: skip
def test_rows(v, kind, expected):
    rows = tf.IndexedSlices([[10.0, 20.0]], [1])
    assert getattr(v, f"scatter_{kind}")(rows) is v
    np.testing.assert_allclose(v.numpy(), expected, rtol=1e-6)


def test_rows_out_of_range_or_of_another_kind(v):
    with pytest.raises(ValueError, match=r"indices\[1\] = \[5\] is out of range"):
        v.scatter_add(tf.IndexedSlices([[1.0, 1.0], [1.0, 1.0]], [0, 5]))
    with pytest.raises(ValueError, match="out of range"):
        v.scatter_nd_update([[0, 7]], [1.0])
    with pytest.raises(TypeError, match="sparse_delta must be tf.IndexedSlices, got list"):
        v.scatter_add([1.0])
    assert v.numpy().tolist() == [[1, 2], [3, 4]]


def test_rows_of_batches(v):
    v.batch_scatter_update(tf.IndexedSlices([[9.0], [8.0]], [[0], [1]]))
    assert v.numpy().tolist() == [[9, 2], [3, 8]]


def test_reading_parts_and_their_gradients(v):
    assert v.sparse_read([1]).numpy().tolist() == [[3, 4]] and v.gather_nd([[0, 1]]).numpy().tolist() == [2]
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(v.sparse_read([1]) ** 2) + v[0, 0] * 5
    assert tf.convert_to_tensor(tape.gradient(y, v)).numpy().tolist() == [[5, 0], [6, 8]]


def test_counting_up():
    n = tf.Variable(1)
    assert n.count_up_to(3).numpy() == 1 and n.count_up_to(3).numpy() == 2
    with pytest.raises(tf.errors.OutOfRangeError, match="reached the limit of 3"):
        n.count_up_to(3)
    assert n.numpy() == 3


def test_in_place_operators_say_what_to_use(v):
    for statement, words in ("v += 1", "assign_add"), ("v -= 1", "assign_sub"), ("v *= 2", "assign"), ("v /= 2", "assign"):
        with pytest.raises(RuntimeError, match=rf"not supported for w:0; use variable\.{words}"):
            exec(statement, {"v": v})


def test_members_of_a_variable(v):
    made = tf.Variable(1.0, constraint=tf.abs, synchronization=tf.VariableSynchronization.ON_READ,
                       aggregation=tf.VariableAggregation.MEAN)  # fmt: skip
    assert made.constraint is tf.abs and v.constraint is None
    assert made.synchronization is tf.VariableSynchronization.ON_READ and v.synchronization.name == "AUTO"
    assert made.aggregation is tf.VariableAggregation.MEAN and v.aggregation.name == "NONE"
    assert v.is_initialized().numpy() and v.ndim == 2 and v.device.endswith("CPU:0") and v.initializer is None
    assert v.assign(v, read_value=False) is None and v.assign_add(v, read_value=False) is None
    v.load([[0.0, 0.0], [0.0, 0.0]])
    assert v.numpy().sum() == 0 and v.ref() == v.experimental_ref() and v.ref().deref() is v
    v.note = "mine"
    assert v.note == "mine" and 0.0 in v


def test_members_that_refuse(v):
    for call, error, words in [
        (lambda: v.eval(), RuntimeError, "numpy"), (lambda: v.to_proto(), RuntimeError, "Checkpoint"),
        (lambda: v.initial_value, RuntimeError, "keep a copy"), (lambda: v.set_shape([3]), ValueError, "has the shape"),
        (lambda: tf.Variable(1, constraint=3), ValueError, "constraint must be None or callable, got 3"),
        (lambda: tf.Variable(1, synchronization="x"), ValueError, "tf.VariableSynchronization.AUTO.*got 'x'"),
        (lambda: tf.Variable(tf.constant(1), dtype=tf.float32), ValueError, "float32 was asked for.*int32; use tf.cast"),
    ]:  # fmt: skip
        with pytest.raises(error, match=words):
            call()


def test_shapes_that_change():
    v = tf.Variable([1, 2], shape=tf.TensorShape(None))
    w = tf.Variable([1, 2], shape=[None])
    v.assign([[1, 2, 3]])
    w.assign([4, 5, 6])
    v.assign_add([[1, 1, 1]])
    assert v.shape.rank is None and w.shape.as_list() == [None] and (v + 1).numpy().tolist() == [[3, 4, 5]]
    with pytest.raises(ValueError, match="does not fit variable"):
        w.assign([[1]])
    assert w.numpy().tolist() == [4, 5, 6] and "shape=(None,)" in repr(w)
    with pytest.raises(ValueError, match="does not fit"):
        tf.Variable([1, 2], shape=[3])


def test_copies_are_variables_of_their_own(v):
    v.note = "mine"
    for again in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        again.assign_add([[1.0, 1.0], [1.0, 1.0]])
        assert v.numpy().tolist() == [[1, 2], [3, 4]] and again.numpy().tolist() == [[2, 3], [4, 5]]
        assert again.name == "w:0" and again.note == "mine" and again.trainable
    two = copy.deepcopy({"a": v, "b": v})
    assert two["a"] is two["b"] and two["a"] is not v


def test_the_value_is_not_known_in_a_function(v):
    for use in (lambda: v.numpy(), lambda: np.asarray(v), lambda: copy.deepcopy(v)):
        traced = tf.function(lambda: use() is None or v, autograph=False)
        with pytest.raises(TypeError, match="the value of w:0 is not known while a function is traced"):
            traced()
    seen = []
    tf.function(lambda: seen.append(repr(v)) or v.value(), autograph=False)()
    assert seen == ["<tf.Variable 'w:0' shape=(2, 2) dtype=float32>"]


def test_strings_and_bools_in_parts():
    s, b = tf.Variable(["a", "b"]), tf.Variable([True, False])
    s[0].assign("z")
    b[1].assign(True)
    assert s.numpy().tolist() == [b"z", b"b"] and b.numpy().tolist() == [True, True]


def test_what_was_read_from_a_variable_stays_as_it_was(v):
    @tf.function
    def step():
        v.assign_add([[1.0, 1.0], [1.0, 1.0]])

    seen = []
    for _ in range(4):
        row, column, rows = v[0], v[:, 1], list(v)
        seen.append((row, column, rows, v.numpy()))
        del row, column, rows
        step()
    for k, (row, column, rows, whole) in enumerate(seen):
        assert row.numpy().tolist() == [1 + k, 2 + k] and column.numpy().tolist() == [2 + k, 4 + k]
        assert [r.numpy().tolist() for r in rows] == whole.tolist() == [[1 + k, 2 + k], [3 + k, 4 + k]]
