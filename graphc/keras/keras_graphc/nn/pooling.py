"""Pooling of ``keras.ops.nn``."""

from __future__ import annotations

import graphc as tf
from keras.src import backend

from graphc.keras.keras_graphc.core import convert_to_tensor
from graphc.keras.keras_graphc.nn.convolutions import layout, spatial

__all__ = ["average_pool", "max_pool"]


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    return _pool(inputs, "MAX", pool_size, strides, padding, data_format)


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    return _pool(inputs, "AVG", pool_size, strides, padding, data_format)


def _pool(inputs, kind: str, pool_size, strides, padding: str, data_format):
    inputs, data_format = convert_to_tensor(inputs), backend.standardize_data_format(data_format)
    rank = len(inputs.shape) - 2
    window = spatial(pool_size, rank)
    return tf.nn.pool(
        inputs, window, kind, strides=window if strides is None else spatial(strides, rank), padding=padding.upper(),
        data_format=layout(rank, data_format),
    )  # fmt: skip
