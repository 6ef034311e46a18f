"""Activations of ONNX, and softmax in its old and new meaning."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, ShapeError

SMOOTH = ["Softmax", "LogSoftmax", "Gelu", "Mish", "Celu", "Selu", "Elu", "Softplus", "HardSwish"]
X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32) * 2


@pytest.mark.parametrize("op, attributes", [
    ("Relu", {}), ("Elu", {"alpha": 0.7}), ("Celu", {"alpha": 1.5}), ("Selu", {"alpha": 1.2, "gamma": 0.9}),
    ("LeakyRelu", {"alpha": 0.2}), ("ThresholdedRelu", {"alpha": 0.4}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}),
    ("HardSwish", {}), ("Softplus", {}), ("Softsign", {}), ("Mish", {}), ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}), ("Sigmoid", {}), ("Shrink", {"lambd": 0.6, "bias": 0.3}),
])  # fmt: skip
def test_beside_onnx_runtime(op, attributes):
    beside_ort(op, X, opset=20, **attributes)
    beside_ort(op, np.float32([0, -0.0, 30, -30, 1e-30]), opset=20, **attributes)


def test_gated_ones():
    y = X[::-1].copy()
    swish = X / (1 + np.exp(-1.5 * X))
    np.testing.assert_allclose(run("Swish", X, opset=24, alpha=1.5), swish, 1e-5)
    np.testing.assert_allclose(run("SwiGLU", X, y, opset=28, alpha=1.5), swish * y, 1e-5)
    with pytest.raises(ShapeError, match="SwiGLU: both operands must have one shape"):
        run("SwiGLU", X, y[:1], opset=28)
    with pytest.raises(FormatError, match="'approximate' is 'erf', not one of none, tanh"):
        run("Gelu", X, opset=20, approximate="erf")


def test_a_slope_is_broadcast_one_way():
    slope = np.float32([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(run("PRelu", X, slope), np.where(X < 0, X * slope, X))
    whole = np.int32([[-2, 3]])
    assert run("PRelu", whole, np.int32([[5, 5]])).tolist() == [[-10, 3]]
    images = np.random.default_rng(1).standard_normal((2, 4, 3)).astype(np.float32)  # one slope for each channel
    expected = np.where(images < 0, images * slope[:, None], images)
    np.testing.assert_array_equal(run("PRelu", images, slope, opset=6), expected)
    made, fed = operator_model("PRelu", [X[0], X])
    with pytest.raises(ShapeError, match="PRelu"):
        graphc.onnx.load(made).run(fed)


def test_integers_shrink_too():
    assert run("Shrink", np.int8([-3, -1, 0, 1, 3]), lambd=1.5, bias=1.0).tolist() == [-2, 0, 0, 0, 2]


def softmax(x, axes):
    e = np.exp(x - x.max(axes, keepdims=True))
    return e / e.sum(axes, keepdims=True)


def test_softmax_of_old_versions_is_of_all_axes_from_one_on():
    x = np.random.default_rng(2).standard_normal((2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(run("Softmax", x, opset=11), softmax(x, (1, 2)), 1e-5)
    np.testing.assert_allclose(run("Softmax", x, opset=11, axis=0), softmax(x, (0, 1, 2)), 1e-5)
    np.testing.assert_allclose(run("Softmax", x, opset=11, axis=-1), softmax(x, 2), 1e-5)
    np.testing.assert_allclose(run("Softmax", x, opset=13), softmax(x, 2), 1e-5)
    np.testing.assert_allclose(run("LogSoftmax", x, opset=13, axis=1), np.log(softmax(x, 1)), 1e-4, 1e-5)
    with pytest.raises(ShapeError, match="axis 3 is out of range"):
        run("Softmax", x, opset=13, axis=3)


def test_softmax_of_halves_is_summed_in_float32():
    x = np.random.default_rng(3).standard_normal((2, 2000)).astype(np.float16)
    found = run("Softmax", x, opset=13)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, softmax(x.astype(np.float32), 1), 2e-3, 1e-6)


def test_hardmax_takes_the_first_of_equals():
    x = np.float32([[[1, 3], [3, 0]], [[2, 2], [1, 0]]])
    assert run("Hardmax", x, opset=13).tolist() == [[[0, 1], [1, 0]], [[1, 0], [1, 0]]]
    assert run("Hardmax", x, opset=11).tolist() == [[[0, 1], [0, 0]], [[1, 0], [0, 0]]]


def test_activations_are_few_nodes():
    for op, most in (("HardSigmoid", 5), ("HardSwish", 6), ("Softplus", 9), ("Gelu", 8)):
        made, _ = operator_model(op, [X], opset=20, symbolic=True)
        steps = [n for n in graphc.onnx.load(made).graph.nodes if n.op not in ("const", "input", "symbol")]
        assert len(steps) <= most, (op, [n.op for n in steps])
        assert all(n.dtype.is_float or n.op == "lt" for n in steps)


@pytest.mark.parametrize("op", SMOOTH)
def test_slopes(op):
    check_slopes(op, X[:2].astype(np.float64) + 0.05, opset=20)
