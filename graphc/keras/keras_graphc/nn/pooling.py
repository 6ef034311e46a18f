"""Pooling of ``keras.ops.nn``: windows of one size, and as many windows as are asked for."""

from __future__ import annotations

import graphc as tf
import numpy as np
from keras.src import backend

from graphc.keras.keras_graphc.core import convert_to_tensor, shape
from graphc.keras.keras_graphc.nn.convolutions import layout, spatial

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    return _pool(inputs, "MAX", pool_size, strides, padding, data_format)


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    return _pool(inputs, "AVG", pool_size, strides, padding, data_format)


def _pool(inputs, kind: str, pool_size, strides, padding: str, data_format):
    inputs, data_format = convert_to_tensor(inputs), backend.standardize_data_format(data_format)
    if padding not in ("valid", "same"):
        raise ValueError(f"Invalid padding '{padding}', must be 'same' or 'valid'.")
    rank = len(inputs.shape) - 2
    window = spatial(pool_size, rank)
    return tf.nn.pool(
        inputs, window, kind, strides=window if strides is None else spatial(strides, rank), padding=padding.upper(),
        data_format=layout(rank, data_format),
    )  # fmt: skip


def adaptive_max_pool(inputs, output_size, data_format=None):
    return _adaptive(inputs, output_size, data_format, "MAX")


def adaptive_average_pool(inputs, output_size, data_format=None):
    return _adaptive(inputs, output_size, data_format, "AVG")


def _adaptive(inputs, output_size, data_format, kind: str):
    """Window ``i`` of ``m`` over ``n`` elements is from ``floor(i * n / m)`` up to ``ceil((i + 1) * n / m)``."""
    x, data_format = convert_to_tensor(inputs), backend.standardize_data_format(data_format)
    rank = len(x.shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"adaptive_{'max' if kind == 'MAX' else 'average'}_pool supports only 1D/2D/3D inputs")
    first = 1 if data_format == "channels_last" else 2
    counts, sizes = spatial(output_size, rank), x.shape.as_list()[first : first + rank]
    if all(n is not None and n % m == 0 for n, m in zip(sizes, counts)):
        return _pool(x, kind, tuple(n // m for n, m in zip(sizes, counts)), None, "valid", data_format)
    for axis, (n, m) in enumerate(zip(shape(x)[first : first + rank], counts), first):
        x = _pooled_along(x, axis, n, m, kind)
    return x


def _pooled_along(x, axis: int, n, m: int, kind: str):
    """The elements of every window side by side, then as one; shorter windows show their last element again."""
    start = np.arange(m) * n // m if isinstance(n, int) else tf.range(m) * n // m
    count = -(np.arange(1, m + 1) * -n // m) - start if isinstance(n, int) else -(tf.range(1, m + 1) * -n // m) - start
    most = int(count.max()) if isinstance(n, int) else n // m + 2
    offset = np.arange(most) if isinstance(n, int) else tf.range(most)
    nearest = np.minimum if isinstance(n, int) else tf.minimum
    windows = tf.gather(x, start[:, None] + nearest(offset[None, :], count[:, None] - 1), axis=axis)
    if kind == "MAX":
        return tf.reduce_max(windows, axis=axis + 1)
    ones = [1] * (len(x.shape) - axis - 1)
    counted = tf.reshape(tf.cast(offset[None, :] < count[:, None], x.dtype), [m, most, *ones])
    return tf.reduce_sum(windows * counted, axis=axis + 1) / tf.reshape(tf.cast(count, x.dtype), [m, *ones])
