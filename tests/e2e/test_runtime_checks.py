"""Indices out of range and integer division by zero end a run with an error, from every door."""

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as tf1
from graphc import aot
from graphc.compile import build, compile_graph, lower_graph, optimise
from graphc.errors import InvalidArgumentError, Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.printer import program_text
from graphc.ir.program import Refuse, reasons_of
from graphc.ir.type import Type
from graphc.ir.verify import verify_program
from graphc.lib import index, math
from graphc.options import Options
from graphc.prims import apply

TABLE = np.arange(10, dtype=np.float32).reshape(5, 2)


def refused(call, *words):
    """The error of a call, which says all these words."""
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call()
    for word in words:
        assert word in str(caught.value), caught.value
    return str(caught.value)


def lookup(rows=5, dtype=dt.i32):
    """A graph that looks rows up, of a new dimension of indices."""
    x, i = input_node("x", Type(dt.f32, (rows, 2))), input_node("i", Type(dtype, (symbol("count"),)))
    return Graph("lookup", (x, i), (index.gather(x, i),))


# ---------------------------------------------------------------------------------------------- eager


@pytest.mark.parametrize("kind", [tf.int32, tf.int64, tf.uint8])
def test_eager_gather(kind):
    x = tf.constant(TABLE)
    np.testing.assert_array_equal(tf.gather(x, tf.constant([4, 0], kind)).numpy(), TABLE[[4, 0]])
    refused(lambda: tf.gather(x, tf.constant([4, 5], kind)).numpy(), "gather: indices are not in [0, 5)")
    message = refused(lambda: tf.gather(x, tf.constant([7, 0], kind)).numpy())
    assert "tf.constant([7, 0], kind)" in message  # this line, not the one above that made an equal program


def test_eager_lines_are_those_of_the_operations():
    x, bad = tf.constant(TABLE), tf.constant([9])
    first = tf.gather(x, tf.constant([1]))
    second = tf.gather(x, bad)  # this one
    total = first + second
    assert "# this one" in refused(total.numpy)


def test_negative_indices_as_tensorflow_has_them():
    x = tf.constant(TABLE)
    refused(lambda: tf.gather(x, tf.constant([-1])).numpy(), "[0, 5)")
    np.testing.assert_array_equal(x[-1].numpy(), TABLE[-1])
    np.testing.assert_array_equal(x[tf.constant(-5)].numpy(), TABLE[-5])
    refused(lambda: x[tf.constant(-6)].numpy(), "index", "[0, 5)")
    refused(lambda: x[tf.constant(5)].numpy(), "index", "[0, 5)")


def test_empty_indices():
    empty = tf.zeros([0, 3])
    assert tf.gather(empty, tf.zeros([0], tf.int32)).shape == (0, 3)
    assert tf.gather(tf.constant(TABLE), tf.zeros([2, 0], tf.int64)).numpy().shape == (2, 0, 2)
    refused(lambda: tf.gather(empty, tf.zeros([1], tf.int32)).numpy(), "[0, 0)")


def test_axis_and_batch_dims():
    x = tf.constant(np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(tf.gather(x, tf.constant([3, 3]), axis=1).numpy(), x.numpy()[:, [3, 3]])
    refused(lambda: tf.gather(x, tf.constant([3, 4]), axis=1).numpy(), "[0, 4)")
    ids = tf.constant([[3], [0], [1]])
    np.testing.assert_array_equal(tf.gather(x, ids, batch_dims=1).numpy()[:, 0], [3.0, 4.0, 9.0])
    refused(lambda: tf.gather(x, ids + 1, batch_dims=1).numpy(), "[0, 4)")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, i: tf.gather_nd(x, tf.stack([i, i], 1)), "gather_nd: indices are not in [0, 5) x [0, 2)"),
        (lambda x, i: tf.nn.embedding_lookup(x, i), "embedding_lookup"),
        (lambda x, i: tf.tensor_scatter_nd_add(x, i[:, None], tf.ones([2, 2])), "tensor_scatter_nd_add"),
        (lambda x, i: tf.scatter_nd(i[:, None], tf.ones([2]), [5]), "scatter_nd"),
        (lambda x, i: tf.math.unsorted_segment_sum(tf.ones([2]), i, 5), "segment numbers are not less than 5"),
        (lambda x, i: tf.slice(x, [i[1], 0], [1, 2]), "slice"),
    ],
)
def test_other_operations_with_indices(call, words):
    x = tf.constant(TABLE)
    assert np.isfinite(call(x, tf.constant([0, 1])).numpy()).all()
    refused(lambda: call(x, tf.constant([0, 5])).numpy(), words)


def test_what_tensorflow_ignores_stays_ignored():
    np.testing.assert_array_equal(tf.one_hot(tf.constant([7, -1]), 3).numpy(), np.zeros((2, 3)))
    sums = tf.math.unsorted_segment_sum(tf.ones([3]), tf.constant([-1, 1, 1]), 2)
    np.testing.assert_array_equal(sums.numpy(), [0.0, 2.0])


# ------------------------------------------------------------------------------------------- division


DIVISIONS = {
    "floordiv": lambda x, y: x // y, "floormod": lambda x, y: x % y, "truncatediv": tf.truncatediv,
    "truncatemod": tf.truncatemod,
}  # fmt: skip


@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("kind", [tf.int32, tf.int64, tf.uint8, tf.int16])
def test_division_by_zero(name, kind):
    op = DIVISIONS[name]
    x = tf.constant([[7, 5], [9, 4]], kind)
    assert op(x, tf.constant([2, 3], kind)).numpy().shape == (2, 2)
    for divisor in (tf.constant([2, 0], kind), tf.constant(0, kind), tf.constant([[1], [0]], kind)):
        refused(lambda: op(x, divisor).numpy(), f"{name}: integer division by zero")
    refused(lambda: op(tf.constant(5, kind), tf.constant(0, kind)).numpy(), "division by zero")


def test_divisions_that_are_fine():
    lowest = tf.constant([-(2**31)])
    assert (lowest // tf.constant([-1])).numpy()[0] == -(2**31)
    assert (lowest % tf.constant([-1])).numpy()[0] == 0
    nothing = tf.zeros([0], tf.int32)
    assert (nothing // nothing).numpy().shape == (0,)
    assert np.isinf((tf.constant([1.0]) / tf.constant([0.0])).numpy()).all()
    assert tf.math.divide_no_nan(tf.constant([4]), tf.constant([0])).numpy()[0] == 0


# ------------------------------------------------------------------------------------------ functions


def test_functions_name_their_line():
    @tf.function
    def rows(x, i):
        return tf.gather(x, i) + 1  # in the function

    np.testing.assert_array_equal(rows(tf.constant(TABLE), tf.constant([2])).numpy(), TABLE[[2]] + 1)
    assert "# in the function" in refused(lambda: rows(tf.constant(TABLE), tf.constant([5])), "gather")


def test_functions_that_are_equal_have_lines_of_their_own():
    def made(extra):
        if extra:
            return tf.function(lambda x, i: tf.gather(x, i) * 3)  # one
        return tf.function(lambda x, i: tf.gather(x, i) * 3)  # two

    one, two, x, bad = made(True), made(False), tf.constant(TABLE), tf.constant([5])
    assert "# one" in refused(lambda: one(x, bad))
    assert "# two" in refused(lambda: two(x, bad))


def test_a_function_that_fails_leaves_its_variables_alone():
    v = tf.Variable(TABLE)

    @tf.function
    def step(i):
        v.assign(v * 2)
        v.assign_add(tf.reduce_sum(tf.gather(v, i)) + tf.zeros([5, 2]))

    refused(lambda: step(tf.constant([1, 5])), "[0, 5)")
    np.testing.assert_array_equal(v.numpy(), TABLE)
    step(tf.constant([0]))
    np.testing.assert_array_equal(v.numpy(), TABLE * 2 + 2)


def test_gradients_are_those_without_checks():
    v = tf.Variable(TABLE)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.gather(v, tf.constant([1, 1, 4])) ** 2)
    want = np.zeros_like(TABLE)
    np.add.at(want, [1, 1, 4], 2 * TABLE[[1, 1, 4]])
    np.testing.assert_array_equal(tf.convert_to_tensor(tape.gradient(y, v)).numpy(), want)


# --------------------------------------------------------------------------------------- control flow


def test_inside_of_loops_and_branches():
    x = tf.constant(TABLE)
    rows = tf.function(lambda ids: tf.map_fn(lambda i: x[i], ids, fn_output_signature=tf.float32))
    np.testing.assert_array_equal(rows(tf.constant([4, 0])).numpy(), TABLE[[4, 0]])
    refused(lambda: rows(tf.constant([4, 5, 0])), "index", "[0, 5)")

    @tf.function
    def total(n):
        i, s = tf.constant(0), tf.zeros([2])
        while i < n:
            s += tf.gather(x, i)
            i += 1
        return s

    np.testing.assert_array_equal(total(tf.constant(5)).numpy(), TABLE.sum(0))
    refused(lambda: total(tf.constant(6)), "gather: indices are not in [0, 5)")

    @tf.function
    def branch(i, n):
        if i < 5:
            return tf.gather(x, i) * 1.0  # then
        return tf.gather(x, 10 // n) * 2.0  # else

    np.testing.assert_array_equal(branch(tf.constant(1), tf.constant(0)).numpy(), TABLE[1])
    np.testing.assert_array_equal(branch(tf.constant(9), tf.constant(10)).numpy(), TABLE[1] * 2)
    assert "# then" in refused(lambda: branch(tf.constant(-1), tf.constant(1)), "gather")
    assert "# else" in refused(lambda: branch(tf.constant(9), tf.constant(2)), "gather")
    refused(lambda: branch(tf.constant(9), tf.constant(0)), "division by zero")


def test_what_surely_lies_in_range_is_not_tested():
    x, i = input_node("x", Type(dt.f32, (5, 3))), input_node("i", Type(dt.i64, (4,)))
    best = apply("argreduce", x, kind="max", axis=0, dtype=dt.i64)
    clipped = math.minimum(math.maximum(i, 0), 4)
    for places in (best, clipped, math.floormod(i, 5)):
        graph = Graph("sure", (x, i), (index.gather(x, places),))
        assert not reasons_of(lower_graph(optimise(graph)))
    assert [r[0] for r in reasons_of(lower_graph(optimise(lookup())))] == ["gather: indices are not in [0, 5)"]


# ---------------------------------------------------------------------------------------- sessions


def test_sessions_stay_usable_and_keep_their_variables():
    with tf1.Graph().as_default():
        w = tf1.get_variable("w", initializer=TABLE)
        ids = tf1.placeholder(tf1.int32, [None])
        rows = tf1.nn.embedding_lookup(w, ids)  # looked up
        step = tf1.assign_add(w, tf1.ones_like(w) * tf1.reduce_sum(rows))
        some = tf1.scatter_update(w, ids, tf1.zeros([1, 2]))
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            assert "# looked up" in refused(lambda: session.run(step, {ids: [0, 5]}), "embedding_lookup")
            refused(lambda: session.run(some, {ids: [7]}), "scatter_update")
            np.testing.assert_array_equal(session.run(w), TABLE)
            session.run(step, {ids: [0]})
            np.testing.assert_array_equal(session.run(w), TABLE + 1)
            assert session.run(rows, {ids: []}).shape == (0, 2)


# ------------------------------------------------------------------------------------- programs as data


def test_the_step_as_text():
    program = lower_graph(optimise(lookup()))
    verify_program(program)
    assert [type(s) for s in program.steps].count(Refuse) == 1
    blobs: dict = {}
    assert parse(program_text(program, blobs), blobs) == program


def test_states_are_written_after_the_step():
    x, i = input_node("x", Type(dt.f32, (5, 2))), input_node("i", Type(dt.i32, (3,)))
    new = math.add(x, x)
    graph = Graph("state", (x, i), (new, index.gather(x, i)), donated=((0, 0),))
    program = lower_graph(optimise(graph))
    places = {b.name: b.place for b in program.buffers}
    arrays = {k.name: k.arrays for k in program.kernels}
    at = next(k for k, s in enumerate(program.steps) if isinstance(s, Refuse))
    for step in program.steps[:at]:
        written = [n for a, n in zip(arrays[step.kernel], step.args) if a.written]
        assert all(places[n][0] != "input" for n in written)


def test_checks_can_be_left_out():
    graph = lookup()
    on, off = (compile_graph(graph, Options(checks=checks)) for checks in (True, False))
    bad = np.array([1, 7], np.int32)
    np.testing.assert_array_equal(off(TABLE, bad)[0], [TABLE[1], [0, 0]])
    refused(lambda: on(TABLE, bad), "gather")
    assert not reasons_of(build(graph, Options(checks=False)).program)


def test_the_header_tells_the_codes(tmp_path):
    x, i = input_node("x", Type(dt.f32, (5, 2))), input_node("i", Type(dt.i32, (3,)))
    aot.export(Graph("lookup", (x, i), (index.gather(x, i),)), tmp_path / "lookup.gc")
    header = next(tmp_path.glob("*.h")).read_text()
    assert "2  gather: indices are not in [0, 5)" in header
    library = ctypes.CDLL(str(next(tmp_path.glob("*.so"))))
    table = np.zeros((64, 2), np.float32)
    out, arena = np.zeros((64, 2), np.float32), np.zeros(4096, np.uint8)

    def run(*ids):
        given = np.zeros(64, np.int32)
        given[:3] = ids
        inputs = (ctypes.c_void_p * 2)(table.ctypes.data, given.ctypes.data)
        outputs = (ctypes.c_void_p * 1)(out.ctypes.data)
        place = arena.ctypes.data + -arena.ctypes.data % 64
        return library.lookup(inputs, outputs, None, ctypes.c_void_p(place))

    assert run(0, 1, 4) == 0
    assert run(0, 1, 5) == 2
    assert run(0, -1, 4) == 2
    loaded = aot.load(tmp_path / "lookup.gc")
    with pytest.raises(InvalidArgumentError, match="gather"):
        loaded(TABLE, np.array([0, 1, 5], np.int32))


_PROCESS = """
import numpy as np, sys
from graphc.compile import compile_graph
from graphc.errors import Location, located
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.lib import index
with located(Location(sys.argv[1], int(sys.argv[2]))):
    x, i = input_node("x", Type(dt.f32, (5, 2))), input_node("i", Type(dt.i32, (3,)))
    run = compile_graph(Graph("cached_lookup", (x, i), (index.gather(x, i),)))
try:
    run(np.zeros((5, 2), np.float32), np.array([0, 1, 5], np.int32))
except ValueError as error:
    print(error)
print("llvmlite" in sys.modules)
"""


def test_a_second_process_names_its_own_line(tmp_path):
    env = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}

    def run(file, line):
        command = [sys.executable, "-c", _PROCESS, file, str(line)]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    first, second = run("one.py", 3), run("two.py", 44)
    assert "gather: indices are not in [0, 5)" in first and "one.py:3" in first and "True" in first
    assert "two.py:44" in second and "one.py" not in second and "False" in second


def test_equal_graphs_of_one_process_have_lines_of_their_own():
    def run(line):
        with located(Location("model.py", line)):
            return compile_graph(lookup(6))

    one, two = run(3), run(8)
    bad = np.array([6], np.int32)
    table = np.zeros((6, 2), np.float32)
    refused(lambda: one(table, bad), "model.py:3")
    refused(lambda: two(table, bad), "model.py:8")
    assert run(3) is one


def test_an_eager_variable_keeps_its_value():
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([1.0, 1.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub(tf.gather(tf.constant([1.0, 2.0]), tf.constant([5, 0])))
    w.assign_add([1.0, 1.0])
    with pytest.raises(InvalidArgumentError, match=r"not in \[0, 2\)"):
        v.numpy()
    assert w.numpy().tolist() == [2.0, 2.0]
    assert v.numpy().tolist() == [2.0, 3.0]
