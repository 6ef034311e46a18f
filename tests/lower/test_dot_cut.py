"""How matrix products are cut: every row and column is covered once, tiles fit the registers, and all cuts give the same bits."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.machine import DEFAULT
from graphc.ir.node import const, symbol
from graphc.ir.target import TARGETS, X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.lower.dot_cut import FEW, MOST_AHEAD, cut_of, describe, heights, tile_for
from graphc.prims import add, broadcast, dot, tanh
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native

SIZES = (None, 0, 1, 2, 3, 4, 5, 7, 8, 10, 12, 13, 15, 16, 17, 31, 32, 33, 49, 64, 65, 128, 512, 4096)


def product(m, n, k, dtype=dt.f32, flags=(False, False)):
    tx, ty = flags
    x = input_node("x", Type(dtype, (k, m) if tx else (m, k)))
    y = input_node("y", Type(dtype, (n, k) if ty else (k, n)))
    return x, y, dot(x, y, *flags)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("dtype", [dt.f32, dt.f64], ids=str)
def test_tiles_fit_the_registers(name, dtype):
    target = TARGETS[name]
    lanes = target.lanes(dtype)
    for m in SIZES:
        for n in SIZES:
            tile = tile_for(target, dtype, m, n)
            vectors = tile.width // lanes
            assert tile.rows >= 1 and vectors >= 1 and tile.width == vectors * lanes
            if lanes > 1:
                assert tile.rows * vectors + vectors + 1 < target.registers
            if m:
                assert tile.rows <= m or lanes == 1


def test_heights_cover_the_rows():
    for m in range(200):
        for limit in (1, 4, 6, 12):
            pieces = heights(m, limit)
            assert sum(h * count for h, count in pieces) == m
            assert all(0 < h <= limit and count > 0 for h, count in pieces)
            assert max((h for h, _ in pieces), default=0) - min((h for h, _ in pieces), default=0) <= 1


def test_copied_rows_have_one_height_where_few_are_spare():
    assert heights(784, 12, spare=True) == ((12, 66),) and heights(256, 12, spare=True) == ((12, 22),)
    assert heights(25, 12, spare=True) == heights(25, 12) == ((9, 1), (8, 2))  # a tenth would be computed for nothing
    for flags, count in (((True, False), 1), ((False, False), 2)):
        cut = cut_of(describe(product(784, 256, 32, flags=flags)[2], X86_64_V4), packed=False)
        assert len(cut.heights) == count and cut.exact == (count == 2)


@pytest.mark.parametrize("k", [0, 1, 32, 700, 1700])
@pytest.mark.parametrize("open_k", [False, True], ids=["known", "open"])
@pytest.mark.parametrize("form", ["alone", "short", "long"])
def test_spare_rows_are_never_stored(form, open_k, k):
    """Sizes whose last tile of rows reaches past the last one, in batches, with columns that fill no panel."""
    m, n, batch = 71, 40, 2
    rng = np.random.default_rng(k)
    sizes = (batch, symbol("k") if open_k else k)
    x, y = input_node("x", Type(dt.f32, (*sizes, m))), input_node("y", Type(dt.f32, (*sizes, n)))
    old = input_node("old", Type(dt.f32, (batch, m, n)))
    node = dot(x, y, True, False)
    outputs = {"alone": (node,), "short": (add(old, node),), "long": (tanh(add(old, tanh(node))), tanh(old))}[form]
    graph = Graph("spare", (x, y, *(() if form == "alone" else (old,))), outputs)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((batch, k, m), (batch, k, n), (batch, m, n))]
    arrays = arrays[: len(graph.inputs)]
    for target in host_targets():
        results = [run_native(graph, arrays, target, parts) for parts in SPLITS]
        assert all(bits_equal(a, b) for r in results[1:] for a, b in zip(results[0], r))
        for got, want in zip(results[0], interpret(graph, *arrays)):
            np.testing.assert_allclose(got, want, atol=1e-3)


def test_narrow_results_do_not_waste_lanes():
    assert tile_for(X86_64_V4, dt.f32, 256, 10).width == 16
    assert tile_for(X86_64_V4, dt.f32, 1, 4096).width >= 64  # one row: enough sums in flight to hide latency
    assert tile_for(X86_64_V3, dt.f32, 64, 8).width == 8


def test_passes_fit_the_cache_and_are_equal():
    for k in (1, 100, 801, 1000, 1024, 3072, 4096, 5001):
        _, _, node = product(64, 512, k)
        cut = cut_of(describe(node, X86_64_V4), packed=True)
        passes = -(-k // cut.depth)
        assert cut.deep == (passes > 1) and cut.depth * 4 <= DEFAULT.pass_bytes
        assert not cut.deep or passes * cut.depth - k < 8 * passes


def test_rows_that_would_share_a_set_are_copied():
    def direct(m, k):
        return cut_of(describe(product(m, 512, k)[2], X86_64_V4), packed=True).direct

    assert direct(64, 768) and direct(64, 1000) and not direct(64, 1024) and not direct(64, 4096)
    assert direct(2, 4096)  # two rows do not crowd a set


def test_rows_that_are_copied_or_far_are_asked_for_ahead():
    def cut(m, n, k):
        return cut_of(describe(product(m, n, k)[2], X86_64_V4), packed=True)

    wide = cut(512, 512, 1024)
    assert 0 < wide.rows_ahead <= MOST_AHEAD and wide.rows_ahead * wide.panels >= 11  # all rows of the next tile
    assert cut(128, 512, 1000).rows_ahead == 0  # read where they lie, in the second-level cache
    assert cut(512, 512, 1000).direct and cut(512, 512, 1000).rows_ahead > 0
    assert cut(64, 64, 1024).rows_ahead == 0  # two panels: too many rows along each


@pytest.mark.parametrize("m", [97, 109, 177, None])
def test_rows_asked_for_ahead_change_nothing(m):
    """The last tile asks for rows that are not there."""
    rows, n, k = m or 29, 320, 1000 if m == 177 else 1024  # copied; read where they lie
    rng = np.random.default_rng(rows)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((rows, k), (k, n))]
    x, y, node = product(m or symbol("m"), n, k)
    weights = const(arrays[1], Type(dt.f32, (k, n)))
    graphs = [Graph("fresh", (x, y), (node,)), Graph("packed", (x,), (dot(x, weights),))]
    got = [run_native(g, arrays[: len(g.inputs)], t, p)[0] for g in graphs for t in host_targets() for p in SPLITS]
    np.testing.assert_allclose(got[0], arrays[0] @ arrays[1], atol=1e-3)
    if all(t.fma for t in host_targets()):
        assert all(bits_equal(got[0], g) for g in got)


@pytest.mark.parametrize("m", [1, 2, 3, 5, 8, 12, FEW, FEW + 1])
def test_few_rows_read_a_fresh_right_operand_where_it_lies(m):
    n, k = 300, 97
    x, y, node = product(m, n, k)
    bias = input_node("b", Type(dt.f32, (n,)))
    graph = Graph("few", (x, y, bias), (tanh(add(node, broadcast(bias, (m, n), (1,)))),))
    rng = np.random.default_rng(m)
    arrays = [rng.standard_normal(v.shape).astype(np.float32) for v in graph.inputs]
    want = interpret(graph, *arrays)[0]
    results = [run_native(graph, arrays, target, parts)[0] for target in host_targets() for parts in SPLITS]
    np.testing.assert_allclose(results[0], want, atol=1e-5)
    if all(t.fma for t in host_targets()):
        assert all(bits_equal(results[0], r) for r in results)


@pytest.mark.parametrize("m", [1, 7, 13, 24, 25, 37, 49, 96])
def test_known_and_open_sizes_give_the_same_bits(m):
    n, k = 70, 130
    rng = np.random.default_rng(m)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, n))]
    got = []
    for size in (m, symbol("m")):
        x, y, node = product(size, n, k)
        got.append(run_native(Graph("dot", (x, y), (node,)), arrays, host_targets()[0])[0])
    weights = const(arrays[1], Type(dt.f32, (k, n)))
    x = input_node("x", Type(dt.f32, (m, k)))
    got.append(run_native(Graph("dot", (x,), (dot(x, weights),)), arrays[:1], host_targets()[0])[0])
    assert all(bits_equal(got[0], g) for g in got)


@pytest.mark.parametrize("dtype", [dt.f32, dt.f64, dt.bf16, dt.i32], ids=str)
@pytest.mark.parametrize("sizes", [(5, 16, 16), (5, 31, 33), (20, 100, 65), (5, 64, 15), (3, 33, 0)], ids=str)
def test_transposed_right_operands(dtype, sizes):
    m, n, k = sizes
    rng = np.random.default_rng(n)
    draw = rng.standard_normal if dtype.is_float else lambda shape: rng.integers(-9, 9, shape)
    for flags in ((False, True), (True, True)):
        x, y, node = product(m, n, k, dtype, flags)
        arrays = [draw(v.shape).astype(dtype.numpy) for v in (x, y)]
        plain = [a.T.copy() if flag else a for a, flag in zip(arrays, flags)]
        a, b, straight = product(m, n, k, dtype)
        for target in host_targets():
            got = run_native(Graph("turned", (x, y), (node,)), arrays, target)[0]
            assert bits_equal(got, run_native(Graph("straight", (a, b), (straight,)), plain, target)[0])
