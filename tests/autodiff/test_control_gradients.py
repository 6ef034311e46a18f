"""Gradients through branches and loops: first and second order, forward mode, any number of steps, what is refused."""

import numpy as np
import pytest

from graphc.autodiff.check import check_gradients
from graphc.autodiff.forward import jvp
from graphc.autodiff.reverse import grad
from graphc.compile import compile_graph
from graphc.errors import GraphError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.type import TupleType, Type
from graphc.passes.pipeline import run
from graphc.prims import while_loop
from graphc.prims import (
    add, and_, call, cond, dot, gather, host, item, loop, lt, mul, reduce, reshape, sin, tanh, while_,
)  # fmt: skip
from graphc.prims.interpret import interpret

V, S = Type(dt.f64, (3,)), Type(dt.f64, ())
X, W, N = input_node("x", V), input_node("w", V), input_node("n", INDEX)
K, A, C, M = input_node("k", INDEX), input_node("a", V), input_node("c", V), input_node("m", INDEX)


def below(*inputs, limit) -> Graph:
    return Graph("test", inputs, (lt(inputs[0], limit),))


def counted():
    body = Graph("body", (K, A, C, M), (K + 1, sin(A) * C + A * 0.5, C, M))
    return item(while_(const(0, INDEX), X, W, N, test=below(K, A, C, M, limit=M), body=body), 1)


def bounded():
    body = Graph("body", (K, A, C, M), (K + 1, sin(A) * C + A * 0.5, C, M))
    test = Graph("test", (K, A, C, M), (and_(lt(K, M), lt(K, const(7, INDEX))),))
    return item(while_(const(0, INDEX), X, W, N, test=test, body=body), 1)


def countdown():
    test = Graph("test", (K, A, C), (lt(const(0, INDEX), K),))
    return item(while_(N, X, W, test=test, body=Graph("body", (K, A, C), (K - 1, sin(A) * C + A * 0.5, C))), 1)


def until_large():
    test = Graph("test", (A,), (lt(reduce(A * A, "sum", (0,)), const(100.0, S)),))
    return while_(X, test=test, body=Graph("body", (A,), (A * A + A + 1.0,))) * W


@pytest.mark.parametrize("recorded", (2, 16), ids="recorded{}".format)
@pytest.mark.parametrize("steps", (0, 1, 2, 5))
@pytest.mark.parametrize("make", (counted, bounded, countdown, until_large))
def test_while(make, steps, recorded, monkeypatch):
    monkeypatch.setattr(while_loop, "FEWEST", recorded)
    monkeypatch.setattr(while_loop, "MOST", recorded)
    y = make()
    random = np.random.default_rng(steps)
    arrays = [random.standard_normal(3), random.standard_normal(3), np.int64(steps)]
    check_gradients(Graph("g", (X, W, N), (y,)), arrays, order=1 + (steps == 2), tolerance=1e-4)
    first, second = grad(y * y, [X, W])
    graph = Graph("g", (X, W, N), (y, first, second, *grad(first * second, [X])))
    for got, want in zip(compile_graph(graph)(*arrays), interpret(graph, *arrays), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9)


def test_what_a_while_does_not_change_is_not_recorded():
    (g,) = grad(counted(), [X])
    bodies = [n.attr("body") for n in run(Graph("g", (X, W, N), (g,))).nodes if n.op == "while"]
    (recording,) = [n for body in bodies for n in body.nodes if n.op == "loop" and isinstance(n.type, TupleType)]
    assert sum(t.rank > 1 and t.dtype is dt.f64 for t in recording.type.items) == 1  # what sin is taken of; not w


@pytest.mark.parametrize("flag", (True, False))
def test_cond_in_loop_second_order(flag):
    p, i, row = input_node("p", Type(dt.b1, ())), input_node("i", INDEX), input_node("row", V)
    then, orelse = Graph("then", (A, C), (sin(A * C),)), Graph("orelse", (A, C), (A + C * C,))
    body = Graph("body", (i, A, row, C, p), (add(cond(p, A, C, then=then, orelse=orelse), row), mul(A, A)))
    rows = input_node("rows", Type(dt.f64, (4, 3)))
    out = loop(X, rows, W, p, count=4, carries=1, scanned=1, body=body)
    graph = Graph("g", (X, rows, W, p), (item(out, 0), item(out, 1)))
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(3), random.standard_normal((4, 3)) * 0.3, random.standard_normal(3), np.array(flag)]
    check_gradients(graph, arrays, order=2, tolerance=1e-4)


@pytest.mark.parametrize("trips", (0, 1, 3))
def test_nested_loops(trips):
    i, j = input_node("i", INDEX), input_node("j", INDEX)
    inner = Graph("inner", (j, A, C), (sin(A) + A * C,))
    outer = Graph("outer", (i, A, C), (loop(A, C, count=2, carries=1, scanned=0, body=inner), A * C))
    out = loop(X, W, count=trips, carries=1, scanned=0, body=outer)
    graph = Graph("g", (X, W), (item(out, 0), item(out, 1)))
    random = np.random.default_rng(0)
    check_gradients(graph, [random.standard_normal(3), random.standard_normal(3)], order=2, tolerance=1e-4)


def test_forward_mode_through_all_of_them():
    body = Graph("body", (K, A, C, M), (K + 1, sin(A) * C, C, M))
    y = item(while_(const(0, INDEX), X, W, N, test=below(K, A, C, M, limit=M), body=body), 1)
    y = call(y, W, graph=Graph("called", (A, C), (A * C,)))
    y = loop(y, count=3, carries=1, scanned=0, body=Graph("body", (K, A), (tanh(A) + A,)))
    y = cond(lt(N, const(2, INDEX)), y, then=Graph("then", (A,), (A * A,)), orelse=Graph("orelse", (A,), (A * 3.0,)))
    tx, tw = input_node("tx", V), input_node("tw", V)
    (t,) = jvp([y], [X, W], [tx, tw])
    graph = Graph("g", (X, W, N, tx, tw), (t,))
    random = np.random.default_rng(1)
    x, w, u, v = random.standard_normal((4, 3))
    for n in (0, 1, 4):
        values = [interpret(Graph("g", (X, W, N), (y,)), x + h * u, w + h * v, np.int64(n))[0] for h in (1e-6, -1e-6)]
        slope, arrays = (values[0] - values[1]) / 2e-6, (x, w, np.int64(n), u, v)
        np.testing.assert_allclose(interpret(graph, *arrays)[0], slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(compile_graph(graph)(*arrays)[0], slope, rtol=1e-6, atol=1e-8)


def recurrent(steps: int, size: int = 4):
    """h = tanh(h r + x w) over ``steps``: inputs and the last h."""
    n = symbol("n")
    kind = Type(dt.f32, (n, size))
    i, h, row = input_node("i", INDEX), input_node("h", kind), input_node("row", kind)
    square = Type(dt.f32, (size, size))
    w, r = input_node("w", square), input_node("r", square)
    body = Graph("cell", (i, h, row, w, r), (tanh(dot(h, r) + dot(row, w)),))
    inputs = input_node("h0", kind), input_node("rows", Type(dt.f32, (steps, n, size))), w, r
    return inputs, loop(*inputs, count=steps, carries=1, scanned=1, body=body)


def test_a_long_loop_stays_small_and_runs_once_forward_and_once_back():
    inputs, h = recurrent(1000)
    loss = reduce(h * h, "sum", (0, 1))
    graph = Graph("train", inputs, (loss, *grad(loss, inputs[2:])))
    assert len(graph.nodes) < 40
    after = run(graph)
    assert len(after.nodes) < 40
    assert sum(n.op == "loop" for n in after.nodes) == 2
    random = np.random.default_rng(0)
    for n in (1, 3):
        arrays = [random.standard_normal(s).astype(np.float32) * 0.3 for s in ((n, 4), (1000, n, 4), (4, 4), (4, 4))]
        for got, want in zip(compile_graph(graph)(*arrays), interpret(graph, *arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)


def test_what_is_not_asked_for_is_not_computed():
    inputs, h = recurrent(5)
    (g,) = grad(h, [inputs[3]])
    loops = [n for n in run(Graph("g", inputs, (g,))).nodes if n.op == "loop"]
    (back,) = [n for n in loops if n.attr("body").name.endswith("pullback")]
    assert len(back.type.items) == 2  # cotangent of h and the sum for r; nothing for the rows or w


def test_a_gap_inside_a_body_is_refused():
    gap = host(A, callback="nothing", types=(V,))
    with_gap = Graph("body", (A,), (gap,))
    plain = Graph("body", (A,), (A,))
    with pytest.raises(GraphError, match="host"):
        grad(call(X, graph=with_gap), [X])
    with pytest.raises(GraphError, match="host"):
        grad(cond(lt(N, const(1, INDEX)), X, then=plain, orelse=with_gap), [X])
    i = input_node("i", INDEX)
    shifted = Graph("body", (i, A, C), (C, host(A, callback="nothing", types=(V,))))
    with pytest.raises(GraphError, match="host"):
        grad(item(loop(X, W, count=3, carries=2, scanned=0, body=shifted), 0), [X])
    apart = Graph("body", (i, A, C), (A * 2.0, host(C, callback="nothing", types=(V,))))
    out = loop(X, W, count=3, carries=2, scanned=0, body=apart)
    assert grad(item(out, 0), [X])[0].type == V


def test_rows_picked_in_a_loop_add_to_one_total():
    table, picks = input_node("table", Type(dt.f64, (5, 3))), input_node("picks", Type(dt.i64, (7,)))
    i, k = input_node("i", INDEX), input_node("k", INDEX)
    row = reshape(gather(input_node("t", table.type), reshape(k, (1, 1)), 0), (3,))
    body = Graph("body", (i, A, k, input_node("t", table.type)), (tanh(A + row),))
    out = loop(X, picks, table, count=7, carries=1, scanned=1, body=body)
    graph = Graph("g", (X, picks, table), (out,))
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(3), np.array([0, 4, 4, 1, 0, 2, 4]), random.standard_normal((5, 3))]
    check_gradients(graph, arrays, order=2, tolerance=1e-4)
    (g,) = grad(out, [table])
    back = [n for n in run(Graph("g", graph.inputs, (g,))).nodes if n.op == "loop"][-1].attr("body")
    assert any(n.op == "scatter" and n.inputs[0] in back.inputs for n in back.nodes)
    graph = Graph("g", graph.inputs, (g,))
    np.testing.assert_allclose(compile_graph(graph)(*arrays)[0], interpret(graph, *arrays)[0])
