"""Reductions, positions, running totals and the largest elements of ONNX."""

import numpy as np
import pytest
from operator_calls import beside_ort, check_slopes, run

from graphc.errors import ShapeError

OPS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"]
X = np.abs(np.random.default_rng(0).standard_normal((3, 2, 4))).astype(np.float32) + 0.5


@pytest.mark.parametrize("op", OPS)
def test_axes_are_attributes_or_inputs(op):
    beside_ort("Reduce" + op, X, opset=11, axes=[0, -1])
    beside_ort("Reduce" + op, X, opset=11, axes=[1], keepdims=0, compiled=False)
    beside_ort("Reduce" + op, X, np.int64([-2]), opset=18, constants=(1,), compiled=False)
    beside_ort("Reduce" + op, X, opset=18, keepdims=0, compiled=False)
    beside_ort("Reduce" + op, X, np.int64([0]), opset=18)  # the model is specialised by its axes


@pytest.mark.parametrize("op, of_one", [
    ("Sum", X), ("L1", X), ("L2", X), ("SumSquare", X * X), ("LogSum", np.log(X)), ("LogSumExp", X), ("Max", X),
])  # fmt: skip
def test_without_axes_nothing_or_everything_is_reduced(op, of_one):
    none = np.int64([])
    found = run("Reduce" + op, X, none, opset=20, constants=(1,), noop_with_empty_axes=1)
    np.testing.assert_allclose(found, of_one, 1e-6)
    assert run("Reduce" + op, X, none, opset=20, constants=(1,)).shape == (1, 1, 1)


@pytest.mark.parametrize("op, identity", [
    ("Sum", 0), ("Prod", 1), ("Max", -np.inf), ("Min", np.inf), ("L1", 0), ("L2", 0), ("SumSquare", 0),
    ("LogSum", -np.inf), ("LogSumExp", -np.inf), ("Mean", np.nan),
])  # fmt: skip
def test_nothing_reduces_to_the_identity(op, identity):
    found = run("Reduce" + op, np.zeros((2, 0, 3), np.float32), np.int64([1]), opset=20, constants=(1,))
    np.testing.assert_array_equal(found, np.full((2, 1, 3), identity, np.float32))


def test_extremes_of_integers_and_bools():
    assert run("ReduceMax", np.zeros((0,), np.int8), opset=20).tolist() == [-128]
    b = np.array([[True, False], [False, False]])
    assert run("ReduceMax", b, np.int64([1]), opset=20, constants=(1,), keepdims=0).tolist() == [True, False]
    assert run("ReduceMin", b, np.int64([1]), opset=20, constants=(1,), keepdims=0).tolist() == [False, False]
    assert run("ReduceMin", np.zeros((0, 2), bool), np.int64([0]), opset=20, constants=(1,)).tolist() == [[True, True]]


def test_integers_are_rounded_towards_zero():
    x = np.int32([[1, 2, 4], [-1, -2, -4]])
    axes = np.int64([1])
    assert run("ReduceMean", x, axes, constants=(1,), keepdims=0).tolist() == [2, -2]
    assert run("ReduceL2", x, axes, constants=(1,), keepdims=0).tolist() == [4, 4]
    assert run("ReduceL1", x, axes, constants=(1,), keepdims=0).tolist() == [7, 7]


def test_halves_are_summed_in_float32():
    x = np.full((3000,), 30, np.float16)
    assert run("ReduceL2", x) == pytest.approx(30 * 3000**0.5, rel=1e-3)
    assert run("ReduceMean", x) == 30


def test_axes_that_do_not_exist_are_refused():
    with pytest.raises(ShapeError, match="ReduceSum: axis 3 is out of range for 3 axes"):
        run("ReduceSum", X, np.int64([3]), constants=(1,))
    with pytest.raises(ShapeError, match="twice"):
        run("ReduceSum", X, np.int64([0, -3]), constants=(1,))


def test_positions_of_extremes():
    x = np.float32([[1, 3, 3], [2, 2, 0]])
    assert run("ArgMax", x, axis=1, opset=13).tolist() == [[1], [0]]
    assert run("ArgMax", x, axis=-1, select_last_index=1, keepdims=0, opset=13).tolist() == [2, 1]
    assert run("ArgMin", x, keepdims=0, opset=13).tolist() == [0, 1, 1]
    assert run("ArgMin", np.int8([[5, 5]]), axis=1, select_last_index=1, opset=13).tolist() == [[1]]
    with pytest.raises(ShapeError, match="axis 2 is out of range"):
        run("ArgMax", x, axis=2, opset=13)


def test_running_totals():
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    axis = np.int64(1)
    assert run("CumSum", x, axis, exclusive=1).tolist() == [[0, 1, 3], [0, 4, 9]]
    assert run("CumSum", x, np.int32(-2), reverse=1).tolist() == [[5, 7, 9], [4, 5, 6]]
    assert run("CumProd", x, axis, opset=26, exclusive=1, reverse=1).tolist() == [[6, 3, 1], [30, 6, 1]]


def test_largest_elements():
    x = np.float32([[1, 4, 4, 0], [7, 6, 5, 8]])
    for setting in ({"constants": (1,)}, {}):  # how many there are is part of the model, or an input
        values, places = run("TopK", x, np.int64([2]), outputs=2, opset=11, **setting)
        assert (values.tolist(), places.tolist()) == ([[4, 4], [8, 7]], [[1, 2], [3, 0]])
    values, places = run("TopK", x, outputs=2, opset=9, k=1, axis=0)
    assert (values.tolist(), places.tolist(), places.dtype) == ([[7, 6, 5, 8]], [[1, 1, 1, 1]], np.int64)
    values, _ = run("TopK", np.uint64([3, 2**63, 1]), np.int64([2]), outputs=2, opset=11, largest=0, constants=(1,))
    assert values.tolist() == [1, 3]
    with pytest.raises(ShapeError, match="k = 5 does not fit"):
        run("TopK", x, np.int64([5]), outputs=2, opset=11, constants=(1,))
    with pytest.raises(ShapeError, match="k must be one number, not 2"):
        run("TopK", x, np.int64([1, 2]), outputs=2, opset=11, constants=(1,))


@pytest.mark.parametrize("op", OPS)
def test_slopes(op):
    check_slopes("Reduce" + op, X.astype(np.float64), opset=11, axes=[2])
