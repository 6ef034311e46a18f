"""Column sums that share what they read are one kernel, with the bits that they have alone."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lower import lower as lowering
from graphc.prims import broadcast, cast, dot, mul, reduce, reshape
from graphc.prims.interpret import interpret
from tests.native import bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
N = symbol("n")


def inputs(*shape, dtype=dt.f32):
    return tuple(input_node(name, Type(dtype, shape)) for name in "xg")


def sums(*shape, axes, kinds=("sum", "sum"), dtype=dt.f32):
    x, g = inputs(*shape, dtype=dtype)
    return Graph("g", (x, g), (reduce(g, kind=kinds[0], axes=axes), reduce(mul(x, g), kind=kinds[1], axes=axes)))


def launches(graph: Graph) -> int:
    return len(verified(graph, TARGETS[0]).steps)


def same(graph: Graph, monkeypatch, n: int = 33, exact: bool = False) -> None:
    """One kernel and two have the same bits, and the meaning of the graph."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([n if d is N else d for d in i.shape]).astype(i.dtype.numpy) for i in graph.inputs]
    if arrays[1].size > 2:
        arrays[1].reshape(-1)[:2] = np.nan, np.inf
    got = [run_native(graph, arrays, t) for t in TARGETS]
    with monkeypatch.context() as patch:
        patch.setattr(lowering, "unite_sums", lambda regions, notes: regions)
        alone = [run_native(graph, arrays, t) for t in TARGETS]
    with np.errstate(all="ignore"):
        want = interpret(graph, *arrays)
    rough = arrays[0].dtype.itemsize == 2
    for ones, others in zip(got, alone, strict=True):
        for a, b, w in zip(ones, others, want, strict=True):
            assert bits_equal(a, b)
            wide = [np.asarray(v, np.float64) for v in (a, w)]
            np.testing.assert_allclose(*wide, rtol=2e-2 if rough else 1e-4, atol=0.5 if rough else 1e-3, equal_nan=True)


@pytest.mark.parametrize("shape", [(129, 65), (300, 16), (4097, 1), (5, 1000), (8, 1023), (63, 130), (2, 2100)])
def test_two_sums_over_rows(shape, monkeypatch):
    graph = sums(*shape, axes=(0,))
    if np.prod(shape) >= 4096:
        assert launches(graph) == 1
    same(graph, monkeypatch)


@pytest.mark.parametrize("shape, axes", [
    ((4, 17, 70), (0, 1)), ((7, 40, 33), (1,)), ((3, 5, 9, 40), (0, 2)), ((2, 9, 3000), (1,)),
])  # fmt: skip
def test_other_axes(shape, axes, monkeypatch):
    graph = sums(*shape, axes=axes)
    assert launches(graph) == 1
    same(graph, monkeypatch)


@pytest.mark.parametrize("n", [0, 1, 2, 17, 64, 65])
@pytest.mark.parametrize("shape", [(N, 70), (70, N)], ids=["rows", "columns"])
def test_any_size(shape, n, monkeypatch):
    graph = sums(*shape, axes=(0,))
    assert launches(graph) == 1
    same(graph, monkeypatch, n)


@pytest.mark.parametrize("dtype", [dt.f64, dt.f16, dt.bf16], ids=str)
def test_other_dtypes_and_kinds(dtype, monkeypatch):
    same(sums(80, 66, axes=(0,), dtype=dtype), monkeypatch)
    same(sums(80, 66, axes=(0,), dtype=dtype, kinds=("max", "sum")), monkeypatch)


def test_sums_of_different_width(monkeypatch):
    x, g = inputs(200, 30)
    wide = reduce(cast(mul(x, g), dtype=dt.f64), kind="sum", axes=(0,))
    graph = Graph("g", (x, g), (reduce(g, kind="sum", axes=(0,)), wide))
    assert launches(graph) == 1
    same(graph, monkeypatch)


def test_only_what_shares_something_large_and_does_not_wait(monkeypatch):
    x, g = inputs(128, 64)
    apart = Graph("g", (x, g), (reduce(g, kind="sum", axes=(0,)), reduce(x, kind="sum", axes=(0,))))
    assert launches(apart) == 2
    total = reduce(g, kind="sum", axes=(0,))
    after = reduce(mul(g, broadcast(total, axes=(1,), shape=g.shape)), kind="sum", axes=(0,))
    waits = Graph("g", (x, g), (total, after))
    assert launches(waits) == 2
    others = Graph("g", (x, g), (reduce(g, kind="sum", axes=(0,)), reduce(g, kind="max", axes=(1,))))
    for graph in (apart, waits, others):
        same(graph, monkeypatch)


def test_a_reader_between_two_sums(monkeypatch):
    """The first sum is read by a product that the second one needs: they stay apart."""
    x, g = inputs(128, 64)
    total = reduce(g, kind="sum", axes=(0,))
    row = dot(reshape(total, shape=(1, 64)), reshape(x, shape=(64, 128)))
    scaled = mul(g, broadcast(reshape(row, shape=(128,)), axes=(0,), shape=g.shape))
    graph = Graph("g", (x, g), (total, reduce(scaled, kind="sum", axes=(0,))))
    same(graph, monkeypatch)


def test_at_most_four(monkeypatch):
    x, g = inputs(128, 64)
    kinds = [reduce(g, kind=kind, axes=(0,)) for kind in ("sum", "max", "min", "prod")]
    graph = Graph("g", (x, g), (*kinds, *[reduce(mul(g, other), kind="sum", axes=(0,)) for other in (x, g)]))
    kernels = verified(graph, TARGETS[0]).kernels
    assert max(sum(a.written and a.type.shape == (64,) for a in k.arrays) for k in kernels) == 4
    same(graph, monkeypatch)
