"""Weights that convolutions ask for ahead: all that the next block reads, whatever the tiles, and no result changes."""

import pytest

from graphc.ir.graph import Graph
from graphc.ir.print_kernel import kernel_text
from graphc.ir.target import X86_64_V4
from graphc.lower.lower import lower
from graphc.lower.nests import conv_coming
from graphc.lower.nests.conv import CLIP, PANEL, conv_of, form_of
from graphc.lower.nests.conv_shape import shape_of
from graphc.prims.interpret import interpret
from tests.lower.test_conv_tiles import N, attrs, check_plain, convolution
from tests.native import host_targets

TARGETS = host_targets()
CASES = [
    ((2, 5, 30, 4), (3, 3, 4, 40), attrs(low=1, high=1)),
    ((1, 9, 27, 3), (3, 3, 3, 48), attrs(low=1, high=1, stride=2)),
    ((1, 4, 25, 6), (1, 1, 6, 33), attrs()),
    ((1, 3, 3, 5), (3, 3, 5, 70), attrs(low=1, high=1)),
    ((1, 9, 11, 6), (1, 1, 6, 65), attrs(stride=(2, 3))),
    ((1, 6, 20, 8), (3, 3, 4, 66), attrs(low=1, high=1, groups=2)),
    ((1, 4, 5, 6, 2), (2, 3, 3, 2, 18), attrs(3, low=(1, 1, 0), high=(0, 1, 2))),
    ((2, 5, 7, 3), (3, 3, 3, 5), attrs(low=2, high=2, x_dilation=2)),
]  # fmt: skip


class Packed:
    """What a place in a convolution says of its weights."""

    packed, weights = True, "packed"


@pytest.mark.parametrize("batch", (1, 3, N))
@pytest.mark.parametrize("tiles", (1, 2, 5, 31, 32, 33, 80))
def test_the_next_block_is_asked_for_whole(tiles, batch):
    depth, width, many = 7, 32, 2
    _, node = convolution((batch, 4, 8, 7), (1, 1, 7, 128), attrs())
    asked = set()
    for tile in range(tiles * (batch if batch is not N else 2)):
        for panel in range(many):
            new, named = conv_coming.coming(Packed, shape_of(node), width, (0, 0, many, panel), (tile, tiles), "next")
            start = int(interpret(Graph("start", (), (named.value,)))[0])
            lines = range(0, new.step, conv_coming.LINE)
            asked |= {(start + row * new.step + k) // conv_coming.LINE for row in range(depth) for k in lines}
    block = many * depth * width // conv_coming.LINE
    assert asked >= set(range(block, 2 * block))
    assert max(asked) < block * (2 + 2 * (tiles < 32)), "more than what is next"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_are_the_same(case, monkeypatch):
    shape, kernel, window = case
    monkeypatch.setattr(conv_coming, "FEW", 1)
    check_plain(shape, kernel, window, targets=TARGETS[:2])
    check_plain((N, *shape[1:]), kernel, window, {N: 2}, targets=TARGETS[:1])


def test_only_many_weights_are_asked_for():
    for shape, kernel, window, form in [((1, 14, 14, 64), (3, 3, 64, 64), attrs(low=1, high=1), CLIP),
                                        ((1, 3, 3, 64), (3, 3, 64, 64), attrs(low=1, high=1), PANEL),
                                        ((1, 14, 14, 4), (3, 3, 4, 64), attrs(low=1, high=1), None)]:  # fmt: skip
        inputs, node = convolution(shape, kernel, window)
        program = lower(Graph("conv", inputs, (node,)), X86_64_V4)
        assert ("prefetch packed" in kernel_text(program.kernels[0])) == (form is not None)
        assert form in (None, form_of(conv_of(Graph("conv", inputs, (node,))), node.inputs[1], X86_64_V4))
