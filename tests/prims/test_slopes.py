"""Gradients at the points where a careless formula goes wrong."""

import numpy as np
import pytest

from graphc import prims
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims.interpret import interpret
from graphc.prims.pullback import pullback


def slopes(function, *arrays):
    """Gradients of the sum of ``function`` with respect to all its operands."""
    arrays = [np.asarray(a, np.float64) for a in arrays]
    inputs = tuple([input_node(f"x{k}", Type(dt.f64, a.shape)) for k, a in enumerate(arrays)])
    y = function(*inputs)
    found = pullback([y], [const(1.0, y.type)], inputs)
    return interpret(Graph("slopes", inputs, tuple(found)), *arrays)


def same(actual, expected):
    np.testing.assert_array_equal(actual, np.asarray(expected, np.float64))


def test_power_of_zero_has_no_nan():
    gx, gy = slopes(prims.pow, [0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 0.0])
    same(gx, [0, 1, 0, 0])
    same(gy, [0, 0, 0, np.log(2.0)])


def test_power_of_negative_numbers():
    gx, gy = slopes(prims.pow, [-2.0, -2.0], [2.0, 3.0])
    same(gx, [-4, 12])
    same(gy, [0, 0])


def test_ties_of_two_operands_go_to_the_first():
    gx, gy = slopes(prims.max, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    same(gx, [1, 0, 1])
    same(gy, [0, 1, 0])
    gx, gy = slopes(prims.min, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    same(gx, [1, 1, 0])
    same(gy, [0, 0, 1])


def test_ties_of_a_reduction_share():
    same(slopes(lambda x: prims.reduce(x, "max", (0,)), [3.0, 1.0, 3.0])[0], [0.5, 0, 0.5])


def test_root_at_zero_is_steep():
    same(slopes(prims.sqrt, [0.0, 4.0])[0], [np.inf, 0.25])


def test_product_with_zeros():
    same(slopes(lambda x: prims.reduce(x, "prod", (0,)), [2.0, 0.0, 3.0])[0], [0, 6, 0])
    same(slopes(lambda x: prims.reduce(x, "prod", (0,)), [2.0, 0.0, 0.0])[0], [0, 0, 0])


def test_scattered_product_with_zeros():
    places = const(np.array([[0], [0], [1], [1], [1]]))
    _, gu = slopes(lambda x, u: prims.scatter(x, places, u, "mul"), [2.0, 3.0], [0.0, 5.0, 2.0, 3.0, 4.0])
    same(gu, [10, 0, 36, 24, 18])


def test_only_the_last_of_several_set_updates_counts():
    places = const(np.array([[0], [0], [9]]))
    gx, gu = slopes(lambda x, u: prims.scatter(x, places, u, "set"), [2.0, 3.0], [1.0, 5.0, 7.0])
    same(gx, [0, 1])
    same(gu, [0, 1, 0])


def test_running_maximum_gives_to_the_first_that_attained_it():
    same(slopes(lambda x: prims.cumulate(x, "max", 0), [1.0, 3.0, 2.0, 3.0])[0], [1, 3, 0, 0])
    same(slopes(lambda x: prims.cumulate(x, "max", 0, reverse=True), [1.0, 3.0, 2.0, 3.0])[0], [0, 0, 0, 4])


def test_nothing_flows_through_stop_integers_and_choices():
    x = input_node("x", Type(dt.f64, (3,)))
    assert pullback([prims.stop(x)], [x], [x]) == [None]
    assert pullback([prims.cast(prims.cast(x, "int32"), "float64")], [x], [x]) == [None]


def test_gradients_of_complex_values_are_conjugate_derivatives():
    x, g = input_node("x", Type(dt.c128, (2,))), input_node("g", Type(dt.c128, (2,)))
    found = pullback([x * x], [g], [x])
    z, w = np.array([1 + 2j, 3 - 1j]), np.array([1j, 2 - 1j])
    np.testing.assert_allclose(interpret(Graph("square", (x, g), tuple(found)), z, w)[0], w * np.conj(2 * z))


def test_deep_chains_need_no_recursion():
    x = input_node("x", Type(dt.f64, ()))
    y = x
    for _ in range(5000):
        y = prims.sin(y)
    (g,) = pullback([y], [const(1.0)], [x])
    assert np.isfinite(interpret(Graph("deep", (x,), (g,)), np.array(0.5))[0])


def symbolic_back(function, *shapes):
    """Types of the operands and of the gradients of ``function`` where sizes are symbols."""
    inputs = tuple([input_node(f"x{k}", Type(dt.f64, shape)) for k, shape in enumerate(shapes)])
    y = function(*inputs)
    return [x.type for x in inputs], [g.type for g in pullback([y], [input_node("g", y.type)], inputs)]


H, W = symbol("h"), symbol("w")
GEOMETRIES = [
    {}, {"stride": (2, 3)}, {"low": (1, 2), "high": (0, 1)}, {"dilation": (2, 1), "stride": (1, 2), "low": (3, 0)},
    {"x_dilation": (2, 3), "low": (1, 1), "high": (1, 1)}, {"groups": 2, "stride": (2, 2)},
]  # fmt: skip


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_convolution_over_images_of_unknown_size(geometry):
    filters = (3, 2, 4 // geometry.get("groups", 1), 6)
    types, gradients = symbolic_back(lambda x, w: prims.conv(x, w, **geometry), (symbol("n"), H, W, 4), filters)
    assert gradients == types


def test_windows_and_slices_of_unknown_size():
    types, gradients = symbolic_back(lambda x: prims.window(x, (0, 1), (3, 2), (2, 2), (1, 2)), (H, W))
    assert gradients == types
    types, gradients = symbolic_back(lambda x: prims.slice(x, (1, 0), (H, W - 2), (3, 2)), (H, W))
    assert gradients == types
    types, gradients = symbolic_back(lambda x: prims.reduce(prims.reshape(x, (H * W,)), "prod", (0,)), (H, W))
    assert gradients == types
    types, gradients = symbolic_back(lambda x: prims.cumulate(x, "prod", 1), (H, W))
    assert gradients == types
