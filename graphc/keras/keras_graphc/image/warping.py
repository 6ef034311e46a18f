"""Images seen through another geometry: affine and perspective transforms, elastic distortion."""

from __future__ import annotations

import graphc as tf

from graphc.keras.keras_graphc import random
from graphc.keras.keras_graphc.core import convert_to_tensor, shape
from graphc.keras.keras_graphc.image.layout import batched, channels_last, images_of
from graphc.keras.keras_graphc.image.sampling import check_fill_mode, sample

_ORDERS = {"nearest": 0, "bilinear": 1}


def _order(interpolation) -> int:
    if interpolation not in _ORDERS:
        raise ValueError(
            "Invalid value for argument `interpolation`. Expected one of "
            f"{tuple(_ORDERS)}. Received: interpolation={interpolation}"
        )
    return _ORDERS[interpolation]


def _projected(images, transform, order, fill_mode, fill_value):
    """A batch whose pixel (x, y) is taken from ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.

    ``transform`` is [batch or 1, 8]: a, b and c.
    """
    count, height, width, _ = shape(images)
    a0, a1, a2, b0, b1, b2, c0, c1 = tf.unstack(tf.cast(transform, "float32")[:, :, None, None], axis=1)
    x, y = tf.range(width, dtype="float32"), tf.range(height, dtype="float32")[:, None]
    scale = c0 * x + c1 * y + 1.0
    places = ((b0 * x + b1 * y + b2) / scale, (a0 * x + a1 * y + a2) / scale)
    if transform.shape[0] == 1:
        places = [tf.broadcast_to(place, (count, height, width)) for place in places]
    return sample(images, places, order, fill_mode, fill_value, batch=1)


def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None):
    order = _order(interpolation)
    check_fill_mode(fill_mode)
    images, transform = images_of(images), convert_to_tensor(transform)
    if len(transform.shape) not in (1, 2):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (one transform) or rank 2 (a batch of transforms). "
            f"Received: transform.shape={tuple(transform.shape)}"
        )
    if len(transform.shape) == 1:
        transform = transform[None]

    def transformed(x):
        return batched(x, lambda x: _projected(x, transform, order, fill_mode, fill_value))

    return channels_last(images, data_format, transformed)


def _check_points(name, points) -> None:
    if len(points.shape) not in (2, 3) or tuple(points.shape[-2:]) != (4, 2):
        raise ValueError(
            f"Invalid {name} shape: expected (4, 2) for one image or (N, 4, 2) for a batch. "
            f"Received: {name}.shape={tuple(points.shape)}"
        )


def perspective_transform(images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None):
    order = _order(interpolation)
    images = images_of(images)
    start_points, end_points = convert_to_tensor(start_points), convert_to_tensor(end_points)
    _check_points("start_points", start_points)
    _check_points("end_points", end_points)
    if tuple(start_points.shape) != tuple(end_points.shape):
        raise ValueError(
            "start_points and end_points must have the same shape. Received: "
            f"start_points.shape={tuple(start_points.shape)}, end_points.shape={tuple(end_points.shape)}"
        )
    if len(start_points.shape) == 2:
        start_points, end_points = start_points[None], end_points[None]
    transform = compute_homography_matrix(tf.cast(start_points, "float32"), tf.cast(end_points, "float32"))

    def transformed(x):
        return batched(x, lambda x: _projected(x, transform, order, "constant", fill_value))

    return channels_last(images, data_format, transformed)


def compute_homography_matrix(start_points, end_points):
    """The 8 numbers [batch, 8] of the perspective that takes each end point (x, y) to its start point [batch, 4, 2].

    The equations are linear: x' (c0 x + c1 y + 1) = a0 x + a1 y + a2, and so for y'.
    """
    start_points, end_points = convert_to_tensor(start_points), convert_to_tensor(end_points)
    placed = tf.concat([end_points, tf.ones_like(end_points[..., :1])], -1)  # x, y, 1
    nothing = tf.zeros_like(placed)
    rows = [
        tf.concat([first, second, -start_points[..., k : k + 1] * end_points], -1)
        for k, (first, second) in enumerate(((placed, nothing), (nothing, placed)))
    ]
    targets = tf.concat([start_points[..., :1], start_points[..., 1:]], -2)
    return tf.squeeze(tf.linalg.solve(tf.concat(rows, -2), targets), [-1])


def elastic_transform(
    images,
    alpha=20.0,
    sigma=5.0,
    interpolation="bilinear",
    fill_mode="reflect",
    fill_value=0.0,
    seed=None,
    data_format=None,
):
    """Images whose pixels are moved by smooth random distances.

    The distances are normal numbers with standard deviation ``sigma``, blurred by ``sigma``, times ``alpha``; those
    along x and y are drawn apart.
    """
    order = _order(interpolation)
    check_fill_mode(fill_mode)
    images = images_of(images)
    alpha, sigma = (tf.cast(convert_to_tensor(number), "float32") for number in (alpha, sigma))

    def distorted(x):
        count, height, width, _ = shape(x)
        noise = random.normal((2, count, height, width), dtype="float32", seed=seed) * sigma
        moved = alpha * tf.linalg.matmul(tf.linalg.matmul(_blur(height, sigma), noise), _blur(width, sigma))
        places = tf.range(height, dtype="float32")[:, None] + moved[0], tf.range(width, dtype="float32") + moved[1]
        return sample(x, places, order, fill_mode, fill_value, batch=1)

    return channels_last(images, data_format, lambda x: batched(x, distorted))


def _blur(size, sigma):
    """The matrix [size, size] that blurs along an axis with a bell of width ``sigma``, cut at three; zeros outside."""
    place = tf.range(size, dtype="float32")
    distance = place[:, None] - place[None, :]
    bell = tf.where(tf.abs(distance) <= 3 * sigma, tf.exp(-0.5 * tf.square(distance / sigma)), 0.0)
    side = tf.exp(-0.5 * tf.square(tf.range(1.0, tf.floor(3 * sigma) + 1) / sigma))
    return bell / (1 + 2 * tf.reduce_sum(side))
