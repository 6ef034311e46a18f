"""Transposes in tiles: every shape, order and dtype equals NumPy; kernels that read across are those that turn."""

import numpy as np
import pytest

from graphc.codegen.python import run_kernel
from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Alloc, Array, For, Kernel, Store, Turn, load
from graphc.ir.node import symbol, var
from graphc.ir.parser import parse
from graphc.ir.target import X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.ir.verify_kernel import verify_kernel
from graphc.prims import add, broadcast, concat, exp, mul, reverse, select, transpose
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native, verified

TARGETS = host_targets()
N, M = symbol("n"), symbol("m")


def check(g: Graph, *arrays, targets=TARGETS) -> None:
    """Bit for bit what the graph means."""
    for target in targets:
        for got, want in zip(run_native(g, arrays, target), interpret(g, *arrays), strict=True):
            np.testing.assert_array_equal(got, want)


def of(*outputs, inputs) -> Graph:
    return Graph("g", tuple(inputs), outputs)


def numbers(shape, dtype=dt.f32):
    values = np.random.default_rng(len(shape)).integers(0, 120, shape)
    return (values % 2 == 1) if dtype is dt.b1 else values.astype(dtype.numpy)


def kernels(g: Graph, target=X86_64_V4) -> list[str]:
    return [k.name for k in verified(g, target).kernels]


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 15, 16, 17, 33])
@pytest.mark.parametrize("columns", [1, 2, 5, 8, 16, 31, 64, 129])
def test_every_size(rows, columns):
    x = input_node("x", Type(dt.f32, (rows, columns)))
    check(of(transpose(x, (1, 0)), inputs=[x]), numbers((rows, columns)))


@pytest.mark.parametrize("dtype", [dt.b1, dt.u8, dt.i16, dt.f16, dt.bf16, dt.i32, dt.f64, dt.i64], ids=lambda d: d.short)
def test_every_width(dtype):
    x = input_node("x", Type(dtype, (19, 37)))
    check(of(transpose(x, (1, 0)), inputs=[x]), numbers((19, 37), dtype))


@pytest.mark.parametrize("perm", [(0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0), (1, 0, 2)])
@pytest.mark.parametrize("shape", [(3, 20, 17), (16, 3, 33), (5, 40, 3)])
def test_every_order(shape, perm):
    x = input_node("x", Type(dt.f32, shape))
    check(of(transpose(x, perm), inputs=[x]), numbers(shape))


@pytest.mark.parametrize("perm", [(0, 3, 1, 2), (0, 2, 3, 1), (0, 2, 1, 3), (0, 2, 3, 1), (3, 2, 1, 0)])
def test_images(perm):
    x = input_node("x", Type(dt.f32, (2, 9, 5, 18)))
    check(of(transpose(x, perm), inputs=[x]), numbers((2, 9, 5, 18)))


@pytest.mark.parametrize("n, m", [(1, 1), (0, 5), (5, 0), (16, 16), (17, 40), (3, 100), (150, 16)])
def test_symbolic_sizes(n, m):
    x, y = input_node("x", Type(dt.f32, (2, N, M))), input_node("y", Type(dt.f32, (2, M, N)))
    g = of(add(transpose(x, (0, 2, 1)), y), inputs=[x, y])
    check(g, numbers((2, n, m)), numbers((2, m, n)))


def test_with_neighbours():
    """Reads along, across, of one row, backwards and of a mask, and two results."""
    x, y = input_node("x", Type(dt.f32, (40, 35))), input_node("y", Type(dt.f32, (35, 40)))
    row, mask = input_node("row", Type(dt.f32, (35,))), input_node("mask", Type(dt.b1, (40, 35)))
    across = transpose(x, (1, 0))
    one = add(mul(across, y), broadcast(row, (35, 40), (0,)))
    two = select(transpose(mask, (1, 0)), one, reverse(across, (0,)))
    g = of(one, two, inputs=[x, y, row, mask])
    check(g, numbers((40, 35)), numbers((35, 40)), numbers((35,)), numbers((40, 35), dt.b1))
    assert kernels(g) == ["turn0"]


def test_only_what_reads_across_is_turned():
    x = input_node("x", Type(dt.f32, (8, 16, 12, 64)))
    assert kernels(of(transpose(x, (0, 2, 1, 3)), inputs=[x])) == ["map0"]
    small = input_node("s", Type(dt.f32, (1000, 3, 3)))
    assert kernels(of(transpose(small, (0, 2, 1)), inputs=[small])) == ["map0"]
    wide = input_node("w", Type(dt.f32, (30, 300)))
    for target in (X86_64_V3, X86_64_V4):
        assert kernels(of(exp(transpose(wide, (1, 0))), inputs=[wide]), target) == ["turn0"]


def test_neighbouring_axes_are_one():
    x = input_node("x", Type(dt.f32, (4, 6, 7, 20)))
    (kernel,) = verified(of(transpose(x, (0, 3, 1, 2)), inputs=[x]), X86_64_V4).kernels
    assert [str(a.type) for a in kernel.arrays] == ["f32[4,42,20]", "f32[4,20,42]"]


@pytest.mark.parametrize("axis", [0, 1])
def test_concat_reads_inside_of_its_operands(axis):
    """The interpreter of kernels refuses what native code would do: read outside of an array."""
    xs = [input_node(f"x{k}", Type(dt.f32, (size, 3) if axis == 0 else (3, size))) for k, size in enumerate((4, 2, 5))]
    arrays = [numbers(x.shape) for x in xs]
    check(of(concat(*xs, axis=axis), inputs=xs), *arrays)


def test_a_turn_by_the_oracle():
    tile = Array("tile", Type(dt.f32, (4, 4)), "register")
    i, j, a, b = (var(name, extent=4) for name in "ijab")
    out = Array("out0", Type(dt.f32, (4, 4)), written=True)
    read = Store("tile", (i, j), load("x0", (i, j), dt.f32))
    write = Store("out0", (a, b), load("tile", (a, b), dt.f32))
    body = (Alloc(tile), For(i, 4, (For(j, 4, (read,), "vector"),), "unrolled"), Turn("tile"),
            For(a, 4, (For(b, 4, (write,), "vector"),), "unrolled"))  # fmt: skip
    kernel = Kernel("k", (Array("x0", Type(dt.f32, (4, 4))), out), (), body)
    x, result = numbers((4, 4)), np.zeros((4, 4), np.float32)
    run_kernel(kernel, {"x0": x, "out0": result}, {}, {})
    np.testing.assert_array_equal(result, x.T)


def test_the_text_of_a_turn_is_read_back():
    x = input_node("x", Type(dt.f32, (20, 40)))
    program = verified(of(transpose(x, (1, 0)), inputs=[x]), X86_64_V4)
    assert "turn turned0" in str(program)
    assert parse(str(program)) == program


@pytest.mark.parametrize("shape, space", [((4, 8), "register"), ((3, 3), "register"), ((4, 4), "stack")])
def test_only_square_register_arrays_are_turned(shape, space):
    kernel = Kernel("k", (), (), (Alloc(Array("tile", Type(dt.f32, shape), space)), Turn("tile")))
    with pytest.raises(CompileError, match="no square register array"):
        verify_kernel(kernel)
