"""Images of another size: resized as a whole, cut or padded to keep their shape, scaled and moved along single axes."""

from __future__ import annotations

import graphc as tf
from graphc.lib.resample import KERNELS, Sampling
from keras.src.backend.config import standardize_data_format

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape
from graphc.keras.keras_graphc.image.layout import channels_last, images_of, precise, rounded_to

RESIZE_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_SHAPES = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), "linear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "cubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


def resize(
    images,
    size,
    interpolation="bilinear",
    antialias=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    fill_mode="constant",
    fill_value=0.0,
    data_format=None,
):
    if interpolation not in RESIZE_INTERPOLATIONS:
        raise ValueError(
            "Invalid value for argument `interpolation`. Expected one of "
            f"{RESIZE_INTERPOLATIONS}. Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")
    if len(size) != 2:
        raise ValueError(f"Argument `size` must be two numbers (height, width). Received: size={size}")
    images = images_of(images)
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        fitted = _cropped if crop_to_aspect_ratio else _padded
        images = fitted(images, size, standardize_data_format(data_format), fill_value)

    def resized(x):
        return tf.image.resize(x, tuple(size), method=interpolation, antialias=antialias)

    answer = channels_last(images, data_format, resized)
    # what is not floating is rounded by Keras, which takes the dtype of the answer as a sign
    return tf.cast(answer, images.dtype) if images.dtype.is_floating else answer


def _height_axis(images, data_format: str) -> int:
    return len(images.shape) - (3 if data_format == "channels_last" else 2)


def _largest(a, b):
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else tf.maximum(a, b)


def _smallest(a, b):
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else tf.minimum(a, b)


def _cropped(images, size, data_format, fill_value):
    """The largest part around the middle whose sides have the proportion of ``size``."""
    axis = _height_axis(images, data_format)
    height, width = shape(images)[axis : axis + 2]
    sides = _smallest(height, width * size[0] // size[1]), _smallest(width, height * size[1] // size[0])
    parts = [slice(None)] * len(images.shape)
    for place, whole, side in zip((axis, axis + 1), (height, width), sides):
        side = _largest(side, 1)
        first = (whole - side) // 2
        parts[place] = slice(first, first + side)
    return images[tuple(parts)]


def _padded(images, size, data_format, fill_value):
    """The images with equal margins on two sides, so that all have the proportion of ``size``."""
    axis = _height_axis(images, data_format)
    height, width = shape(images)[axis : axis + 2]
    sides = width * size[0] // size[1], height * size[1] // size[0]
    margins = [[0, 0] for _ in images.shape]
    for place, whole, side in zip((axis, axis + 1), (height, width), sides):
        margins[place] = [(_largest(side, whole) - whole) // 2] * 2
    return tf.pad(images, margins, constant_values=cast(fill_value, images.dtype))


def scale_and_translate(images, output_shape, scale, translation, spatial_dims, method, antialias=True):
    """Images of ``output_shape``, each axis of ``spatial_dims`` scaled and then moved; 0 comes from outside.

    One product with a matrix of weights per axis, as ``jax.image.scale_and_translate`` has it.
    """
    if method not in _SHAPES:
        raise ValueError(
            f"Invalid value for argument `method`. Expected one of {tuple(_SHAPES)}. Received: method={method}"
        )
    images = convert_to_tensor(images)
    scale, translation = precise(convert_to_tensor(scale)), precise(convert_to_tensor(translation))
    pixels = precise(images)
    for number, axis in enumerate(spatial_dims):
        size = shape(pixels)[axis]
        weights = _weights(size, output_shape[axis], scale[number], translation[number], _SHAPES[method], antialias)
        pixels = _contracted(pixels, axis % len(images.shape), tf.cast(weights, pixels.dtype))
    return rounded_to(pixels, images.dtype)


def _weights(size, wanted: int, scale, translation, kind: str, antialias: bool):
    """How much each of ``size`` elements counts for each of ``wanted``: a matrix [wanted, size]."""
    scale, translation = tf.cast(scale, "float32"), tf.cast(translation, "float32")
    inverse = 1.0 / scale
    centers = (tf.range(wanted, dtype="float32") + 0.5 - translation) * inverse - 0.5
    distance = tf.abs(centers[:, None] - tf.range(size, dtype="float32")[None, :])
    if antialias:
        distance = distance / tf.maximum(inverse, 1.0)
    weights = KERNELS[kind](tf, distance, Sampling(cubic=-0.5))
    total = tf.reduce_sum(weights, 1, keepdims=True)
    seen = tf.abs(total) > 1000 * 1.1920929e-07  # of single precision
    weights = tf.where(seen, weights / tf.where(seen, total, 1.0), 0.0)
    inside = (centers >= -0.5) & (centers <= tf.cast(size, "float32") - 0.5)
    return tf.where(inside[:, None], weights, 0.0)


def _contracted(x, axis: int, weights):
    """``x`` with the products of ``weights`` and its elements along an axis in their place."""
    rank = len(x.shape)
    order = [*range(axis), *range(axis + 1, rank), axis]
    answer = tf.linalg.matmul(tf.transpose(x, order), weights, transpose_b=True)
    return tf.transpose(answer, [order.index(k) for k in range(rank)])
