"""Cheap results of row kernels are computed again where they are read: in what regions, and with the same bits."""

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lower import lower as lowering
from graphc.prims import add, broadcast, dot, mul, reduce, reshape, sub
from graphc.prims.interpret import interpret
from tests.native import Native, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()


def centred(rows, columns):
    """Rows less their sums, these squared and summed by row and by column."""
    x = input_node("x", Type(dt.f32, (rows, columns)))
    low = sub(x, broadcast(reduce(x, "sum", (1,)), (rows, columns), (0,)))
    by_row = reduce(mul(low, low), "sum", (1,))
    by_column = reduce(mul(low, broadcast(by_row, (rows, columns), (0,))), "sum", (0,))
    return x, low, by_row, by_column


def written(graph: Graph) -> list:
    """Types of what the first kernel writes."""
    program = verified(graph, TARGETS[0])
    return [a.type.shape for a in program.kernels[0].arrays if a.written]


def test_rows_instead_of_everything(monkeypatch):
    x, low, by_row, by_column = centred(33, 70)
    graph = Graph("centred", (x,), (by_row, by_column))
    assert sorted(written(graph)) == [(33,), (33,)]
    data = np.random.default_rng(1).standard_normal((33, 70)).astype(np.float32)
    want = interpret(graph, data)
    with monkeypatch.context() as patch:
        patch.setattr(lowering, "recompute_cheap", lambda regions, outputs: regions)
        kept = Native(graph, TARGETS[0])(data)
    for target in TARGETS:
        got = run_native(graph, [data], target)
        if target.fma:
            assert all(map(bits_equal, got, kept))
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-2)


def test_what_must_be_kept():
    x, low, by_row, by_column = centred(33, 70)
    assert (33, 70) in written(Graph("asked", (x,), (by_row, by_column, low)))
    assert (33, 70) in written(Graph("shaped", (x,), (by_row, by_column, reshape(low, (2310,)))))
    y = input_node("y", Type(dt.f32, (70, 4)))
    assert (33, 70) in written(Graph("multiplied", (x, y), (by_row, by_column, dot(low, y))))
    other = input_node("other", Type(dt.f32, (33, 70)))
    both = add(mul(x, other), low)
    rows = reduce(mul(both, both), "sum", (1,))
    columns = reduce(mul(both, broadcast(rows, (33, 70), (0,))), "sum", (0,))
    assert (33, 70) in written(Graph("dear", (x, other), (rows, columns)))


def test_symbolic_rows():
    n = symbol("n")
    x, _, by_row, by_column = centred(n, 20)
    graph = Graph("centred", (x,), (by_row, by_column))
    for rows in (0, 1, 17):
        data = np.random.default_rng(2).standard_normal((rows, 20)).astype(np.float32)
        for g, w in zip(run_native(graph, [data], TARGETS[0]), interpret(graph, data), strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-3)
