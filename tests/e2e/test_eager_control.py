"""Branches and loops in eager programs: one native loop where the body can be traced, step by step where not."""

import numpy as np

import graphc as gc
from graphc.ir.order import toposort

ROWS = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)


def slope(function, x, step=1e-3):
    """Finite differences of a scalar function of one array."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        found[place] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return found


def test_eager_loop_is_one_small_graph_and_calls_python_once():
    calls = []

    def body(i, x):
        calls.append(i)
        return i + 1, x * 0.999 + 1.0

    i, x = gc.while_loop(lambda i, x: i < 1000, body, (gc.constant(0), gc.constant([1.0, 2.0])))
    assert len(calls) == 1 and len(toposort([x.node])) < 40
    want = np.array([1.0, 2.0], np.float32)
    for _ in range(1000):
        want = want * np.float32(0.999) + np.float32(1.0)
    np.testing.assert_allclose(x.numpy(), want, rtol=1e-5)
    assert int(i) == 1000


def test_eager_loop_that_needs_values_runs_step_by_step():
    def body(i, x):
        if x[0] > 4.0:
            x = x - 1.0
        return i + 1, x * 2.0

    _, x = gc.while_loop(lambda i, x: i < 5, body, (gc.constant(0), gc.constant([1.0, 2.0])))
    assert x.numpy().tolist() == [26.0, 58.0]
    _, grown = gc.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, gc.concat([x, x], 0)), (gc.constant(0), gc.ones([2])))
    assert grown.shape == (16,)


def test_eager_gradients_of_loops():
    def total(x):
        y = gc.scan(lambda a, row: gc.tanh(a * row) + row, x)
        z = gc.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * v * 0.5), (gc.constant(0), y))[1]
        return gc.reduce_sum(z)

    x = gc.constant(ROWS[:3])
    with gc.GradientTape() as tape:
        tape.watch(x)
        loss = total(x)
    found = tape.gradient(loss, x).numpy()
    np.testing.assert_allclose(found, slope(lambda a: float(total(gc.constant(a))), ROWS[:3]), rtol=3e-2, atol=3e-3)


def test_eager_tensor_array_in_a_loop():
    array = gc.TensorArray(gc.float32, size=5)
    x = gc.constant(ROWS[:5])
    with gc.GradientTape() as tape:
        tape.watch(x)
        _, array = gc.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, a.write(i, x[i] * x[i])), (gc.constant(0), array))
        y = array.stack()
    np.testing.assert_allclose(y.numpy(), ROWS[:5] ** 2, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), 2 * ROWS[:5], rtol=1e-6)


def test_eager_tensor_array_that_grows():
    array = gc.TensorArray(gc.int32, size=0, dynamic_size=True)
    _, array = gc.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, i * i)), (gc.constant(0), array))
    assert array.stack().numpy().tolist() == [0, 1, 4, 9] and int(array.size()) == 4


def test_random_numbers_differ_from_step_to_step():
    drawn = gc.map_fn(lambda x: gc.random.uniform([2]), gc.zeros([4])).numpy()
    assert len(set(drawn.ravel().tolist())) == 8


def test_pass_through_and_recompute():
    x = gc.constant([0.3, 1.7])
    with gc.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = gc.grad_pass_through(gc.round)(x) * 3.0
        z = gc.recompute_grad(lambda v: v * v)(x)
    assert y.numpy().tolist() == [0.0, 6.0]
    assert tape.gradient(y, x).numpy().tolist() == [3.0, 3.0]
    np.testing.assert_allclose(tape.gradient(z, x).numpy(), [0.6, 3.4], rtol=1e-6)


def test_variables_are_read_in_traced_bodies_and_assigned_step_by_step():
    scale = gc.Variable([1.0, 2.0])
    with gc.GradientTape() as tape:
        y = gc.scan(lambda a, row: a * scale + row, gc.ones([3, 2]))
    assert tape.gradient(y, scale).numpy().tolist() == [4.0, 6.0]
    total = gc.Variable(0.0)

    def body(i):
        total.assign_add(gc.cast(i, gc.float32))
        return [i + 1]

    assert int(gc.while_loop(lambda i: i < 4, body, [gc.constant(0)])[0]) == 4
    assert float(total) == 6.0
