"""Losses of ONNX: classes with weights, ignored labels, further axes."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import InvalidArgumentError, ShapeError

OPS = ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"]
random = np.random.default_rng(0)
X = {further: random.standard_normal((3, 5, *further)).astype(np.float32) for further in ((), (2, 2))}
W = np.abs(random.standard_normal(5)).astype(np.float32)


def labels(further, kind=np.int64):
    return np.random.default_rng(1).integers(0, 5, (3, *further)).astype(kind)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("way", ["mean", "sum", "none"])
def test_beside_onnx_runtime(op, way):
    beside_ort(op, X[()], labels(()), opset=13, reduction=way, compiled=way == "none")
    beside_ort(op, X[2, 2], labels((2, 2)), W, opset=13, reduction=way, compiled=False)
    t = labels((2, 2))
    t.flat[0] = -1
    beside_ort(op, X[2, 2], t, W, opset=13, reduction=way, ignore_index=-1)
    beside_ort(op, X[2, 2], t, opset=13, reduction=way, ignore_index=-1, compiled=False)


def test_logarithms_come_too():
    loss, logp = run("SoftmaxCrossEntropyLoss", X[()], labels((), np.int32), opset=13, outputs=2, reduction="none")
    expected = X[()] - np.log(np.exp(X[()]).sum(1, keepdims=True))
    np.testing.assert_allclose(logp, expected, 1e-5, 1e-6)
    np.testing.assert_allclose(loss, -expected[np.arange(3), labels(())], 1e-5, 1e-6)


def test_an_ignored_score_may_be_infinite():
    x = np.float32([[-np.inf, 0], [0, 1]])
    found = run("NegativeLogLikelihoodLoss", x, np.int64([0, 1]), opset=13, ignore_index=0)
    assert found == -1


@pytest.mark.parametrize("op", OPS)
def test_labels_that_are_no_class(op):
    made, fed = operator_model(op, [X[()], np.int64([0, 5, 1])], opset=13)
    with pytest.raises(InvalidArgumentError, match="5"):
        graphc.onnx.load(made).run(fed)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="the labels are not of the shape of the scores without classes"):
        run("NegativeLogLikelihoodLoss", X[()], np.int64([1, 2]), opset=13)
    with pytest.raises(ShapeError, match="integer labels"):
        run("NegativeLogLikelihoodLoss", X[()], np.float32([1, 2, 0]), opset=13)
    with pytest.raises(ShapeError, match="the weights must be a vector"):
        run("NegativeLogLikelihoodLoss", X[()], labels(()), W[None], opset=13)


@pytest.mark.parametrize("op", OPS)
def test_slopes(op):
    check_slopes(op, X[()].astype(np.float64), labels(()), W.astype(np.float64), opset=13, constants=(1,))
