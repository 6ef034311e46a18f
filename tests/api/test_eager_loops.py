"""Loops in Python that look at a value in every turn: each turn starts from what the one before has computed."""

import numpy as np
import pytest

import graphc as tf


def collatz(n: int) -> int:
    n, turns = tf.constant(n), 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        turns += 1
    return turns


def test_a_loop_over_a_scalar_compiles_a_few_programs(compiles):
    assert collatz(27) == 111
    assert len(compiles) <= 4  # the test, the parity, and both turns with it
    assert collatz(97) == 118
    assert len(compiles) <= 4


def test_a_loop_that_looks_at_an_error_compiles_one_program(compiles):
    x, y, error, turns = tf.constant([1.0] * 10), tf.constant([2.0] * 10), 1.0, 0
    while error > 1e-5:
        new = tf.sqrt(x * y + 0.1)
        error = float(tf.reduce_max(tf.abs(new - x)))
        x = new
        turns += 1
    assert turns > 10 and len(compiles) == 1
    np.testing.assert_allclose(x.numpy(), 1 + np.sqrt(1.1), rtol=1e-4)
    assert len(compiles) == 1  # it was computed with its error


def test_values_that_are_held_are_computed_along(compiles):
    x = tf.constant([1.0, 2.0])
    held = tf.exp(x)
    total = tf.reduce_sum(held * 2.0)
    assert float(total) == pytest.approx(2 * (np.e + np.e**2), rel=1e-6)
    assert held.is_settled
    np.testing.assert_allclose(held.numpy(), np.exp([1.0, 2.0]), rtol=1e-6)
    assert len(compiles) == 1 and len(compiles[0].outputs) == 2


def test_what_nobody_holds_and_what_a_tape_alone_holds_is_not_written(compiles):
    x = tf.constant([1.0, 2.0])
    float(tf.reduce_sum(tf.exp(tf.exp(x) * 0.5)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(tf.exp(tf.exp(x) * 0.5))
        float(total)
    assert [len(g.outputs) for g in compiles] == [1]
    inner = np.exp([1.0, 2.0])
    np.testing.assert_allclose(tape.gradient(total, x).numpy(), np.exp(inner * 0.5) * 0.5 * inner, rtol=1e-5)


def test_operations_that_wait_hold_their_operands(compiles):
    common = tf.exp(tf.constant([1.0, 2.0]))
    first, second = tf.reduce_sum(common), tf.reduce_max(common)
    del common
    assert float(first) > float(second)
    # float(first) has left exp() behind, so that the maximum alone is computed from it
    assert len(compiles) == 2 and str(compiles[1]).count("exp") == 0


def test_a_loop_beside_variables_starts_from_its_last_turn(compiles):
    state, weight = tf.constant([1.0, 2.0]), tf.Variable([0.5, 0.5])
    for _ in range(12):
        state = tf.tanh(state * weight)
        weight.assign_add(state * 0.1)
        float(tf.reduce_sum(weight))
    assert len(compiles) <= 2


def test_many_values_that_are_held_make_no_endless_program(compiles):
    parts = [tf.exp(tf.constant([k / 100, 1.0])) * 2.0 for k in range(100)]
    total = tf.reduce_sum(tf.add_n([p * 0.5 for p in parts])).numpy()
    np.testing.assert_allclose(total, 100 * np.e + sum(np.exp(k / 100) for k in range(100)), rtol=1e-4)
    assert len(compiles) == 1 and len(compiles[0].outputs) <= 33
    np.testing.assert_allclose(parts[3].numpy(), 2 * np.exp([0.03, 1.0]), rtol=1e-6)


def test_what_grows_beyond_all_that_it_is_made_of_is_not_written(compiles):
    x = tf.constant(np.linspace(0, 1, 2000, dtype=np.float32))
    pairs = tf.abs(x[:, None] - x[None, :])
    total = tf.reduce_mean(pairs)
    assert float(total) == pytest.approx(1 / 3, rel=1e-2)
    assert [len(g.outputs) for g in compiles] == [1] and not pairs.is_settled
