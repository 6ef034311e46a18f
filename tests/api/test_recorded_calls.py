"""Operations that were met before are recorded without Nodes: the same results, programs found again, no growth."""

import gc
import threading
import weakref

import numpy as np
import pytest

import graphc as tf
from graphc.api.eager import EAGER
from graphc.api.learnt import BY_KEY, OF_STRUCTURE
from graphc.api.values import Entry, Value
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError
from graphc.ir.node import live_nodes


X = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], np.float32)
V = np.array([10.0, 20.0, 30.0], np.float32)


@pytest.mark.parametrize(
    "function, expected",
    [
        (lambda x, v: x + v, lambda x, v: x + v),
        (lambda x, v: v - x, lambda x, v: v - x),
        (lambda x, v: 2 * x / 4 - 1.5, lambda x, v: 2 * x / 4 - 1.5),
        (lambda x, v: x * V, lambda x, v: x * V),
        (lambda x, v: V * x, lambda x, v: x * V),
        (lambda x, v: x + [1, 2, 3], lambda x, v: x + np.float32([1, 2, 3])),
        (lambda x, v: x * np.float64(2.5), lambda x, v: x * np.float32(2.5)),
        (lambda x, v: x**2, lambda x, v: x**2),
        (lambda x, v: (x > 0) & (x < 4), lambda x, v: (x > 0) & (x < 4)),
        (lambda x, v: x[1:, ::2], lambda x, v: x[1:, ::2]),
        (lambda x, v: x[..., tf.newaxis, -1], lambda x, v: x[..., None, -1]),
        (lambda x, v: tf.matmul(x, x, transpose_b=True), lambda x, v: x @ x.T),
        (lambda x, v: tf.reduce_sum(x, axis=[0]), lambda x, v: x.sum(0)),
        (lambda x, v: tf.reduce_max(input_tensor=x, keepdims=True, axis=1), lambda x, v: x.max(1, keepdims=True)),
        (lambda x, v: tf.subtract(y=x, x=v), lambda x, v: v - x),
        (lambda x, v: tf.maximum(x, 0), lambda x, v: np.maximum(x, 0)),
        (lambda x, v: tf.concat([x, x * 2], axis=0), lambda x, v: np.concatenate([x, x * 2])),
        (lambda x, v: tf.stack([v, v, 1 - v], 1), lambda x, v: np.stack([v, v, 1 - v], 1)),
        (lambda x, v: tf.cast(x, tf.int32), lambda x, v: x.astype(np.int32)),
        (lambda x, v: tf.clip_by_value(x, -1.0, 2.0), lambda x, v: np.clip(x, -1, 2)),
        (lambda x, v: tf.where(x > 0, x, 0.0), lambda x, v: np.where(x > 0, x, 0)),
        (lambda x, v: tf.zeros([2, 3]) + x, lambda x, v: x),
        (lambda x, v: tf.gather(v, [2, 0]), lambda x, v: v[[2, 0]]),
        (lambda x, v: tf.transpose(x, perm=(1, 0)), lambda x, v: x.T),
    ],
)
def test_a_call_that_was_met_gives_the_same(function, expected):
    for factor in (1.0, -0.5, 3.0):
        x, v = X * np.float32(factor), V + np.float32(factor)
        tensors = tf.constant(x), tf.Variable(v)
        found = function(*tensors)
        np.testing.assert_allclose(found.numpy(), expected(x, v), rtol=1e-6)
        assert found.dtype.numpy == expected(x, v).dtype


def test_operands_keep_their_places():
    a, b = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[0.0, 1.0], [1.0, 1.0]])
    tf.matmul(a, a), tf.subtract(a, a), tf.subtract(y=a, x=a)  # met with one tensor in both places
    assert tf.matmul(a, b).numpy().tolist() == [[2, 3], [4, 7]]
    assert tf.matmul(b=b, a=a).numpy().tolist() == [[2, 3], [4, 7]]
    assert tf.subtract(y=a, x=b).numpy().tolist() == [[-1, -1], [-2, -3]]
    assert tf.add_n([a, b, b]).numpy().tolist() == [[1, 4], [5, 6]]


@pytest.mark.parametrize("literals", [(1, 1.0), (1.0, 1), (True, 1), (2.5, 2)])
def test_literals_of_other_types_are_told_apart(literals):
    for dtype in (tf.int32, tf.float32, tf.bool):
        for literal in literals:
            x = tf.zeros([2], dtype)
            try:
                expected = np.equal(np.zeros(2, dtype.numpy), literal)
                found = tf.equal(x, literal).numpy()
            except DtypeError as error:
                assert "expected" in str(error)
                with pytest.raises(DtypeError, match="test_recorded_calls"):
                    tf.equal(x, literal)
            else:
                assert found.tolist() == expected.tolist()


def test_literals_that_do_not_fit_are_refused_each_time():
    small = tf.constant([1, 2], tf.uint8)
    assert (small + 3).numpy().tolist() == [4, 5]
    assert (small + 250).numpy().tolist() == [251, 252]
    for bad in (300, -1, 2.5):
        with pytest.raises(DtypeError, match="expected uint8"):
            small + bad
    assert (tf.constant(1, tf.int64) + 2**40).numpy() == 2**40 + 1
    with pytest.raises(DtypeError):
        tf.constant(1) + 2**40


def test_errors_come_again_at_their_line():
    x, y = tf.ones([2, 3]), tf.ones([2, 4])
    for _ in range(2):
        with pytest.raises(ShapeError, match=r"f32\[2,3\] and f32\[2,4\]") as caught:
            x + y
        assert "test_recorded_calls.py" in str(caught.value) and "x + y" in str(caught.value)
    assert (x + tf.ones([2, 1])).shape == (2, 3)
    with pytest.raises(TypeError, match="no_such"):
        tf.square(x, no_such=1)


def test_shapes_and_dtypes_may_change(compiles):
    for n in (1, 2, 3):
        for kind in (np.float32, np.float64):
            x = np.arange(n, dtype=kind)
            assert tf.reduce_sum(tf.constant(x) * 2).numpy() == 2 * x.sum()
    assert len(compiles) == 6


def test_numbers_that_change_become_arguments(compiles):
    x = tf.constant([1.0, 2.0])
    found = [float(tf.reduce_sum(x * k + 0.5)) for k in (0.5, 1.5, -2.0, 0.0, 7.0)]
    assert found == [3 * k + 1 for k in (0.5, 1.5, -2.0, 0.0, 7.0)]
    assert len(compiles) == 2
    assert [np.signbit((x * z).numpy()).tolist() for z in (0.0, -0.0, 0.0)] == [[False] * 2, [True] * 2, [False] * 2]


def test_static_numbers_decide_the_operation(compiles):
    x = tf.constant(X)
    assert [tf.reduce_sum(x, axis).shape.as_list() for axis in (0, 1, 0, 1)] == [[3], [2], [3], [2]]
    assert [tf.range(k).numpy().tolist() for k in (2, 3, 2)] == [[0, 1], [0, 1, 2], [0, 1]]
    assert tf.one_hot([1], 2).shape == (1, 2) and tf.one_hot([1], 4).shape == (1, 4)
    assert [x[k].numpy()[0] for k in (0, 1, -1)] == [1, 4, 4]


def test_results_keep_their_structure():
    for shift in (0.0, 1.0):
        x = tf.constant(X + np.float32(shift))
        parts = tf.split(x, 3, axis=1)
        expected = [p.tolist() for p in np.split(X + np.float32(shift), 3, 1)]
        assert type(parts) is list and [p.numpy().tolist() for p in parts] == expected
        rows = tf.unstack(x)
        assert len(rows) == 2 and rows[1].numpy().tolist() == (X + np.float32(shift))[1].tolist()
        mean, variance = tf.nn.moments(x, axes=[0])
        np.testing.assert_allclose(mean, (X + shift).mean(0), rtol=1e-6)
        np.testing.assert_allclose(variance, (X + shift).var(0), rtol=1e-5)
        s, u, v = tf.linalg.svd(x)
        np.testing.assert_allclose((u * s) @ tf.transpose(v), X + shift, rtol=1e-4, atol=1e-5)
        best = tf.math.top_k(x, k=2)
        assert best.values.numpy().tolist() == np.sort(X + np.float32(shift))[:, :0:-1].tolist()
        assert best.indices.shape == (2, 2)


def test_random_operations_draw_new_numbers():
    found = [tf.random.normal([4]).numpy() for _ in range(4)]
    assert len({a.tobytes() for a in found}) == 4
    tf.random.set_seed(7)
    again = [tf.random.uniform([3], seed=1).numpy().tolist() for _ in range(3)]
    tf.random.set_seed(7)
    assert [tf.random.uniform([3], seed=1).numpy().tolist() for _ in range(3)] == again
    x = tf.ones([64])
    assert len({tf.nn.dropout(x, 0.5).numpy().tobytes() for _ in range(3)}) == 3


def test_effects_happen_once_and_now():
    seen = []

    def note(a):
        seen.append(float(a))
        return a * 2

    x = tf.constant(1.0)
    for k in range(3):
        y = tf.numpy_function(note, [x + k], tf.float32)
        assert len(seen) == k + 1
        assert float(y) == 2 * (1 + k) and float(y) == 2 * (1 + k)
    assert seen == [1, 2, 3]
    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match="oops"):
            tf.debugging.Assert(tf.constant(False), ["oops"])


def test_a_value_is_a_leaf_once_it_is_known(compiles):
    x = tf.constant([1.0, 2.0])
    y = tf.exp(x)
    y.numpy()
    np.testing.assert_allclose(y * 2.0, np.exp([1, 2]) * 2, rtol=1e-6)
    assert [len([n for n in g.nodes if n.op == "exp"]) for g in compiles] == [1, 0]
    assert y.record.operands is None


def test_sizes_known_from_data_are_carried_out_at_once():
    for k in range(3):
        x = tf.constant(np.arange(4, dtype=np.float32) - k)
        with tf.GradientTape() as tape:
            tape.watch(x)
            kept = tf.boolean_mask(x, x > 0)
            y = tf.reduce_sum(kept * kept)
        assert kept.shape == (3 - k,)
        np.testing.assert_allclose(tape.gradient(y, x), np.where(np.arange(4) > k, 2.0 * (np.arange(4) - k), 0))


def test_long_chains_are_carried_out_in_parts(compiles):
    x = tf.constant(0.0)
    for _ in range(2100):
        x = x + 1.0
    assert float(x) == 2100
    assert len(compiles) <= 3


def test_held_losses_do_not_hold_every_step(compiles):
    w = tf.Variable(np.ones(1000, np.float32))
    losses, total, seen = [], tf.constant(0.0), []
    for _ in range(8):
        loss = tf.reduce_sum(tf.square(w))
        total = total + loss
        losses.append(loss)
        seen.append(weakref.ref(w.value().record))
        w.assign(w * 0.5)
    del loss
    gc.collect()
    assert sum(r() is not None for r in seen) <= 2
    assert [float(x) for x in losses] == [1000 * 0.25**k for k in range(8)]
    np.testing.assert_allclose(float(total), sum(1000 * 0.25**k for k in range(8)), rtol=1e-6)
    assert len(compiles) <= 4


def regression(steps: int):
    x = np.linspace(-1, 1, 50, dtype=np.float32)
    w, b = tf.Variable(0.5), tf.Variable(0.1)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(w * x + b - (3 * x + 2)))
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(0.1 * dw)
        b.assign_sub(0.1 * db)
    return w, b


def test_thousands_of_steps_neither_compile_nor_grow(compiles):
    assert [float(v) for v in regression(5)] != [3, 2]
    gc.collect()
    before, compiled = counts(), len(compiles)
    w, b = regression(3000)
    np.testing.assert_allclose([float(w), float(b)], [3, 2], rtol=1e-4)
    del w, b
    gc.collect()
    after = counts()
    assert len(compiles) == compiled <= 3
    assert all(a <= b + 12 for a, b in zip(after, before)), (before, after)


def counts() -> tuple:
    live = [type(o) for o in gc.get_objects()]
    return live.count(Value), live.count(Entry), len(BY_KEY), len(OF_STRUCTURE), live_nodes()


def test_a_held_scalar_that_fails_fails_where_it_is_asked_for():
    w = tf.Variable([1.0, 2.0])
    bad = tf.strings.to_number(tf.constant("abc"))
    w.assign(w * 2.0)
    assert w.numpy().tolist() == [2, 4]
    with pytest.raises(InvalidArgumentError, match="this is no number of float32"):
        bad.numpy()


def test_what_was_read_keeps_its_value_while_functions_assign():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def double():
        v.assign(v * 2.0)

    double()
    later = v + 1.0  # not computed yet
    with tf.GradientTape() as tape:
        y = v * v
    double()
    assert v.numpy().tolist() == [4, 8]
    assert later.numpy().tolist() == [3, 5]
    assert tape.gradient(y, v).numpy().tolist() == [4, 8]


def test_functions_made_anew_are_one_operation(compiles):
    x = tf.constant(2.0)
    for k in range(5):
        found = tf.cond(x > k, lambda: x * 2.0, lambda: x - 1.0)
        assert float(found) == (4 if k < 2 else 1)
    assert len(compiles) == 4  # the comparison, with its number and for any number; both branches


def test_threads_see_one_value():
    x = tf.constant(np.linspace(0, 1, 1000, dtype=np.float32))
    pending = [tf.reduce_sum(tf.exp(x * k) + k) for k in range(20)]
    found: list[list] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda f=f: f.extend(float(p) for p in pending)) for f in found]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expected = [np.sum(np.exp(np.linspace(0, 1, 1000) * k) + k) for k in range(20)]
    for f in found:
        np.testing.assert_allclose(f, expected, rtol=1e-5)
        assert f == found[0]


def test_tensors_say_where_they_come_from():
    x = tf.constant([1.0])
    y = x * 2.0
    z = y * 2.0  # the same operation on another line
    assert y.described()[0] == z.described()[0] == "from mul"
    assert z.described()[1].line == y.described()[1].line + 1
    assert x.described()[0] == "is constant"


def test_run_eagerly_carries_out_one_by_one(compiles):
    x = tf.Variable([1.0, 2.0])
    tf.config.run_eagerly(True)
    try:
        assert tf.config.runs_eagerly()
        y = tf.exp(x) * 2.0
        assert y.is_settled and not compiles
        np.testing.assert_allclose(y, 2 * np.exp([1, 2]), rtol=1e-6)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(x * x)
        assert tape.gradient(loss, x).numpy().tolist() == [2, 4]
        x.assign_sub([1.0, 1.0])
        assert x.numpy().tolist() == [0, 1]
        assert [p.numpy().tolist() for p in tf.split(x, 2)] == [[0], [1]]
        assert not compiles
    finally:
        tf.config.run_eagerly(False)
    assert not tf.config.runs_eagerly()
    z = x + 1.0
    assert not z.is_settled and z.numpy().tolist() == [1, 2]


def test_arrays_given_are_copied():
    a = np.ones(3, np.float32)
    y = tf.constant([1.0, 2.0, 3.0]) * a
    a[:] = 0
    assert y.numpy().tolist() == [1, 2, 3]


def test_bad_arguments_are_refused_as_before():
    with pytest.raises(UsageError, match="is empty"):
        tf.add_n([])
    with pytest.raises(TypeError, match="square"):
        tf.square()
    assert EAGER.is_eager
