"""What random graphs found, each as the smallest graph that showed it: here, and as text in the folder found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, symbol
from graphc.ir.type import Type
from graphc.passes.pipeline import run
from graphc.prims.interpret import interpret
from tests.fuzz import checks
from tests.fuzz.sample import read_sample
from tests.native import bits_equal, host_targets, run_native

TARGETS = host_targets()
FOUND = sorted((Path(__file__).parent / "found").glob("*.txt"))
BIG = 2**63 - 1
pytestmark = pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")


@pytest.mark.parametrize("path", FOUND, ids=lambda p: p.stem)
def test_found_as_text(path):
    """What the first line of the file says is right now, in the way it was found and after all passes."""
    sample = read_sample(path.read_text(encoding="utf-8"))
    checks.check(sample.case(), dict.fromkeys((sample.variation, "compiled", "text")))


def check(inputs: tuple, outputs: tuple, arrays: tuple) -> None:
    """Raw and optimised, on every target, the bits that the primitives mean."""
    graph = Graph("found", inputs, outputs)
    right = interpret(graph, *arrays)
    for form in (graph, run(graph)):
        for target in TARGETS:
            found = run_native(form, arrays, target)
            assert all(map(bits_equal, right, found)), f"{target.name}: {found} instead of {right}\n{form}"


def quotients(x: Node) -> tuple:
    """What holds for sizes, but not for data that may be 0 or overflow."""
    one, two = const(1, x.type), const(2, x.type)
    twice = p.mul(x, two)
    extremes = p.max(p.add(x, one), x), p.min(p.sub(x, one), x)
    return p.floordiv(x, x), p.floordiv(twice, two), p.mod(twice, two), *extremes


@pytest.mark.parametrize("shape", [(), (8,), (4, 40)])
def test_data_is_no_index(shape):
    x = input_node("x", Type(dt.i64, shape))
    for value in (0, BIG, -BIG - 1, 2**62):
        check((x,), quotients(x), (np.full(shape, value, np.int64),))


def test_reduced_data_is_no_index():
    x = input_node("x", Type(dt.i64, (4, 40)))
    total = p.broadcast(p.reduce(x, "sum", (1,)), x.shape, (0,))
    outputs = quotients(total) + tuple([p.reduce(p.add(q, x), "sum", (1,)) for q in quotients(total)])
    check((x,), outputs, (np.zeros((4, 40), np.int64),))
    check((x,), outputs, (np.full((4, 40), BIG, np.int64),))


@pytest.mark.parametrize("transpose_y", [False, True])
def test_dot_with_a_constant_of_symbolic_size(transpose_y):
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (2, 3) if not transpose_y else (2, n)))
    y = const(2.0, Type(dt.f32, (3, n) if not transpose_y else (5, n)))
    z = input_node("z", Type(dt.f32, (n,)))
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    check((x, z), (p.dot(x, y, False, transpose_y), z), (array, np.ones(3, np.float32)))


@pytest.mark.parametrize("width", [1, 9, 17, 33])
@pytest.mark.parametrize("dtype", [dt.bf16, dt.f16, dt.i8, dt.i16, dt.u8, dt.b1])
def test_one_narrow_element_is_left(dtype, width):
    """LLVM stored the whole register lane where a truncated vector was masked down to one element."""
    x = input_node("x", Type(dt.f32, (3, width)))
    y = input_node("y", Type(dt.bf16, (3, width)))
    values = x, y, p.add(y, y), p.cast(x, dt.i32)
    outputs = tuple([p.slice(p.cast(v, dtype), (0, 0), v.shape, (2, 1)) for v in values])
    array = np.linspace(0, 3, 3 * width).reshape(3, width)
    check((x, y), outputs, (array.astype(np.float32), array.astype(dt.bf16.numpy)))


def test_iota_is_data_not_an_index():
    count = p.iota((5,), 0, dt.i64)
    graph = Graph("g", (), (p.floordiv(count, count), p.mod(count, count)))
    for target in host_targets():
        quotient, rest = run_native(graph, [], target)
        assert quotient.tolist() == [0, 1, 1, 1, 1] and rest.tolist() == [0] * 5


def test_two_roundings_of_one_left_lane():
    """LLVM made one rounding of f64 -> f32 -> f16 in a tail of one lane, and that one is a function of a C library."""
    x, y = (input_node(name, Type(dt.f16, (17,))) for name in "xy")
    graph = Graph("g", (x, y), (p.tanh(p.floordiv(x, y)),))
    arrays = [np.arange(17).astype(np.float16), np.full(17, 3, np.float16)]
    (right,) = interpret(graph, *arrays)
    for target in host_targets():
        assert bits_equal(run_native(graph, arrays, target)[0], right)


def test_one_column_of_a_narrow_contraction():
    """LLVM folds the guard of the only column to a constant mask of one lane, and stored a bf16 four bytes wide."""
    n = symbol("n")
    x = input_node("x", Type(dt.bf16, (n, 2)))
    y = const(np.array([[0.5], [-0.25]], dt.bf16.numpy))
    graph = Graph("g", (x,), (p.dot(x, y),))
    array = np.arange(10).reshape(5, 2).astype(dt.bf16.numpy)
    (right,) = interpret(graph, array)
    for target in host_targets():
        assert bits_equal(run_native(graph, [array], target)[0], right)


@pytest.mark.parametrize("columns", [1, 2, 7, 15, 17, 31, 33])
def test_truth_values_of_columns_that_fill_no_vector(columns):
    """They are stored by masks, of which one may turn out to be of a single lane; nothing beside them may change."""
    n = symbol("n")
    x = input_node("x", Type(dt.f32, (n, 2)))
    y = const(np.arange(-columns, columns, dtype=np.float32).reshape(2, columns))  # no product is rounded
    z = p.dot(x, y)
    graph = Graph("g", (x,), (z, p.le(z, p.neg(z))))
    array = np.arange(-13, 13, dtype=np.float32).reshape(13, 2)
    right = interpret(graph, array)
    for target in host_targets():
        assert all(map(bits_equal, run_native(graph, [array], target), right))
