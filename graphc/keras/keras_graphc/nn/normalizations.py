"""Moments and normalisations of ``keras.ops.nn``."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor

__all__ = ["batch_normalization", "moments"]

_HALVES = ("float16", "bfloat16")


def moments(x, axes, keepdims=False, synchronized=False):
    if synchronized:
        raise NotImplementedError("Argument synchronized=True is not supported with the graphc backend.")
    x = convert_to_tensor(x)
    dtype = standardize_dtype(x.dtype)
    mean, variance = tf.nn.moments(cast(x, "float32") if dtype in _HALVES else x, axes, keepdims=keepdims)
    if dtype not in _HALVES:
        return mean, variance
    most = 65504.0  # of float16, for which a variance may be too large
    return tuple(cast(tf.clip_by_value(m, -most, most), dtype) for m in (mean, variance))


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    x = convert_to_tensor(x)
    shape = [1] * len(x.shape)
    shape[axis] = mean.shape[0]
    factor = tf.math.rsqrt(tf.reshape(convert_to_tensor(variance), shape) + epsilon)
    if scale is not None:
        factor = factor * tf.reshape(convert_to_tensor(scale), shape)
    shift = -tf.reshape(convert_to_tensor(mean), shape) * factor
    if offset is not None:
        shift = shift + tf.reshape(convert_to_tensor(offset), shape)
    return x * factor + shift
