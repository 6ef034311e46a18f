"""Where results go: inputs, constants, views and one value twice as outputs, and outputs written over old state."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, const, symbol
from graphc.ir.type import Type
from graphc.prims.interpret import interpret
from tests.native import SPLITS, bits_equal, host_targets, run_native

TARGETS = host_targets()
n = symbol("n")
native = pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")


def f32(name, *shape):
    return input_node(name, Type(dt.f32, shape))


def same_as_interpreted(graph: Graph, *arrays) -> None:
    """Exactly, however loops are cut; the graphs here only add, multiply and move."""
    for parts in SPLITS:
        values = run_native(graph, arrays, TARGETS[0], parts)
        for k, (right, found) in enumerate(zip(interpret(graph, *arrays), values, strict=True)):
            assert bits_equal(right, found), f"output {k}\nright {right}\nfound {found}\n{graph}"


X, Y = np.arange(12, dtype=np.float32).reshape(3, 4), np.arange(12, dtype=np.float32).reshape(3, 4)[::-1] * 7 + 1
x, y = f32("x", 3, 4), f32("y", 3, 4)
TWICE = x * 2.0
SORTED = p.item(p.sort(x, 1, True), 0)
TABLE_OF = const(np.arange(12, dtype=np.float32).reshape(3, 4) ** 2, Type(dt.f32, (3, 4)))
OUTPUTS = {
    "inputs": (x, y),
    "an input twice": (x, x, y + x),
    "a constant": (TABLE_OF, TABLE_OF, const(3.0, x.type)),
    "one value twice": (TWICE, TWICE, TWICE + 1.0),
    "reshapes of one value": (p.reshape(TWICE, (12,)), TWICE, p.reshape(TWICE, (4, 3))),
    "reshapes of an input": (p.reshape(x, (12,)), p.reshape(x, (2, 6)), x),
    "a reshape of a constant": (p.reshape(TABLE_OF, (12,)), TABLE_OF),
    "a reshape of a reshape": (p.reshape(p.reshape(SORTED, (12,)), (6, 2)),),
    "some results of several": (SORTED, p.item(p.sort(x, 0, False), 1)),
    "a size": (p.iota((3, 4), 1, dt.f32), x),
}


@native
@pytest.mark.parametrize("what", OUTPUTS)
def test_outputs(what):
    same_as_interpreted(Graph("outputs", (x, y), OUTPUTS[what]), X, Y)


MATRIX = np.arange(16, dtype=np.float32).reshape(4, 4) - 5
w = f32("w", 4, 4)
p_input = input_node("p", Type(dt.b1, ()))
a4 = input_node("a", Type(dt.f32, (3, 4)))
CHOICE = {"then": Graph("then", (a4,), (a4 * 3.0,)), "orelse": Graph("orelse", (a4,), (p.reverse(a4, (0,)),))}
DONATED = {
    "an update": ((x + y,), ((0, 0),)),
    "an update and the old value": ((x + y, x), ((0, 0),)),
    "the old value reshaped": ((x + y, p.reshape(x, (12,))), ((0, 0),)),
    "the old value elsewhere": ((x + y, p.reverse(x, (0,))), ((0, 0),)),
    "the old value in a sort": ((x + y, p.item(p.sort(x, 1, True), 0)), ((0, 0),)),
    "the old value in a branch": ((x + y, p.cond(p_input, x, **CHOICE)), ((0, 0),)),
    "a branch": ((p.cond(p_input, x, **CHOICE), x + 1.0), ((0, 0),)),
    "an exchange": ((y, x), ((0, 0), (1, 1))),
    "an exchange with a sum": ((y, x, x + y), ((0, 0), (1, 1))),
    "an exchange of updates": ((y * 2.0, x + 1.0), ((0, 0), (1, 1))),
    "itself": ((x, x + y), ((0, 0),)),
    "the other input": ((y, x * 2.0), ((0, 0),)),
    "one value twice": ((TWICE, TWICE), ((0, 0), (1, 1))),
    "a constant": ((TABLE_OF, x + y), ((0, 0),)),
    "elements moved": ((p.reverse(x, (0,)) + y,), ((0, 0),)),
    "elements moved after arithmetic": ((p.reverse(x * 3.0, (0, 1)) + y,), ((0, 0),)),
    "rows summed": ((x - p.broadcast(p.reduce(x, "sum", (1,)), (3, 4), (0,)),), ((0, 0),)),
    "all summed": ((x - p.broadcast(p.reduce(x, "sum", (0, 1)), (3, 4), ()),), ((0, 0),)),
    "columns summed": ((x - p.broadcast(p.reduce(x, "sum", (0,)), (3, 4), (1,)),), ((0, 0),)),
    "a product's left": ((p.dot(x, w),), ((0, 0),)),
    "a product's epilogue": ((p.dot(y, w) + x,), ((0, 0),)),
    "a product and its epilogue": ((p.dot(x, w) + x,), ((0, 0),)),
    "a product's epilogue that moves": ((p.dot(y, w) + p.reverse(x, (1,)),), ((0, 0),)),
    "a product's right": ((p.dot(w, w) + w,), ((0, 2),)),
    "a chain in place": ((p.item(p.sort(x + y, 1, False), 0) * 2.0 + 1.0,), ((0, 1),)),
}


@native
@pytest.mark.parametrize("what", DONATED)
@pytest.mark.parametrize("flag", (True, False))
def test_donated(what, flag):
    outputs, donated = DONATED[what]
    graph = Graph("donated", (x, y, w, p_input), outputs, (), donated)
    same_as_interpreted(graph, X, Y, MATRIX, np.array(flag))


@native
def test_values_in_memory_that_are_read_through_movement_are_not_written_over():
    sorted_ = p.item(p.sort(x, 1, False), 0)
    same_as_interpreted(Graph("g", (x,), (p.reverse(sorted_ * 2.0, (0, 1)) * 3.0 + 1.0,)), X)
    other = p.item(p.sort(x, 0, False), 0)
    mixed = p.reverse(other * 2.0, (1,)) + other
    same_as_interpreted(Graph("g", (x,), (p.item(p.sort(mixed, 0, True), 0),)), X)


@native
def test_reshapes_reach_the_host_and_other_kernels_with_their_shape():
    a = input_node("a", Type(dt.f64, (4, n, 9)))
    spd = p.reshape(a * 1.0, (4 * n, 3, 3))
    g = Graph("g", (a,), (p.cholesky(spd), p.reshape(p.cholesky(spd), (4, n, 9)) * 2.0))
    data = np.broadcast_to(np.array([4.0, 1, 0, 1, 5, 2, 0, 2, 6]), (4, 2, 9)).copy()
    same_as_interpreted(g, data)


@native
def test_complex_numbers():
    z = input_node("z", Type(dt.c64, (3, n)))
    t = p.transpose(z * z, (1, 0))
    g = Graph("g", (z,), (t, p.reshape(t, (n * 3,)), p.cast(p.cast(x, dt.c64), dt.f32) + 1.0, p.reduce(z, "sum", (0,))))
    g = Graph("g", (z, x), g.outputs)
    data = (np.arange(6).reshape(3, 2) * (1 + 2j)).astype(np.complex64)
    same_as_interpreted(g, data, X)


@native
def test_sizes_as_values():
    i = input_node("i", INDEX)
    v = f32("v", n)
    g = Graph("g", (v, i), (n * 2 + 1, p.cast(n, dt.f32) + p.reduce(v, "sum", (0,)), i + n))
    same_as_interpreted(g, np.arange(5, dtype=np.float32), np.int64(3))
