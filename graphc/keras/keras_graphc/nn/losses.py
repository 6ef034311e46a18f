"""Losses of ``keras.ops.nn``, and the encodings of classes."""

from __future__ import annotations

import math

import graphc as tf
from keras.src import backend
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape
from graphc.keras.keras_graphc.sparse import classes

__all__ = [
    "binary_crossentropy", "categorical_crossentropy", "multi_hot", "one_hot", "psnr",
    "sparse_categorical_crossentropy",
]  # fmt: skip


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    dtype = standardize_dtype(dtype)
    if sparse:
        return classes.one_hot(convert_to_tensor(x), num_classes, axis, dtype)
    encoded = tf.one_hot(cast(x, "int64"), num_classes, axis=axis, dtype="int8" if dtype == "bool" else dtype)
    return cast(encoded, dtype)


def multi_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    x = convert_to_tensor(x)
    if sparse:
        return classes.multi_hot(x, num_classes, axis, standardize_dtype(dtype))
    encoded = one_hot(x, num_classes, axis, "int8" if dtype == "bool" else dtype)
    return cast(tf.reduce_max(encoded, axis=1 if len(x.shape) > 1 else 0), standardize_dtype(dtype))


def _same_shapes(target, output) -> None:
    if not target.shape.is_compatible_with(output.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )


def _log_of(output, axis):
    """The logarithms of what sums to 1, away from 0 and 1 by Keras' epsilon."""
    output = output / tf.reduce_sum(output, axis, keepdims=True)
    return tf.math.log(tf.clip_by_value(output, backend.epsilon(), 1 - backend.epsilon()))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _same_shapes(target, output)
    if len(target.shape) < 1:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. "
            f"Received: target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    logs = tf.nn.log_softmax(output, axis=axis) if from_logits else _log_of(output, axis)
    return -tf.reduce_sum(cast(target, logs.dtype) * logs, axis=axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    target, output = cast(target, "int32"), convert_to_tensor(output)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = tf.squeeze(target, axis=-1)
    if len(output.shape) < 1:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={tuple(output.shape)}")
    if not target.shape.is_compatible_with(output.shape[:-1]):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    if from_logits and axis in (-1, len(output.shape) - 1):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=output)
    logs = tf.nn.log_softmax(output, axis=axis) if from_logits else _log_of(output, axis)
    return -tf.reduce_sum(tf.one_hot(target, shape(output)[axis], axis=axis, dtype=logs.dtype) * logs, axis=axis)


def binary_crossentropy(target, output, from_logits=False):
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _same_shapes(target, output)
    target = cast(target, output.dtype)
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=output)
    output = tf.clip_by_value(output, backend.epsilon(), 1 - backend.epsilon())
    return -(target * tf.math.log(output) + (1 - target) * tf.math.log(1 - output))


def psnr(x1, x2, max_val):
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if not x1.shape.is_compatible_with(x2.shape):
        raise ValueError(f"Input shapes {tuple(x1.shape)} and {tuple(x2.shape)} must match for PSNR calculation. ")
    error = tf.reduce_mean(tf.square(x1 - x2))
    return 10 / math.log(10) * (2 * tf.math.log(convert_to_tensor(max_val, x2.dtype)) - tf.math.log(error))
