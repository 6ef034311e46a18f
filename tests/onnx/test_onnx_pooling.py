"""Pooling of ONNX: paddings, windows that hang over, places of maxima, and the way back."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, ShapeError, UnimplementedError


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


WINDOWS = [
    ((2, 3, 9), {"kernel_shape": [3], "strides": [2]}),
    ((1, 2, 7, 8), {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1], "ceil_mode": 1}),
    ((1, 2, 7, 8), {"kernel_shape": [2, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((1, 2, 7, 8), {"kernel_shape": [2, 3], "auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ((1, 2, 7, 8), {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    ((1, 2, 4, 5, 6), {"kernel_shape": [2, 2, 3], "pads": [0, 1, 1, 0, 1, 1]}),
]


@pytest.mark.parametrize("shape, attributes", WINDOWS)
def test_maxima_and_their_places(shape, attributes):
    x = np.random.default_rng(1).integers(-9, 9, shape)  # with equal elements
    beside_ort("MaxPool", x.astype(np.float32), opset=12, outputs=2, **attributes)
    beside_ort("MaxPool", x.astype(np.int8), opset=12, outputs=2, **attributes)
    beside_ort("MaxPool", -np.abs(floats(*shape)), opset=12, compiled=False, **attributes)


def test_places_column_by_column():
    beside_ort("MaxPool", floats(2, 2, 5, 6), opset=12, outputs=2, kernel_shape=[2, 3], storage_order=1)


def test_a_place_is_never_padding():
    x = np.full((1, 1, 2, 2), -np.inf, np.float32)
    _, places = run("MaxPool", x, opset=12, outputs=2, kernel_shape=[2, 2], pads=[1, 1, 1, 1], strides=[2, 2])
    assert places.tolist() == [[[[0, 1], [2, 3]]]]


@pytest.mark.parametrize("shape, attributes", WINDOWS)
@pytest.mark.parametrize("counted", [0, 1])
def test_means(shape, attributes, counted):
    beside_ort("AveragePool", floats(*shape), opset=22, count_include_pad=counted, compiled=counted == 0, **attributes)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_norms(p):
    beside_ort("LpPool", floats(1, 2, 7, 8), opset=18, p=p, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
    beside_ort("GlobalLpPool", floats(2, 3, 4, 5), p=p)


def test_over_all_of_the_image():
    x = floats(2, 3, 4, 5)
    np.testing.assert_allclose(run("GlobalAveragePool", x), x.mean((2, 3), keepdims=True), 1e-5, 1e-6)
    np.testing.assert_array_equal(run("GlobalMaxPool", x), x.max((2, 3), keepdims=True))
    with pytest.raises(ShapeError, match=r"GlobalMaxPool: needs \[n, channels, \*spatial\]"):
        run("GlobalMaxPool", x[0, 0])


def test_there_and_back():
    x = floats(1, 2, 4, 4)
    best, places = run("MaxPool", x, opset=12, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    back = run("MaxUnpool", best, places, opset=11, kernel_shape=[2, 2], strides=[2, 2])
    np.testing.assert_array_equal(back, np.where(np.isin(x, best), x, 0))
    wide = np.int64([1, 2, 5, 6])
    found = run("MaxUnpool", best, places, wide, opset=11, constants=(2,), kernel_shape=[2, 2], strides=[2, 2])
    np.testing.assert_array_equal(found, np.pad(back, ((0, 0), (0, 0), (0, 1), (0, 2))))
    with pytest.raises(ShapeError, match="output_shape is smaller"):
        run("MaxUnpool", best, places, wide - 2, opset=11, constants=(2,), kernel_shape=[2, 2], strides=[2, 2])


def test_a_pool_moves_nothing():
    for op in ("MaxPool", "AveragePool"):
        made, _ = operator_model(op, [floats(1, 2, 6, 6)], symbolic=True, kernel_shape=[2, 2], strides=[2, 2])
        ops = {n.op for n in graphc.onnx.load(made).graph.nodes}
        assert not ops & {"transpose", "gather", "window"}


@pytest.mark.parametrize("attributes, kind, words", [
    ({}, FormatError, "attribute 'kernel_shape' is missing"),
    ({"kernel_shape": [2]}, FormatError, "kernel_shape .2. does not fit 2 spatial axes"),
    ({"kernel_shape": [0, 2]}, FormatError, "does not fit"),
    ({"kernel_shape": [9, 2]}, ShapeError, "the window does not fit into axis 2"),
    ({"kernel_shape": [2, 2], "pads": [1, -1, 0, 0]}, FormatError, "'pads' must be 4 numbers from 0 on"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(attributes, kind, words):
    made, fed = operator_model("MaxPool", [floats(1, 2, 4, 4)], **attributes)
    with pytest.raises(kind, match=words):
        graphc.onnx.load(made).run(fed)


def test_places_in_very_large_windows():
    made, fed = operator_model("MaxPool", [floats(1, 1, 40, 40)], outputs=2, kernel_shape=[40, 40])
    with pytest.raises(UnimplementedError, match="windows of more than 1024 elements"):
        graphc.onnx.load(made).run(fed)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_slopes(op):
    check_slopes(op, floats(1, 2, 5, 5).astype(np.float64), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
