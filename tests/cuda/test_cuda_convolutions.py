"""Convolutions and their gradients by filters on the emulator: bits of the CPU for every form and edge."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from gpu_products import FEW, GPU, N, Case, conv_case, results, same

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type
from graphc.lower.gpu.correlations import correlate as correlate_kernel
from graphc.prims.correlate import correlate


def gradient_case(name, xs, gs, kernel, stride, low, dilation, n=3) -> Case:
    """The gradient of a convolution by its filter."""
    x, g = input_node("x0", Type(dt.f32, xs)), input_node("x1", Type(dt.f32, gs))
    out = correlate(x, g, kernel, stride, low, dilation)
    made = replace(correlate_kernel(out, GPU), name=name)
    return Case(name, Graph(name, (x, g), (out,), ("y0",)), made, {"n": n})


MADE = [
    conv_case("padded", (2, 9, 9, 8), (3, 3, 8, 16), low=(1, 1), high=(1, 1)),
    conv_case("strided", (2, 9, 9, 3), (3, 3, 3, 5), low=(1, 1), high=(1, 1), stride=(2, 2)),
    conv_case("open_batch", (N, 9, 8, 4), (3, 3, 4, 6), gpu=FEW),
    conv_case("pointwise", (2, 9, 9, 8), (1, 1, 8, 16)),
    conv_case("pointwise_strided", (2, 9, 9, 8), (1, 1, 8, 16), stride=(2, 2)),
    conv_case("groups", (2, 9, 9, 8), (3, 3, 2, 12), groups=4, low=(1, 1), high=(1, 1)),
    conv_case("depthwise", (2, 9, 8, 8), (3, 3, 1, 8), groups=8, low=(1, 1), high=(1, 1)),
    conv_case("depthwise_open", (N, 8, 8, 8), (3, 3, 1, 8), groups=8, low=(1, 1), high=(1, 1), stride=(2, 2)),
    conv_case("depthwise_odd", (2, 7, 7, 6), (5, 5, 1, 6), groups=6, low=(2, 2), high=(2, 2)),
    conv_case("line", (2, 20, 4), (3, 4, 7), low=(2,)),
    conv_case("volume", (1, 5, 6, 7, 2), (2, 3, 2, 2, 3)),
    conv_case("holes_in_input", (2, 5, 5, 4), (3, 3, 4, 4), low=(2, 2), high=(2, 2), x_dilation=(2, 2)),
    conv_case("holes_in_kernel", (2, 9, 9, 4), (3, 3, 4, 4), low=(2, 2), high=(2, 2), dilation=(2, 2)),
    conv_case("doubles", (2, 9, 9, 4), (3, 3, 4, 4), dt.f64),
    conv_case("halves", (2, 9, 9, 5), (3, 3, 5, 5), dt.f16),
    conv_case("words", (2, 9, 9, 2), (3, 3, 2, 5), dt.i32, end=False, op="conv4", fill=7, low=(1, 1), high=(1, 1)),
    gradient_case("filter", (N, 8, 8, 4), (N, 6, 6, 8), (3, 3), (1, 1), (0, 0), (1, 1)),
    gradient_case("filter_padded", (2, 9, 9, 3), (2, 5, 5, 5), (3, 3), (2, 2), (1, 1), (1, 1)),
    gradient_case("filter_line", (2, 20, 8), (2, 20, 5), (3,), (1,), (2,), (2,)),
]
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")


@pytest.fixture(scope="module")
def made():
    return results(MADE)


@pytest.mark.parametrize("case", MADE, ids=lambda c: c.name)
def test_bits_are_those_of_the_cpu(case, made):
    assert same(case, made[case.name])


def test_weights_that_are_not_finite_meet_the_padding():
    case = conv_case("infinite", (1, 4, 4, 2), (3, 3, 2, 3), low=(1, 1), high=(1, 1))
    x, w, b = [a.copy() for a in case.arrays]
    w[0, 0, 0, 0], w[2, 2, 1, 1] = np.inf, np.nan
    case = replace(case, given=(x, w, b))
    got = results([case])["infinite"]
    assert np.isnan(got[0][0, 0, 0, 0]) and same(case, got)
