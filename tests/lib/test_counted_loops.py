"""Loops that count up to a known number are counted loops, whatever they read and write at their counter."""

import numpy as np
import pytest

from graphc.autodiff.reverse import grad
from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib import counted
from graphc.lib.control import repeat
from graphc.prims import add, gather, lt, min, mul, reduce, reshape, scatter, tanh
from graphc.prims.interpret import interpret

I32, ROW = Type(dt.i32, ()), Type(dt.f32, (3,))


def program(count=5, start=0, rows=5, shift=0, limit=None, index=lambda t: t) -> Graph:
    """``h = tanh(h + x[t + shift]); out[t + shift] = h`` for t from ``start`` below ``count``."""
    x, h = input_node("x", Type(dt.f32, (rows, 3))), input_node("h", ROW)
    out = const(0, Type(dt.f32, (rows, 3)))

    def test(step, t, *_):
        return lt(t, const(count, I32) if limit is None else limit)

    def body(step, t, h, out):
        at = reshape(add(index(t), const(shift, I32)), (1, 1))
        new = tanh(add(h, reshape(gather(x, at), (3,))))
        written = scatter(out, at, reshape(new, (1, 3)), kind="set")
        return add(t, const(1, I32)), new, written

    t, last, written = repeat(test, body, [const(start, I32), h, out])
    inputs = (x, h) if not isinstance(limit, Node) else (x, h, limit)
    return Graph("program", inputs, (t, last, written))


def kinds(graph: Graph) -> set:
    return {n.op for n in graph.nodes if n.op in ("while", "loop", "gather", "scatter")}


def arrays(rows=5, seed=0) -> list:
    random = np.random.default_rng(seed)
    return [random.standard_normal((rows, 3)).astype("f"), random.standard_normal(3).astype("f")]


def same_as_while(make, monkeypatch, more=()) -> None:
    graph = make()
    with monkeypatch.context() as patch:
        patch.setattr("graphc.lib.control.as_counted", lambda *_: None)
        plain = make()
    assert "while" in kinds(plain)
    given = [*arrays(graph.inputs[0].shape[0]), *more]
    want = interpret(plain, *given)
    for got in (interpret(graph, *given), compile_graph(graph)(*given)):
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-6)


@pytest.mark.parametrize("count", (1, 2, 5))
def test_rows_in_and_rows_out(count, monkeypatch):
    graph = program(count, rows=count)
    assert kinds(graph) == {"loop"}
    (node,) = [n for n in graph.nodes if n.op == "loop"]
    assert node.attr("scanned") == 1 and node.attr("carries") == 1
    assert not any(n.op in ("gather", "scatter") for n in node.attr("body").nodes)
    same_as_while(lambda: program(count, rows=count), monkeypatch)


@pytest.mark.parametrize("options", [
    {"rows": 7}, {"start": 1}, {"shift": 1, "rows": 6}, {"index": lambda t: mul(t, const(0, I32))},
    {"start": 2, "count": 4, "rows": 6}, {"start": -1, "count": 4, "shift": 1},
])  # fmt: skip
def test_other_rows_stay_where_they_are(options, monkeypatch):
    graph = program(**options)
    assert "while" not in kinds(graph)
    same_as_while(lambda: program(**options), monkeypatch)


@pytest.mark.parametrize("count", (0, -3))
def test_no_steps(count, monkeypatch):
    assert "while" in kinds(program(count))
    same_as_while(lambda: program(count), monkeypatch)


def test_an_unknown_limit_stays_a_while():
    graph = program(limit=input_node("limit", I32))
    assert "while" in kinds(graph)


def test_too_much_to_keep_for_a_gradient_stays_a_while(monkeypatch):
    monkeypatch.setattr(counted, "MEMORY", 5 * 12 - 1)
    assert "while" in kinds(program())
    monkeypatch.setattr(counted, "MEMORY", 5 * 12)
    assert "while" not in kinds(program())


def test_an_array_that_is_read_is_carried(monkeypatch):
    def make():
        h = input_node("h", ROW)
        out = input_node("x", Type(dt.f32, (5, 3)))

        def body(step, t, out):
            at = reshape(t, (1, 1))
            return add(t, const(1, I32)), scatter(out, at, reshape(add(h, reduce(out, "sum", (0,))), (1, 3)), kind="set")

        t, last = repeat(lambda step, t, out: lt(t, const(5, I32)), body, [const(0, I32), out])
        return Graph("read", (out, h), (t, last))

    assert "while" not in kinds(make())
    same_as_while(make, monkeypatch)


def test_the_gradient_is_that_of_the_while(monkeypatch):
    def make():
        graph = program()
        total = reduce(mul(graph.outputs[2], graph.outputs[2]), "sum", (0, 1))
        return Graph("gradient", graph.inputs, tuple(grad(total, graph.inputs)))

    assert kinds(make()) == {"loop"}
    same_as_while(make, monkeypatch)


def test_a_number_in_a_vector_of_one_is_still_that_of_its_step(monkeypatch):
    """``x[min(gather([t], 0) + t, 4)]`` are rows 0, 2, 4, 4, 4, not each row once."""

    def twice(t):
        same = gather(reshape(t, (1,)), const(0, Type(dt.i32, (1,))))
        return min(add(same, t), const(4, I32))

    same_as_while(lambda: program(index=twice), monkeypatch)
