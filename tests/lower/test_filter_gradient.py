"""Gradients of convolutions by their filters: found in graphs, and compiled, against the NumPy meaning."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.passes.filter_gradient import gather_filter_gradients
from graphc.prims import conv, correlate
from graphc.prims.contract import conv_filter
from graphc.prims.interpret import interpret
from tests.lower.test_conv_tiles import check
from tests.native import host_targets, run_native

TARGETS = host_targets()
N = symbol("n")


def cotangent_of(x, kernel, outputs, stride, low, high, dilation):
    """The input of a graph that stands for the cotangent of a convolution of ``x``."""
    w = input_node("w", Type(x.dtype, (*kernel, x.shape[-1], outputs)))
    return input_node("g", conv(x, w, stride, low, high, dilation).type)


CASES = [  # spatial shape, channels, kernel, outputs, stride, low, high, dilation
    ((5, 7), 8, (3, 3), 1, (1, 1), (1, 1), (1, 1), (1, 1)),
    ((14, 14), 25, (5, 5), 33, (1, 1), (2, 2), (2, 2), (1, 1)),
    ((15, 17), 13, (3, 2), 31, (2, 3), (1, 0), (0, 1), (1, 1)),
    ((3, 65), 9, (2, 4), 65, (1, 1), (3, 4), (2, 5), (1, 1)),
    ((9, 33), 16, (3, 3), 15, (1, 2), (2, 2), (2, 2), (2, 2)),
    ((2, 3), 11, (7, 7), 16, (1, 1), (6, 6), (6, 6), (1, 1)),
    ((31,), 24, (3,), 17, (2,), (1,), (2,), (3,)),
    ((6, 7), 12, (2, 2), 8, (1, 1), (-1, -2), (0, 1), (1, 1)),
    ((28, 28), 1, (5, 5), 32, (1, 1), (2, 2), (2, 2), (1, 1)),  # taps and channels are rows of tiles
    ((9, 17), 3, (3, 3), 33, (2, 2), (0, 0), (1, 1), (1, 1)),
    ((4, 3), 3, (2, 11), 7, (1, 1), (1, 9), (0, 10), (2, 1)),
    ((31,), 2, (7,), 16, (3,), (-4,), (5,), (1,)),
    ((3, 2), 1, (3, 6), 5, (2, 4), (2, 9), (2, 9), (1, 1)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, (*c[0], c[1], *c[2], c[3]))))
def test_sizes(case):
    space, channels, kernel, outputs, stride, low, high, dilation = case
    for batch in (1, 3, N):
        x = input_node("x", Type(dt.f32, (batch, *space, channels)))
        g = cotangent_of(x, kernel, outputs, stride, low, high, dilation)
        graph = Graph("gradient", (x, g), (correlate(x, g, kernel, stride, low, dilation),))
        check(graph, {N: 5} if batch is N else {}, TARGETS[:2] if batch is N else TARGETS)
    check(graph, {N: 0}, TARGETS[:1])


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(map(str, (*c[0], c[1], *c[2], c[3]))))
def test_the_pass_finds_what_gradients_are(case):
    space, channels, kernel, outputs, stride, low, high, dilation = case
    x = input_node("x", Type(dt.f64, (2, *space, channels)))
    g = cotangent_of(x, kernel, outputs, stride, low, high, dilation)
    shape = (*kernel, channels, outputs)
    ones = (1,) * len(kernel)
    graph = Graph("gradient", (x, g), (conv_filter(g, x, shape, stride, low, dilation, ones, 1),))
    found = gather_filter_gradients(graph)
    assert [n.op for n in found.nodes if n.inputs] == ["correlate"]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(v.shape) for v in (x, g)]
    np.testing.assert_allclose(interpret(found, *arrays)[0], interpret(graph, *arrays)[0], rtol=1e-12, atol=1e-12)


def test_windows_of_one_pixel_are_a_product_and_others_stay():
    x, g = input_node("x", Type(dt.f32, (N, 4, 5, 16))), input_node("g", Type(dt.f32, (N, 4, 5, 7)))
    one, ones = (1, 1), (1, 1)
    graph = Graph("gradient", (x, g), (conv_filter(g, x, (1, 1, 16, 7), one, (0, 0), ones, ones, 1),))
    found = gather_filter_gradients(graph)
    assert {n.op for n in found.nodes if n.inputs} >= {"dot"} and not any(n.op == "conv" for n in found.nodes)
    check(found, {N: 3}, TARGETS[:2])
    few = input_node("x", Type(dt.f32, (N, 4, 5, 1)))
    graph = Graph("gradient", (few, g), (conv_filter(g, few, (3, 3, 1, 7), one, (1, 1), ones, ones, 1),))
    assert gather_filter_gradients(graph) is graph
    half = [input_node(v.attr("name"), Type(dt.bf16, v.shape)) for v in (x, g)]
    graph = Graph("gradient", tuple(half), (conv_filter(half[1], half[0], (3, 3, 16, 7), one, (1, 1), ones, ones, 1),))
    assert gather_filter_gradients(graph) is graph


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_cotangents_that_are_not_finite_meet_the_padding(bad):
    for channels in (9, 2):
        check_padding_met(channels, bad)


def check_padding_met(channels, bad):
    x, g = input_node("x", Type(dt.f32, (2, 5, 6, channels))), input_node("g", Type(dt.f32, (2, 5, 6, 18)))
    graph = Graph("gradient", (x, g), (correlate(x, g, (3, 3), (1, 1), (1, 1), (1, 1)),))
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(v.shape).astype(np.float32) for v in (x, g))
    a = np.abs(a) + 1
    for place in ((0, 0, 3, 1), (1, 2, 5, 17), (1, 2, 3, 4), (0, 4, 0, 16)):
        cotangents = b.copy()
        cotangents[place] = bad
        (want,) = interpret(graph, a, cotangents)
        for target in TARGETS:
            np.testing.assert_allclose(run_native(graph, [a, cotangents], target)[0], want, rtol=1e-4, atol=1e-4)
