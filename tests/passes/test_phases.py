"""Convolutions of inputs with holes become convolutions without, with the same bits."""

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.options import Options
from graphc.passes.phases import split_phases
from graphc.prims import conv
from graphc.prims.interpret import interpret

CASES = {
    "same": dict(x=(2, 7, 7, 5), w=(5, 5, 5, 3), low=(3, 3), high=(2, 2), holes=(2, 2)),
    "odd": dict(x=(2, 6, 5, 3), w=(3, 3, 3, 4), low=(1, 2), high=(2, 0), holes=(3, 2)),
    "fewer taps than phases": dict(x=(1, 4, 4, 2), w=(2, 2, 2, 2), low=(1, 1), high=(3, 3), holes=(3, 3)),
    "one axis has holes": dict(x=(2, 5, 6, 2), w=(3, 4, 2, 2), low=(1, 1), high=(1, 1), holes=(1, 2)),
    "cut borders": dict(x=(2, 6, 6, 2), w=(3, 3, 2, 2), low=(-2, -3), high=(-1, -2), holes=(2, 2)),
    "groups": dict(x=(2, 4, 4, 4), w=(3, 3, 2, 6), low=(1, 1), high=(2, 2), holes=(2, 2), groups=2),
    "one dimension": dict(x=(3, 9, 2), w=(4, 2, 3), low=(2,), high=(2,), holes=(2,)),
    "three dimensions": dict(x=(1, 3, 3, 3, 2), w=(2, 3, 2, 2, 2), low=(1, 1, 1), high=(1, 1, 1), holes=(2, 2, 2)),
}


def graph_of(x, w, low, high, holes, groups=1):
    batch = symbol("n")
    a, b = input_node("x", Type(dt.f32, (batch, *x[1:]))), input_node("w", Type(dt.f32, w))
    out = conv(a, b, low=low, high=high, x_dilation=holes, groups=groups)
    return Graph("spread", (a, b), (out,))


@pytest.mark.parametrize("name", CASES)
def test_same_bits_without_holes(name):
    case = CASES[name]
    graph, rng = graph_of(**case), np.random.default_rng(0)
    split = split_phases(graph)
    assert all(set(n.attr("x_dilation")) == {1} for n in split.nodes if n.op == "conv")
    assert split.outputs[0].type == graph.outputs[0].type
    arrays = [rng.normal(size=case[k]).astype(np.float32) for k in "xw"]
    wanted = compile_graph(graph, Options(skip=("split_phases",)))(*arrays)[0]
    np.testing.assert_array_equal(compile_graph(graph)(*arrays)[0], wanted)
    np.testing.assert_allclose(interpret(split, *arrays)[0], interpret(graph, *arrays)[0], rtol=1e-5, atol=1e-6)


def test_others_stay():
    plain = graph_of((2, 7, 7, 5), (5, 5, 5, 3), (2, 2), (2, 2), (1, 1))
    assert split_phases(plain) is plain
    many = graph_of((2, 3, 3, 1), (2, 2, 1, 1), (1, 1), (1, 1), (9, 9))
    assert split_phases(many) is many
