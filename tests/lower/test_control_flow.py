"""Compiled control flow against the NumPy meaning: branches, loops, calls, and all of them inside each other."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.program import Copy, Launch, Repeat
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.prims import (
    add, broadcast, call, cast, cond, dot, exp, item, le, loop, lt, max, min, mul, neg, reduce, reshape, reverse, scatter, slice,
    sub, tanh, transpose, while_,
)  # fmt: skip
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native

TARGETS = host_targets()
N = symbol("n")
SCALAR, VECTOR, MATRIX = Type(dt.f32, ()), Type(dt.f32, (N,)), Type(dt.f32, (N, 3))


def x(name: str, type: Type = VECTOR):
    return input_node(name, type)


def number(name: str):
    return input_node(name, INDEX)


def truth(name: str):
    return input_node(name, Type(dt.b1, ()))


def body(*inputs, outputs) -> Graph:
    return Graph("body", tuple(inputs), tuple(outputs))


def check(graph: Graph, *arrays, exact: bool = True) -> tuple:
    """Right on every target and for every split; inexact only where sums or our own functions are inside."""
    want = interpret(graph, *arrays)
    for target in TARGETS:
        first = None
        for parts in SPLITS:
            got = run_native(graph, arrays, target, parts)
            for g, w in zip(got, want, strict=True):
                assert g.dtype == w.dtype and g.shape == w.shape
                if exact:
                    assert bits_equal(g, w), (target.name, g, w)
                else:
                    np.testing.assert_allclose(g, w, rtol=1e-5, atol=1e-6)
            assert first is None or all(map(bits_equal, first, got))
            first = got
    return got


def vector(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


# ------------------------------------------------------------------------------------------------ branches


@pytest.mark.parametrize("n", (0, 1, 13))
def test_a_branch_with_several_results(n):
    a, b = x("a"), x("b")
    then = body(a, b, outputs=(add(a, b), a, const(1.0, SCALAR)))
    orelse = body(a, b, outputs=(b, b, reduce(max(a, b), "max", (0,))))
    p, u, v = truth("p"), x("u"), x("v")
    chosen = cond(p, u, v, then=then, orelse=orelse)
    results = tuple(item(chosen, k) for k in range(3))
    graph = Graph("branch", (p, u, v), (*results, add(results[0], results[1])))
    for value in (True, False):
        check(graph, np.asarray(value), vector(n), vector(n, 1))


def test_a_branch_on_a_computed_value_leaves_its_operands_alone():
    a = x("a")
    u = x("u")
    total = reduce(u, "max", (0,))
    chosen = cond(lt(const(0.0, SCALAR), total), u, then=body(a, outputs=(a * 2.0,)), orelse=body(a, outputs=(neg(a),)))
    graph = Graph("branch", (u,), (add(chosen, u), u, chosen))
    for sign in (1, -1):
        check(graph, np.abs(vector(5)) * sign)


def test_a_branch_that_returns_one_operand_twice_and_a_reshape():
    a = x("a", MATRIX)
    then = body(a, outputs=(a, a, reshape(a, (3, N))))
    orelse = body(a, outputs=(neg(a), a, reshape(neg(a), (3, N))))
    p, u = truth("p"), x("u", MATRIX)
    chosen = cond(p, u, then=then, orelse=orelse)
    graph = Graph("branch", (p, u), tuple(item(chosen, k) for k in range(3)))
    for value in (True, False):
        for n in (0, 1, 4):
            check(graph, np.asarray(value), vector(n * 3).reshape(n, 3))


# --------------------------------------------------------------------------------------------------- while


def countdown(*carries, outputs, limit=0) -> dict:
    """test and body of a while whose first carry counts down to ``limit``."""
    k = carries[0]
    return dict(
        test=body(*carries, outputs=(lt(const(limit, INDEX), k),)),
        body=body(*carries, outputs=(sub(k, const(1, INDEX)), *outputs)),
    )


@pytest.mark.parametrize("trips", (0, 1, 2, 5))
def test_while_exchanges_its_carries(trips):
    k, a, b, c = number("k"), x("a"), x("b"), x("c")
    graphs = countdown(k, a, b, c, outputs=(b, c, a))
    count, u, v = number("count"), x("u"), x("v")
    done = while_(count, u, v, u, **graphs)
    graph = Graph("swap", (count, u, v), tuple(item(done, i) for i in range(4)))
    check(graph, np.int64(trips), vector(7), vector(7, 1))


@pytest.mark.parametrize("trips", (0, 3))
def test_while_with_one_carry_in_two_places_and_through_movement(trips):
    k, a, b = number("k"), x("a", MATRIX), x("b", MATRIX)
    graphs = countdown(k, a, b, outputs=(reverse(b, (0,)), b))
    count, u = number("count"), x("u", MATRIX)
    done = while_(count, u, u * 2.0, **graphs)
    graph = Graph("moved", (count, u), tuple(item(done, i) for i in (1, 2)))
    for n in (0, 1, 4):
        check(graph, np.int64(trips), vector(n * 3).reshape(n, 3))
    both = countdown(k, a, b, outputs=(add(a, b), reshape(transpose(a, (1, 0)), (N, 3))))
    done = while_(count, u, u, **both)
    check(Graph("turned", (count, u), tuple(item(done, i) for i in (0, 1, 2))), np.int64(trips), vector(12).reshape(4, 3))


def test_while_whose_test_reads_a_reduction():
    a = x("a")
    test = body(a, outputs=(lt(reduce(a, "max", (0,)), const(100.0, SCALAR)),))
    u = x("u")
    graph = Graph("until", (u,), (while_(u, test=test, body=body(a, outputs=(a * 2.0 + 1.0,))), u))
    for n in (1, 5):
        check(graph, np.abs(vector(n)))


# ---------------------------------------------------------------------------------------------------- loop


@pytest.mark.parametrize("count", (0, 1, 4))
def test_loop_with_carries_slices_constants_and_stacks(count):
    i, a, b, row, w = number("i"), x("a"), x("b"), x("row"), x("w")
    step = body(i, a, b, row, w, outputs=(
        add(b, row), mul(a, w), add(a, broadcast(cast(i, dt.f32), (N,))), row, reduce(row, "max", (0,)), i))  # fmt: skip
    rows, u, v = x("rows", Type(dt.f32, (count, N))), x("u"), x("v")
    done = loop(u, v, rows, u, count=count, carries=2, scanned=1, body=step)
    graph = Graph("loop", (u, v, rows), tuple(item(done, k) for k in range(6)))
    for n in (0, 1, 9):
        check(graph, vector(n), vector(n, 1), vector(n * count, 2).reshape(count, n))


def test_loop_over_a_symbolic_count():
    t = symbol("t")
    i, a, row = number("i"), x("a"), x("row")
    step = body(i, a, row, outputs=(max(a, row), sub(a, row), a))
    rows, u = x("rows", Type(dt.f32, (t, N))), x("u")
    done = loop(u, rows, count=t, carries=1, scanned=1, body=step)
    graph = Graph("loop", (u, rows), (*(item(done, k) for k in range(3)), reverse(item(done, 1), (0,))))
    for count in (0, 1, 6):
        check(graph, vector(5), vector(5 * count, 2).reshape(count, 5))


@pytest.mark.parametrize("count", (0, 1, 2, 3))
def test_loop_exchanges_its_carries_and_stacks_the_old_ones(count):
    i, a, b = number("i"), x("a"), x("b")
    step = body(i, a, b, outputs=(b, a, a, b, a))
    u, v = x("u"), x("v")
    done = loop(u, v, count=count, carries=2, scanned=0, body=step)
    check(Graph("swap", (u, v), tuple(item(done, k) for k in range(5))), vector(4), vector(4, 1))


def test_a_slice_that_is_carried_on_and_a_constant_that_is_stacked():
    i, a, row, w = number("i"), x("a"), x("row"), x("w")
    step = body(i, a, row, w, outputs=(row, w, a))
    rows, u = x("rows", Type(dt.f32, (3, N))), x("u")
    done = loop(u, rows, u, count=3, carries=1, scanned=1, body=step)
    check(Graph("shift", (u, rows), tuple(item(done, k) for k in range(3))), vector(4), vector(12, 1).reshape(3, 4))


def test_recurrent_cell():
    i, h, row, w = number("i"), x("h", MATRIX), x("row", MATRIX), x("w", Type(dt.f32, (3, 3)))
    step = body(i, h, row, w, outputs=(tanh(add(dot(h, w), row)), reduce(h, "sum", (1,))))
    rows, start = x("rows", Type(dt.f32, (6, N, 3))), x("start", MATRIX)
    weights = x("weights", Type(dt.f32, (3, 3)))
    done = loop(start, rows, weights, count=6, carries=1, scanned=1, body=step)
    graph = Graph("cell", (start, rows, weights), (item(done, 0), item(done, 1)))
    for n in (0, 1, 14):
        check(graph, vector(3 * n).reshape(n, 3), vector(18 * n, 1).reshape(6, n, 3), vector(9, 2).reshape(3, 3), exact=False)


# ---------------------------------------------------------------------------------------------------- call


def test_calls_share_operands_and_return_them():
    a, b = x("a"), x("b")
    inner = body(a, b, outputs=(b, add(a, b), a))
    u, v = x("u"), x("v")
    first = call(u, v, graph=inner)
    second = call(item(first, 1), item(first, 0), graph=inner)
    results = [item(first, 0), item(first, 2), item(second, 1), item(second, 0)]
    graph = Graph("calls", (u, v), (*results, mul(item(second, 1), u)))
    for n in (0, 1, 9):
        check(graph, vector(n), vector(n, 1))


# -------------------------------------------------------------------------------------------------- nested


@pytest.mark.parametrize("count", (0, 1, 5))
def test_a_branch_and_a_while_in_a_loop(count):
    i, a, k = number("i"), x("a"), number("k")
    grow = countdown(k, a, outputs=(a + 1.0,))
    then = body(a, i, outputs=(item(while_(i, a, **grow), 1),))
    orelse = body(a, i, outputs=(call(a, graph=body(a, outputs=(neg(a),))),))
    even = le(i % 2, const(0, INDEX))
    stepped = cond(even, a, i, then=then, orelse=orelse)
    u = x("u")
    done = loop(u, count=count, carries=1, scanned=0, body=body(i, a, outputs=(stepped, reverse(a, (0,)))))
    graph = Graph("nested", (u,), (item(done, 0), item(done, 1), u + 1.0))
    for n in (0, 1, 4):
        check(graph, vector(n))


def test_loops_in_a_loop():
    i, j, a, b, row = number("i"), number("j"), x("a"), x("b"), x("row")
    inner = body(j, b, row, outputs=(add(b, row), max(b, row)))
    rows = x("rows", Type(dt.f32, (3, N)))
    swept = loop(a, rows, count=3, carries=1, scanned=1, body=inner)
    outer = body(i, a, rows, outputs=(item(swept, 0), reverse(item(swept, 1), (0,)), slice(item(swept, 1), (1, 0), (3, N))))
    u, table = x("u"), x("table", Type(dt.f32, (3, N)))
    done = loop(u, table, count=4, carries=2, scanned=0, body=outer)
    graph = Graph("loops", (u, table), tuple(item(done, k) for k in range(3)))
    for n in (0, 1, 5):
        check(graph, vector(n), vector(3 * n, 1).reshape(3, n))


def test_a_while_in_a_while_with_exchanged_carries():
    k, m, a, b = number("k"), number("m"), x("a"), x("b")
    swap = countdown(m, a, b, outputs=(b, a))
    swapped = while_(k, a, b, **swap)
    graphs = countdown(k, a, b, outputs=(item(swapped, 1) + 1.0, item(swapped, 2)))
    count, u, v = number("count"), x("u"), x("v")
    done = while_(count, u, v, **graphs)
    graph = Graph("nested", (count, u, v), (item(done, 1), item(done, 2)))
    for trips in (0, 1, 4):
        check(graph, np.int64(trips), vector(3), vector(3, 1))


def test_control_flow_inside_arithmetic_on_both_sides():
    a = x("a")
    u, p = x("u"), truth("p")
    before = exp(min(u, const(1.0, VECTOR)))
    chosen = cond(p, before, then=body(a, outputs=(mul(a, a),)), orelse=body(a, outputs=(a,)))
    graph = Graph("around", (u, p), (sub(chosen, before), reduce(chosen, "max", (0,)), before))
    for value in (True, False):
        check(graph, vector(70), np.asarray(value), exact=False)


@pytest.mark.parametrize("donated", [((1, 1), (2, 2)), ((1, 2), (2, 1))], ids=str)
def test_state_that_a_loop_updates_in_place(donated):
    k, a, b = number("k"), x("a"), x("b")
    graphs = countdown(k, a, b, outputs=(b, add(a, b)))
    count, u, v = number("count"), x("u"), x("v")
    done = while_(count, u, v, **graphs)
    graph = Graph("state", (count, u, v), tuple(item(done, i) for i in range(3)), (), donated)
    for trips in (0, 1, 6):
        check(graph, np.int64(trips), vector(5), vector(5, 1))


@pytest.mark.parametrize("count", (0, 1, 2, 5))
def test_a_loop_from_the_last_row_to_the_first(count):
    i, a, row = number("i"), x("a"), x("row")
    step = body(i, a, row, outputs=(sub(row, a), a, add(row, broadcast(cast(i, dt.f32), (N,))), i))
    rows, u = x("rows", Type(dt.f32, (count, N))), x("u")
    done = loop(u, rows, count=count, carries=1, scanned=1, body=step, backwards=True)
    graph = Graph("back", (u, rows), tuple(item(done, k) for k in range(4)))
    for n in (0, 1, 9):
        check(graph, vector(n), vector(n * count, 2).reshape(count, n))


def test_what_a_loop_does_not_change_is_computed_before_it():
    i, h, w = number("i"), x("h", MATRIX), x("w", Type(dt.f32, (3, 3)))
    start, weights = x("start", MATRIX), x("weights", Type(dt.f32, (3, 3)))
    step = body(i, h, w, outputs=(tanh(dot(h, transpose(w, (1, 0)))),))
    done = loop(start, weights, count=4, carries=1, scanned=0, body=step)
    graph = Graph("steps", (start, weights), (done,))
    program = lower(graph, TARGETS[0])
    (repeat,) = [step for step in program.steps if isinstance(step, Repeat)]
    assert [step.kernel for step in repeat.body if isinstance(step, Launch)] == ["dot0"]  # the transpose is made before
    for n in (0, 1, 14):
        check(graph, vector(3 * n).reshape(n, 3), vector(9, 2).reshape(3, 3), exact=False)


@pytest.mark.parametrize("trips", (0, 1, 4))
def test_rows_written_in_a_while_change_one_array(trips):
    k, a, b = number("k"), x("a", MATRIX), x("b", Type(dt.f32, (3,)))
    new = scatter(a, reshape(k, (1, 1)), reshape(b, (1, 3)), "set", 0)
    graphs = countdown(k, a, b, outputs=(new, mul(b, b)))
    count, u, v = number("count"), x("u", MATRIX), x("v", Type(dt.f32, (3,)))
    done = while_(count, u, v, **graphs)
    graph = Graph("rows", (count, u, v), (item(done, 1), item(done, 2), u))
    (repeat,) = [step for step in lower(graph, TARGETS[0]).steps if isinstance(step, Repeat)]
    assert not [step for step in repeat.body if isinstance(step, Copy) and "scatter" in step.source + step.target]
    for n in (1, 5):
        check(graph, np.int64(trips), vector(3 * n).reshape(n, 3), vector(3, 1))


def test_rows_added_to_a_donated_state_are_not_copied():
    state, i, rows = x("state", MATRIX), x("i", Type(dt.i64, (4, 1))), x("rows", Type(dt.f32, (4, 3)))
    graph = Graph("update", (state, i, rows), (scatter(state, i, rows, "add", 0),), (), ((0, 0),))
    assert [type(step) for step in lower(graph, TARGETS[0]).steps] == [Launch]
    check(graph, vector(18).reshape(6, 3), np.array([[1], [5], [1], [9]]), vector(12, 1).reshape(4, 3), exact=False)
    twice = Graph("read", (state, i, rows), (scatter(state, i, rows, "add", 0), add(state, state)), (), ((0, 0),))
    check(twice, vector(18).reshape(6, 3), np.array([[1], [5], [1], [9]]), vector(12, 1).reshape(4, 3), exact=False)
