"""Slice and Pad: bounds of every kind, borders of every kind, in old and new operator sets."""

import itertools

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import beside_ort, check_slopes, interpreted, run

import graphc
from graphc.errors import GraphcError, ShapeError

RANDOM = np.random.default_rng(2)
FAR = np.iinfo(np.int64).max


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize("start", [-20, -8, -7, -3, 0, 2, 6, 7, 20])
def test_bounds_that_are_known(start):
    """All ends and steps in one model, of known and of open size."""
    bounds = list(itertools.product([-FAR, -9, -1, 0, 3, 7, FAR], [1, 3, -1, -2]))
    nodes = [node("Slice", f"x start end{k} axis step{k}", f"y{k}") for k in range(len(bounds))]
    values = {"start": ints(start), "axis": ints(0)}
    for k, (end, step) in enumerate(bounds):
        values |= {f"end{k}": ints(end), f"step{k}": ints(step)}
    x = normal(7)
    wanted = [x[start:end:step] for end, step in bounds]
    results = [f"y{k}" for k in range(len(bounds))]
    known, unknown = (model(nodes, [f"x: float32[{n}]"], results, values) for n in "7n")
    for found in (interpreted(known, {"x": x}), graphc.onnx.load(unknown).run([x])):
        for y, right in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(y, right)


@pytest.mark.parametrize("step", [1, 2, -1, -3])
def test_bounds_that_only_a_run_knows(step):
    made = model([node("Slice", "x a b axes steps", "y")], ["x: float32[2, n]", "a: int64[1]", "b: int64[1]"], ["y"],
                 {"axes": ints(-1), "steps": ints(step)})  # fmt: skip
    loaded = graphc.onnx.load(made)
    x = normal(2, 6)
    for a in (-9, -6, -2, 0, 3, 6, 9):
        for b in (-FAR, -7, -1, 0, 4, 6, FAR):
            np.testing.assert_array_equal(loaded.run([x, ints(a), ints(b)])[0], x[:, a:b:step])


def test_bounds_that_are_sizes():
    """A size less three may count from the end."""
    nodes = [node("Shape", "x", "s"), node("Sub", "s three", "low"), node("Slice", "x low s", "tail"), node("Slice", "x zero low", "head")]
    loaded = graphc.onnx.load(model(nodes, ["x: float32[n]"], ["tail", "head"], {"three": ints(3), "zero": ints(0)}))
    for n in range(9):
        x = normal(n)
        tail, head = loaded.run([x])
        np.testing.assert_array_equal(tail, x[n - 3 : n])
        np.testing.assert_array_equal(head, x[0 : n - 3])


def test_as_attributes():
    x = normal(4, 5)
    np.testing.assert_array_equal(run("Slice", x, starts=[1, -3], ends=[FAR, -1], axes=[0, -1], opset=9), x[1:, -3:-1])
    np.testing.assert_array_equal(run("Slice", x, starts=[1], ends=[2], opset=9), x[1:2])


def test_wrong_slices():
    x = normal(4, 5)
    with pytest.raises(ShapeError, match="a step is 0"):
        run("Slice", x, ints(0), ints(1), ints(0), ints(0), constants=(1, 2, 3, 4))
    with pytest.raises(ShapeError, match="axis 2 is out of range for 2 axes"):
        run("Slice", x, ints(0), ints(1), ints(2), constants=(1, 2, 3))
    with pytest.raises(ShapeError, match="2 starts, 1 ends"):
        run("Slice", x, ints(0, 0), ints(1), constants=(1, 2))


# --------------------------------------------------------------------------------------------------- borders


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 1, 0, 2), (2, 2, 1, 2), (0, 0, 0, 0), (7, 0, 0, 9)])
def test_borders(mode, pads):
    x = normal(3, 4)
    pairs = list(zip(pads[:2], pads[2:]))
    found = run("Pad", x, ints(*pads), constants=(1,), mode=mode, opset=19)
    np.testing.assert_array_equal(found, np.pad(x, pairs, mode))


def test_constant_borders():
    x = normal(3, 4)
    wanted = np.pad(x, ((1, 0), (0, 2)), constant_values=2)
    np.testing.assert_array_equal(run("Pad", x, ints(1, 0, 0, 2), np.float32(2), constants=(1, 2)), wanted)
    np.testing.assert_array_equal(run("Pad", x, pads=[1, 0, 0, 2], value=2.0, opset=10), wanted)
    np.testing.assert_array_equal(run("Pad", x, ints(0, 2), np.float32(2), ints(-1), constants=(1, 2, 3)), wanted[1:])


def test_negative_amounts_take_away():
    x = normal(5, 4)
    np.testing.assert_array_equal(run("Pad", x, ints(-1, 1, -2, 0), constants=(1,)), np.pad(x[1:3], ((0, 0), (1, 0))))
    with pytest.raises(GraphcError, match="Pad: axis 0 of .* has not the"):
        graphc.onnx.load(model([node("Pad", "x p", "y")], ["x: float32[2]"], ["y"], {"p": ints(-2, -1)})).run([normal(2)])


def test_amounts_that_only_a_run_knows():
    loaded = graphc.onnx.load(model([node("Pad", "x p", "y", mode="reflect")], ["x: float32[n]", "p: int64[2]"], ["y"]))
    x = normal(5)
    for pads in ((0, 0), (2, 1), (4, 4)):
        np.testing.assert_array_equal(loaded.run([x, ints(*pads)])[0], np.pad(x, [pads], "reflect"))


def test_wrong_pads():
    with pytest.raises(ShapeError, match="3 amounts are given for 2 axes"):
        run("Pad", normal(2, 2), ints(1, 1, 1), constants=(1,))


def test_slopes():
    check_slopes("Slice", normal(5, 4), ints(4, 0), ints(0, 3), ints(0, 1), ints(-2, 1), constants=(1, 2, 3, 4))
    check_slopes("Pad", normal(3, 4), ints(1, 2, 0, 1), constants=(1,), mode="wrap", opset=19)
    check_slopes("Pad", normal(3, 4), ints(1, 2, 0, 1), constants=(1,), mode="reflect")


def test_beside_onnx_runtime():
    x = normal(4, 5)
    beside_ort("Pad", x, ints(1, -1, 2, 3), constants=(1,), mode="edge")
    beside_ort("Pad", x, ints(2, 3), np.float32(1), ints(-2), constants=(1, 2, 3))
    beside_ort("Slice", x, ints(-1, 1), ints(-FAR, 9), ints(0, 1), ints(-2, 2), constants=(1, 2, 3, 4))
