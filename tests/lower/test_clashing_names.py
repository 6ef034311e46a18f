"""Sizes may be called anything: a kernel's variables that have the name of one get another."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import Array, For, If, Kernel, Let, Set, Store
from graphc.ir.node import INDEX, const, symbol, var
from graphc.ir.parser import parse
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.ir.verify_kernel import verify_kernel
from graphc.lower.names import apart_from_sizes
from graphc.prims import argreduce, concat, conv, correlate, cumulate, dot, item, neg, pad, reduce, sort, transpose
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native, verified

ZERO = const(0, Type(dt.f32, ()))
NESTS = {  # shapes of the operands in terms of a size, and what is made of them
    "element-wise": (lambda n: ((n, 3, 8),), neg),
    "joined": (lambda n: ((n, 5), (n, 3)), lambda x, y: concat(x, y, axis=1)),
    "padded": (lambda n: ((n, 5),), lambda x: pad(x, ZERO, (2, 1), (1, 5))),
    "turned": (lambda n: ((n, 33),), lambda x: transpose(x, (1, 0))),
    "moved": (lambda n: ((n, 3, 8),), lambda x: transpose(x, (2, 0, 1))),
    "rows": (lambda n: ((n, 40),), lambda x: reduce(x, "sum", (1,))),
    "long rows": (lambda n: ((3, n),), lambda x: reduce(x, "sum", (1,))),
    "columns": (lambda n: ((n, 40),), lambda x: reduce(x, "sum", (0,))),
    "strips": (lambda n: ((40, n),), lambda x: reduce(x, "sum", (0,))),
    "maxima": (lambda n: ((n, 40),), lambda x: argreduce(x, "max", 1)),
    "cumulated": (lambda n: ((n, 40),), lambda x: cumulate(x, "sum", 0)),
    "sorted": (lambda n: ((n, 40),), lambda x: item(sort(x, 1), 0)),
    "product": (lambda n: ((n, 40), (40, n)), dot),
    "product with rows": (lambda n: ((7, 40), (n, 40)), lambda x, y: dot(x, y, False, True)),
    "deep product": (lambda n: ((n, 7), (n, 9)), lambda x, y: dot(x, y, True)),
    "convolution": (lambda n: ((n, 9, 9, 8), (3, 3, 8, 32)), lambda x, w: conv(x, w, low=(1, 1), high=(1, 1))),
    "filter gradient": (lambda n: ((n, 9, 9, 8), (n, 9, 9, 32)),
                        lambda x, g: correlate(x, g, (3, 3), (1, 1), (1, 1), (1, 1))),
}  # fmt: skip


def graph_of(nest: str, size: str) -> Graph:
    shapes, build = NESTS[nest]
    inputs = tuple(input_node(f"x{k}", Type(dt.f32, s)) for k, s in enumerate(shapes(symbol(size))))
    return Graph("g", inputs, (build(*inputs),))


def declared(body: tuple) -> list[str]:
    """Names of variables, those of inner statements included."""
    found = []
    for s in body:
        if isinstance(s, (For, Let)):
            found.append(s.var.attr("name"))
        for inner in (getattr(s, part, ()) for part in ("body", "then", "orelse")):
            found += declared(inner)
    return found


@pytest.mark.parametrize("nest", NESTS)
def test_a_size_with_the_name_of_a_variable(nest):
    names = {name for k in verified(graph_of(nest, "anything"), X86_64_V4).kernels for name in declared(k.body)}
    assert names
    for name in sorted(names):
        program = verified(graph_of(nest, name), X86_64_V4)
        assert parse(str(program)) == program


@pytest.mark.parametrize("nest", NESTS)
def test_results_are_the_same(nest):
    shapes, _ = NESTS[nest]
    rng = np.random.default_rng(5)
    arrays = [rng.integers(-9, 9, s).astype(np.float32) for s in shapes(19)]
    for target in host_targets()[:1]:
        plain = verified(graph_of(nest, "anything"), target)
        name = min(name for k in plain.kernels for name in declared(k.body))
        graph = graph_of(nest, name)
        np.testing.assert_array_equal(run_native(graph, arrays, target)[0], interpret(graph, *arrays)[0])


def test_every_place_of_a_variable():
    n, m = symbol("k"), symbol("total")
    k, total, taken = var("k"), var("total"), var("k_1")
    zero = const(0, INDEX)
    inner = For(taken, n, (Set(total, total + k + taken), Store("out0", (k,), total)))
    body = (For(k, n, (Let(total, zero), If(k < m, (inner,), (Store("out0", (k,), total + m),)))),)
    kernel = Kernel("k", (Array("out0", Type(dt.i64, (n,)), written=True),), (n, m), body)
    made = apart_from_sizes(kernel)
    assert declared(made.body) == ["k_2", "total_1", "k_1"] and made.dims == kernel.dims
    verify_kernel(made)
    assert apart_from_sizes(made) is made
