"""Eager code is compiled once for each structure: numbers may change, sizes that change are counted and warned of."""

import time
import warnings

import numpy as np
import pytest

import graphc as tf
from graphc.api.signature import OpenSizes, signature
from graphc.errors import GraphcWarning
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims.table import apply


@pytest.fixture
def told():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen


def test_other_values_take_the_same_program(compiles):
    for k in range(5):
        x = tf.constant(np.full((2, 3), k, np.float32))
        assert float(tf.reduce_sum(tf.exp(x) * x)) == pytest.approx(6 * k * np.exp(k), rel=1e-6)
    assert len(compiles) == 1


def test_numbers_in_the_source_become_arguments(compiles):
    w = tf.Variable(np.ones(3, np.float32))
    for step in range(6):
        w.assign_sub(tf.constant([1.0, 2.0, 3.0]) * (0.1 / (1 + step)) * 2.0)
        w.numpy()
    np.testing.assert_allclose(w.numpy(), 1 - np.array([1, 2, 3]) * 0.2 * sum(1 / (1 + k) for k in range(6)), rtol=1e-5)
    assert len(compiles) == 2  # once with the number in it, once for every other number
    assert [len(g.inputs) for g in compiles] == [2, 3]


def test_zeros_of_both_signs_differ(compiles):
    x = tf.constant([1.0, -1.0])
    assert [np.signbit((x * z).numpy()).tolist() for z in (0.0, -0.0)] == [[False, True], [True, False]]
    assert np.isnan((x * float("nan")).numpy()).all()


def test_attributes_that_differ_take_another_program(compiles):
    x = tf.constant(np.arange(4.0, dtype=np.float32).reshape(2, 2))
    assert tf.reduce_sum(x, axis=0).numpy().tolist() == [2, 4]
    assert tf.reduce_sum(x, axis=1).numpy().tolist() == [1, 5]
    assert len(compiles) == 2


def test_loops_made_anew_take_the_same_program(compiles):
    for k in range(3):
        x = tf.constant(np.arange(3.0, dtype=np.float32) + k)
        assert tf.map_fn(lambda v: v * v, x).numpy().tolist() == [(j + k) ** 2 for j in range(3)]
    assert len(compiles) == 1


def test_a_training_step_and_its_loss_are_one_program(compiles):
    w = tf.Variable(np.ones((3, 2), np.float32))
    x, losses = np.ones((4, 3), np.float32), []
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
        w.assign_sub(0.1 * tape.gradient(loss, w))
        losses.append(float(loss))
    np.testing.assert_allclose(losses, 9 * np.array([0.7 ** (2 * k) for k in range(5)]), rtol=1e-5)
    assert len(compiles) == 1


def test_reading_something_else_leaves_new_values_waiting(compiles):
    w = tf.Variable(np.ones(2, np.float32))
    w.assign_add([1.0, 2.0])
    assert float(tf.reduce_sum(tf.constant([5.0, 6.0]))) == 11
    assert w.numpy().tolist() == [2, 3]
    assert len(compiles) == 2


def test_a_line_with_ever_new_sizes_is_warned_of_once(compiles, told):
    for n in range(1, 14):
        value = tf.cumsum(tf.constant(np.ones(n, np.float32))).numpy()
        assert value[-1] == n
    (one,) = [w for w in told if issubclass(w.category, GraphcWarning)]
    assert one.filename == __file__ and "compiled for the 10th time: an operand is f32[10], it was f32[9]" in str(one.message)
    assert str(one.message).endswith("; inside of a tf.function it is compiled for any size")
    assert "test_eager_programs.py" in str(one.message)
    assert any(c.count == 13 and "test_eager_programs.py" in c.what for c in tf.compilations())


def test_a_function_is_compiled_for_any_size_as_the_warning_says(compiles, told):
    total = tf.function(lambda x: tf.cumsum(x))
    for n in range(2, 15):
        assert total(tf.constant(np.ones(n, np.float32))).numpy()[-1] == n
    assert not told and not compiles
    assert total.experimental_get_tracing_count() == 2  # for the first size, and for any


def test_a_line_is_warned_of_once_whatever_it_computes(compiles, told):
    for function in (tf.exp, tf.cumsum, tf.square):
        for n in range(2, 14):
            assert function(tf.constant(np.ones(n, np.float32))).numpy().shape == (n,)
    assert len([w for w in told if issubclass(w.category, GraphcWarning)]) == 1


def test_what_an_installed_library_computes_is_not_warned_of(compiles, told):
    code = compile("def shape_of(x):\n    return tf.cumsum(x).numpy().shape", f"{np.__path__[0]}/library.py", "exec")
    library = {"tf": tf}
    exec(code, library)
    for n in range(1, 14):
        assert library["shape_of"](tf.constant(np.ones(n, np.float32))) == (n,)
    assert not [w for w in told if issubclass(w.category, GraphcWarning)]


def test_sizes_that_depend_on_data(compiles):
    for k in range(3):
        x = tf.constant([1.0, -1.0, 2.0, float(k)])
        kept = tf.boolean_mask(x, x > 0)
        assert kept.shape == (2 + (k > 0),)
        assert tf.concat([kept * 2.0, tf.zeros([tf.shape(kept)[0]])], 0).numpy().sum() == 2 * (3 + k)


def test_computed_sizes_in_loops_and_branches():
    n = tf.constant(3)
    rows = tf.map_fn(lambda v: tf.reduce_sum(tf.zeros([n]) + v), tf.constant([1.0, 2.0]))
    assert rows.numpy().tolist() == [3, 6]
    found = tf.cond(tf.constant(True), lambda: tf.reduce_sum(tf.ones([tf.reduce_sum([n, 1])])), lambda: tf.constant(0.0))
    assert float(found) == 4


def test_signatures():
    x, y = (input_node(f"signature{k}", Type(dt.f32, (2,))) for k in range(2))
    add = apply("add", x, y)
    assert signature([add]).key == signature([apply("add", y, x)]).key != signature([apply("add", x, x)]).key
    halves = [signature([apply("mul", x, const(v, x.type))]) for v in (0.5, 0.25)]
    assert halves[0].key == halves[1].key and len(halves[0].splats) == 1
    with pytest.raises(OpenSizes):
        signature([apply("broadcast", const(1.0, Type(dt.f32, ())), shape=(symbol("n"),), axes=())])


def test_constants_and_copies_are_not_compiled(compiles):
    assert tf.zeros((3, 2)).numpy().tolist() == [[0.0, 0.0]] * 3
    v = tf.Variable([1.0, 2.0])
    v.assign(tf.identity(v))
    before = v.read_value()
    v.assign_add([1.0, 1.0])
    assert before.numpy().tolist() == [1.0, 2.0] and v.numpy().tolist() == [2.0, 3.0]
    assert len(compiles) == 1, "the sum alone is a program"


def test_small_expressions_are_quick():
    x, y = (tf.constant(np.ones((4, 4), np.float32)) for _ in range(2))
    assert best(lambda: ((x + y) * 2.0).numpy()) < 600e-6  # some 80 microseconds where nothing else runs


def best(function, times: int = 50) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return min(found)
