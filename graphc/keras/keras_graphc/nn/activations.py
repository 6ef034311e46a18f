"""Activations of ``keras.ops.nn``."""

from __future__ import annotations

from collections.abc import Callable

import graphc as tf

from graphc.keras.keras_graphc.core import convert_to_tensor
from graphc.keras.keras_graphc.numpy.elementwise import of_tensor
from graphc.keras.keras_graphc.numpy.promotion import as_float, is_whole

__all__ = [
    "celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "log_sigmoid",
    "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip


def floats(x):
    """A tensor of floating-point numbers as it is, integers as floats."""
    x = convert_to_tensor(x)
    return as_float(x) if is_whole(x) else x


def _of(function: Callable) -> Callable:
    return lambda x: function(floats(x))


relu, hard_tanh = of_tensor(tf.nn.relu), of_tensor(lambda x: tf.clip_by_value(x, -1, 1))
relu6, selu = _of(tf.nn.relu6), _of(tf.nn.selu)
sigmoid, tanh, silu = _of(tf.nn.sigmoid), _of(tf.nn.tanh), _of(tf.nn.silu)
softplus, softsign, log_sigmoid = _of(tf.nn.softplus), _of(tf.nn.softsign), _of(tf.math.log_sigmoid)
tanh_shrink = _of(lambda x: x - tf.tanh(x))
hard_sigmoid = _of(lambda x: tf.nn.relu6(x + 3) / 6)
hard_silu = _of(lambda x: x * (tf.nn.relu6(x + 3) / 6))
sparse_sigmoid = _of(lambda x: tf.clip_by_value((x + 1) / 2, 0, 1))
sparse_plus = _of(lambda x: tf.where(x <= -1, tf.zeros_like(x), tf.where(x < 1, tf.square(x + 1) / 4, x)))


def leaky_relu(x, negative_slope=0.2):
    return tf.nn.leaky_relu(floats(x), alpha=negative_slope)


def elu(x, alpha=1.0):
    x = floats(x)
    return tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, tf.zeros_like(x))))


def celu(x, alpha=1.0):
    x = floats(x)
    return tf.maximum(x, tf.zeros_like(x)) + alpha * tf.math.expm1(tf.minimum(x, tf.zeros_like(x)) / alpha)


def gelu(x, approximate=True):
    return tf.nn.gelu(floats(x), approximate=approximate)


def glu(x, axis=-1):
    x = floats(x)
    if x.shape[axis] is not None and x.shape[axis] % 2:
        raise ValueError(f"axis size must be divisible by 2. Received: x.shape={tuple(x.shape)} with axis={axis}")
    value, gate = tf.split(x, 2, axis=axis)
    return value * tf.sigmoid(gate)


def squareplus(x, b=4):
    x = floats(x)
    return (x + tf.sqrt(tf.square(x) + tf.cast(b, x.dtype))) / 2


def soft_shrink(x, threshold=0.5):
    x = floats(x)
    return tf.where(x > threshold, x - threshold, tf.where(x < -threshold, x + threshold, tf.zeros_like(x)))


def hard_shrink(x, threshold=0.5):
    x = floats(x)
    return tf.where(tf.abs(x) > threshold, x, tf.zeros_like(x))


def threshold(x, threshold, default_value):
    x = convert_to_tensor(x)
    return tf.where(x > threshold, x, tf.cast(default_value, x.dtype))


def softmax(x, axis=-1):
    x = floats(x)
    if axis is None:
        return tf.reshape(tf.nn.softmax(tf.reshape(x, [-1])), tf.shape(x))
    return tf.nn.softmax(x, axis=axis)


def log_softmax(x, axis=-1):
    x = floats(x)
    if axis is None:
        return tf.reshape(tf.nn.log_softmax(tf.reshape(x, [-1])), tf.shape(x))
    return tf.nn.log_softmax(x, axis=axis)


def sparsemax(x, axis=-1):
    """The projection onto the simplex along an axis (Martins and Astudillo, 2016)."""
    x = floats(x)
    ordered = tf.sort(x, axis=axis, direction="DESCENDING")
    sums = tf.cumsum(ordered, axis=axis)
    rank = len(x.shape)
    ranks = tf.reshape(tf.range(1, tf.shape(x)[axis] + 1), [-1 if a == axis % rank else 1 for a in range(rank)])
    ranks = tf.cast(ranks, x.dtype)
    supported = ordered - (sums - 1) / ranks > 0
    count = tf.reduce_sum(tf.cast(supported, x.dtype), axis=axis, keepdims=True)
    total = tf.reduce_sum(tf.where(supported, ordered, tf.zeros_like(x)), axis=axis, keepdims=True)
    return tf.nn.relu(x - (total - 1) / count)
