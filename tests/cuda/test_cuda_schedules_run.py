"""Schedules for GPUs give the bits of CPUs: on the emulator, which also reports races and accesses out of bounds.

Each group of graphs is one program, as its text is compiled once.
"""

import shutil

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.prims import broadcast, cast, concat, exp, pad, reduce, reverse, transpose
from graphc.prims.table import apply

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which makes kernels into code for the CPU")


class Group:
    """Graphs that are run as one."""

    def __init__(self, seed: int):
        self.rng, self.inputs, self.arrays, self.outputs = np.random.default_rng(seed), [], [], []

    def add(self, shape, dtype=dt.f32, sizes=(), values=None):
        """A new input: numbers, zeros of both signs among them, or ``values``; ``sizes`` are those of its symbols."""
        real = iter(sizes)
        concrete = tuple([d if type(d) is int else next(real) for d in shape])
        if values is None:
            values = np.round(self.rng.standard_normal(concrete) * 8) / 4 if dtype is not dt.b1 else self.rng.random(concrete) < 0.5
            values = np.where(values == 0, self.rng.choice([-0.0, 0.0, 0.5], concrete), values) if dtype is not dt.b1 else values
        self.inputs.append(input_node(f"x{len(self.inputs)}", Type(dtype, shape)))
        self.arrays.append(np.asarray(values).astype(dtype.numpy))
        return self.inputs[-1]

    def out(self, *nodes):
        self.outputs += nodes

    def check(self):
        """The same bits from the emulator as from the CPU."""
        graph = Graph("g", tuple(self.inputs), tuple(self.outputs))
        wanted = compile_graph(graph, Options())(*self.arrays)
        found = compile_graph(graph, Options(target="cuda-emulated:sm_90a"))(*self.arrays)
        for node, a, b in zip(self.outputs, found, wanted, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            same = a == b if a.dtype.kind in "iub" else (a == b) | ((a != a) & (b != b))
            assert np.all(same), f"{node.op} {node.type}: {np.sum(~np.asarray(same))} of {a.size} elements differ"


def along(x, shape, axis):
    return broadcast(x, shape, (axis,) if type(axis) is int else axis)


def softmax(x):
    rows = tuple(range(len(x.shape) - 1))
    e = exp(x - along(reduce(x, "max", (len(rows),)), x.shape, rows))
    return e / along(reduce(e, "sum", (len(rows),)), x.shape, rows)


def norm(x, gain, count):
    mean = reduce(x, "sum", (1,)) * (1.0 / count)
    d = x - along(mean, x.shape, 0)
    variance = reduce(d * d, "sum", (1,)) * (1.0 / count)
    return d * along(1.0 / apply("sqrt", variance + 1e-5), x.shape, 0) * along(gain, x.shape, 1), mean


def test_maps():
    g = Group(0)
    n, m = symbol("n"), symbol("m")
    for size in (0, 1, 1001, 40_003):
        x, y = g.add((size,)), g.add((size,), dt.bf16)
        g.out(exp(x) * cast(y, dt.f32), cast(x, dt.bf16))
    x = g.add((n, m), sizes=(37, 145))
    g.out(x * along(g.add((m,), sizes=(145,)), x.shape, 1) + along(g.add((n,), sizes=(37,)), x.shape, 0))
    for shape in ((300, 128), (90, 77), (3, 5)):
        x = g.add(shape)
        g.out(x * along(g.add(shape[1:]), shape, 1) + along(g.add(shape[:1]), shape, 0))
    x = g.add((40, 7, 33))
    g.out(pad(x, const(0.5, Type(dt.f32, ())), (1, 0, 3), (2, 1, 0)), reverse(x, (1,)) * 2.0 + x)
    for axis in (0, 1, 2):
        parts = [g.add(tuple(5 + k if a == axis else s for a, s in enumerate((8, 9, 12)))) for k in range(3)]
        g.out(concat(*parts, axis=axis))
    g.check()


def test_transposes():
    g = Group(1)
    n, m = symbol("n"), symbol("m")
    for shape, perm in (((64, 96), (1, 0)), ((70, 45), (1, 0)), ((3, 40, 50), (0, 2, 1)), ((20, 3, 50), (2, 1, 0)), ((2, 3), (1, 0))):
        for dtype in (dt.f32, dt.bf16, dt.f64):
            y = transpose(g.add(shape, dtype), perm)
            g.out(y * g.add(y.shape, dtype))
    g.out(apply("not", transpose(g.add((70, 70), dt.b1), (1, 0))), transpose(g.add((n, m), sizes=(33, 70)), (1, 0)) + 1.0)
    g.check()


@pytest.mark.parametrize("dtype", [dt.f32, dt.bf16, dt.f64], ids=["f32", "bf16", "f64"])
def test_rows(dtype):
    g = Group(2)
    n, m = symbol("n"), symbol("m")
    for shape in ((7, 1), (40, 10), (9, 64), (3, 513), (5, 1000), (2, 2048), (5, 0), (0, 5)):
        x = g.add(shape, dtype)
        g.out(reduce(x, "sum", (1,)), reduce(x, "max", (1,)))
        if shape[1]:
            g.out(softmax(x), *norm(x, g.add(shape[1:], dtype), shape[1]))
    x = g.add((n, m), dtype, sizes=(5, 300))
    g.out(softmax(x), *norm(x, g.add((m,), dtype, sizes=(300,)), 7), reduce(g.add((3, 4, 70), dtype), "sum", (0, 2)))
    g.check()


def test_long_rows():
    g = Group(3)
    m = symbol("m")
    for shape, dtype in (((2, 4097), dt.f32), ((3, 9000), dt.bf16), ((1, 33_000), dt.f32), ((2, 3000), dt.f64)):
        x = g.add(shape, dtype)
        g.out(softmax(x), *norm(x, g.add(shape[1:], dtype), shape[1]), reduce(x, "min", (0, 1)))
    x = g.add((2, m), sizes=(70_001,))
    g.out(softmax(x), reduce(x * x, "sum", (0, 1)), reduce(apply("lt", x, along(g.add(()), x.shape, ())), "any", (1,)))
    g.check()


@pytest.mark.parametrize("dtype", [dt.f32, dt.f16, dt.i8], ids=["f32", "f16", "i8"])
def test_columns(dtype):
    g = Group(4)
    n = symbol("n")
    for shape, axes in (((50, 70), (0,)), ((0, 3), (0,)), ((4, 100), (0,)), ((35, 20_000), (0,)), ((3, 40, 8), (0, 1)), ((6, 4, 5, 3), (0, 2))):
        x = g.add(shape, dtype)
        g.out(reduce(x, "sum", axes), reduce(x * x, "max", axes))
    for shape, sizes, axes in (((n, 64), (600,), (0,)), ((n, symbol("m")), (600, 21), (0,)), ((2, 700, 7), (), (1,))):
        x = g.add(shape, dtype, sizes)
        g.out(reduce(x, "sum", axes), reduce(x, "prod", axes))
    g.check()


def test_picked_elements():
    g = Group(5)
    n = symbol("n")
    words = np.array([7, 9])
    for size in (1, 6, 4000):
        g.out(apply("random_bits", g.add((2,), dt.u32, values=words), g.add((2,), dt.u64, values=words), shape=(size,)))
    for shape, count in (((50, 64), 30), ((50, 7), 300), ((50,), 1000)):
        index = g.add((count, 1), dt.i32, values=g.rng.integers(-2, 53, (count, 1)))
        x = g.add(shape)
        g.out(apply("gather", x, index, batch=0))
        for kind in ("add", "set", "max"):
            g.out(apply("scatter", x, index, g.add((count, *shape[1:])), kind=kind, batch=0))
    index = g.add((n, 1), dt.i64, sizes=(300,), values=g.rng.integers(0, 9, (300, 1)))
    g.out(apply("scatter", g.add((9, 300)), index, g.add((n, 300), sizes=(300,)), kind="add", batch=0))
    g.check()


def test_orders():
    g = Group(6)
    n, m = symbol("n"), symbol("m")
    for shape in ((5, 10), (3, 700), (2, 5000), (6, 3, 40)):
        for axis in (len(shape) - 1, 0):
            x = g.add(shape)
            g.out(apply("argreduce", x, kind="max", axis=axis, dtype=dt.i64), apply("argreduce", x, kind="min", axis=axis, dtype=dt.i32))
            g.out(apply("cumulate", x, kind="sum", axis=axis, exclusive=False, reverse=False))
            g.out(apply("cumulate", x, kind="max", axis=axis, exclusive=True, reverse=True))
            y = apply("sort", x, axis=axis, descending=axis == 0)
            g.out(apply("item", y, index=0), apply("item", y, index=1))
    x = g.add((n, m), sizes=(3, 77))
    y = apply("sort", x, axis=1, descending=False)
    g.out(apply("item", y, index=1), apply("argreduce", x, kind="max", axis=1, dtype=dt.i64))
    g.check()
