"""Branches and loops in TensorFlow 1 graphs against Python and NumPy."""

import numpy as np
import pytest

import graphc.v1 as tf
from graphc.errors import DtypeError, ShapeError, SymbolicError, UsageError

ROWS = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)


def run(fetches, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


@pytest.fixture(autouse=True)
def fresh_graph():
    with tf.Graph().as_default():
        yield


def slope(function, x, step=1e-3):
    """Finite differences of a scalar function of one array."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        found[place] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return found


# ---------------------------------------------------------------------------------------------- graphs


@pytest.mark.parametrize("shape", ([None], [3], None), ids=str)
@pytest.mark.parametrize("steps", (0, 1, 4))
def test_while_with_gradients_of_first_and_second_order(shape, steps):
    x, n = tf.placeholder(tf.float32, shape), tf.placeholder(tf.int32, [])
    calls = []

    def body(i, v):
        calls.append(i)
        return i + 1, tf.sin(v) * x + v

    _, y = tf.while_loop(lambda i, v: i < n, body, [tf.constant(0), x])
    assert len(calls) == 1
    first = tf.gradients(y, x)[0]
    second = tf.gradients(tf.reduce_sum(first * first), x)[0]

    def value(a):
        v = a.astype(np.float64)
        for _ in range(steps):
            v = np.sin(v) * a + v
        return v.sum()

    point = ROWS[0]
    found = run([y, first], {x: point, n: steps})
    np.testing.assert_allclose(found[0].sum(), value(point), rtol=1e-5)
    np.testing.assert_allclose(found[1], slope(value, point.astype(np.float64)), rtol=1e-3)

    def squared(a):
        return (slope(value, a) ** 2).sum()

    if steps:
        got = run(second, {x: point, n: steps})
        np.testing.assert_allclose(got, slope(squared, point.astype(np.float64)), rtol=1e-2, atol=1e-2)


def test_cond_runs_one_branch_and_keeps_structures():
    x = tf.placeholder(tf.float32)
    answer = tf.cond(tf.reduce_sum(x) > 0.0, lambda: {"a": x * 2.0, "b": [x]}, lambda: {"a": -x, "b": [x + 1.0]})
    slopes = tf.gradients([answer["a"], answer["b"][0]], x)[0]
    for value, wanted in ((ROWS[:2] ** 2, (2 * ROWS[:2] ** 2, 3.0)), (-(ROWS[:2] ** 2), (ROWS[:2] ** 2, 0.0))):
        found = run([answer["a"], slopes], {x: value})
        np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6)
        np.testing.assert_allclose(found[1], np.full_like(value, wanted[1]))
    assert tf.cond(tf.constant(True), fn1=lambda: [x], fn2=lambda: [x]).name.startswith("cond")
    assert isinstance(tf.cond(tf.constant(True), lambda: [x], lambda: [x], strict=True), list)


def test_variables_assigned_in_branches_and_loops():
    v, p = tf.Variable(1.0), tf.placeholder(tf.bool, [])
    chosen = tf.cond(p, lambda: tf.assign_add(v, 5.0), lambda: tf.identity(v))
    grouped = tf.cond(p, lambda: tf.group(tf.assign(v, 0.5)), lambda: tf.no_op())

    def body(i):
        with tf.control_dependencies([tf.assign_add(v, tf.cast(i, tf.float32))]):
            return i + 1

    looped = tf.while_loop(lambda i: i < 4, body, [tf.constant(0)])
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([chosen], {p: False}) == [1.0] and session.run(v) == 1.0
        assert session.run([chosen], {p: True}) == [6.0] and session.run(v) == 6.0
        session.run(grouped, {p: False})
        assert session.run(v) == 6.0
        session.run(grouped, {p: True})
        assert session.run(v) == 0.5
        assert session.run(looped) == 4 and session.run(v) == 6.5


def test_rows_of_unknown_number():
    x = tf.placeholder(tf.float32, [None, 3])
    bias = tf.Variable(np.ones(3, np.float32))
    mapped = tf.map_fn(lambda row: row * row + bias, x)
    summed = tf.scan(lambda a, row: a * 0.5 + row, x)
    last = tf.foldr(lambda a, row: a * 0.5 + row, x)
    slopes = tf.gradients([mapped, summed, last], [x, bias])
    for n in (1, 2, 6):
        rows = ROWS[:n]
        found = run([mapped, summed, last, *slopes], {x: rows})
        np.testing.assert_allclose(found[0], rows * rows + 1.0, rtol=1e-6)
        want = [rows[0]]
        for row in rows[1:]:
            want.append(want[-1] * np.float32(0.5) + row)
        np.testing.assert_allclose(found[1], want, rtol=1e-5, atol=1e-6)
        back = rows[-1]
        for row in rows[-2::-1]:
            back = back * np.float32(0.5) + row
        np.testing.assert_allclose(found[2], back, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[4], np.full(3, n))
        halves = 0.5 ** np.arange(n)
        ahead = np.cumsum(halves)[::-1]
        np.testing.assert_allclose(found[3], 2 * rows + (ahead + halves)[:, None], rtol=1e-5)
    assert run(mapped, {x: ROWS[:0]}).shape == (0, 3)


def test_tensor_arrays_in_graphs():
    x = tf.placeholder(tf.float32, [None, 3])
    n = tf.shape(x)[0]
    source = tf.TensorArray(tf.float32, size=n).unstack(x)
    made = tf.TensorArray(tf.float32, size=n)
    _, made = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, source.read(n - 1 - i) * 2.0)), [0, made])
    found = run([made.stack(), made.concat(), tf.gradients(made.stack(), x)[0]], {x: ROWS})
    np.testing.assert_allclose(found[0], ROWS[::-1] * 2)
    np.testing.assert_allclose(found[1], (ROWS[::-1] * 2).ravel())
    np.testing.assert_allclose(found[2], np.full_like(ROWS, 2.0))


def test_branches_and_loops_inside_each_other():
    x = tf.placeholder(tf.float32, [None])

    def body(i, a):
        _, b = tf.while_loop(lambda j, q: j < 2, lambda j, q: (j + 1, q + x), [0, a])
        return i + 1, tf.cond(tf.reduce_sum(b) > 5.0, lambda: b - 1.0, lambda: b * 2.0)

    _, z = tf.while_loop(lambda i, a: i < 3, body, [0, x])
    found = run([z, tf.gradients(z, x)[0]], {x: [1.0, 0.5]})
    assert found[0].tolist() == [8.0, 3.0] and found[1].tolist() == [10.0, 10.0]


def test_a_recurrent_net_learns():
    random = np.random.default_rng(0)
    steps, batch, units = 12, 16, 8
    x = tf.placeholder(tf.float32, [steps, None, 1])
    y = tf.placeholder(tf.float32, [None, 1])
    w = tf.get_variable("w", [1 + units, units])
    out = tf.get_variable("out", [units, 1])

    def step(i, h):
        return i + 1, tf.tanh(tf.matmul(tf.concat([x[i], h], 1), w))

    _, h = tf.while_loop(lambda i, h: i < steps, step, [0, tf.zeros_like(x[0]) + tf.zeros([units])], maximum_iterations=steps)
    loss = tf.reduce_mean(tf.square(tf.matmul(h, out) - y))
    train = tf.train.AdamOptimizer(0.02).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = []
        for _ in range(120):
            rows = random.uniform(-1, 1, (steps, batch, 1)).astype(np.float32)
            losses.append(session.run([loss, train], {x: rows, y: rows.sum(0)})[0])
        assert np.mean(losses[-10:]) < 0.3 * np.mean(losses[:10])


def test_dropout_in_a_loop_draws_anew():
    x = tf.placeholder(tf.float32, [None, 2])
    drawn = tf.map_fn(lambda row: tf.random_uniform([2]) + 0.0 * row, x)
    with tf.Session() as session:
        one, two = (session.run(drawn, {x: np.zeros((3, 2))}) for _ in range(2))
    assert len(set(np.concatenate([one, two]).ravel().tolist())) == 12


def test_case_and_switch_case():
    p, n = tf.placeholder(tf.bool, []), tf.placeholder(tf.int32, [])
    one, two, three = (lambda k=k: tf.constant(k) for k in (1, 2, 3))
    chosen = tf.case([(p, one), (n > 2, two)], default=three)
    assert [run(chosen, {p: a, n: b}) for a, b in ((True, 0), (False, 3), (False, 0))] == [1, 2, 3]
    switched = tf.switch_case(n, [one, two], default=three)
    assert [run(switched, {n: k}) for k in (0, 1, 2, -1)] == [1, 2, 3, 3]


def test_mistakes_are_named():
    x = tf.placeholder(tf.float32, [None, 2])
    with pytest.raises(DtypeError, match="must be bool"):
        tf.cond(tf.reduce_sum(x), lambda: x, lambda: x)
    with pytest.raises(ShapeError, match="scalar"):
        tf.cond(tf.constant([True, False]), lambda: x, lambda: x)
    with pytest.raises(UsageError, match="differ in structure"):
        tf.cond(tf.reduce_sum(x) > 0.0, lambda: [x, x], lambda: [x])
    with pytest.raises(DtypeError, match="result 0 of both branches differ in dtype"):
        tf.cond(tf.reduce_sum(x) > 0.0, lambda: x, lambda: tf.constant(1))
    with pytest.raises(UsageError, match="None"):
        tf.cond(tf.reduce_sum(x) > 0.0, lambda: x, lambda: None)
    with pytest.raises(ShapeError, match="loop variable 1 before and after a step differ in shape"):
        tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, tf.concat([v, v], 1)), [0, x])
    with pytest.raises(UsageError, match="fn1"):
        tf.cond(tf.constant(True), lambda: x, lambda: x, fn1=lambda: x)
    with pytest.raises(UsageError, match="assigned inside"):
        v = tf.Variable(0.0)
        tf.map_fn(lambda row: tf.assign_add(v, 1.0), x)
    array = tf.TensorArray(tf.float32, 0, True, element_shape=[])
    with pytest.raises(SymbolicError, match="dynamic_size"):
        tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.while_loop(
            lambda j, b: j < 3, lambda j, b: (j + 1, b.write(j, 1.0)), [0, a])[1]), [0, array])  # fmt: skip
