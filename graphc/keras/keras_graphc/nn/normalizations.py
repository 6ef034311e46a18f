"""Moments and normalisations of ``keras.ops.nn``."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.nn.activations import floats

__all__ = ["batch_normalization", "moments"]

_HALVES = ("float16", "bfloat16")


def moments(x, axes, keepdims=False, synchronized=False):
    if synchronized:
        raise NotImplementedError("Argument synchronized=True is not supported with the graphc backend.")
    x = floats(x)
    dtype = standardize_dtype(x.dtype)
    mean, variance = tf.nn.moments(cast(x, "float32") if dtype in _HALVES else x, axes, keepdims=keepdims)
    if dtype not in _HALVES:
        return mean, variance
    most = 65504.0  # of float16, for which a variance may be too large
    return tuple(cast(tf.clip_by_value(m, -most, most), dtype) for m in (mean, variance))


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    given = [None if v is None else convert_to_tensor(v) for v in (x, mean, variance, offset, scale)]
    names = {v.dtype.name for v in given if v is not None}
    if len(names) > 1:
        given = [None if v is None else cast(v, dtypes.result_type(*names)) for v in given]
    x, *vectors = given
    along = [1] * len(x.shape)
    along[axis] = -1
    mean, variance, offset, scale = (None if v is None else tf.reshape(v, along) for v in vectors)
    return tf.nn.batch_normalization(x, mean, variance, offset, scale, epsilon)
