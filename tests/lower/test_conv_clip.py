"""Convolutions that leave out the padding against the NumPy meaning: lines of every length, weights known or given."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.target import X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.lower.nests.conv import CLIP, COLUMNS, DEPTHWISE, PANEL, form_of
from graphc.prims import add, conv
from graphc.prims.byte_products import conv4
from graphc.prims.interpret import interpret
from tests.lower.test_conv_tiles import N, attrs, check, check_plain, convolution, draw, follow
from tests.native import host_targets, run_native

TARGETS = host_targets()
WIDTHS = (7, 13, 16, 33, 65)


@pytest.mark.parametrize("width", WIDTHS)
def test_lines_of_every_length(width):
    for kernel, window in [((3, 3, 3, 17), attrs(low=1, high=1)),
                           ((2, 5, 2, 33), attrs(low=(0, 2), high=(1, 2), stride=2)),
                           ((1, 3, 4, 16), attrs(low=(0, 3), high=(0, 3), dilation=3)),
                           ((1, 1, 5, 40), attrs()), ((3, 3, 1, 20), attrs(low=1, high=1, groups=20)),
                           ((5, 5, 1, 50), attrs(low=2, high=1, stride=2, groups=50))]:  # fmt: skip
        channels = kernel[2] * window["groups"]
        check_plain((N, 4, width, channels), kernel, window, {N: 2}, targets=TARGETS[:2])
        check_plain((1, 3, width, channels), kernel, window, known=False, targets=TARGETS[:1])


def test_forms():
    def form(shape, kernel, window, known=True, dtype=dt.f32):
        inputs, node = convolution(shape, kernel, window, dtype, known)
        return form_of(node, node.inputs[1], X86_64_V4)

    same, each = attrs(low=1, high=1), attrs(low=1, high=1, groups=32)
    assert form((N, 14, 14, 32), (3, 3, 32, 64), same) == CLIP
    assert form((N, 14, 14, 32), (3, 3, 32, 64), same, known=False) == CLIP
    assert form((N, 14, 14, 32), (3, 3, 32, 64), same, dtype=dt.bf16) == PANEL  # converted once for each patch
    assert form((1, 3, 3, 32), (3, 3, 32, 64), same) == PANEL  # tiles span lines
    assert form((1, 3, 3, 32), (3, 3, 32, 64), same, known=False) == PANEL  # not worth packing
    assert form((N, 14, 14, 32), (3, 3, 1, 32), each) == COLUMNS
    assert form((N, 14, 14, 32), (3, 3, 1, 32), each, known=False) == DEPTHWISE


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_given_weights_that_are_not_finite_meet_the_padding(bad):
    for kernel, window in [((3, 3, 2, 5), attrs(low=1, high=1)), ((5, 3, 2, 40), attrs(low=(3, 1), high=(4, 2))),
                           ((3, 3, 2, 8), attrs(low=2, high=2, dilation=2)),
                           ((7, 1, 2, 6), attrs(low=(6, 0), high=(5, 0))),
                           ((3, 3, 2, 4), attrs(low=1, high=1, groups=2))]:  # fmt: skip
        inputs, node = convolution((1, 5, 20, 2 * window["groups"]), kernel, window, known=False)
        graph = Graph("conv", inputs, (node,))
        x, w = np.abs(draw(dt.f32, inputs[0].shape)) + 1, draw(dt.f32, kernel, 1)
        assert form_of(node, node.inputs[1], X86_64_V4) == CLIP
        for place in ((0, 0, 0, 1), (kernel[0] - 1, kernel[1] - 1, 1, 2), (kernel[0] // 2, kernel[1] // 2, 0, 3)):
            weights = w.copy()
            weights[place] = bad
            (want,) = interpret(graph, x, weights)
            for target in TARGETS:
                (got,) = run_native(graph, [x, weights], target)
                np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_known_weights_that_are_not_finite():
    weights = np.full((3, 3, 2, 3), np.inf, np.float32)
    x = input_node("x", Type(dt.f32, (1, 6, 20, 2)))
    node = conv(x, const(weights, Type(dt.f32, weights.shape)), **attrs(low=1, high=1))
    assert form_of(node, node.inputs[1], X86_64_V4) == PANEL
    array = np.ones(x.shape, np.float32)
    (want,) = interpret(Graph("conv", (x,), (node,)), array)
    assert np.isnan(want).any() and np.isposinf(want).any()
    for target in TARGETS:
        np.testing.assert_array_equal(run_native(Graph("conv", (x,), (node,)), [array], target)[0], want)


@pytest.mark.parametrize("kind", ("bias", "residual", "scaled", "long", "both"))
def test_what_follows_weights_that_are_packed(kind):
    for shape, kernel, window in [((2, 5, 30, 4), (3, 3, 4, 24), attrs(low=1, high=1)),
                                  ((1, 6, 20, 5), (1, 1, 5, 40), attrs())]:  # fmt: skip
        inputs, node = convolution(shape, kernel, window, known=False)
        other = input_node("other", node.type)
        more, outputs = follow(node, other, kind)
        extra = (other,) if kind in ("residual", "both") else ()
        check(Graph("conv", (*inputs, *extra, *more), outputs), targets=TARGETS[:2])


def test_known_and_given_weights_in_one_program():
    x = input_node("x", Type(dt.f32, (1, 5, 16, 8)))
    w = input_node("w", Type(dt.f32, (3, 3, 8, 8)))
    known = const(draw(dt.f32, w.shape, 3), w.type)
    window = attrs(low=1, high=1)
    graph = Graph("two", (x, w), (conv(conv(x, known, **window), w, **window), add(conv(x, w, **window), x)))
    program = lower(graph, X86_64_V3)
    assert sum(kernel.name.startswith("pack_conv") for kernel in program.kernels) == 1
    check(graph, targets=TARGETS[:2])


@pytest.mark.parametrize("width", (6, 14, 25, 56))
def test_words_of_bytes(width):
    """In place where the padding is zero and lines fill tiles, from patches elsewhere: the same sums."""
    forms = set()
    for kernel, outputs, window, fill in [(3, 33, attrs(low=1, high=1), 0), (3, 33, attrs(low=1, high=1), 128),
                                          (3, 64, attrs(low=0, high=0, stride=2), 5), (1, 40, attrs(), 128),
                                          (1, 16, attrs(stride=2), 7)]:  # fmt: skip
        x = input_node("x", Type(dt.i32, (2, 9, width, 5)))
        weights = draw_words((kernel, kernel, 5, outputs), 1)
        node = conv4(x, const(weights, Type(dt.i32, weights.shape)), window, fill)
        forms.add(form_of(node, node.inputs[1], X86_64_V4))
        graph, array = Graph("words", (x,), (node,)), draw_words(x.shape, 2)
        (want,) = interpret(graph, array)
        for target in TARGETS:
            np.testing.assert_array_equal(run_native(graph, [array], target)[0], want)
    assert forms == ({PANEL} if width == 6 else {CLIP, PANEL})


def draw_words(shape, seed):
    return np.random.default_rng(seed).integers(-(2**31), 2**31, shape, np.int64).astype(np.int32)
