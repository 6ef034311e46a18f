"""Choosing among boxes, and pooling what lies inside them."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import FormatError, ShapeError

RANDOM = np.random.default_rng(13)


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def one(op, names, inputs, values=None, opset=16, kind="float32", **attributes):
    return model([node(op, names, "y", **attributes)], inputs, [f"y: {kind}"], values, opset)


def boxes(n, images=1):
    corner = RANDOM.uniform(0, 10, (images, n, 2))
    return np.concatenate([corner, corner + RANDOM.uniform(1, 6, (images, n, 2))], 2).astype(np.float32)


INPUTS = ["b: float32[i, n, 4]", "s: float32[i, c, n]"]


@pytest.mark.parametrize("centre", [0, 1])
@pytest.mark.parametrize("most", [1, 3, 2**62])
def test_the_best_boxes_beside_onnx_runtime(most, centre):
    runtime = pytest.importorskip("onnxruntime")
    values = {"m": np.int64([most]), "o": np.float32([0.3]), "t": np.float32([-0.2])}
    made = one("NonMaxSuppression", "b s m o t", INPUTS, values, 11, "int64", center_point_box=centre)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for images, classes, n in ((1, 1, 9), (2, 3, 5), (1, 2, 1)):
        feeds = {"b": boxes(n, images), "s": normal(images, classes, n)}
        feeds["s"][..., -1:] = feeds["s"][..., :1]
        np.testing.assert_array_equal(loaded.run(feeds)[0], session.run(None, feeds)[0])


def test_limits_that_are_inputs_and_corners_in_any_order():
    inputs = [*INPUTS, "m: int64", "o: float32[1]", "t: float32[1]"]
    loaded = graphc.onnx.load(one("NonMaxSuppression", "b s m o t", inputs, opset=11, kind="int64"))
    given = np.float32([[[1, 1, 0, 0], [0, 0.1, 1, 1.1], [0, 5, 1, 6]]])
    score = np.float32([[[0.9, 0.8, 0.7]]])

    def found(most, overlap, least):
        return loaded.run([given, score, np.int64(most), np.float32([overlap]), np.float32([least])])[0][:, 2].tolist()

    assert found(3, 0.5, 0) == [0, 2]
    assert found(3, 0.9, 0) == [0, 1, 2]
    assert found(1, 0.9, 0) == [0]
    assert found(3, 0.9, 0.75) == [0, 1]
    assert found(-1, 0.9, 0) == [] and found(0, 0.9, 0) == []
    assert found(3, 0.9, 1) == []


def test_without_a_number_or_without_boxes_there_is_nothing():
    for names in ("b s", "b s m"):
        loaded = graphc.onnx.load(one("NonMaxSuppression", names, INPUTS, {"m": np.int64([4])}, 11, "int64"))
        n = 0 if "m" in names else 3
        assert loaded.run([boxes(n), normal(1, 2, n)])[0].shape == (0, 3)


# ------------------------------------------------------------------------------------------ regions of interest


OPEN = ["x: float32[b, c, h, w]", "r: float32[k, 4]", "i: int64[k]"]
FIXED = ["x: float32[1, 2, 4, 4]", "r: float32[k, 4]", "i: int64[k]"]


def regions(count, reach=12.0):
    corner = RANDOM.uniform(-2, reach, (count, 2))
    return np.concatenate([corner, corner + RANDOM.uniform(0.1, 9, (count, 2))], 1).astype(np.float32)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize(("opset", "ratio", "how"), [
    (10, 2, {}), (16, 0, {}), (16, 3, {}), (16, 0, {"coordinate_transformation_mode": "output_half_pixel"}),
])  # fmt: skip
def test_samples_of_regions_beside_onnx_runtime(mode, opset, ratio, how):
    runtime = pytest.importorskip("onnxruntime")
    made = one("RoiAlign", "x r i", OPEN, None, opset, mode=mode, sampling_ratio=ratio, output_height=3,
               output_width=2, spatial_scale=0.5, **how)  # fmt: skip
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for shape, count in (((2, 3, 6, 7), 5), ((1, 1, 4, 3), 1)):
        feeds = {"x": normal(*shape), "r": regions(count), "i": RANDOM.integers(0, shape[0], count)}
        np.testing.assert_allclose(loaded.run(feeds)[0], session.run(None, feeds)[0], rtol=1e-4, atol=1e-5)


def test_no_regions_give_no_answers():
    for ratio in (0, 2):
        made = one("RoiAlign", "x r i", FIXED, sampling_ratio=ratio)
        found = graphc.onnx.load(made).run([normal(1, 2, 4, 4), regions(0), np.zeros(0, np.int64)])[0]
        assert found.shape == (0, 2, 1, 1)


def test_gradients_of_means_of_regions():
    made = one("RoiAlign", "x r i", ["x: float64[1, 1, 5, 5]", "r: float64[2, 4]", "i: int64[2]"], kind="float64",
               sampling_ratio=2)  # fmt: skip
    rois = np.array([[0.3, 0.2, 3.9, 2.6], [1.1, 0.7, 2.2, 4.4]])
    arrays = [normal(1, 1, 5, 5, dtype=float), rois, np.zeros(2, np.int64)]
    check_gradients(graphc.onnx.load(made).trace(arrays).graph, arrays, modes=("reverse",))


def test_the_largest_of_regions_beside_onnx_runtime():
    runtime = pytest.importorskip("onnxruntime")
    inputs = ["x: float32[b, c, h, w]", "r: float32[k, 5]"]
    made = one("MaxRoiPool", "x r", inputs, pooled_shape=[3, 2], spatial_scale=0.5)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for shape, count in (((2, 3, 6, 7), 5), ((1, 1, 9, 3), 2)):
        rois = np.concatenate([RANDOM.integers(0, shape[0], (count, 1)), np.abs(regions(count))], 1).astype(np.float32)
        feeds = {"x": normal(*shape), "r": rois}
        np.testing.assert_array_equal(loaded.run(feeds)[0], session.run(None, feeds)[0])


@pytest.mark.parametrize(("made", "error", "words"), [
    (one("NonMaxSuppression", "b b", ["b: float32[1, 4]"], kind="int64"), ShapeError, "needs boxes"),
    (one("RoiAlign", "x r r", ["x: float32[1, 2, 4, 4]", "r: float32[3, 5]"]), ShapeError, "rois"),
    (one("RoiAlign", "x r i", FIXED, mode="min"), FormatError, "not one of avg, max"),
    (one("RoiAlign", "x r i", FIXED, output_width=0), ShapeError, "output sizes"),
    (one("MaxRoiPool", "x r", ["x: float32[1, 2, 4, 4]", "r: float32[3, 5]"]), FormatError, "pooled_shape"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(made, error, words):
    with pytest.raises(error, match=words):
        graphc.onnx.load(made).trace()
