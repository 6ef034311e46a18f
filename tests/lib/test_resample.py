"""Resampling along one axis: published examples of every convention, equal answers for symbolic sizes, gradients."""

import numpy as np
import pytest

from graphc.autodiff.check import check_gradients
from graphc.errors import ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import symbol
from graphc.ir.type import Type
from graphc.lib.resample import COORDINATES, METHODS, ROUNDING, Sampling, resize_axis
from graphc.prims.interpret import interpret

ROW = np.arange(1, 5, dtype=np.float32)
GRID = np.arange(1, 17, dtype=np.float32).reshape(4, 4)


def resized(x, sizes, method, sampling=Sampling(), symbolic=False):
    """``x`` with these sizes of its axes, interpreted."""
    shape = tuple(symbol(f"n{k}") for k in range(x.ndim)) if symbolic else x.shape
    node = input_node("x", Type(dt.as_dtype(x.dtype), shape))
    out = node
    for axis, size in enumerate(sizes):
        out = resize_axis(out, axis, size, method, sampling)
    return interpret(Graph("resized", (node,), (out,)), x)[0]


def scaled(scale, **more):
    return Sampling(scale=scale, **more)


EXAMPLES = {  # from the specification of ONNX's Resize
    "linear down": (GRID[:2], (1, 2), "linear", scaled(0.6), [[2.6666665, 4.3333331]]),
    "linear down, corners": (GRID[:2], (1, 2), "linear", scaled(0.6, coordinates="align_corners"), [[1.0, 3.142857]]),
    "linear up": (GRID[:1, :2], (1, 4), "linear", scaled(2.0), [[1.0, 1.25, 1.75, 2.0]]),
    "linear up, corners": (GRID[:1, :2], (1, 4), "linear", scaled(2.0, coordinates="align_corners"),
                           [[1.0, 1.3333333, 1.6666667, 2.0]]),
    "nearest up": (GRID[:1, :2], (1, 6), "nearest", scaled(3.0), [[1, 1, 1, 2, 2, 2]]),
    "nearest down": (GRID[:2], (1, 2), "nearest", scaled(0.6), [[1, 3]]),
    "cubic up": (GRID, (8, 8), "cubic", scaled(2.0), [
        0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375]),
    "cubic up, inside only": (GRID, (8, 8), "cubic", scaled(2.0, cubic=-0.5, exclude_outside=True), [
        0.55882353, 0.81494204, 1.35698249, 1.89705882, 2.39705882, 2.93713516, 3.47917561, 3.73529412]),
    "cubic up, asymmetric": (GRID, (8, 8), "cubic", scaled(2.0, coordinates="asymmetric"), [
        1.0, 1.40625, 2.0, 2.5, 3.0, 3.59375, 4.0, 4.09375]),
    "cubic up, corners": (GRID, (8, 8), "cubic", scaled(2.0, coordinates="align_corners"), [
        1.0, 1.34110787, 1.80029155, 2.32944606, 2.67055394, 3.19970845, 3.65889213, 4.0]),
    "floor": (GRID, (8, 1), "nearest", scaled(2.0, coordinates="align_corners", nearest="floor"), [1]),
    "crop": (GRID, (3, 3), "linear", Sampling("tf_crop_and_resize", roi=(0.4, 0.6)), [7.0, 7.3, 7.6]),
}  # fmt: skip


@pytest.mark.parametrize("symbolic", [False, True], ids=["known", "symbolic"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_specification(name, symbolic):
    x, sizes, method, sampling, wanted = EXAMPLES[name]
    found = resized(x, sizes, method, sampling, symbolic)
    np.testing.assert_allclose(found.ravel()[: np.size(wanted)], np.ravel(wanted), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 4, 7, 8])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_symbolic_sizes_give_the_same(method, coordinates, size):
    x = np.random.default_rng(0).normal(size=(4,)).astype(np.float32)
    for sampling in (Sampling(coordinates), Sampling(coordinates, exclude_outside=True, steps=1024, antialias=True)):
        known, open_ = (resized(x, (size,), method, sampling, symbolic) for symbolic in (False, True))
        np.testing.assert_allclose(known, open_, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rounding", ROUNDING)
def test_rounding(rounding):
    """Positions 0, 0.5, 1, 1.5 ... of a doubled axis."""
    wanted = {"round_prefer_floor": [1, 1, 2, 2, 3, 3, 4, 4], "round_prefer_ceil": [1, 2, 2, 3, 3, 4, 4, 4],
              "floor": [1, 1, 2, 2, 3, 3, 4, 4], "ceil": [1, 2, 2, 3, 3, 4, 4, 4]}  # fmt: skip
    sampling = Sampling("asymmetric", nearest=rounding)
    assert resized(ROW, (8,), "nearest", sampling).tolist() == wanted[rounding]


@pytest.mark.parametrize("factor", [2, 4, 8, 3])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("rounding", ROUNDING)
def test_multiples_of_an_unknown_size(coordinates, rounding, factor):
    """``nearest`` of twice (four, eight times) the size repeats elements, where the convention means that."""
    n = symbol("n")
    node = input_node("x", Type(dt.f32, (n,)))
    means = (coordinates, rounding) in {("asymmetric", "floor"), ("half_pixel", "round_prefer_floor"),
                                        ("half_pixel", "round_prefer_ceil"), ("tf_half_pixel_for_nn", "floor")}  # fmt: skip
    x = np.random.default_rng(0).normal(size=5).astype(np.float32)
    for scale in (None, float(factor)):
        sampling = Sampling(coordinates, nearest=rounding, scale=scale)
        graph = Graph("resized", (node,), (resize_axis(node, 0, n * factor, "nearest", sampling),))
        found = interpret(graph, x)[0]
        repeats = "gather" not in {m.op for m in graph.nodes}
        assert repeats or not means
        if repeats:
            np.testing.assert_array_equal(found, np.repeat(x, factor))
        if factor != 3:
            np.testing.assert_array_equal(found, resized(x, (5 * factor,), "nearest", sampling))


def test_outside_is_extrapolated():
    sampling = Sampling("tf_crop_and_resize", roi=(-0.5, 1.5), extrapolation=9.0)
    found = resized(ROW, (5,), "linear", sampling)
    np.testing.assert_allclose(found, [9, 1, 2.5, 4, 9], rtol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 7, 8])
@pytest.mark.parametrize("method", METHODS)
def test_gradients(method, size):
    x = input_node("x", Type(dt.f64, (2, 4, 3)))
    out = resize_axis(x, 1, size, method, Sampling(cubic=-0.5, antialias=size < 4))
    values = np.random.default_rng(1).normal(size=(2, 4, 3))
    check_gradients(Graph("resized", (x,), (out,)), [values])


def test_what_cannot_be_resized_is_refused():
    x = input_node("x", Type(dt.f32, (0, 4)))
    with pytest.raises(ShapeError, match="cannot make 3 elements of axis 0"):
        resize_axis(x, 0, 3)
    with pytest.raises(UsageError, match="method 'best' is none of"):
        resize_axis(x, 1, 3, "best")
    with pytest.raises(UsageError, match="coordinates 'left' is none of"):
        resize_axis(x, 1, 3, "linear", Sampling("left"))
