"""Concatenations and paddings as loops over their parts: the values, and that nothing is tested inside of the loops."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.passes.pipeline import run
from graphc.prims import add, concat, exp, neg, pad, reduce, reshape, slice, transpose
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native, verified

TARGETS = host_targets()
ONE = const(np.float32(1.5), Type(dt.f32, ()))


def x(name: str, *shape):
    return input_node(name, Type(dt.f32, shape))


def check(g: Graph, plain: bool = True) -> None:
    """The compiled graph computes what the graph means; ``plain`` kernels test no index."""
    if plain:
        text = "".join(map(str, verified(g, X86_64_V4).kernels))
        assert "select" not in text and " if " not in text, text
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal([9 if type(d) is not int else d for d in i.shape], np.float32) for i in g.inputs]
    for target in TARGETS:
        for got, want in zip(run_native(g, arrays, target), interpret(g, *arrays), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 17), (16, 1, 33), (5, 0, 2)])
def test_concat(axis, sizes):
    inputs = [x(f"x{k}", *[size if a == axis else 6 for a in range(3)]) for k, size in enumerate(sizes)]
    check(Graph("g", tuple(inputs), (concat(*inputs, axis=axis),)))


def test_concat_of_vectors():
    a, b = x("a", 70), x("b", 5000)
    check(Graph("g", (a, b), (exp(concat(a, b)),)))


@pytest.mark.parametrize("low, high", [((0, 0), (1, 1)), ((1, 2), (3, 4)), ((0, 3), (0, 0)), ((2, 0), (0, 1))])
@pytest.mark.parametrize("shape", [(1, 1), (4, 31), (33, 16)])
def test_pad(shape, low, high):
    a = x("a", *shape)
    check(Graph("g", (a,), (pad(a, ONE, low, high),)))


def test_inside_of_other_work():
    a, b = x("a", 12, 20), x("b", 12, 15)
    joined = concat(a, b, axis=1)
    padded = pad(a, ONE, (0, 5), (0, 10))
    check(Graph("g", (a, b), (add(exp(joined), padded), slice(joined, (1, 3), (9, 30)))))
    check(Graph("g", (a, b), (transpose(concat(a, b, axis=1), (1, 0)),)), plain=False)


def test_symbolic_sizes_keep_their_guards():
    n = symbol("n")
    a, b = x("a", n, 4), x("b", n, 4)
    check(Graph("g", (a, b), (concat(a, b, axis=0),)), plain=False)


def test_many_parts_are_joined_before_they_are_read():
    inputs = tuple(x(f"x{k}", 3, 2) for k in range(20))
    joined = concat(*inputs, axis=0)
    g = Graph("g", inputs, (exp(joined), reduce(exp(neg(joined)), "sum", (1,))))
    kernels = [str(k) for k in verified(g, X86_64_V4).kernels]
    assert [text.count("x19[") for text in kernels] == [1] + [0] * (len(kernels) - 1)  # all others read what it makes
    check(g)


def test_what_is_appended_to_a_value_again_and_again_has_code_of_linear_size():
    def length(turns: int) -> int:
        value = x("x", 4, 3)
        for _ in range(turns):
            value = concat(value, reshape(reduce(value, "sum", (1,)), (4, 1)), axis=1)
        g = run(Graph("g", (x("x", 4, 3),), (value,)))
        check(g, plain=False)
        return sum(str(k).count("\n") for k in verified(g, X86_64_V4).kernels)

    assert length(72) < 3 * length(36)

