"""Straight-through gradients of quantisation: they pass inside of the interval, and what is outside moves its ends."""

import numpy as np
import pytest

from graphc.autodiff.reverse import grad
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.lib import quantize, reduction
from graphc.lib.math import multiply
from graphc.prims.interpret import interpret

X = np.array([[-3.0, -0.4, 0.3], [1.0, 2.5, -1.2]], np.float32)
G = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
LOW, HIGH = np.float32(-1.5), np.float32(2.0)
INSIDE = (X >= -1.5) & (X <= 2.0)


def gradients(operation, *arrays):
    """The gradients of ``sum(G * operation(...))`` by every operand; None where it does not depend on it."""
    inputs = [input_node(f"x{k}", Type(dt.f32, a.shape)) for k, a in enumerate(arrays)]
    loss = reduction.reduce_sum(multiply(operation(*inputs), const(G)))
    found = [x if x is not None else const(np.float32(0), i.type) for x, i in zip(grad(loss, inputs), inputs)]
    return interpret(Graph("g", tuple(inputs), tuple(found)), *arrays)


def test_fixed_interval():
    (gx,) = gradients(lambda x: quantize.fake_quant_with_min_max_args(x, -1.5, 2.0), X)
    np.testing.assert_array_equal(gx, G * INSIDE)


def test_interval_of_scalars():
    gx, low, high = gradients(quantize.fake_quant_with_min_max_vars, X, LOW, HIGH)
    np.testing.assert_array_equal(gx, G * INSIDE)
    assert (low, high) == (1.0, 5.0)


def test_interval_for_each_channel():
    low, high = np.array([-1.5, -1, -1], np.float32), np.array([2, 2, 2], np.float32)
    gx, glow, ghigh = gradients(quantize.fake_quant_with_min_max_vars_per_channel, X, low, high)
    np.testing.assert_array_equal(gx, G * ((X >= low) & (X <= high)))
    assert (glow.tolist(), ghigh.tolist()) == ([1, 0, 6], [0, 5, 0])


def test_no_interval_passes_everything():
    gx, low, high = gradients(quantize.fake_quant_with_min_max_vars, X, np.float32(0), np.float32(0))
    np.testing.assert_array_equal(gx, G)
    assert (low, high) == (0, 0)


@pytest.mark.parametrize("operation, passed", [
    (quantize.quantize_and_dequantize, np.ones_like(INSIDE)), (quantize.quantize_and_dequantize_v2, INSIDE)],
)  # fmt: skip
def test_rounding_to_levels(operation, passed):
    gx, low, high = gradients(lambda x, a, b: operation(x, a, b, range_given=True), X, LOW, HIGH)
    np.testing.assert_array_equal(gx, G * passed)
    assert (low, high) == (0, 0)
