"""Reductions over other than the trailing axes: each column is one chain in the order of the rows, however wide the rows are."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.prims import exp, pad, reduce, reshape
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native, verified

TARGETS = host_targets()


def of(shape, axes, kind="sum", dtype=dt.f32, before=lambda x: x) -> Graph:
    x = input_node("x", Type(dtype, shape))
    return Graph("g", (x,), (reduce(before(x), kind, axes),))


def run(g: Graph, array) -> list:
    return [run_native(g, [array], target)[0] for target in TARGETS]


@pytest.mark.parametrize("rows", [1, 3, 8, 9, 11, 12, 40])
@pytest.mark.parametrize("columns", [5, 64, 65, 700, 1100, 9000])
def test_sums_are_chains(rows, columns):
    x = np.random.default_rng(rows).standard_normal((rows, columns), np.float32)
    want = np.zeros(columns, np.float32)
    for row in x:
        want = want + row
    for got in run(of((rows, columns), (0,)), x):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", ["max", "min", "prod"])
@pytest.mark.parametrize("dtype", [dt.f32, dt.f64, dt.i32, dt.u8, dt.bf16], ids=lambda d: d.short)
def test_kinds_and_widths(kind, dtype):
    x = np.random.default_rng(1).integers(1, 3, (10, 130)).astype(dtype.numpy)
    g = of((10, 130), (0,), kind, dtype)
    (want,) = interpret(g, x)
    for got in run(g, x):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (1, 2), (0, 1, 2)])
def test_axes_of_four(axes):
    x = np.random.default_rng(2).standard_normal((3, 10, 9, 70), np.float32)
    g = of((3, 10, 9, 70), axes, before=exp)
    (want,) = interpret(g, x)
    for got in run(g, x):
        np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("n, m", [(0, 3), (3, 0), (1, 1), (6, 17), (13, 5000)])
def test_symbolic_sizes(n, m):
    g = of((symbol("n"), symbol("m")), (0,))
    x = np.random.default_rng(3).standard_normal((n, m)).astype(np.float32)
    for got in run(g, x):
        np.testing.assert_allclose(got, x.sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_so_many_rows_that_the_remainder_is_known_and_the_quotient_is_not(n):
    size = symbol("n")
    x = input_node("x", Type(dt.f32, (size, 4, 130)))
    rows = pad(reshape(x, (size * 4, 130)), const(2.5, Type(dt.f32, ())), (0, 0), (3, 0))
    g = Graph("g", (x,), (reduce(exp(rows), "sum", (0,)),))
    array = np.random.default_rng(4).standard_normal((n, 4, 130), np.float32)
    (want,) = interpret(g, array)
    for got in run(g, array):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_long_rows_are_shared_and_short_ones_stay_in_registers():
    def text(*shape):
        return str(verified(of(shape, (0,)), X86_64_V4).kernels[0])

    assert "stack" in text(100, 8192) and "for t in 2 parallel" in text(100, 8192)
    assert "stack" not in text(100, 48) and "stack" not in text(8, 8192)
