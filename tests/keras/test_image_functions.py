"""``keras.ops.image`` on graphc against NumPy: Keras' own tests of it need TensorFlow and JAX."""

import colorsys
import itertools

import numpy as np
import pytest

import graphc as tf
from graphc import keras

image = keras.ops.image
RNG = np.random.default_rng(7)
PAD = {"constant": "constant", "nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric"}


def picture(*shape, dtype="float32"):
    return RNG.uniform(0, 255, shape).astype(dtype) if dtype == "float32" else RNG.integers(0, 255, shape).astype(dtype)


def interpolated(x, places, order, mode, fill=0.0, margin=30):
    """The values of ``x`` [n axes] at places, one by one over an array with wide margins."""
    keywords = {"constant_values": fill} if mode == "constant" else {}
    wide = np.pad(x.astype(np.float64), margin, PAD[mode], **keywords)
    places = [np.asarray(p, np.float64) + margin for p in places]
    if order == 0:
        return wide[tuple(np.floor(p + 0.5).astype(int) for p in places)]
    low = [np.floor(p).astype(int) for p in places]
    total = 0.0
    for corner in itertools.product((0, 1), repeat=x.ndim):
        weight = 1.0
        for p, first, step in zip(places, low, corner):
            weight = weight * (p - first if step else 1 - (p - first))
        total = total + weight * wide[tuple(first + step for first, step in zip(low, corner))]
    return total


@pytest.mark.parametrize("mode", PAD)
@pytest.mark.parametrize("order", [0, 1])
def test_coordinates_between_and_beyond_the_elements(order, mode):
    x = picture(5, 7)
    places = RNG.uniform(-9, 14, (2, 40)).astype("float32")
    answer = image.map_coordinates(x, places, order, fill_mode=mode, fill_value=3.0)
    np.testing.assert_allclose(answer, interpolated(x, places, order, mode, 3.0), rtol=1e-4, atol=1e-3)


def test_coordinates_of_integers_are_rounded_and_of_one_element_are_known():
    x = np.array([0, 3, 250], "uint8")
    assert image.map_coordinates(x, [[0.5, 1.5, 1.9]], 1).numpy().tolist() == [2, 126, 225]
    for mode in PAD:
        answer = image.map_coordinates([7.0], [[-3.0, 0.0, 5.0]], 0, fill_mode=mode)
        assert answer.numpy().tolist() == ([0, 7, 0] if mode == "constant" else [7, 7, 7])
    far = image.map_coordinates([1.0, 2.0], [[np.nan, np.inf, -np.inf]], 0, fill_mode="nearest")
    assert far.numpy()[1:].tolist() == [2, 1]


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_affine_and_perspective_transforms_follow_their_formula(layout):
    x = picture(2, 6, 8, 3)
    given = x if layout == "channels_last" else np.moveaxis(x, -1, 1)
    transform = np.array([[0.9, 0.2, 1, -0.1, 1.1, -2, 0.01, 0.02], [1, 0, 2.5, 0, 1, 0.5, 0, 0]], "float32")
    answer = image.affine_transform(given, transform, fill_mode="reflect", data_format=layout).numpy()
    answer = answer if layout == "channels_last" else np.moveaxis(answer, 1, -1)
    down, across = np.mgrid[:6, :8]
    for k, (a0, a1, a2, b0, b1, b2, c0, c1) in enumerate(transform):
        scale = c0 * across + c1 * down + 1
        places = (b0 * across + b1 * down + b2) / scale, (a0 * across + a1 * down + a2) / scale
        for channel in range(3):
            wanted = interpolated(x[k, :, :, channel], places, 1, "reflect")
            np.testing.assert_allclose(answer[k, :, :, channel], wanted, rtol=1e-4, atol=1e-2)

    start = np.array([[0, 0], [7, 0], [0, 5], [7, 5]], "float32")
    end = start + np.array([[0.5, 0.2], [-1, 0.4], [0.3, -0.6], [-0.2, -0.1]], "float32")
    matrix = keras.src.backend.image.compute_homography_matrix(start[None], end[None]).numpy()[0]
    seen = np.c_[end, np.ones(4)] @ np.append(matrix, 1).reshape(3, 3).T
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], start, atol=1e-4)
    moved = image.perspective_transform(given, start, end, data_format=layout)
    same = image.affine_transform(given, np.stack([matrix, matrix]), data_format=layout)
    np.testing.assert_allclose(moved, same, atol=1e-3)


def test_sizes_that_only_a_run_knows():
    specs = [tf.TensorSpec([None, None, None, 3])]
    transform = np.array([[1, 0, 2, 0, 1, 1, 0, 0]], "float32")
    functions = [
        lambda x: image.resize(x, (4, 5), crop_to_aspect_ratio=True),
        lambda x: image.resize(x, (4, 5), pad_to_aspect_ratio=True, fill_value=9.0),
        lambda x: image.resize(x, (12, 5), "lanczos3", antialias=True),
        lambda x: keras.src.backend.image.affine_transform(x, transform, fill_mode="wrap"),
        lambda x: image.gaussian_blur(x, (3, 5), (1.0, 2.0)),
        lambda x: image.rgb_to_hsv(x),
    ]
    for function in functions:
        compiled = tf.function(function, autograph=False, input_signature=specs)
        for shape in ((2, 9, 6, 3), (3, 5, 11, 3)):
            x = picture(*shape)
            np.testing.assert_allclose(compiled(x), function(x), rtol=1e-4, atol=1e-3)


def test_kept_proportions():
    x = picture(6, 10, 1)
    cut = image.resize(x, (3, 3), crop_to_aspect_ratio=True)
    np.testing.assert_array_equal(cut, image.resize(x[:, 2:8], (3, 3)))
    padded = image.resize(x, (5, 5), "nearest", pad_to_aspect_ratio=True, fill_value=4.0)
    wide = np.pad(x, [(2, 2), (0, 0), (0, 0)], constant_values=4.0)
    np.testing.assert_array_equal(padded, image.resize(wide, (5, 5), "nearest"))
    assert image.resize(picture(4, 4, 3, dtype="uint8"), (2, 2)).dtype is tf.uint8
    assert image.resize(x.astype("float16"), (2, 2)).dtype is tf.float16


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_colours(layout):
    x = RNG.uniform(0, 1, (4, 5, 3)).astype("float32")
    given = x if layout == "channels_last" else np.moveaxis(x, -1, 0)
    hues = image.rgb_to_hsv(given, data_format=layout).numpy()
    wanted = np.array([[colorsys.rgb_to_hsv(*map(float, pixel)) for pixel in row] for row in x])
    np.testing.assert_allclose(hues if layout == "channels_last" else np.moveaxis(hues, 0, -1), wanted, atol=1e-5)
    np.testing.assert_allclose(image.hsv_to_rgb(hues, data_format=layout), given, atol=1e-5)
    hues[(..., 0) if layout == "channels_last" else 0] += 2
    np.testing.assert_allclose(image.hsv_to_rgb(hues, data_format=layout), given, atol=1e-5)
    gray = image.rgb_to_grayscale((given * 255).astype("uint8"), data_format=layout).numpy()
    plain = ((x * 255).astype("uint8") * np.array([0.2989, 0.587, 0.114])).sum(-1)
    assert gray.dtype == np.uint8 and np.abs(np.squeeze(gray) - plain).max() <= 1


def test_blur_is_a_product_of_two_bells():
    x = picture(7, 9, 2)
    answer = image.gaussian_blur(x, (3, 5), (0.8, 1.5)).numpy()  # three across, five down

    def bell(size, sigma):
        weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
        return weights / weights.sum()

    window = np.outer(bell(5, 1.5), bell(3, 0.8))[:, :, None]
    wide = np.pad(x, [(2, 2), (1, 1), (0, 0)])
    wanted = [[(wide[i : i + 5, j : j + 3] * window).sum((0, 1)) for j in range(9)] for i in range(7)]
    np.testing.assert_allclose(answer, wanted, rtol=1e-4)


def test_elastic_transform_moves_pixels_a_little_and_by_its_seed():
    x = np.linspace(0, 1, 64, dtype="float32")[None, :, None, None] * np.ones((2, 1, 48, 3), "float32")
    first = image.elastic_transform(x, alpha=1.0, sigma=4.0, seed=3).numpy()
    assert np.array_equal(first, image.elastic_transform(x, alpha=1.0, sigma=4.0, seed=3))
    assert not np.array_equal(first, image.elastic_transform(x, alpha=1.0, sigma=4.0, seed=4))
    assert 0 < np.abs(first - x).max() < 0.1 and not np.array_equal(first[0], first[1])
    compiled = tf.function(lambda x, s: image.elastic_transform(x, alpha=1.0, sigma=s, seed=3), autograph=False)
    np.testing.assert_allclose(compiled(x, 4.0), first, atol=1e-5)


@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3"])
@pytest.mark.parametrize("antialias", [False, True])
def test_scaling_by_two_and_back_is_resizing(method, antialias):
    x = picture(6, 4, 2)
    names = {"linear": "bilinear", "cubic": "bicubic"}
    for scale in (2.0, 0.5):
        shape = (int(6 * scale), int(4 * scale), 2)
        answer = image.scale_and_translate(x, shape, [scale, scale], [0.0, 0.0], (0, 1), method, antialias)
        if method == "lanczos3" or antialias:
            wanted = image.resize(x, shape[:2], names.get(method, method), antialias=antialias)
            np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=0.05)
    moved = image.scale_and_translate(x, (6, 4, 2), [1.0], [2.0], (0,), method, antialias)
    np.testing.assert_allclose(moved, np.pad(x, [(2, 0), (0, 0), (0, 0)])[:6], atol=1e-3)


def test_images_of_no_image_are_refused():
    with pytest.raises(ValueError, match="rank 3"):
        image.rgb_to_hsv(np.zeros((3, 3), "float32"))
    with pytest.raises(ValueError, match="expected 3"):
        image.rgb_to_grayscale(np.zeros((3, 3, 2), "float32"))
    with pytest.raises(ValueError, match="float dtype"):
        image.hsv_to_rgb(np.zeros((3, 3, 3), "int32"))
    with pytest.raises(ValueError, match="fill_mode"):
        image.affine_transform(np.zeros((3, 3, 3), "float32"), np.zeros(8, "float32"), fill_mode="none")


def test_preprocessing_layers_run_alone_and_inside_of_a_model():
    x = picture(4, 12, 12, 3)
    chain = keras.Sequential(
        [
            keras.layers.RandomRotation(0.2, seed=1),
            keras.layers.RandomZoom(0.2, seed=2),
            keras.layers.RandomFlip(seed=3),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Resizing(8, 8),
        ]
    )
    changed = chain(x, training=True).numpy()
    assert changed.shape == (4, 8, 8, 3) and 0 <= changed.min() and changed.max() <= 1
    np.testing.assert_allclose(chain(x, training=False), image.resize(x / 255, (8, 8)), atol=1e-5)
    model = keras.Sequential([chain, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, np.zeros((4, 1)), epochs=2, verbose=0).history["loss"]).all()
