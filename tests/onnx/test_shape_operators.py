"""Shapes, joins, parts and repetition, with sizes known and not, in old and new operator sets."""

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import beside_ort, check_slopes, run

import graphc
from graphc.errors import FormatError, ShapeError

RANDOM = np.random.default_rng(1)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize("start,end", [(0, 3), (1, 2), (-2, 3), (0, -1), (2, 1), (-9, 9)])
def test_shape_of_some_axes(start, end):
    np.testing.assert_array_equal(run("Shape", normal(2, 3, 4), start=start, end=end), [2, 3, 4][start:end])


def test_shape_and_size_of_nothing():
    np.testing.assert_array_equal(run("Shape", normal(0, 3)), [0, 3])
    assert run("Size", normal(0, 3)) == 0 and run("Size", normal(2, 3, 4)) == 24


@pytest.mark.parametrize("wanted,shape", [((0, -1), (2, 12)), ((-1,), (24,)), ((0, 0, 2, 2), (2, 3, 2, 2)), ((4, 6), (4, 6))])
def test_reshape(wanted, shape):
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(run("Reshape", x, ints(*wanted), constants=(1,)), x.reshape(shape))


def test_reshape_to_zero():
    assert run("Reshape", normal(0, 3), ints(3, 0), constants=(1,), allowzero=1).shape == (3, 0)
    assert run("Reshape", normal(2, 0), ints(0, -1), constants=(1,), opset=13).shape == (2, 0)


def test_reshape_by_numbers_that_only_a_run_knows():
    x = normal(2, 3, 4)
    made = model([node("Reshape", "x s", "y")], ["x: float32[2, 3, 4]", "s: int64[2]"], ["y"])
    loaded = graphc.onnx.load(made)
    for wanted, shape in (((0, 12), (2, 12)), ((-1, 3), (8, 3)), ((6, -1), (6, 4))):
        np.testing.assert_array_equal(loaded.run([x, ints(*wanted)])[0], x.reshape(shape))


def test_sizes_computed_from_a_shape_stay_sizes():
    nodes = [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Gather", "s last", "c"), node("Mul", "c two", "c2"),
             node("Unsqueeze", "n axis", "n1"), node("Unsqueeze", "c2 axis", "c1"), node("Concat", "n1 c1", "t", axis=0),
             node("Reshape", "x t", "y")]  # fmt: skip
    made = model(nodes, ["x: float32[n, 2, c]"], ["y: float32[n, m]"],
                 {"zero": np.int64(0), "last": np.int64(-1), "two": np.int64(2), "axis": ints(0)})  # fmt: skip
    loaded = graphc.onnx.load(made)
    assert "measure" not in str(loaded.graph)
    for n, c in ((2, 3), (4, 1)):
        x = normal(n, 2, c)
        np.testing.assert_array_equal(loaded.run([x])[0], x.reshape(n, 2 * c))


@pytest.mark.parametrize("axis,shape", [(0, (1, 24)), (1, (2, 12)), (-1, (6, 4)), (3, (24, 1)), (-3, (1, 24))])
def test_flatten(axis, shape):
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(run("Flatten", x, axis=axis), x.reshape(shape))
    with pytest.raises(ShapeError, match="Flatten: axis 4 is out of range for 3 axes"):
        run("Flatten", x, axis=4)


def test_squeeze_in_both_forms():
    x = normal(1, 3, 1)
    assert run("Squeeze", x, axes=[0], opset=11).shape == (3, 1)
    assert run("Squeeze", x, ints(-1), constants=(1,)).shape == (1, 3)
    assert run("Squeeze", x).shape == (3,)


def test_squeeze_of_all_axes_follows_the_sizes_of_each_call():
    loaded = graphc.onnx.load(model([node("Squeeze", "x", "y")], ["x: float32[n, 3]"], ["y"]))
    assert loaded.run([normal(1, 3)])[0].shape == (3,)
    assert loaded.run([normal(2, 3)])[0].shape == (2, 3)


def test_unsqueeze():
    x = normal(2, 3)
    assert run("Unsqueeze", x, axes=[0, 3], opset=11).shape == (1, 2, 3, 1)
    assert run("Unsqueeze", x, ints(-1, 0), constants=(1,)).shape == (1, 2, 3, 1)
    with pytest.raises(ShapeError, match="names an axis twice"):
        run("Unsqueeze", x, ints(0, -4), constants=(1,))


def test_transpose_and_its_errors():
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(run("Transpose", x), x.T)
    np.testing.assert_array_equal(run("Transpose", x, perm=[1, 0, 2]), x.transpose(1, 0, 2))
    with pytest.raises(ShapeError, match=r"perm \[0, 0, 1\] is no order of 3 axes"):
        run("Transpose", x, perm=[0, 0, 1])


def test_concat():
    a, b, c = normal(2, 3), normal(2, 1), normal(2, 0)
    np.testing.assert_array_equal(run("Concat", a, b, c, axis=-1), np.concatenate([a, b, c], 1))
    with pytest.raises(ShapeError, match="differ in type or number of axes"):
        run("Concat", a, normal(2), axis=0)
    with pytest.raises(FormatError, match="attribute 'axis' is missing"):
        run("Concat", a, b)


def split_of(x, outputs, sizes=None, opset=18, **attributes):
    if sizes is None:
        return run("Split", x, outputs=outputs, opset=opset, **attributes)
    return run("Split", x, ints(*sizes), constants=(1,), outputs=outputs, opset=opset, **attributes)


def test_split():
    x = normal(7, 6)
    for found, wanted in (
        (split_of(x, 2, axis=1, opset=13), np.split(x, 2, 1)),
        (split_of(x, 3, (1, 0, 6)), np.split(x, [1, 1])),
        (split_of(x, 2, split=[2, 5], opset=11), np.split(x, [2])),
        (split_of(x, 3, num_outputs=3), np.split(x, [3, 6])),
        (split_of(x, 4, num_outputs=4, axis=-1), np.split(x, [2, 4, 6], 1)),
    ):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ShapeError, match="2 sizes are given for 3 outputs"):
        split_of(x, 3, (1, 6))
    with pytest.raises(ShapeError, match="2 outputs do not share axis 0 of size 7"):
        graphc.onnx.load(model([node("Split", "x", "a b")], ["x: float32[7, 6]"], ["a", "b"], opset=13)).run([x])


@pytest.mark.parametrize("have,wanted", [((3, 1), (3, 4)), ((3, 1), (1,)), ((1,), (2, 3)), ((2, 3), (2, 1, 1)), ((3, 1), (0,))])
def test_expand(have, wanted):
    x = normal(*have)
    shape = np.broadcast_shapes(have, wanted)
    np.testing.assert_array_equal(run("Expand", x, ints(*wanted), constants=(1,)), np.broadcast_to(x, shape))


def test_expand_where_only_a_run_knows_which_size_is_one():
    nodes = [node("Shape", "like", "s"), node("Expand", "x s", "y")]
    loaded = graphc.onnx.load(model(nodes, ["x: float32[n, 2]", "like: float32[m, 2]"], ["y"]))
    for n, m in ((1, 3), (3, 1), (3, 3), (1, 1)):
        x = normal(n, 2)
        np.testing.assert_array_equal(loaded.run([x, normal(m, 2)])[0], np.broadcast_to(x, (max(n, m), 2)))
    with pytest.raises(ShapeError, match=r"cannot have the shape \[3,2\]"):
        loaded.run([normal(2, 2), normal(3, 2)])
    with pytest.raises(ShapeError, match="it cannot have the shape"):
        graphc.onnx.load(model([node("Expand", "x s", "y")], ["x: float32[3, 2]"], ["y"], {"s": ints(4, 2)})).run([normal(3, 2)])


def test_tile():
    x = normal(2, 3)
    np.testing.assert_array_equal(run("Tile", x, ints(2, 3), constants=(1,)), np.tile(x, (2, 3)))
    assert run("Tile", x, ints(0, 1), constants=(1,)).shape == (0, 3)
    with pytest.raises(ShapeError, match="1 repeats are given for 2 axes"):
        run("Tile", x, ints(2), constants=(1,))


def test_constant_of_shape():
    made = model([node("Shape", "x", "s"), node("ConstantOfShape", "s", "y", value=np.array([7], np.int32))],
                 ["x: float32[n, 2]"], ["y"])  # fmt: skip
    loaded = graphc.onnx.load(made)
    for n in (0, 3):
        np.testing.assert_array_equal(loaded.run([normal(n, 2)])[0], np.full((n, 2), 7, np.int32))
    assert run("ConstantOfShape", ints(2, 0)).dtype == np.float32


@pytest.mark.parametrize("attributes,wanted", [({"value_float": 1.5}, np.float32(1.5)), ({"value_ints": [1, 2]}, ints(1, 2)),
                                               ({"value": np.array([[True]])}, np.array([[True]]))])  # fmt: skip
def test_constants(attributes, wanted):
    (found,) = graphc.onnx.load(model([node("Constant", "", "y", **attributes)], [], ["y"])).run([])
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_a_constant_without_a_value():
    with pytest.raises(FormatError, match="Constant: none of its attributes is a value, only nothing"):
        graphc.onnx.load(model([node("Constant", "", "y")], [], ["y"])).run([])


def test_slopes():
    check_slopes("Expand", normal(3, 1), ints(2, 3, 4), constants=(1,))
    check_slopes("Concat", normal(2, 3), normal(2, 1), axis=1)
    check_slopes("Split", normal(5, 2), ints(2, 3), constants=(1,), outputs=2)


def test_beside_onnx_runtime():
    x = normal(3, 4, 5)
    beside_ort("Split", x, ints(1, 2, 2), constants=(1,), outputs=3, axis=-1)
    beside_ort("Expand", x, ints(2, 1, 4, 1), constants=(1,))
    beside_ort("Tile", x, ints(1, 2, 3), constants=(1,))
    beside_ort("Unsqueeze", x, ints(-1, 1), constants=(1,))


def test_narrow_types_move():
    inner = [node("Cast", "x", "a", to=17), node("Transpose", "a", "b"), node("Reshape", "b s", "c"), node("Cast", "c", "y", to=1)]
    loaded = graphc.onnx.load(model(inner, ["x: float32[2, 3]"], ["y"], {"s": ints(-1)}, opset=19))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(loaded.run([x])[0], x.T.reshape(-1))


