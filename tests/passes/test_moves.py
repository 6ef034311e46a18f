"""What every movement rule makes of one small Graph: fewer operations, the same bits."""

from collections import Counter

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, make, symbol
from graphc.ir.type import Type
from graphc.passes.shapes import SHAPES, move_less
from graphc.prims import broadcast, concat, conv, dot, exp, neg, pad, reduce, reshape, reverse, slice, stop, transfer, transpose
from graphc.prims.interpret import interpret

N = symbol("n")
X = input_node("x", Type(dt.f32, (2, 3)))
Z = input_node("z", Type(dt.f32, (N, 3)))
I3 = input_node("i", Type(dt.i32, (2, 3)))
T = input_node("t", Type(dt.f32, (2, 3, 4)))
ONE = input_node("one", Type(dt.f32, (2, 1)))
INPUTS = (X, Z, I3, T, ONE)
ARRAYS = [
    np.array([[-0.0, 1.5, np.nan], [np.inf, -2.0, 0.0]], np.float32),
    np.arange(12, dtype=np.float32).reshape(4, 3),
    np.array([[1, -2, 3], [4, 5, 2**31 - 1]], np.int32),
    np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    np.array([[-0.0], [2.0]], np.float32),
]
ZERO = const(0, Type(dt.f32, ()))
FILTER = const(np.arange(20, dtype=np.float32).reshape(1, 1, 4, 5))
PAIR = const(np.array([1, 2], np.float32))
P = dot(X, const(np.arange(6, dtype=np.float32).reshape(3, 2)))
ROW = const(np.arange(4, dtype=np.float32))


def ops(node) -> list[str]:
    return [n.op for n in Graph("g", INPUTS, (node,)).nodes if n.op not in ("input", "const", "symbol")]


CASES = {
    "reshape of reshape": (reshape(reshape(X, (6,)), (3, 2)), ["reshape"]),
    "reshape back": (reshape(reshape(Z, (Z.type.size,)), Z.shape), []),
    "reshape of broadcast": (reshape(broadcast(X, (5, 2, 3), (1, 2)), (5, 6)), ["reshape", "broadcast"]),
    "reshape of scalar broadcast": (reshape(broadcast(ZERO + 1.0, (4, N), ()), (2, 2, N)), ["add", "broadcast"]),
    "transpose twice": (transpose(transpose(T, (1, 2, 0)), (2, 0, 1)), []),
    "transpose merged": (transpose(transpose(T, (1, 2, 0)), (1, 0, 2)), ["transpose"]),
    "transpose of size 1": (transpose(ONE, (1, 0)), ["reshape"]),
    "transpose of broadcast": (transpose(broadcast(X, (2, 5, 3), (0, 2)), (1, 0, 2)), ["broadcast"]),
    "transpose of dot": (transpose(dot(X, transpose(X, (1, 0))), (1, 0)), ["dot"]),
    "dot of transposed": (dot(transpose(X, (1, 0)), X), ["dot"]),
    "conv of one place": (conv(reshape(T, (6, 1, 1, 4)), FILTER, stride=(2, 1)),
                          ["reshape", "reshape", "dot", "reshape"]),
    "broadcast twice": (broadcast(broadcast(X, (2, 4, 3), (0, 2)), (2, 4, 3, 5), (0, 1, 2)), ["broadcast"]),
    "broadcast of kept axis": (broadcast(reshape(X, (2, 1, 3)), (4, 2, 1, 3), (1, 2, 3)), ["broadcast"]),
    "slice of slice": (slice(slice(T, (0, 1, 0), (2, 3, 4)), (1, 0, 1), (2, 2, 4), (1, 1, 2)), ["slice"]),
    "slice of strided": (slice(slice(T, (0, 0, 0), (2, 3, 4), (1, 2, 3)), (0, 1, 1), (2, 2, 2)), ["slice"]),
    "slice of broadcast": (slice(broadcast(X, (5, 2, 3), (1, 2)), (1, 0, 0), (3, 2, 3)), ["broadcast"]),
    "slice of concat": (slice(concat(Z, Z + 1.0, axis=0), (N, 0), (2 * N, 3)), ["add"]),
    "slice of pad": (slice(pad(Z, ZERO, (1, 0), (2, 0)), (1, 0), (1 + N, 2)), ["slice"]),
    "pad of pad": (pad(pad(X, ZERO, (1, 0), (0, 0)), ZERO, (0, 1), (2, 0)), ["pad"]),
    "pad of splat": (pad(const(0, X.type), ZERO, (1, 0), (0, 0)), []),
    "reverse twice": (reverse(reverse(X, (0, 1)), (0,)), ["reverse"]),
    "reverse of broadcast": (reverse(broadcast(X, (4, 2, 3), (1, 2)), (0,)), ["broadcast"]),
    "reverse of size 1": (reverse(ONE, (1,)), []),
    "concat of concat": (concat(concat(X, X + 1.0, axis=0), X, axis=0), ["add", "concat"]),
    "concat of nothing": (concat(X, const(np.zeros((0, 3), np.float32)), axis=0), []),
    "concat of splats": (concat(const(1, X.type), const(1, X.type), axis=1), []),
    "concat of neighbours": (concat(slice(T, (0, 0, 0), (2, 3, 1)), slice(T, (0, 0, 1), (2, 3, 4)), axis=2), []),
    "splat moved": (transpose(reshape(const(2, Type(dt.f32, (6,))), (2, 3)), (1, 0)), []),
    "sum over size 1": (reduce(ONE, "sum", (1,)), ["add", "reshape"]),
    "maximum over size 1": (reduce(ONE, "max", (1,)), ["reshape"]),
    "sum over one of two": (reduce(reshape(T, (2, 1, 3, 4)), "sum", (1, 2)), ["reduce"]),
    "maximum of maximum": (reduce(reduce(T, "max", (2,)), "max", (0,)), ["reduce"]),
    "integer sum of sum": (reduce(reduce(I3, "sum", (1,)), "sum", (0,)), ["reduce"]),
    "maximum of broadcast": (reduce(broadcast(X, (2, 4, 3), (0, 2)), "max", (1,)), []),
    "integer sum of broadcast": (reduce(broadcast(I3, (2, 4, 3), (0, 2)), "sum", (1, 2)), ["reduce", "mul"]),
    "maximum of transpose": (reduce(transpose(T, (2, 0, 1)), "max", (0,)), ["reduce"]),
    "sunk transposes": (transpose(neg(exp(transpose(T, (2, 0, 1))) + 1.0), (1, 2, 0)), ["exp", "add", "neg"]),
    "sunk broadcasts": (neg(broadcast(ONE, (2, 1, 5), (0, 1))) * broadcast(ONE, (2, 1, 5), (0, 1)), ["neg", "mul", "broadcast"]),
    "reshaped product and a vector": (reshape(neg(P), (2, 1, 2)) + broadcast(PAIR, (2, 1, 2), (2,)),
                                      ["dot", "neg", "broadcast", "add", "reshape"]),
    "reshaped product and a scalar": (reshape(P, (1, 4)) - broadcast(reduce(X, "max", (0, 1)), (1, 4), ()),
                                      ["dot", "reduce", "broadcast", "sub", "reshape"]),
    "reshaped product and a matrix": (const(np.arange(4, dtype=np.float32).reshape(1, 4)) * reshape(P, (1, 4)),
                                      ["reshape", "dot", "mul", "reshape"]),
    "stop": (stop(X), []),
    "transfer": (transfer(X, "", "cuda:0"), []),
    "promise kept": (make("ensure", (Z,), (("shape", Z.shape),), Z.type), []),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    node, expected = CASES[name]
    graph = Graph("g", INPUTS, (node,))
    changed = move_less(graph)
    assert ops(changed.outputs[0]) == expected
    (before,), (after,) = interpret(graph, *ARRAYS), interpret(changed, *ARRAYS)
    assert before.tobytes() == after.tobytes() and before.shape == after.shape
    assert move_less(changed) is changed


@pytest.mark.parametrize(
    "node",
    [
        reduce(reduce(T, "sum", (2,)), "sum", (0,)),
        reduce(transpose(T, (2, 0, 1)), "sum", (0, 1)),
        reduce(broadcast(X, (2, 4, 3), (0, 2)), "sum", (1,)),
        reduce(broadcast(X, (2, N, 3), (0, 2)), "max", (1,)),
        slice(concat(X, X + 1.0, axis=0), (1, 0), (3, 3)),
        slice(pad(X, ZERO, (1, 0), (1, 0)), (0, 0), (2, 3)),
        reshape(broadcast(X, (2, 5, 3), (0, 2)), (2, 15)),
        reshape(T, (6, 4)) + broadcast(ROW, (6, 4), (1,)),
        reshape(P, (2, 1, 2)) - broadcast(reduce(reshape(P, (2, 1, 2)), "max", (2,)), (2, 1, 2), (0, 1)),
        reshape(dot(X, const(np.ones((3, 6), np.float32))), (3, 4)) + broadcast(ROW, (3, 4), (1,)),
        conv(reshape(T, (1, 6, 1, 4)), FILTER),
        conv(reshape(T, (6, 1, 1, 4)), FILTER, low=(0, 1)),
        conv(reshape(T, (3, 1, 1, 8)), const(np.ones((1, 1, 4, 6), np.float32)), groups=2),
    ],
)
def test_left_alone(node):
    """Not exact, not provable, or no gain."""
    assert move_less(Graph("g", (*INPUTS,), (node,))).outputs == (node,)


def test_a_value_appended_to_many_times_keeps_its_many_parts_apart():
    value = X
    for k in range(30):
        value = concat(value, X + float(k + 1), axis=0)
    order = move_less(Graph("g", INPUTS, (value,))).nodes
    assert [len(n.inputs) for n in order if n.op == "concat"] == [12, 12, 9]


def test_settled_transpositions_stay_where_they_are():
    graph = Graph("g", INPUTS, (neg(transpose(X, (1, 0))), exp(reshape(X, (6,)))))
    changed = move_less(graph, settled=True)
    assert [y.op for y in changed.outputs] == ["neg", "reshape"]
    assert [y.op for y in move_less(graph).outputs] == ["transpose", "reshape"]


def test_no_rule_is_without_a_hit():
    hits = Counter()
    for node, _ in CASES.values():
        move_less(Graph("g", INPUTS, (node,)), stats=hits)
    assert set(hits) == {r.name for r in SHAPES.all}
