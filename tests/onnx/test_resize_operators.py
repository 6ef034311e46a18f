"""Resizing: open sizes, all versions, scales and sizes that are computed, errors, the answers of ONNX Runtime."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import FormatError, ShapeError

RANDOM = np.random.default_rng(5)
NAMES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def resize(x, opset=19, scales=None, sizes=None, outputs=("y: float32",), **attributes):
    values = {"s": np.float32(scales)} if scales is not None else {"z": np.int64(sizes)}
    names = "x _ s" if scales is not None else "x _ _ z"
    return model([node("Resize", names, "y", **attributes)], [x], list(outputs), values, opset)


def operators(loaded, arrays) -> set:
    return {n.op for n in loaded.trace(arrays).graph.nodes}


@pytest.mark.parametrize(("mode", "coordinates", "rounding"), [
    *[(mode, name, "floor") for mode in ("linear", "cubic") for name in NAMES],
    *[("nearest", name, how) for name in ("half_pixel", "asymmetric") for how in ROUNDINGS],
    ("nearest", "align_corners", "round_prefer_ceil"),
])  # fmt: skip
def test_open_sizes_beside_onnx_runtime(mode, coordinates, rounding):
    runtime = pytest.importorskip("onnxruntime")
    # the standard divides by the length before it is rounded down, ONNX Runtime by the one after
    scales = [1, 1, 2, 3] if coordinates == "align_corners" else [1, 1, 0.7, 3]
    made = resize("x: float32[b, 2, h, w]", scales=scales, mode=mode, nearest_mode=rounding,
                  coordinate_transformation_mode=coordinates)  # fmt: skip
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for shape in ((1, 2, 5, 7), (2, 2, 10, 4)):
        x = normal(*shape)
        np.testing.assert_allclose(loaded.run([x])[0], session.run(None, {"x": x})[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("times", [2, 3, 8])
def test_whole_factors_of_open_sizes_repeat_without_looking_up(times):
    made = resize("x: float32[b, c, h, w]", scales=[1, 1, times, times], coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor")  # fmt: skip
    loaded = graphc.onnx.load(made)
    x = normal(1, 2, 3, 4)
    assert "gather" not in operators(loaded, [x])
    np.testing.assert_array_equal(loaded.run([x])[0], x.repeat(times, 2).repeat(times, 3))


def test_nearest_that_does_not_only_repeat():
    made = resize("x: float32[n]", scales=[4], coordinate_transformation_mode="asymmetric")  # rounds half down
    x = normal(3)
    places = np.ceil(np.arange(12) / 4 - 0.5).astype(int)
    np.testing.assert_array_equal(graphc.onnx.load(made).run([x])[0], x[np.minimum(places, 2)])


def test_weights_of_linear_interpolation():
    x = np.float32([[0, 4, 8]])
    found = graphc.onnx.load(resize("x: float32[1, n]", scales=[1, 2], mode="linear")).run([x])[0]
    np.testing.assert_allclose(found, [[0, 1, 3, 5, 7, 8]])


def test_length_is_rounded_down_as_shapes_are_inferred():
    loaded = graphc.onnx.load(resize("x: float32[n]", scales=[0.7]))
    assert [loaded.run([normal(n)])[0].size for n in (10, 20, 3, 99)] == [7, 14, 2, 69]
    assert graphc.onnx.load(resize("x: float32[10]", scales=[0.7])).run([normal(10)])[0].size == 7


def test_sizes_that_are_computed_from_other_sizes():
    nodes = [
        node("Shape", "like", "shape"),
        node("Slice", "shape two four", "size"),
        node("Shape", "x", "own"),
        node("Slice", "own zero two", "front"),
        node("Concat", "front size", "z", axis=0),
        node("Resize", "x _ _ z", "y", mode="linear", coordinate_transformation_mode="align_corners"),
    ]
    values = {"zero": np.int64([0]), "two": np.int64([2]), "four": np.int64([4])}
    inputs = ["x: float32[b, c, h, w]", "like: float32[b, d, k, l]"]
    loaded = graphc.onnx.load(model(nodes, inputs, ["y: float32"], values))
    for k, m in ((4, 6), (7, 3)):
        x = normal(1, 2, 3, 5)
        found = loaded.run([x, normal(1, 1, k, m)])[0]
        assert found.shape == (1, 2, k, m)
        np.testing.assert_allclose(found[:, :, [0, 0, -1, -1], [0, -1, 0, -1]], x[:, :, [0, 0, -1, -1], [0, -1, 0, -1]],
                                   rtol=1e-5)  # fmt: skip


def test_scales_that_are_computed_while_running():
    nodes = [
        node("Shape", "x", "shape"), node("Cast", "shape", "from", to=1), node("Cast", "wanted", "goal", to=1),
        node("Slice", "from two four", "own"), node("Div", "goal own", "part"),
        node("Concat", "ones part", "s", axis=0), node("Resize", "x _ s", "y", mode="linear"),
    ]  # fmt: skip
    values = {"two": np.int64([2]), "four": np.int64([4]), "ones": np.float32([1, 1])}
    loaded = graphc.onnx.load(model(nodes, ["x: float32[1, 2, h, w]", "wanted: int64[2]"], ["y: float32"], values))
    constant = graphc.onnx.load(resize("x: float32[1, 2, h, w]", sizes=[1, 2, 6, 4], mode="linear"))
    x = normal(1, 2, 3, 8)
    np.testing.assert_allclose(loaded.run([x, np.int64([6, 4])])[0], constant.run([x])[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_kept_proportions_of_open_sizes(policy):
    made = resize("x: float32[1, 1, h, w]", sizes=[6, 9], axes=[2, -1], keep_aspect_ratio_policy=policy)
    fixed = resize("x: float32[1, 1, 4, 5]", sizes=[6, 9], axes=[2, -1], keep_aspect_ratio_policy=policy)
    x = normal(1, 1, 4, 5)
    found = graphc.onnx.load(made).run([x])[0]
    assert found.shape == ((1, 1, 6, 8) if policy == "not_larger" else (1, 1, 7, 9))
    np.testing.assert_array_equal(found, graphc.onnx.load(fixed).run([x])[0])


def test_a_part_of_the_input_with_a_value_outside():
    made = model([node("Resize", "x roi _ z", "y", coordinate_transformation_mode="tf_crop_and_resize", mode="linear",
                       extrapolation_value=9.0)], ["x: float32[1, n]"], ["y: float32"],
                 {"roi": np.float32([0, 0.5, 1, 1.5]), "z": np.int64([1, 5])})  # fmt: skip
    x = np.float32([[0, 1, 2, 3, 4]])
    np.testing.assert_allclose(graphc.onnx.load(made).run([x])[0], [[2, 3, 4, 9, 9]])


@pytest.mark.parametrize("sizes", [[1, 1, 3, 4], [1, 1, 9, 4]])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("outside", [0, 1])
def test_wide_kernels_beside_onnx_runtime(mode, outside, sizes):
    runtime = pytest.importorskip("onnxruntime")
    made = resize("x: float32[1, 1, h, w]", 18, sizes=sizes, mode=mode, antialias=1, exclude_outside=outside)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for shape in ((1, 1, 8, 11), (1, 1, 13, 9)):
        x = normal(*shape)
        np.testing.assert_allclose(loaded.run([x])[0], session.run(None, {"x": x})[0], rtol=1e-3, atol=1e-4)


def test_integers_are_interpolated_in_float32():
    made = resize("x: uint8[1, n]", scales=[1, 2], mode="linear", outputs=("y: uint8",))
    found = graphc.onnx.load(made).run([np.uint8([[0, 100, 255]])])[0]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 25, 75, 138, 216, 255]])


def test_halves_are_rounded_once():
    made = resize("x: float16[1, n]", scales=[1, 2], mode="cubic", outputs=("y: float16",))
    wide = resize("x: float32[1, n]", scales=[1, 2], mode="cubic")
    x = normal(1, 9, dtype=np.float16)
    found, exact = graphc.onnx.load(made).run([x])[0], graphc.onnx.load(wide).run([x.astype(np.float32)])[0]
    np.testing.assert_array_equal(found, exact.astype(np.float16))


def test_first_versions():
    x = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    down = model([node("Resize", "x s", "y")], ["x: float32[1, 1, 2, 4]"], ["y: float32"],
                 {"s": np.float32([1, 1, 0.6, 0.6])}, 10)  # fmt: skip
    np.testing.assert_array_equal(graphc.onnx.load(down).run([x])[0], [[[[1, 3]]]])
    for opset, extra, names in ((9, {}, "x s"), (7, {"scales": [1.0, 1.0, 2.0, 3.0]}, "x")):
        made = model([node("Upsample", names, "y", **extra)], ["x: float32[1, 1, h, w]"], ["y: float32"],
                     {"s": np.float32([1, 1, 2, 3])}, opset)  # fmt: skip
        np.testing.assert_array_equal(graphc.onnx.load(made).run([x])[0], x.repeat(2, 2).repeat(3, 3))
    smooth = model([node("Upsample", "x s", "y", mode="linear")], ["x: float32[1, 1, h, w]"], ["y: float32"],
                   {"s": np.float32([1, 1, 1, 2])}, 9)  # fmt: skip
    found = graphc.onnx.load(smooth).run([x])[0]
    np.testing.assert_allclose(found[0, 0, 0], [1, 1.5, 2, 2.5, 3, 3.5, 4, 4])


def test_an_empty_input_of_scales_gives_way_to_sizes():
    made = model([node("Resize", "x roi s z", "y")], ["x: float32[1, n]"], ["y: float32"],
                 {"roi": np.zeros(0, np.float32), "s": np.zeros(0, np.float32), "z": np.int64([1, 6])}, 11)  # fmt: skip
    x = normal(1, 3)
    np.testing.assert_array_equal(graphc.onnx.load(made).run([x])[0], x.repeat(2, 1))


def test_gradients_of_open_and_known_sizes():
    for x in ("x: float64[1, 4]", "x: float64[1, n]"):
        loaded = graphc.onnx.load(resize(x, scales=[1, 1.5], mode="cubic", outputs=("y: float64",)))
        array = normal(1, 4, dtype=float)
        if "n" in x:
            assert loaded.run([array])[0].shape == (1, 6)
        else:
            check_gradients(loaded.trace([array]).graph, [array], modes=("reverse",))


@pytest.mark.parametrize(("attributes", "error", "words"), [
    ({"scales": [1, 2, 3]}, ShapeError, "one positive number for each of 2 axes"),
    ({"scales": [1, -2]}, ShapeError, "positive"),
    ({"scales": [1, float("nan")]}, ShapeError, "positive"),
    ({"sizes": [1, 0]}, ShapeError, "cannot make"),
    ({"sizes": [4], "axes": [5]}, ShapeError, "axis 5 is out of range for 2 axes"),
    ({"scales": [1, 2], "mode": "sharp"}, FormatError, "'sharp', not one of nearest, linear, cubic"),
    ({"scales": [1, 2], "coordinate_transformation_mode": "tf_crop_and_resize"}, FormatError, "input 1 is missing"),
    ({"scales": [1, 0.1]}, ShapeError, "cannot make 0 elements"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(attributes, error, words):
    with pytest.raises(error, match=words):
        graphc.onnx.load(resize("x: float32[1, 3]", **attributes)).trace()
