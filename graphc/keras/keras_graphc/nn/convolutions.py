"""Convolutions of ``keras.ops.nn`` and their transposes, of one to three spatial axes and both layouts."""

from __future__ import annotations

import graphc as tf
from keras.src import backend
from keras.src.backend.common.backend_utils import (
    check_conv_input_channels, check_conv_transpose_input_channels, compute_conv_transpose_padding_args_for_jax,
)  # fmt: skip

from graphc.keras.keras_graphc.core import convert_to_tensor, shape

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


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
    if channels is not None and channels % kernel.shape[-2]:
        raise ValueError(
            "The number of input channels must be evenly divisible by kernel's in_channels. "
            f"Received input channels {channels} and kernel in_channels {kernel.shape[-2]}. "
        )
    answer = tf.nn.convolution(
        inputs, kernel, strides=spatial(strides, rank), padding=padding.upper(),
        data_format=layout(rank, data_format), dilations=spatial(dilation_rate, rank),
    )  # fmt: skip
    if 0 in answer.shape.as_list() and 0 not in inputs.shape.as_list():
        raise ValueError(
            f"The convolution operation resulted in an empty output. Output shape: {tuple(answer.shape)}. "
            "This can happen if the input is too small for the given kernel size, strides, dilation rate, and padding "
            "mode. Please check the input shape and convolution parameters."
        )
    return answer


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    data_format = backend.standardize_data_format(data_format)
    inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
    check_conv_input_channels(inputs, kernel, data_format)
    *window, channels, multiplier = kernel.shape
    flat = tf.reshape(kernel, [*window, 1, channels * multiplier])
    return conv(inputs, flat, strides, padding, data_format, dilation_rate)


def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None,
                   dilation_rate=1):  # fmt: skip
    data_format = backend.standardize_data_format(data_format)
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None,
                   dilation_rate=1):  # fmt: skip
    data_format = backend.standardize_data_format(data_format)
    inputs, kernel = convert_to_tensor(inputs), convert_to_tensor(kernel)
    check_conv_transpose_input_channels(inputs, kernel, data_format)
    rank, last = len(inputs.shape) - 2, data_format == "channels_last"
    strides, dilation_rate = spatial(strides, rank), spatial(dilation_rate, rank)
    added = compute_conv_transpose_padding_args_for_jax(
        inputs.shape, kernel.shape, strides, padding, output_padding, dilation_rate
    )
    # Keras says how far the kernel slides over either end: what is missing there is cut off, what is too much are zeros
    reaches = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:-2], dilation_rate)]
    lost = [(reach - 1 - low, reach - 1 - high) for reach, (low, high) in zip(reaches, added)]
    cut = [(low, max(high, 0)) for low, high in lost]
    sizes, filters = shape(inputs), kernel.shape[-2]
    room = sizes[1:-1] if last else sizes[2:]
    wanted = [(n - 1) * s + reach - low - high for n, s, reach, (low, high) in zip(room, strides, reaches, cut)]
    before, after = ([(0, 0)], [(0, 0)]) if last else ([(0, 0)] * 2, [])
    answer = tf.nn.conv_transpose(
        inputs, kernel, [sizes[0], *wanted, filters] if last else [sizes[0], filters, *wanted], strides,
        padding=[*before, *cut, *after], data_format=layout(rank, data_format), dilations=dilation_rate,
    )  # fmt: skip
    gained = [(0, max(-high, 0)) for _, high in lost]
    return tf.pad(answer, [*before, *gained, *after]) if any(high for _, high in gained) else answer
