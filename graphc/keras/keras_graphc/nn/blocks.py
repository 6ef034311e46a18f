"""Patches of ``keras.ops.nn`` as columns and back, and space moved into depth and back."""

from __future__ import annotations

import graphc as tf
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.lib import patches
from keras.src import backend

from graphc.keras.keras_graphc.core import convert_to_tensor, shape
from graphc.keras.keras_graphc.nn.convolutions import spatial

__all__ = ["depth_to_space", "fold", "space_to_depth", "unfold"]

_unfold = lift(Op("unfold", "Unfold", patches.unfold, "x"), eager)
_fold = lift(Op("fold", "Fold", patches.fold, "x"), eager)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    window, stride, dilation, padding = (spatial(v, 2) for v in (kernel_size, stride, dilation, padding))
    return _unfold(convert_to_tensor(input), window, stride, dilation, padding, padding)


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    window, stride, dilation, padding = (spatial(v, 2) for v in (kernel_size, stride, dilation, padding))
    return _fold(convert_to_tensor(x), spatial(output_size, 2), window, stride, dilation, padding, padding)


def depth_to_space(x, block_size, data_format="channels_last"):
    x, first, b = convert_to_tensor(x), _channels_first(data_format), block_size
    if not first:
        return tf.nn.depth_to_space(x, b)
    n, channels, height, width = shape(x)  # a block's places come after the channels here, not before as TensorFlow's
    x = tf.reshape(x, [n, channels // (b * b), b, b, height, width])
    return tf.reshape(tf.transpose(x, [0, 1, 4, 2, 5, 3]), [n, channels // (b * b), height * b, width * b])


def space_to_depth(x, block_size, data_format="channels_last"):
    x, first, b = convert_to_tensor(x), _channels_first(data_format), block_size
    if not first:
        return tf.nn.space_to_depth(x, b)
    n, channels, height, width = shape(x)
    x = tf.reshape(x, [n, channels, height // b, b, width // b, b])
    return tf.reshape(tf.transpose(x, [0, 1, 3, 5, 2, 4]), [n, channels * b * b, height // b, width // b])


def _channels_first(data_format) -> bool:
    return backend.standardize_data_format(data_format) == "channels_first"
