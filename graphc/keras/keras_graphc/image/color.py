"""Colours of images: grey, and hue with saturation and value."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import is_float_dtype, standardize_dtype
from keras.src.backend.config import standardize_data_format

from graphc.keras.keras_graphc.image.layout import channels_last, images_of, precise

_GRAY = (0.2989, 0.5870, 0.1140)  # what red, green and blue count for


def rgb_to_grayscale(images, data_format=None):
    images = images_of(images)
    last = standardize_data_format(data_format) == "channels_last"
    axis = -1 if last else -3
    if images.shape[axis] == 1:
        return images
    if images.shape[axis] not in (3, None):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). "
            f"Received: images.shape={tuple(images.shape)}, data_format={standardize_data_format(data_format)!r}"
        )
    colors = precise(images)
    weights = tf.constant(_GRAY if last else [[[w]] for w in _GRAY], colors.dtype)
    return tf.cast(tf.reduce_sum(colors * weights, axis, keepdims=True), images.dtype)


def _colors_of(images):
    images = images_of(images)
    if not is_float_dtype(standardize_dtype(images.dtype)):
        raise ValueError(
            f"Invalid images dtype: expected float dtype. Received: images.dtype={standardize_dtype(images.dtype)}"
        )
    return images


def rgb_to_hsv(images, data_format=None):
    return channels_last(_colors_of(images), data_format, tf.image.rgb_to_hsv)


def hsv_to_rgb(images, data_format=None):
    return channels_last(_colors_of(images), data_format, _turned_hsv_to_rgb)


def _turned_hsv_to_rgb(images):
    """RGB, where a hue may have gone round the circle more than once."""
    turned = tf.concat([tf.math.floormod(images[..., :1], tf.ones([], images.dtype)), images[..., 1:]], -1)
    return tf.image.hsv_to_rgb(turned)
