"""Sampling by grids, affine grids, deformable convolution, blocks of pixels, cropping, image files."""

import io

import numpy as np
import pytest
from onnx_models import model, node
from operator_calls import interpreted

import graphc
from graphc.autodiff.check import check_gradients
from graphc.errors import FormatError, ShapeError

RANDOM = np.random.default_rng(11)


def normal(*shape, dtype=np.float32):
    return RANDOM.normal(size=shape).astype(dtype)


def one(op, names, inputs, values=None, opset=20, kind="float32", **attributes):
    return model([node(op, names, "y", **attributes)], inputs, [f"y: {kind}"], values, opset)


# ---------------------------------------------------------------------------------------------- grids


@pytest.mark.parametrize("aligned", [0, 1])
@pytest.mark.parametrize("border", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_grids_of_open_sizes_beside_onnx_runtime(mode, border, aligned):
    runtime = pytest.importorskip("onnxruntime")
    inputs = ["x: float32[b, c, h, w]", "g: float32[b, k, l, 2]"]
    made = one("GridSample", "x g", inputs, mode=mode, padding_mode=border, align_corners=aligned)
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    loaded = graphc.onnx.load(made)
    for sizes in ((1, 2, 4, 5, 3, 6), (2, 1, 3, 2, 7, 2)):
        b, c, h, w, k, m = sizes
        feeds = {"x": normal(b, c, h, w), "g": (normal(b, k, m, 2) * 1.2).astype(np.float32)}
        found = interpreted(made, feeds) if aligned else loaded.run(feeds)  # the same code but for the scale
        np.testing.assert_allclose(found[0], session.run(None, feeds)[0], rtol=1e-3, atol=1e-4)


def test_positions_far_away_and_no_numbers():
    x = normal(1, 1, 3, 3)
    grid = np.float32([[[[1e30, 0], [-np.inf, 0], [0, 0]]]])
    inputs = ["x: float32[1, 1, 3, 3]", "g: float32[1, 1, 3, 2]"]
    zeros = graphc.onnx.load(one("GridSample", "x g", inputs, mode="nearest")).run([x, grid])[0]
    assert zeros.ravel().tolist() == [0, 0, x[0, 0, 1, 1]]
    edge = graphc.onnx.load(one("GridSample", "x g", inputs, mode="nearest", padding_mode="border")).run([x, grid])[0]
    assert edge.ravel().tolist() == [x[0, 0, 1, 2], x[0, 0, 1, 0], x[0, 0, 1, 1]]


def test_nothing_outside_counts_even_where_the_input_is_infinite():
    x = np.full((1, 1, 2, 2), np.inf, np.float32)
    grid = np.full((1, 1, 1, 2), 5, np.float32)
    made = one("GridSample", "x g", ["x: float32[1, 1, 2, 2]", "g: float32[1, 1, 1, 2]"])
    assert graphc.onnx.load(made).run([x, grid])[0].item() == 0


def test_first_names_of_the_modes_and_integers():
    made = one("GridSample", "x g", ["x: int32[1, 1, 1, 3]", "g: float32[1, 1, 2, 2]"], opset=16, kind="int32",
               mode="bilinear", align_corners=1)  # fmt: skip
    found = graphc.onnx.load(made).run([np.int32([[[[0, 10, 30]]]]), np.float32([[[[-0.5, 0], [0.5, 0]]]])])[0]
    assert found.ravel().tolist() == [5, 20]


def test_gradients_of_samples_by_image_and_grid():
    made = one("GridSample", "x g", ["x: float64[1, 2, 3, 3]", "g: float64[1, 2, 2, 2]"], kind="float64")
    arrays = [normal(1, 2, 3, 3, dtype=float), RANDOM.uniform(-0.6, 0.6, (1, 2, 2, 2))]
    check_gradients(graphc.onnx.load(made).trace(arrays).graph, arrays, modes=("reverse",))


def test_affine_grids_of_open_sizes():
    nodes = [node("Shape", "x", "size"), node("AffineGrid", "t size", "y")]
    loaded = graphc.onnx.load(model(nodes, ["t: float32[b, 2, 3]", "x: float32[b, 1, h, w]"], ["y: float32"], opset=20))
    for h, w in ((2, 5), (4, 3)):
        t = normal(2, 2, 3)
        y, x = np.meshgrid((np.arange(h) * 2 + 1) / h - 1, (np.arange(w) * 2 + 1) / w - 1, indexing="ij")
        answer = np.einsum("bij,hwj->bhwi", t, np.stack([x, y, np.ones_like(x)], -1))
        np.testing.assert_allclose(loaded.run([t, normal(2, 1, h, w)])[0], answer, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------ deformable convolution


def sample(image, y, x):
    """Bilinear, zeros outside."""
    total = 0.0
    for i in (int(np.floor(y)), int(np.floor(y)) + 1):
        for j in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                total += image[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


def test_deformable_convolution():
    strides, dilations, pads, groups, spread = (2, 1), (1, 2), (1, 0, 1, 2), 2, 2
    x, w, b = normal(2, 4, 5, 6), normal(6, 2, 2, 2), normal(6)
    rows, columns = (5 + 2 - 2) // 2 + 1, 6 + 2 - 3 + 1
    offset, mask = normal(2, spread * 8, rows, columns), normal(2, spread * 4, rows, columns)
    answer = np.zeros((2, 6, rows, columns))
    moved, masked = offset.reshape(2, spread, 2, 2, 2, rows, columns), mask.reshape(2, spread, 2, 2, rows, columns)
    for n, o, c, i, j, r, s in np.ndindex(2, 6, 2, 2, 2, rows, columns):
        channel = o // 3 * 2 + c
        g = channel // 2
        y = r * strides[0] - pads[0] + i * dilations[0] + moved[n, g, i, j, 0, r, s]
        z = s * strides[1] - pads[1] + j * dilations[1] + moved[n, g, i, j, 1, r, s]
        answer[n, o, r, s] += w[o, c, i, j] * masked[n, g, i, j, r, s] * sample(x[n, channel], y, z)
    inputs = ["x: float32[n, 4, 5, 6]", "w: float32[6, 2, 2, 2]", f"o: float32[n, 16, {rows}, l]", "b: float32[6]",
              f"m: float32[n, 8, {rows}, l]"]  # fmt: skip
    made = one("DeformConv", "x w o b m", inputs, opset=19, strides=list(strides), dilations=list(dilations),
               pads=list(pads), group=groups, offset_group=spread)  # fmt: skip
    found = graphc.onnx.load(made).run([x, w, offset, b, mask])[0]
    np.testing.assert_allclose(found, answer + b[:, None, None], rtol=1e-4, atol=1e-4)


# --------------------------------------------------------------------------------------------------- blocks


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_of_open_sizes_and_back(mode):
    deep = graphc.onnx.load(one("DepthToSpace", "x", ["x: float32[b, 8, h, w]"], opset=13, blocksize=2, mode=mode))
    flat = graphc.onnx.load(one("SpaceToDepth", "x", ["x: float32[b, 2, h, w]"], opset=28, blocksize=2, mode=mode))
    for h, w in ((2, 3), (1, 4)):
        x = normal(2, 8, h, w)
        y = deep.run([x])[0]
        parts = x.reshape(2, 2, 2, 2, h, w)
        answer = parts.transpose((0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3))
        np.testing.assert_array_equal(y, answer.reshape(2, 2, 2 * h, 2 * w))
        np.testing.assert_array_equal(flat.run([y])[0], x)


def test_blocks_added_up_in_an_image_of_open_size():
    made = one("Col2Im", "x size block", ["x: float32[1, 8, n]", "size: int64[2]"], {"block": np.int64([2, 2])}, 18,
               strides=[1, 2], pads=[0, 1, 1, 0], dilations=[2, 1])  # fmt: skip
    loaded = graphc.onnx.load(made)
    for h, w in ((4, 5), (3, 7)):
        rows, columns = h + 1 - 2, (w + 1 - 2) // 2 + 1
        x = normal(1, 8, rows * columns)
        whole = np.zeros((2, h + 1, w + 1))
        for c, i, j, r, s in np.ndindex(2, 2, 2, rows, columns):
            whole[c, r + 2 * i, 2 * s + j] += x[0, c * 4 + i * 2 + j, r * columns + s]
        np.testing.assert_allclose(loaded.run([x, np.int64([h, w])])[0][0], whole[:, :h, 1:], rtol=1e-5, atol=1e-6)


def test_the_middle_of_open_sizes():
    made = one("CenterCropPad", "x size", ["x: int32[h, w]"], {"size": np.int64([4, 3])}, 18, "int32", axes=[-1, 0])
    loaded = graphc.onnx.load(made)
    for h, w in ((2, 7), (6, 3), (3, 4), (5, 1)):
        x = RANDOM.integers(1, 9, (h, w)).astype(np.int32)
        answer = np.zeros((3, 4), np.int32)
        top, left = (max(h - 3, 0)) // 2, (max(w - 4, 0)) // 2
        inner = x[top : top + min(h, 3), left : left + min(w, 4)]
        down, right = (3 - inner.shape[0]) // 2, (4 - inner.shape[1]) // 2
        answer[down : down + inner.shape[0], right : right + inner.shape[1]] = inner
        np.testing.assert_array_equal(loaded.run([x])[0], answer)


# ---------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
@pytest.mark.parametrize("pixels", ["RGB", "BGR", "Grayscale"])
def test_files_of_many_kinds(kind, pixels):
    image = pytest.importorskip("PIL.Image")
    picture = RANDOM.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    file = io.BytesIO()
    image.fromarray(picture).save(file, kind, **({"lossless": True} if kind == "WEBP" else {}))
    loaded = graphc.onnx.load(one("ImageDecoder", "x", ["x: uint8[n]"], kind="uint8", pixel_format=pixels))
    found = loaded.run([np.frombuffer(file.getvalue(), np.uint8)])[0]
    grey = np.asarray(image.fromarray(picture).convert("L"))[:, :, None]
    np.testing.assert_array_equal(found, {"RGB": picture, "BGR": picture[:, :, ::-1], "Grayscale": grey}[pixels])


def test_a_damaged_file_is_an_empty_image():
    pytest.importorskip("PIL.Image")
    loaded = graphc.onnx.load(one("ImageDecoder", "x", ["x: uint8[n]"], kind="uint8"))
    for raw in (b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40):
        assert loaded.run([np.frombuffer(raw, np.uint8)])[0].shape == (0, 0, 3)


@pytest.mark.parametrize(("made", "error", "words"), [
    (one("GridSample", "x g", ["x: float32[1, 1, 2, 2]", "g: float32[1, 2, 2, 3]"]), ShapeError, "needs X"),
    (one("GridSample", "x x", ["x: float32[1, 1, 2, 2]"], mode="soft"), FormatError, "'soft', not one of"),
    (one("AffineGrid", "t z", ["t: float32[1, 2, 2]"], {"z": np.int64([1, 1, 2, 2])}), ShapeError, "needs theta"),
    (one("DepthToSpace", "x", ["x: float32[1, 3, 2, 2]"], blocksize=2), ShapeError, "3 channels"),
    (one("SpaceToDepth", "x", ["x: float32[1, 3, 3, 2]"], blocksize=2), ShapeError, "3 x 2 pixels"),
    (one("SpaceToDepth", "x", ["x: float32[1, 3, 2]"], blocksize=2), ShapeError, "batch, channels, height, width"),
    (one("Col2Im", "x z z", ["x: float32[1, 4, 3]"], {"z": np.int64([2, 2])}, 18), ShapeError, "1 blocks"),
    (one("DeformConv", "x w o", ["x: float32[1, 2, 3, 3]", "w: float32[1, 2, 2, 2]", "o: float32[1, 7, 2, 2]"]),
     ShapeError, "8 channels"),
    (one("ImageDecoder", "x", ["x: int32[n]"], kind="uint8"), ShapeError, "vector of uint8"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(made, error, words):
    with pytest.raises(error, match=words):
        graphc.onnx.load(made).trace()
