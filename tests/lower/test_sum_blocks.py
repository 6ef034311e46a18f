"""Sums over more elements than a block has: in the order of their definition, whatever the threads and sizes."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import PARALLEL, For
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lower.lanes import BLOCK
from graphc.prims import broadcast, div, exp, reduce, sub
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native, verified

TARGETS = host_targets()
EXTENTS = (BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 65, 3 * BLOCK - 31)
N = symbol("n")


def x_of(*shape, dtype=dt.f32):
    return input_node("x", Type(dtype, shape))


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def total(values: np.ndarray) -> np.ndarray:
    """The sum as docs/architecture.md defines it: blocks one after the other, in each its lanes, then their tree."""
    lanes = 64 if values.dtype.itemsize <= 4 else 32
    found = values.dtype.type(0)
    for begin in range(0, len(values), BLOCK):
        block = values[begin : begin + BLOCK]
        padded = np.concatenate([block, np.zeros(-len(block) % lanes, values.dtype)]).reshape(-1, lanes)
        sums = np.zeros(lanes, values.dtype)
        for line in padded:
            sums = sums + line
        while len(sums) > 1:
            half = len(sums) // 2
            sums = sums[:half] + sums[half:]
        found = found + sums[0]
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("extent", EXTENTS)
def test_a_long_sum_is_that_of_its_blocks(extent, dtype):
    values = numbers(extent, dtype=dtype)
    wanted = total(values)
    for size in (extent, N):
        x = x_of(size, dtype=dt.f32 if dtype is np.float32 else dt.f64)
        graph = Graph("long", (x,), (reduce(x, kind="sum", axes=(0,)),))
        for target in TARGETS:
            for parts in SPLITS:
                (got,) = run_native(graph, [values], target, parts)
                assert bits_equal(got, np.asarray(wanted)), (target.name, parts)


@pytest.mark.parametrize("rows", (2, N), ids=str)
def test_a_long_row_alone_and_among_others(rows):
    extent = 2 * BLOCK + 65
    values = numbers(2, extent)
    x = x_of(rows, extent)
    (rowwise,) = run_native(Graph("rows", (x,), (reduce(x, kind="sum", axes=(1,)),)), [values], TARGETS[0], 2)
    assert bits_equal(rowwise, np.asarray([total(v) for v in values]))
    x = x_of(2, rows if rows is N else extent)
    (open_ended,) = run_native(Graph("columns", (x,), (reduce(x, kind="sum", axes=(1,)),)), [values], TARGETS[0], 3)
    assert bits_equal(open_ended, rowwise)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
@pytest.mark.parametrize("extent", (2 * BLOCK, 2 * BLOCK + 65))
def test_reductions_that_need_others(extent, target):
    values = numbers(extent)
    found = []
    for size in (extent, N):
        x = x_of(size)
        e = exp(sub(x, broadcast(reduce(x, kind="max", axes=(0,)), shape=(size,), axes=())))
        y = div(e, broadcast(reduce(e, kind="sum", axes=(0,)), shape=(size,), axes=()))
        graph = Graph("softmax", (x,), (y, reduce(e, kind="max", axes=(0,))))
        (wanted, most) = interpret(graph, values)
        for parts in SPLITS:
            found.append(run_native(graph, [values], target, parts))
            np.testing.assert_allclose(found[-1][0], wanted, rtol=1e-5)
            assert bits_equal(found[-1][1], most)
    assert all(bits_equal(a, b) for one in found for a, b in zip(one, found[0]))


def test_a_mean_in_bfloat16_is_carried_in_float32():
    values = numbers(BLOCK + 3).astype(dt.bf16.numpy)
    x = x_of(BLOCK + 3, dtype=dt.bf16)
    (got,) = run_native(Graph("narrow", (x,), (reduce(x, kind="sum", axes=(0,)),)), [values], TARGETS[0])
    assert bits_equal(got, total(values.astype(np.float32)).astype(dt.bf16.numpy).reshape(()))


@pytest.mark.parametrize("extent, kind", [(0, "sum"), (0, "prod"), (1, "max"), (63, "prod"), (BLOCK + 1, "min")])
def test_symbolic_extents_of_other_kinds(extent, kind):
    values = np.exp(numbers(extent) / 1000).astype(np.float32)
    x = x_of(N)
    graph = Graph("other", (x,), (reduce(x, kind=kind, axes=(0,)),))
    (got,) = run_native(graph, [values], TARGETS[0], 2)
    np.testing.assert_allclose(got, interpret(graph, values)[0], rtol=1e-5)


def test_threads_share_the_blocks_and_memory_is_asked_for():
    x = x_of(1 << 22)
    program = verified(Graph("large", (x,), (reduce(x, kind="sum", axes=(0,)),)), TARGETS[0])
    (kernel,) = program.kernels
    (shared,) = [s for s in kernel.body if isinstance(s, For) and s.kind == PARALLEL]
    assert shared.extent == (1 << 22) // BLOCK
    assert "prefetch x0[" in str(kernel)
    x = x_of(64, 1024)
    (small,) = verified(Graph("small", (x,), (reduce(x, kind="sum", axes=(1,)),)), TARGETS[0]).kernels
    assert "prefetch" not in str(small)
