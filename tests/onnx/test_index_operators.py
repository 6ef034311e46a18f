"""Gathers, scatters, masks, ramps: indices from both ends, sizes known and not, errors, slopes."""

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import beside_ort, check_slopes, operator_model, run

import graphc
from graphc.errors import FormatError, GraphcError, ShapeError

RANDOM = np.random.default_rng(3)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def known(op, x, *others):
    """An operator whose sizes, and all operands but the first, are known."""
    made, fed = operator_model(op, [x, *others], constants=range(1, 1 + len(others)))
    return graphc.onnx.load(made).run(fed)


def test_gather_from_both_ends():
    x = normal(4, 5)
    i = np.array([[0, -1], [2, -4]], np.int32)
    np.testing.assert_array_equal(run("Gather", x, i), x[i])
    np.testing.assert_array_equal(run("Gather", x, ints(-1, 0), axis=-1, constants=(1,)), x[:, [-1, 0]])
    assert run("Gather", x, np.int64(-2)).shape == (5,)
    assert run("Gather", x, np.zeros((0, 2), np.int64)).shape == (0, 2, 5)


def test_indices_out_of_range_are_errors():
    with pytest.raises(GraphcError, match=r"indices\[1\] = 4 is not in|indices are not in \[0, n?"):
        run("Gather", normal(4), ints(0, 4))
    with pytest.raises(ShapeError, match="index 4 is out of range for axis 0"):
        known("Gather", normal(4), ints(0, 4))
    with pytest.raises(ShapeError, match="input 1 must be int32 or int64"):
        run("Gather", normal(4), np.zeros(1, np.int8))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_elements(axis):
    x = normal(3, 4, 5)
    i = RANDOM.integers(-3, 3, (2, 3, 4) if axis == 0 else (3, 2, 5)[:3] if axis == 1 else (2, 4, 7))
    cut = tuple(slice(None) if k == axis % 3 else slice(n) for k, n in enumerate(i.shape))
    np.testing.assert_array_equal(run("GatherElements", x, i, axis=axis), np.take_along_axis(x[cut], i, axis))


def test_gather_elements_of_another_rank():
    with pytest.raises(ShapeError, match="GatherElements: the indices must have as many axes"):
        run("GatherElements", normal(3, 4), ints(1))


def test_gather_nd():
    x = normal(2, 3, 4)
    i = np.array([[1, -1], [0, 2]], np.int64)
    np.testing.assert_array_equal(run("GatherND", x, i), x[[1, 0], [-1, 2]])
    np.testing.assert_array_equal(run("GatherND", x, ints(-1, 0).reshape(2, 1), batch_dims=1), x[[0, 1], [-1, 0]])
    with pytest.raises(ShapeError, match="batch_dims 2 does not fit"):
        run("GatherND", x, i, batch_dims=2)


@pytest.mark.parametrize("reduction,apply", [("none", None), ("add", np.add), ("mul", np.multiply), ("max", np.maximum), ("min", np.minimum)])
def test_scatters(reduction, apply):
    x, updates = normal(3, 4), normal(3, 2)
    i = np.array([[0, -1], [2, 1], [-4, 3]], np.int64)
    wanted = x.copy()
    for r, c in np.ndindex(3, 2):
        k = i[r, c]
        wanted[r, k] = updates[r, c] if apply is None else apply(wanted[r, k], updates[r, c])
    np.testing.assert_allclose(run("ScatterElements", x, i, updates, axis=-1, reduction=reduction), wanted, 1e-6)
    vectors = np.stack([np.repeat(np.arange(3), 2).reshape(3, 2), i], -1)
    np.testing.assert_allclose(run("ScatterND", x, vectors, updates, reduction=reduction), wanted, 1e-6)


def test_several_updates_of_one_place_add_up():
    found = run("ScatterND", np.zeros(3, np.float32), ints(1, 1, 2).reshape(3, 1), np.ones(3, np.float32), reduction="add")
    np.testing.assert_array_equal(found, [0, 2, 1])


def test_old_scatter():
    np.testing.assert_array_equal(run("Scatter", np.zeros((2, 2), np.float32), np.array([[1, 0]]), np.ones((1, 2), np.float32), opset=10),
                                  [[0, 1], [1, 0]])  # fmt: skip


def test_scatters_that_do_not_fit():
    x = normal(3, 4)
    with pytest.raises(ShapeError, match="indices and updates must have one shape"):
        graphc.onnx.load(model([node("ScatterElements", "x i u", "y")], ["x: float32[3, 4]", "i: int64[1, 4]", "u: float32[2, 4]"],
                               ["y"])).run([x, np.zeros((1, 4), np.int64), x[:2]])  # fmt: skip
    with pytest.raises(ShapeError, match=r"the updates must be of shape \[1,4\]"):
        known("ScatterND", x, np.zeros((1, 1), np.int64), x)
    with pytest.raises(FormatError, match="attribute 'reduction' is 'sum', not one of"):
        run("ScatterND", x, np.zeros((1, 1), np.int64), x[:1], reduction="sum")


def test_tensor_scatter_round_the_end():
    cache = np.zeros((2, 4, 1), np.float32)
    update = np.arange(1, 7, dtype=np.float32).reshape(2, 3, 1)
    found = run("TensorScatter", cache, update, ints(0, 3), mode="circular", axis=1, opset=24)
    np.testing.assert_array_equal(found[..., 0], [[1, 2, 3, 0], [5, 6, 0, 4]])
    with pytest.raises(GraphcError, match=r"TensorScatter: indices"):
        run("TensorScatter", cache, update, ints(0, 3), axis=1, opset=24)


def test_one_hot():
    i, values = ints(0, -1, 5), np.array([2, 7], np.float32)
    wanted = np.full((3, 4), 2, np.float32)
    wanted[0, 0] = wanted[1, 3] = 7
    np.testing.assert_array_equal(run("OneHot", i, np.int64(4), values), wanted)
    np.testing.assert_array_equal(run("OneHot", i.astype(np.float32), np.array([4.0], np.float32), values, axis=0, constants=(1,)), wanted.T)


def test_sizes_that_are_found_while_running():
    x = np.array([[1, 0, 3], [0, 0, 6]], np.float32)
    np.testing.assert_array_equal(run("NonZero", x), np.array(np.nonzero(x)))
    assert run("NonZero", np.float32(2)).tolist() == [[0]] and run("NonZero", np.zeros(3, bool)).shape == (1, 0)
    mask = np.array([True, False])
    np.testing.assert_array_equal(run("Compress", x, mask, axis=1), x[:, :1])
    np.testing.assert_array_equal(run("Compress", x, np.array([False, True, True, False, False])), [0, 3])


@pytest.mark.parametrize("is_sorted", [0, 1])
def test_unique(is_sorted):
    x = np.array([2, 1, 1, 3, 4, 3], np.int64)
    y, first, inverse, counts = run("Unique", x, outputs=4, sorted=is_sorted)
    assert y.tolist() == ([1, 2, 3, 4] if is_sorted else [2, 1, 3, 4])
    assert first.tolist() == [x.tolist().index(v) for v in y] and counts.tolist() == [(x == v).sum() for v in y]
    np.testing.assert_array_equal(y[inverse], x)


def test_unique_rows_and_columns():
    x = np.array([[1, 0, 0], [1, 0, 0], [2, 3, 4], [0, 9, 9]], np.float32)
    y, first, inverse, counts = run("Unique", x, outputs=4, axis=0)
    np.testing.assert_array_equal(y, [[0, 9, 9], [1, 0, 0], [2, 3, 4]])
    assert (first.tolist(), inverse.tolist(), counts.tolist()) == ([3, 0, 2], [1, 1, 2, 0], [1, 2, 1])
    np.testing.assert_array_equal(run("Unique", x, axis=-1), np.unique(x, axis=1))


def test_reverse_sequence():
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    np.testing.assert_array_equal(run("ReverseSequence", x, ints(3, 1))[:, 0], [4, 2, 0, 6])
    np.testing.assert_array_equal(run("ReverseSequence", x, ints(2, 1, 0, 2), batch_axis=0, time_axis=1)[:, 0], [1, 2, 4, 7])


@pytest.mark.parametrize("first,limit,step", [(0, 5, 1), (10, 4, -2), (3, 3, 1), (5, 0, 1), (1, 10, 4)])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.float32])
def test_ranges(first, limit, step, kind):
    values = [kind(v) for v in (first, limit, step)]
    for constants in ((), (0, 1, 2), (2,)):
        found = run("Range", *values, constants=constants)
        assert found.dtype == kind
        np.testing.assert_array_equal(found, np.arange(*values, dtype=kind))


def test_range_of_a_size_is_no_data():
    nodes = [node("Shape", "x", "s"), node("Squeeze", "s", "n"), node("Range", "two n one", "y")]
    loaded = graphc.onnx.load(model(nodes, ["x: float32[n]"], ["y"], {"two": np.int64(2), "one": np.int64(1)}))
    assert "measure" not in str(loaded.graph)
    for n in (0, 1, 5):
        np.testing.assert_array_equal(loaded.run([normal(n)])[0], np.arange(2, n))
    with pytest.raises(ShapeError, match="delta is 0"):
        run("Range", np.int64(0), np.int64(1), np.int64(0), constants=(2,))


def test_diagonals_and_triangles():
    x = normal(2, 3, 4)
    np.testing.assert_array_equal(run("EyeLike", x[0], k=1, dtype=7), np.eye(3, 4, 1))
    np.testing.assert_array_equal(run("Trilu", x), np.triu(x))
    np.testing.assert_array_equal(run("Trilu", x, np.int64(-1), upper=0), np.tril(x, -1))
    np.testing.assert_array_equal(run("Trilu", x, np.int64(9), constants=(1,)), np.zeros_like(x))
    with pytest.raises(ShapeError, match="the input must have two axes at least"):
        run("Trilu", x[0, 0])


def test_slopes():
    i = np.array([[0, 1], [2, -1]], np.int64)
    check_slopes("GatherElements", normal(3, 2), i, constants=(1,), axis=0)
    check_slopes("GatherND", normal(3, 3), i, constants=(1,))
    check_slopes("ScatterElements", normal(3, 2), i, normal(2, 2), constants=(1,), axis=0, reduction="add")
    check_slopes("Trilu", normal(3, 3))


def test_beside_onnx_runtime():
    x = normal(3, 4)
    beside_ort("Unique", RANDOM.integers(0, 3, (5, 2)), outputs=4, axis=0)
    beside_ort("ScatterElements", x, RANDOM.integers(-3, 3, (2, 4)), normal(2, 4), axis=0, reduction="add")
    beside_ort("GatherElements", x, RANDOM.integers(-3, 3, (5, 2)), axis=0)
    beside_ort("OneHot", ints(1, -5, 4, -6), np.int64(5), np.array([0, 1], np.float32))
