"""Element-wise operators of ONNX: dtypes, broadcasting of old versions, integers, numbers computed from sizes."""

import ml_dtypes
import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, InvalidArgumentError, ShapeError


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"])
def test_integers_are_divided_towards_zero(name):
    signed = not name.startswith("u")
    x = np.array([7, 9, 20, -7 if signed else 3], name)
    y = np.array([2, -4 if signed else 4, 20, 2], name)
    np.testing.assert_array_equal(run("Div", x, y), (x.astype(float) / y).astype(np.int64).astype(name))


def test_integers_are_not_divided_by_zero():
    made, fed = operator_model("Div", [np.int32([1, 2]), np.int32([1, 0])])
    with pytest.raises(InvalidArgumentError, match="division by zero|divided by"):
        graphc.onnx.load(made).run(fed)


def test_remainders_have_the_sign_of_either_operand():
    x, y = np.int32([7, -7, 7, -7]), np.int32([3, 3, -3, -3])
    assert run("Mod", x, y).tolist() == [1, 2, -2, -1]
    assert run("Mod", x, y, fmod=1).tolist() == [1, -1, 1, -1]
    assert run("Mod", np.uint8([200, 7]), np.uint8([9, 4]), fmod=1).tolist() == [2, 3]
    a, b = np.float32([7.5, -7.5, 5, -5]), np.float32([2, 2, -3, np.inf])
    np.testing.assert_array_equal(run("Mod", a, b, fmod=1), np.fmod(a, b))
    np.testing.assert_array_equal(run("Mod", a, b, opset=28), np.mod(a, b))


@pytest.mark.parametrize("x, y", [
    (np.float32([1, 2, 3]), np.int64([2, 3, 0])), (np.int32([1, 2, 3]), np.float32([0.5, 2, 1.5])),
    (np.int64([2, 3]), np.int32([5, 2])), (np.float32([1.5, 2]), np.float64([0.5, 2])),
    (np.float16([1.5, 2]), np.int32([2, 3])), (np.float64([2, 3]), np.float32([2, 0.5])),
])  # fmt: skip
def test_powers_of_mixed_dtypes_have_the_dtype_of_the_base(x, y):
    expected = np.power(x.astype(np.float64), y.astype(np.float64)).astype(x.dtype)
    for constants in ((), (1,)):
        found = run("Pow", x, y, constants=constants)
        assert found.dtype == x.dtype
        np.testing.assert_allclose(found, expected, 1e-6)


def test_a_square_is_one_product():
    made, _ = operator_model("Pow", [floats(2, 3), np.int64(2)], constants=(1,))
    nodes = graphc.onnx.load(made).graph.nodes
    assert [n.op for n in nodes] == ["input", "const", "pow"]


def test_limits():
    x = np.float32([-2, 0, 2, np.nan])
    np.testing.assert_array_equal(run("Clip", x, np.float32(-1), np.float32(1)), np.float32([-1, 0, 1, np.nan]))
    np.testing.assert_array_equal(run("Clip", x, None, np.float32(1)), np.float32([-2, 0, 1, np.nan]))
    np.testing.assert_array_equal(run("Clip", x, np.float32(1), np.float32(-1))[:3], [-1, -1, -1])  # exchanged
    np.testing.assert_array_equal(run("Clip", x, opset=6, min=-1.0), np.float32([-1, 0, 2, np.nan]))
    assert run("Clip", np.uint8([1, 9]), np.uint8(3)).tolist() == [3, 9]
    with pytest.raises(ShapeError, match="a limit must be a scalar"):
        run("Clip", x, np.float32([1, 2]))


def test_comparisons_take_strings_and_bools():
    words = np.array(["a", "b", "c"], object)
    assert run("Equal", words, np.array(["a", "c", "c"], object), opset=19).tolist() == [True, False, True]
    assert run("Equal", np.array([True, False]), np.array([True, True])).tolist() == [True, False]
    assert run("GreaterOrEqual", np.uint64([1, 2**63]), np.uint64([2, 2**63])).tolist() == [False, True]


def test_bits_leave_when_they_are_moved_far():
    x = np.uint8([1, 255, 255, 255])
    assert run("BitShift", x, np.uint8([1, 7, 8, 200]), opset=11, direction="LEFT").tolist() == [2, 128, 0, 0]
    assert run("BitShift", x, np.uint8([1, 7, 8, 200]), opset=11, direction="RIGHT").tolist() == [0, 1, 0, 0]
    y = np.int32([-8, -8, 8, 8])
    assert run("BitShift", y, np.int32([1, 40, 40, -1]), opset=28, direction="RIGHT").tolist() == [-4, -1, 0, 0]
    with pytest.raises(FormatError, match="'direction' is 'UP', not one of LEFT, RIGHT"):
        run("BitShift", x, x, opset=11, direction="UP")


def test_infinite_and_missing_numbers():
    x = np.float32([np.inf, -np.inf, np.nan, 1])
    assert run("IsInf", x, opset=20).tolist() == [True, True, False, False]
    assert run("IsInf", x, opset=20, detect_negative=0).tolist() == [True, False, False, False]
    assert run("IsInf", x, opset=20, detect_negative=0, detect_positive=0).tolist() == [False] * 4
    small = np.array([np.inf, -np.inf, np.nan, 1], ml_dtypes.float8_e5m2)
    for op, attributes, expected in (("IsNaN", {}, [0, 0, 1, 0]), ("IsInf", {"detect_positive": 0}, [0, 1, 0, 0])):
        made, fed = operator_model(op, [small], opset=20, symbolic=True, **attributes)
        assert graphc.onnx.load(made).run(fed)[0].tolist() == expected


def test_old_versions_say_where_the_second_operand_lies():
    x, y = floats(2, 3, 4), floats(3, seed=1)
    np.testing.assert_array_equal(run("Add", x, y, opset=6, broadcast=1, axis=1), x + y[:, None])
    np.testing.assert_array_equal(run("Mul", x, x[0, 0], opset=6, broadcast=1), x * x[0, 0])
    np.testing.assert_array_equal(run("Sub", x, x[:1, :, 0][0], opset=6, broadcast=1, axis=-2), x - x[0, :, 0][:, None])
    with pytest.raises(ShapeError, match="without broadcast=1 both operands must have one shape"):
        run("Add", x, y, opset=6)
    with pytest.raises(ShapeError, match="does not lie within the first from axis 2 on"):
        run("Add", x, x[0], opset=6, broadcast=1, axis=2)


def test_any_number_of_operands():
    x, y, z = floats(2, 3), floats(3, seed=1), floats(1, seed=2)
    one = run("Mean", x)
    np.testing.assert_array_equal(one, x)
    made, fed = operator_model("Mean", [x, y, z])
    np.testing.assert_allclose(graphc.onnx.load(made).run(fed)[0], (x + y + z) / 3, 1e-6)
    made, fed = operator_model("Min", [np.int8([1, 2]), np.int8([2, 1]), np.int8([0])])
    assert graphc.onnx.load(made).run(fed)[0].tolist() == [0, 0]
    with pytest.raises(FormatError, match="Max: input 0 is missing"):
        graphc.onnx.load(model([node("Max", "", "y")], [], ["y"])).run([])


def test_numbers_from_sizes_stay_sizes():
    nodes = [
        node("Shape", "x", "s"), node("Equal", "s minus", "none"), node("Where", "none ones s", "wanted"),
        node("Div", "wanted two", "half"), node("Mod", "wanted two", "odd"), node("Add", "half odd", "up"),
        node("Expand", "one up", "y"), node("GreaterOrEqual", "s zeros", "true"),
    ]  # fmt: skip
    numbers = {"minus": np.int64([-1]), "ones": np.int64([1, 1]), "two": np.int64([2]), "one": np.float32(1),
               "zeros": np.int64([0, 0])}  # fmt: skip
    loaded = graphc.onnx.load(model(nodes, ["x: float32[n, 6]"], ["y", "true"], numbers))
    _, true = loaded.graph.outputs
    assert true.op == "const"
    loaded.run([np.zeros((3, 6), np.float32)])
    before = len(graphc.compilations())
    for n in (2, 5, 8):
        found, _ = loaded.run([np.zeros((n, 6), np.float32)])
        assert found.shape == ((n + 1) // 2, 3)
    assert len(graphc.compilations()) == before


@pytest.mark.parametrize("op", ["Erf", "Round", "Tan", "Asinh", "Sign", "Reciprocal", "Neg", "Floor"])
def test_beside_onnx_runtime(op):
    beside_ort(op, floats(3, 5) * 3)


@pytest.mark.parametrize("op, arrays, setting", [
    ("Pow", [np.abs(floats(2, 3)) + 0.5, floats(2, 3, seed=1)], {}), ("Div", [floats(3, 2), floats(2, seed=3)], {}),
    ("Clip", [floats(3, 4), np.float64(-0.5), np.float64(0.5)], {}),
    ("Where", [floats(3) > 0, floats(2, 3), floats(3)], {}),
    ("Mod", [floats(4) * 5, np.float64([2, 3, 0.7, 1])], {"fmod": 1}), ("Max", [floats(3), floats(3, seed=1)], {}),
])  # fmt: skip
def test_slopes(op, arrays, setting):
    check_slopes(op, *[a if a.dtype == bool else a.astype(np.float64) for a in arrays], **setting)
