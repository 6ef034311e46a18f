"""Operations with effects in branches and loops: in order, once for every step, only where the program comes."""

from functools import partial

import numpy as np
import pytest

import graphc as gc
import graphc.v1 as tf
from graphc import errors
from graphc.api.body import Body
from graphc.api.eager import eager
from graphc.api.effect import EFFECT, first_token
from graphc.compile import compile_graph
from graphc.ir.graph import Graph, input_node
from graphc.prims.interpret import interpret

X = np.array([1.0, 2.0, 3.0], np.float32)


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def after(operation, value):
    """``value``, or each of several, known only after an operation."""
    with tf.control_dependencies([operation]):
        return [tf.identity(v) for v in value] if isinstance(value, tuple) else tf.identity(value)


def lines(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


# ------------------------------------------------------------------------------------------- printing


def test_only_the_taken_branch_prints(session, capsys):
    p, x = tf.placeholder(tf.bool, ()), tf.constant(X)
    y = tf.cond(p, lambda: after(tf.print("true", x), x * 2), lambda: tf.Print(x, [x], "false "))
    assert session.run(y, {p: True}).tolist() == [2, 4, 6]
    assert lines(capsys) == ["true [1 2 3]"]
    session.run(y, {p: False})
    assert lines(capsys) == ["false [1 2 3]"]


def test_operations_as_answers_of_a_branch(session, capsys):
    p = tf.placeholder(tf.bool, ())
    done = tf.cond(p, lambda: tf.print("yes"), lambda: tf.no_op())
    session.run(done, {p: False})
    session.run(done, {p: True})
    assert lines(capsys) == ["yes"]


def test_every_operation_with_an_effect_in_a_branch_runs(session, capsys):
    p = tf.placeholder(tf.bool, ())

    def true():
        tf.print("nobody needs this")
        return tf.constant(1)

    y = tf.cond(p, true, lambda: tf.constant(2))
    assert session.run([y, y], {p: True}) == [1, 1]
    assert lines(capsys) == ["nobody needs this"]
    assert session.run(y, {p: False}) == 2
    assert lines(capsys) == []


def test_loops_print_in_the_order_of_their_steps(session, capsys):
    loop = tf.while_loop(lambda i, a: i < 3, lambda i, a: after(tf.print("step", i), (i + 1, a * 2)), [0, 1.0])
    assert [v.item() for v in session.run(loop)] == [3, 8.0]
    assert lines(capsys) == ["step 0", "step 1", "step 2"]
    cases = {
        "map": (lambda: tf.map_fn(lambda v: tf.Print(v * 3, [v]), tf.constant(X)), [3, 6, 9], "1 2 3"),
        "scan": (lambda: tf.scan(lambda a, v: tf.Print(a + v, [v]), tf.constant(X)), [1, 3, 6], "2 3"),
        "reverse": (lambda: tf.scan(lambda a, v: tf.Print(a + v, [v]), tf.constant(X), 0.0, reverse=True),
                    [6, 5, 3], "3 2 1"),
        "foldl": (lambda: tf.foldl(lambda a, v: tf.Print(a + v, [v]), tf.constant(X), 0.0), 6, "1 2 3"),
        "foldr": (lambda: tf.foldr(lambda a, v: tf.Print(a + v, [v]), tf.constant(X)), 6, "2 1"),
    }  # fmt: skip
    for make, value, printed in cases.values():
        assert session.run(make()).tolist() == value
        assert lines(capsys) == [f"[{v}]" for v in printed.split()]


def test_a_test_that_prints_is_carried_out_once_more_than_the_body(session, capsys):
    def test(i):
        return after(tf.print("test", i), i < 2)

    def body(i):
        return [after(tf.print("body", i), i + 1)]

    assert session.run(tf.while_loop(test, body, [0])) == 2
    assert lines(capsys) == ["test 0", "body 0", "test 1", "body 1", "test 2"]
    assert session.run(tf.while_loop(test, body, [0], maximum_iterations=1)) == 1
    assert lines(capsys) == ["test 0", "body 0", "test 1"]


def test_branches_in_loops_and_effects_around_them(session, capsys):
    def body(i):
        before = after(tf.print("before", i), i)
        even, odd = (lambda word=word: after(tf.print(word, i), i + 1) for word in ("even", "odd"))
        return [tf.cond(tf.equal(before % 2, 0), even, odd)]

    first = tf.print("first")
    with tf.control_dependencies([first]):
        loop = tf.while_loop(lambda i: i < 2, body, [0])
    session.run(after(tf.print("last", loop), loop))
    assert lines(capsys) == ["first", "before 0", "even 0", "before 1", "odd 1", "last 2"]


def test_a_branch_may_come_after_an_operation_from_outside(session, capsys):
    p, outer = tf.placeholder(tf.bool, ()), tf.print("outer")
    y = tf.cond(p, lambda: after(outer, tf.constant(1)), lambda: tf.constant(2))
    assert session.run(y, {p: True}) == 1
    assert lines(capsys) == ["outer"]


def test_gradients_do_not_repeat_effects(session, capsys):
    v = tf.Variable(2.0)
    session.run(v.initializer)
    x = tf.constant(X)
    values = [
        tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, tf.Print(a * a, [i])), [0, v])[1],
        tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, tf.Print(a * a, [i])), [0, v], maximum_iterations=2)[1],
        tf.reduce_sum(tf.map_fn(lambda r: tf.Print(r * v, [r]), x)),
        tf.cond(v > 0, lambda: tf.Print(v * v, [v]), lambda: v),
    ]
    for value, slope, count in zip(values, (32, 32, 6, 4), (2, 2, 3, 1)):
        assert session.run([value, *tf.gradients(value, [v])])[1] == slope
        assert len(lines(capsys)) == count


def test_random_numbers_and_effects_in_one_body(session, capsys):
    def body(i, a):
        r = tf.random_uniform(())
        return i + 1, tf.Print(a + r, [r])

    loop = tf.while_loop(lambda i, a: i < 2, body, [0, 0.0])
    first, second = session.run(loop)[1], session.run(loop)[1]
    printed = [float(line[1:-1]) for line in lines(capsys)]
    assert len(set(printed)) == 4 and first != second
    assert np.allclose([sum(printed[:2]), sum(printed[2:])], [first, second])


def test_a_recurrent_cell_that_prints(session, capsys):
    class Cell(tf.nn.rnn_cell.BasicRNNCell):
        def call(self, inputs, state):
            output, state = super().call(inputs, state)
            return tf.Print(output, [inputs[0, 0]]), state

    rows = tf.constant(np.arange(12.0).reshape(2, 3, 2), tf.float32)
    outputs, _ = tf.nn.dynamic_rnn(Cell(2), rows, dtype=tf.float32, sequence_length=[1, 3])
    session.run(tf.global_variables_initializer())
    found = session.run(outputs)
    assert not found[0, 1:].any() and found[1].all()
    assert lines(capsys) == ["[0]", "[2]", "[4]"]


# ------------------------------------------------------------------------------------------- assertions


def test_a_failing_assertion_in_a_body_leaves_the_state_alone(session):
    n, p, v = tf.placeholder(tf.int32, ()), tf.placeholder(tf.bool, ()), tf.Variable(1.0)
    session.run(v.initializer)

    def true():
        with tf.control_dependencies([tf.Assert(n > 0, [n])]):
            return v.assign_add(1.0) + 0

    y = tf.cond(p, true, lambda: v + 0.0)
    assert session.run(y, {p: True, n: 1}) == 2
    with pytest.raises(errors.InvalidArgumentError, match="assertion failed"):
        session.run(y, {p: True, n: 0})
    assert session.run(y, {p: False, n: 0}) == session.run(v) == 2

    def body(i, total):
        with tf.control_dependencies([tf.Assert(i < n, [i])]):
            return i + 1, total + v.assign_add(1.0)

    loop = tf.while_loop(lambda i, total: i < 3, body, [0, 0.0])
    with pytest.raises(errors.InvalidArgumentError):
        session.run(loop, {n: 2})
    assert session.run(v) == 2
    assert session.run(loop, {n: 3})[1] == 12 and session.run(v) == 5


def test_an_assertion_stops_a_run_that_assigned_before(session):
    v, n = tf.Variable(1.0), tf.placeholder(tf.int32, ())
    session.run(v.initializer)

    def true():
        tf.Assert(n > 0, [n])
        return tf.constant(1)

    with tf.control_dependencies([v.assign_add(10.0)]):
        y = tf.cond(n < 5, true, lambda: tf.constant(2))
    with pytest.raises(errors.InvalidArgumentError):
        session.run(y, {n: 0})
    assert session.run(v) == 1


# ------------------------------------------------------------------------------------------- queues


def test_queues_in_branches_and_loops(session):
    p, queue = tf.placeholder(tf.bool, ()), tf.FIFOQueue(10, [tf.float32], [()])
    put = tf.cond(p, lambda: queue.enqueue(3.0), lambda: tf.no_op())
    for taken, size in ((False, 0), (True, 1)):
        session.run(put, {p: taken})
        assert session.run(queue.size()) == size
    get = tf.cond(p, lambda: queue.dequeue(), lambda: tf.constant(-1.0))
    assert [session.run(get, {p: taken}) for taken in (False, True)] == [-1, 3]
    fill = tf.while_loop(lambda i: i < 4, lambda i: [after(queue.enqueue(tf.cast(i, tf.float32)), i + 1)], [0])
    session.run(fill)
    taken = tf.map_fn(lambda v: v * 10 + queue.dequeue(), tf.constant(X))
    assert session.run(taken).tolist() == [10, 21, 32]
    assert session.run(queue.size()) == 1


# ------------------------------------------------------------------------------------------- Python


def test_python_functions_in_loops_and_their_gradients(session):
    seen = []

    def double(value):
        seen.append(float(value))
        return value * 2

    x = tf.constant(X)
    mapped = tf.map_fn(lambda v: tf.py_function(double, [v], tf.float32), x)
    (slope,) = tf.gradients(mapped, [x])
    assert session.run(mapped).tolist() == [2, 4, 6]
    assert seen == [1, 2, 3]
    seen.clear()
    found = session.run([mapped, slope])
    assert [v.tolist() for v in found] == [[2, 4, 6], [2, 2, 2]]
    assert seen == [1, 2, 3, 3, 2, 1]  # the gradient calls it once more


@pytest.mark.filterwarnings("ignore::graphc.errors.GraphcWarning")
def test_shapes_of_python_results_in_bodies_are_found_out(session):
    calls = []

    def full(value, size):
        calls.append(value)
        return np.full(size, value, np.float32)

    x, k, p = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int32, ()), tf.placeholder(tf.bool, ())
    rows = tf.map_fn(lambda v: tf.py_func(full, [v, k], tf.float32) * 2, x)
    for size in (3, 2, 2, 3):
        assert session.run(rows, {x: [1, 2], k: size}).tolist() == [[2.0] * size, [4.0] * size]
    assert len(calls) == 8
    branch = tf.cond(p, lambda: tf.py_func(full, [5.0, 3], tf.float32) + 1, lambda: tf.constant(X))
    assert session.run(branch, {p: True}).tolist() == [6, 6, 6]
    assert session.run(branch, {p: False}).tolist() == X.tolist()

    def growing(i, total):
        ones = tf.py_func(full, [1.0, i], tf.float32)
        return i + 1, total + tf.reduce_sum(ones)

    assert session.run(tf.while_loop(lambda i, t: i < 4, growing, [0, 0.0]))[1] == 6

    def deep(i, total):
        def even():
            return tf.py_func(lambda v: np.float32(v), [i], tf.float32)

        return i + 1, total + tf.cond(tf.equal(i % 2, 0), even, lambda: tf.constant(100.0))

    assert session.run(tf.while_loop(lambda i, t: i < 4, deep, [0, 0.0]))[1] == 202


# ------------------------------------------------------------------------------------------- traced, eager


def test_traced_bodies_string_effects(capsys):
    def program(x):
        gc.print("start")
        i, _ = gc.while_loop(lambda i, a: i < 2, printing, (gc.constant(0), x))
        rows = gc.map_fn(lambda v: (gc.print("row", v), v + 1)[1], x)
        gc.print("end", i)
        return rows

    def printing(i, a):
        gc.print("step", i)
        return i + 1, a * 2

    with Body(eager(), takes_effects=True) as body:
        x = body.argument(gc.constant(X))
        body.finish([program(x)])
    node, states = input_node("x", x.type), {EFFECT: first_token()}
    outputs = body.replay([node], [t.node for t in body.captured], states)
    graph = Graph("traced", (node,), (*outputs, states[EFFECT]))
    printed = ["start", "step 0", "step 1", "row 1", "row 2", "row 3", "end 2"]
    for run in (partial(interpret, graph), compile_graph(graph)):
        assert run(X)[0].tolist() == [2, 3, 4]
        assert lines(capsys) == printed


def test_eager_loops_with_effects_run_step_by_step(capsys):
    def body(i, a):
        gc.print("step", i)
        return i + 1, a * 2

    x = gc.constant(X)
    assert gc.while_loop(lambda i, a: i < 2, body, (gc.constant(0), x))[1].numpy().tolist() == [4, 8, 12]
    assert lines(capsys) == ["step 0", "step 1"]
    v = gc.Variable(2.0)
    with gc.GradientTape() as tape:
        y = gc.map_fn(lambda r: (gc.print("row", r), r * v)[1], x)
    assert float(tape.gradient(y, v)) == 6
    assert lines(capsys) == ["row 1", "row 2", "row 3"]
    gc.cond(x[0] > 0, lambda: gc.print("true"), lambda: gc.print("false"))
    assert lines(capsys) == ["true"]
    assert gc.scan(lambda a, r: gc.py_function(lambda p, q: p + q, [a, r], gc.float32), x).numpy().tolist() == [1, 3, 6]


def test_eager_assertion_stops_a_loop():
    seen = []

    def body(i):
        gc.debugging.Assert(i < 2, [i])
        seen.append(int(i))
        return (i + 1,)

    with pytest.raises(errors.InvalidArgumentError):
        gc.while_loop(lambda i: i < 4, body, (gc.constant(0),))
    assert seen == [0, 1]
