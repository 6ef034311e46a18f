"""Running graphs by their NumPy meaning."""

import numpy as np
import pytest

from graphc import prims
from graphc.errors import CompileError, FeedError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims.interpret import bind_symbols, dim_value, evaluate, interpret
from graphc.prims.table import TABLE, Prim

N, M = symbol("n"), symbol("m")


def test_symbols_come_from_the_shapes():
    x, y = input_node("x", Type(dt.f32, (N, 2))), input_node("y", Type(dt.f32, (N * 2,)))
    graph = Graph("g", (x, y), (prims.reshape(x, (N * 2,)) + y, N * 3 + 1))
    a, b = interpret(graph, np.ones((3, 2), np.float32), np.arange(6, dtype=np.float32))
    np.testing.assert_array_equal(a, np.arange(6) + 1)
    assert b == 10 and b.dtype == np.int64


def test_inconsistent_shapes_are_refused():
    x, y = input_node("x", Type(dt.f32, (N,))), input_node("y", Type(dt.f32, (N,)))
    graph = Graph("g", (x, y), (x + y,))
    with pytest.raises(ShapeError, match="n is 3"):
        interpret(graph, np.ones(3, np.float32), np.ones(4, np.float32))
    with pytest.raises(ShapeError, match="axes"):
        interpret(graph, np.ones((3, 1), np.float32), np.ones(3, np.float32))


def test_derived_sizes_are_checked():
    x, y = input_node("x", Type(dt.f32, (N,))), input_node("y", Type(dt.f32, (N * 2,)))
    with pytest.raises(ShapeError, match=r"n\*2"):
        bind_symbols((x, y), (np.ones(3), np.ones(5)))


def test_wrong_feeds_are_refused():
    x = input_node("x", Type(dt.f32, (2,)))
    graph = Graph("g", (x,), (x,))
    with pytest.raises(FeedError, match="0 arrays"):
        interpret(graph)
    with pytest.raises(FeedError, match="float64"):
        interpret(graph, np.ones(2))


def test_symbols_that_no_input_shows_must_be_given():
    graph = Graph("g", (), (prims.iota((M,), 0),))
    with pytest.raises(FeedError, match="m"):
        interpret(graph)
    np.testing.assert_array_equal(interpret(graph, symbols={M: 3})[0], [0, 1, 2])
    assert dim_value(N * 2 + M // 2, {N: 3, M: 5}) == 8


def test_evaluate_starts_from_any_node():
    x = input_node("x", Type(dt.f64, (2,)))
    inner = prims.exp(x)
    (value,) = evaluate([inner * 2.0], {inner: np.array([1.0, 2.0])})
    np.testing.assert_array_equal(value, [2, 4])


def test_a_row_that_contradicts_its_type_is_found(monkeypatch):
    row = TABLE["exp"]
    monkeypatch.setitem(TABLE, "exp", Prim("exp", row.type, lambda x: x.astype(np.float32), scalar="exp"))
    x = input_node("x", Type(dt.f64, (2,)))
    with pytest.raises(CompileError, match="exp"):
        interpret(Graph("g", (x,), (prims.exp(x),)), np.ones(2))


def test_symbols_reach_into_bodies():
    i, c = input_node("i", Type(dt.i64, ())), input_node("c", Type(dt.f64, ()))
    k = symbol("k")
    body = Graph("body", (i, c), (c + prims.cast(k * 2, dt.f64),))
    x = input_node("x", Type(dt.f64, (k,)))
    start = prims.reduce(x, "sum", (0,))
    loop = prims.loop(start, count=k, carries=1, scanned=0, body=body)
    assert interpret(Graph("g", (x,), (loop,)), np.zeros(3))[0] == 18


def test_a_constant_fills_a_symbolic_shape():
    x = input_node("x", Type(dt.f32, (N,)))
    graph = Graph("g", (x,), (const(2.0, x.type) * x,))
    np.testing.assert_array_equal(interpret(graph, np.ones(3, np.float32))[0], [2, 2, 2])
