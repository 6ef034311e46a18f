"""Steps with carries and results: what ``Loops.steps`` answers eagerly, in functions, step by step, and by its gradient."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as tf
from graphc.api.loops import EAGER_LOOPS
from graphc.errors import DtypeError, ShapeError, UsageError

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
steps = EAGER_LOOPS.steps


def products(rows, reverse=False):
    (last,), kept = steps(lambda c, r: ([c[0] * r[0]], [c[0] + r[0], r[0][:1]]), [tf.ones(3)], [rows], reverse=reverse)
    return last, *kept


def expected(rows, reverse):
    carry, kept = np.ones(3, np.float32), np.zeros_like(rows)
    for k in range(len(rows))[:: -1 if reverse else 1]:
        kept[k] = carry + rows[k]
        carry = carry * rows[k]
    return carry, kept, rows[:, :1]


@pytest.mark.parametrize("reverse", [False, True])
def test_eager_and_in_functions(reverse):
    wanted = expected(ROWS, reverse)
    for run in (products, tf.function(products, autograph=False)):
        for found, value in zip(run(tf.constant(ROWS), reverse), wanted):
            np.testing.assert_allclose(found, value, rtol=1e-5)


def test_rows_of_unknown_number():
    f = tf.function(products, autograph=False, input_signature=[tf.TensorSpec([None, 3])])
    for count in (6, 2, 0):
        for found, value in zip(f(ROWS[:count]), expected(ROWS[:count], False)):
            np.testing.assert_allclose(found, value, rtol=1e-5)


def test_a_number_of_steps_without_rows():
    last, kept = steps(lambda c, _: ([c[1], c[0] + c[1]], [c[0]]), [tf.constant(0), tf.constant(1)], count=7)
    assert [int(x) for x in last] == [13, 21] and kept[0].numpy().tolist() == [0, 1, 1, 2, 3, 5, 8]
    assert steps(lambda c, _: (c, []), [], count=3) == ([], [])


def test_gradients():
    x = tf.constant(ROWS)

    def loss(x):
        last, kept, _ = products(x, True)
        return tf.reduce_sum(last) + tf.reduce_sum(kept**2)

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = loss(x)
        return tape.gradient(y, x)

    found = slope(x).numpy()
    np.testing.assert_allclose(tf.function(slope, autograph=False)(x), found, rtol=1e-5)
    for place in ((0, 0), (3, 1), (5, 2)):
        moved = np.zeros_like(ROWS, np.float64)
        moved[place] = 1e-2
        near = [float(loss(tf.constant((ROWS + sign * moved).astype(np.float32)))) for sign in (1, -1)]
        assert abs((near[0] - near[1]) / 2e-2 - found[place]) < 2e-2 * max(1, abs(found[place]))


def test_variables_are_assigned():
    count = tf.Variable(0)

    def counted(rows):
        def step(carries, parts):
            count.assign_add(1)
            return [carries[0] + parts[0]], [tf.identity(count)]

        return steps(step, [tf.zeros(3)], [rows])[1][0]

    assert counted(tf.constant(ROWS)).numpy().tolist() == [1, 2, 3, 4, 5, 6]
    assert tf.function(counted, autograph=False)(tf.constant(ROWS)).numpy().tolist() == [7, 8, 9, 10, 11, 12]
    assert int(count) == 12


def test_step_by_step_where_values_are_needed():
    def step(carries, parts):
        total = carries[0] + float(parts[0][0])
        return [total], [total]

    last, kept = steps(step, [tf.constant(0.0)], [ROWS], reverse=True)
    wanted = np.cumsum(ROWS[::-1, 0])[::-1]
    np.testing.assert_allclose(kept[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(last[0], wanted[0], rtol=1e-5)


def test_refusals():
    with pytest.raises(UsageError, match="carries are left of 1"):
        steps(lambda c, r: ([], []), [tf.zeros(3)], [ROWS])
    with pytest.raises(DtypeError):
        steps(lambda c, r: ([tf.cast(c[0], "int32")], []), [tf.zeros(3)], [ROWS])
    with pytest.raises(ShapeError):
        tf.function(lambda x: steps(lambda c, r: ([c[0][:2]], []), [tf.zeros(3)], [x]), autograph=False)(ROWS)
