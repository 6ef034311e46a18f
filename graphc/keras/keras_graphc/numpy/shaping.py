"""Operations of ``keras.ops.numpy`` that make, move and shape elements."""

from __future__ import annotations

import graphc as tf
from keras.src.backend import config
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import weak


def array(x, dtype=None):
    return convert_to_tensor(x, dtype)


def ones(shape, dtype=None):
    return tf.ones(shape, dtype or config.floatx())


def zeros(shape, dtype=None):
    return tf.zeros(shape, dtype or config.floatx())


def full(shape, fill_value, dtype=None):
    return tf.broadcast_to(convert_to_tensor(fill_value, dtype or config.floatx()), shape)


def ones_like(x, dtype=None):
    return tf.ones_like(convert_to_tensor(x), dtype=dtype)


def zeros_like(x, dtype=None):
    return tf.zeros_like(convert_to_tensor(x), dtype=dtype)


def arange(start, stop=None, step=None, dtype=None):
    if dtype is None:
        dtype = dtypes.result_type(*(weak(x) for x in (start, stop, step) if x is not None))
    dtype = standardize_dtype(dtype)
    start, stop = (0, start) if stop is None else (start, stop)
    return cast(tf.range(start, stop, delta=1 if step is None else step), dtype)


def reshape(x, newshape):
    return tf.reshape(convert_to_tensor(x), newshape if isinstance(newshape, (tuple, list)) else (newshape,))


def transpose(x, axes=None):
    return tf.transpose(convert_to_tensor(x), perm=axes)


def expand_dims(x, axis):
    x = convert_to_tensor(x)
    axes = sorted(a + len(x.shape) + (len(axis) if isinstance(axis, (tuple, list)) else 1) if a < 0 else a
                  for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))  # fmt: skip
    for a in axes:
        x = tf.expand_dims(x, a)
    return x


def squeeze(x, axis=None):
    return tf.squeeze(convert_to_tensor(x), axis=axis)


def broadcast_to(x, shape):
    return tf.broadcast_to(convert_to_tensor(x), shape)


def concatenate(xs, axis=0):
    dtype = dtypes.result_type(*(weak(x) for x in xs))
    return tf.concat([convert_to_tensor(x, dtype) for x in xs], axis=axis)


def stack(x, axis=0):
    dtype = dtypes.result_type(*(weak(t) for t in x))
    return tf.stack([convert_to_tensor(t, dtype) for t in x], axis=axis)


def take(x, indices, axis=None):
    x, indices = convert_to_tensor(x), convert_to_tensor(indices)
    return tf.gather(tf.reshape(x, [-1]) if axis is None else x, cast(indices, "int32"), axis=0 if axis is None else axis)


def ndim(x):
    return len(convert_to_tensor(x).shape)


def matmul(x1, x2):
    from_dtypes = [weak(x1), weak(x2)]
    dtype = dtypes.result_type(*from_dtypes)
    x1, x2 = convert_to_tensor(x1, dtype), convert_to_tensor(x2, dtype)
    if len(x1.shape) == 1 or len(x2.shape) == 1:
        return tf.tensordot(x1, x2, 1)
    return tf.matmul(x1, x2)
