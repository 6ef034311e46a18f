"""Convolutions of ``keras.ops.nn``, of one to three spatial axes and both layouts."""

from __future__ import annotations

import graphc as tf
from keras.src import backend
from keras.src.backend.common.backend_utils import check_conv_input_channels

from graphc.keras.keras_graphc.core import convert_to_tensor

__all__ = ["conv", "depthwise_conv", "separable_conv"]


def spatial(value, count: int) -> tuple:
    """One value for each spatial axis."""
    return (value,) * count if isinstance(value, int) else tuple(value)


def layout(rank: int, data_format: str) -> str:
    axes = {1: "W", 2: "HW", 3: "DHW"}[rank]
    return f"N{axes}C" if data_format == "channels_last" else f"NC{axes}"


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    data_format = backend.standardize_data_format(data_format)
    kernel = convert_to_tensor(kernel)
    inputs = convert_to_tensor(inputs, kernel.dtype)
    rank = len(inputs.shape) - 2
    channels = inputs.shape[-1 if data_format == "channels_last" else 1]
    if channels % kernel.shape[-2]:
        raise ValueError(
            "The number of input channels must be evenly divisible by kernel's in_channels. "
            f"Received input channels {channels} and kernel in_channels {kernel.shape[-2]}. "
        )
    return tf.nn.convolution(
        inputs, kernel, strides=spatial(strides, rank), padding=padding.upper(),
        data_format=layout(rank, data_format), dilations=spatial(dilation_rate, rank),
    )  # fmt: skip


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    data_format = backend.standardize_data_format(data_format)
    inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
    check_conv_input_channels(inputs, kernel, data_format)
    *window, channels, multiplier = kernel.shape
    return conv(inputs, tf.reshape(kernel, [*window, 1, channels * multiplier]), strides, padding, data_format, dilation_rate)


def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                   dilation_rate=1):  # fmt: skip
    data_format = backend.standardize_data_format(data_format)
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, 1, "valid", data_format)
