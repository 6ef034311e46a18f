"""Axes of one element that movement keeps apart from others: they are no loops, so lanes and threads have longer ones."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.kernel import PARALLEL, VECTOR
from graphc.ir.node import symbol
from graphc.ir.target import X86_64_V4
from graphc.ir.type import Type
from graphc.lower.lower import lower
from graphc.prims import add, mul, slice, transpose
from graphc.prims.interpret import interpret
from tests.native import host_targets, run_native

H = symbol("h")


def channels_of(*shape):
    """The three channels of an image as one, channels last."""
    x = input_node("x", Type(dt.f32, shape))
    r, g, b = (transpose(slice(x, (0, k, 0, 0), (shape[0], k + 1, *shape[2:])), (0, 2, 3, 1)) for k in range(3))
    return Graph("g", (x,), (add(mul(r, g), b),))


@pytest.mark.parametrize("shape", [(1, 3, 5, 17), (1, 3, 1, 33), (1, 3, 9, 1), (1, 3, 1, 1), (2, 3, 3, 4), (1, 3, 0, 4),
                                   (1, 3, H, 15)], ids=str)  # fmt: skip
def test_values(shape):
    graph = channels_of(*shape)
    array = np.random.default_rng(0).standard_normal([7 if d is H else d for d in shape], np.float32)
    for target in host_targets():
        for parts in (1, 3):
            for got, want in zip(run_native(graph, [array], target, parts), interpret(graph, array), strict=True):
                np.testing.assert_array_equal(got, want)


def test_loops():
    (kernel,) = lower(channels_of(1, 3, 20, 30), X86_64_V4).kernels
    (rows,) = kernel.body
    assert (rows.kind, rows.extent) == (PARALLEL, 20)
    (columns,) = rows.body
    assert (columns.kind, columns.extent) == (VECTOR, 30)
