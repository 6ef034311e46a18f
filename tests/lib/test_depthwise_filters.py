"""The gradient of a depthwise filter: each place's sum by hand, and channels side by side in the kernel that takes it."""

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.inspect.stages import Stages
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib.depthwise import filter_sums

CASES = [(3, 1, 1, 1, 1), (3, 2, 1, 1, 1), (2, 1, 0, 2, 3), (5, 3, 2, 1, 2), (1, 2, 0, 1, 1)]


def program(size, stride, low, dilation, multiple, batch=3, channels=5, dtype=dt.f64):
    n, m = 11, (11 + 2 * low - (size - 1) * dilation - 1) // stride + 1
    x = input_node("x", Type(dtype, (batch, n, n, channels)))
    g = input_node("g", Type(dtype, (batch, m, m, channels * multiple)))
    shape = (size, size, 1, channels * multiple)
    out = filter_sums(g, x, shape, (stride,) * 2, (low,) * 2, (low,) * 2, (dilation,) * 2)
    return Graph("filter", (x, g), (out,))


@pytest.mark.parametrize("case", CASES)
def test_every_place_of_a_filter_sums_what_it_met(case):
    size, stride, low, dilation, multiple = case
    random = np.random.default_rng(size)
    for batch in (3, symbol("n")):
        graph = program(*case, batch=batch)
        x, g = (random.normal(size=(3, *node.shape[1:])) for node in graph.inputs)
        wide = np.pad(x, ((0, 0), (low, low), (low, low), (0, 0))).repeat(multiple, -1)
        end = (g.shape[1] - 1) * stride + 1
        expected = [[(wide[:, a : a + end : stride, b : b + end : stride] * g).sum((0, 1, 2))
                     for b in range(0, size * dilation, dilation)] for a in range(0, size * dilation, dilation)]  # fmt: skip
        np.testing.assert_allclose(compile_graph(graph)(x, g)[0], np.array(expected)[:, :, None], rtol=1e-10, atol=1e-12)


def test_channels_lie_side_by_side_in_every_sum():
    kernels = Stages(program(3, 2, 1, 1, 1, channels=32, dtype=dt.f32)).program.kernels
    assert not any("turn" in k.name for k in kernels)  # nothing is transposed before or after
    sums = [str(k) for k in kernels if k.name.startswith("reduce")]
    assert sums and all("for l in 32 vector" in text for text in sums)
