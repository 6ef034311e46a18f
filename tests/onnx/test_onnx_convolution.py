"""Convolutions of ONNX: one primitive each, channels last; transposes; paddings of every kind."""

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, ShapeError, UnimplementedError


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("x, w, attributes", [
    ((2, 3, 8), (4, 3, 3), {"pads": [1, 0]}), ((2, 4, 7, 6), (6, 2, 3, 2), {"group": 2, "strides": [2, 1]}),
    ((1, 4, 6, 7), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ((1, 3, 6, 7), (6, 1, 3, 3), {"group": 3, "dilations": [2, 1], "pads": [2, 1, 0, 3]}),
    ((1, 2, 4, 5, 6), (3, 2, 2, 3, 1), {"strides": [1, 2, 2]}), ((0, 3, 5, 5), (2, 3, 3, 3), {}),
    ((1, 2, 7, 8), (3, 2, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
    ((1, 2, 7, 8), (3, 2, 4, 2), {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    ((1, 2, 7, 8), (3, 2, 3, 3), {"auto_pad": "VALID", "kernel_shape": [3, 3]}),
])  # fmt: skip
def test_convolutions_beside_onnx_runtime(x, w, attributes):
    beside_ort("Conv", floats(*x), floats(*w, seed=1), constants=(1,), **attributes)
    beside_ort("Conv", floats(*x), floats(*w, seed=1), floats(w[0], seed=2), constants=(1, 2), **attributes)


@pytest.mark.parametrize("groups, filters", [(1, 5), (4, 4), (2, 6)])
def test_a_convolution_is_one_primitive(groups, filters):
    arrays = [floats(1, 4, 6, 6), floats(filters, 4 // groups, 3, 3), floats(filters)]
    made, _ = operator_model("Conv", arrays, constants=(1, 2), symbolic=True, group=groups, pads=[1, 1, 1, 1])
    ops = [n.op for n in graphc.onnx.load(made).graph.nodes if n.op in ("conv", "pad", "slice", "reshape", "call")]
    assert ops == ["conv"]


def test_one_program_serves_every_size():
    nodes = [node("Conv", "x w", "c", auto_pad="SAME_LOWER", strides=[2, 2]),
             node("MaxPool", "c", "y", kernel_shape=[2, 2])]  # fmt: skip
    made = model(nodes, ["x: float32[n, 2, h, w]"], ["y"], {"w": floats(3, 2, 3, 3)})
    loaded = graphc.onnx.load(made)
    for n, h, w in ((1, 9, 8), (3, 8, 11)):
        known = graphc.onnx.load(model(nodes, [f"x: float32[{n}, 2, {h}, {w}]"], ["y"], {"w": floats(3, 2, 3, 3)}))
        x = floats(n, 2, h, w)
        np.testing.assert_array_equal(loaded.run([x])[0], known.run([x])[0])


@pytest.mark.parametrize("x, w, attributes", [
    ((2, 3, 5), (3, 2, 3), {"strides": [2], "pads": [1, 0]}),
    ((1, 4, 3, 4), (4, 2, 3, 2), {"group": 2, "strides": [2, 3], "output_padding": [1, 2]}),
    ((1, 4, 3, 4), (4, 1, 3, 3), {"group": 4, "dilations": [2, 1], "pads": [1, 0, 0, 2], "strides": [1, 2]}),
    ((1, 2, 3, 3, 2), (2, 3, 2, 2, 2), {"strides": [2, 1, 2]}),
    ((1, 2, 4, 4), (2, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((1, 2, 4, 4), (2, 3, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ((1, 2, 4, 4), (2, 3, 3, 3), {"output_shape": [8, 9], "strides": [2, 2], "output_padding": [1, 1]}),
    ((1, 2, 4, 4), (2, 3, 3, 3), {"auto_pad": "VALID"}),
])  # fmt: skip
def test_transposes_beside_onnx_runtime(x, w, attributes):
    beside_ort("ConvTranspose", floats(*x), floats(*w, seed=1), constants=(1,), **attributes)


def test_a_transpose_with_a_bias():
    x, w, bias = floats(1, 2, 3, 3), floats(2, 3, 2, 2, seed=1), floats(3, seed=2)
    plain = run("ConvTranspose", x, w)
    np.testing.assert_allclose(run("ConvTranspose", x, w, bias), plain + bias[:, None, None], 1e-6)


def test_a_causal_convolution_goes_on_where_it_stopped():
    x, w, bias = floats(2, 3, 6), floats(3, 1, 4, seed=1), floats(3, seed=2)
    wide = np.pad(x, ((0, 0), (0, 0), (3, 0)))
    expected = sum(wide[:, :, k : k + 6] * w[:, 0, k, None] for k in range(4)) + bias[:, None]
    whole, state = run("CausalConvWithState", x, w, bias, opset=27, outputs=2, constants=(1,))
    np.testing.assert_allclose(whole, expected, 1e-5, 1e-6)
    np.testing.assert_array_equal(state, x[:, :, 3:])
    first, state = run("CausalConvWithState", x[:, :, :2], w, bias, opset=27, outputs=2, constants=(1,))
    second, _ = run("CausalConvWithState", x[:, :, 2:], w, bias, state, opset=27, outputs=2, constants=(1,))
    np.testing.assert_allclose(np.concatenate([first, second], 2), whole, 1e-5, 1e-6)
    silu = run("CausalConvWithState", x, w, bias, opset=27, constants=(1,), activation="silu")
    np.testing.assert_allclose(silu, expected / (1 + np.exp(-expected)), 1e-4, 1e-5)


@pytest.mark.parametrize("x, w, attributes, kind, words", [
    ((1, 3, 5, 5), (2, 2, 3, 3), {}, ShapeError, "3 channels are not 1 groups of 2"),
    ((1, 4, 5, 5), (3, 2, 3, 3), {"group": 2}, ShapeError, "3 filters are not 2 equal groups"),
    ((1, 3, 5), (2, 3, 3, 3), {}, ShapeError, "must have one rank"),
    ((1, 3, 1, 2), (2, 3, 3, 3), {}, ShapeError, "the window does not fit"),
    ((1, 3, 5, 5), (2, 3, 3, 3), {"kernel_shape": [2, 2]}, ShapeError, "not that of the filter"),
    ((1, 3, 5, 5), (2, 3, 3, 3), {"pads": [1, 1]}, FormatError, "'pads' must be 4 numbers from 0 on, it is"),
    ((1, 3, 5, 5), (2, 3, 3, 3), {"strides": [0, 1]}, FormatError, "'strides' must be 2 numbers from 1 on"),
    ((1, 3, 5, 5), (2, 3, 3, 3), {"group": 0}, FormatError, "attribute 'group' is 0"),
    ((1, 3, 5, 5), (2, 3, 3, 3), {"auto_pad": "SAME"}, FormatError, "'auto_pad' is 'SAME', not one of NOTSET"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(x, w, attributes, kind, words):
    made, fed = operator_model("Conv", [floats(*x), floats(*w)], constants=(1,), **attributes)
    with pytest.raises(kind, match=words):
        graphc.onnx.load(made).run(fed)


def test_filters_of_unknown_number_in_groups():
    x, w = floats(1, 4, 5, 5), floats(4, 2, 3, 3)
    made, fed = operator_model("Conv", [x, w], group=2, symbolic=True)
    with pytest.raises(UnimplementedError, match="the number of filters in groups must be known"):
        graphc.onnx.load(made).graph
    known, _ = operator_model("Conv", [x, w], group=2)
    np.testing.assert_array_equal(graphc.onnx.load(made).run(fed)[0], graphc.onnx.load(known).run(fed)[0])


@pytest.mark.parametrize("op, w, attributes", [
    ("Conv", (6, 2, 3, 3), {"group": 2, "pads": [1, 1, 1, 1], "strides": [2, 1]}),
    ("Conv", (4, 1, 3, 3), {"group": 4}), ("ConvTranspose", (4, 2, 2, 3), {"group": 2, "strides": [2, 2]}),
])  # fmt: skip
def test_slopes(op, w, attributes):
    check_slopes(op, floats(1, 4, 4, 4).astype(np.float64), floats(*w, seed=1).astype(np.float64), **attributes)
