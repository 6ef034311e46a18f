"""Operations of ``keras.ops.numpy`` that make tensors: constants, ranges, diagonals and windows."""

from __future__ import annotations

import math

import graphc as tf
from keras.src.backend import config
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import operand, summed_in, weak


def array(x, dtype=None):
    return convert_to_tensor(x, dtype)


def ones(shape, dtype=None):
    return tf.ones(shape, dtype or config.floatx())


def zeros(shape, dtype=None):
    return tf.zeros(shape, dtype or config.floatx())


empty = zeros


def full(shape, fill_value, dtype=None):
    return tf.broadcast_to(convert_to_tensor(fill_value, dtype or config.floatx()), shape)


def ones_like(x, dtype=None):
    return tf.ones_like(convert_to_tensor(x), dtype=dtype)


def zeros_like(x, dtype=None):
    return tf.zeros_like(convert_to_tensor(x), dtype=dtype)


empty_like = zeros_like


def full_like(x, fill_value, dtype=None):
    x = convert_to_tensor(x)
    return tf.broadcast_to(cast(fill_value, dtype or x.dtype), shape_of(x))


def arange(start, stop=None, step=None, dtype=None):
    if dtype is None:
        dtype = dtypes.result_type(*(weak(x) for x in (start, stop, step) if x is not None))
    dtype = standardize_dtype(dtype)
    start, stop = (0, start) if stop is None else (start, stop)
    counted = dtype if dtype in ("int32", "int64", "float32", "float64") else "float32" if "float" in dtype else "int64"
    return cast(tf.range(start, stop, delta=1 if step is None else step, dtype=counted), dtype)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    start, stop = operand(start), operand(stop)
    if dtype is None:
        dtype = dtypes.result_type(weak(start), weak(stop), float)
    dtype = standardize_dtype(dtype)
    inner = dtype if dtype in ("float32", "float64") else config.floatx()
    start, stop = convert_to_tensor(start, inner), convert_to_tensor(stop, inner)
    num = int(num)
    if num < 0:
        raise ValueError(f"`num` must be a non-negative integer. Received: num={num}")
    gaps = num - 1 if endpoint else num
    step = (stop - start) / tf.constant(gaps if gaps > 0 else math.nan, inner)
    rank = len((stop - start).shape)
    axis = axis % (rank + 1)
    places = tf.reshape(tf.range(num, dtype=inner), [num] + [1] * rank)
    rows = start + places * step if gaps > 0 else tf.broadcast_to(start, [num, *shape_of(step)])
    if endpoint and num > 1:  # the last one exactly
        rows = tf.concat([rows[:-1], tf.broadcast_to(stop, shape_of(step))[None]], 0)
    rows = rows if axis == 0 else tf.transpose(rows, [*range(1, axis + 1), 0, *range(axis + 1, rank + 1)])
    rows = cast(tf.floor(rows) if "int" in dtype else rows, dtype)
    return (rows, cast(step, dtype)) if retstep else rows


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    start, stop = operand(start), operand(stop)
    wanted = standardize_dtype(dtype) if dtype else dtypes.result_type(weak(start), weak(stop), float)
    inner = wanted if wanted in ("float32", "float64") else config.floatx()
    places = linspace(start, stop, num, endpoint, dtype=inner, axis=axis)
    return cast(tf.pow(cast(base, inner), places), wanted)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    start, stop = operand(start), operand(stop)
    wanted = standardize_dtype(dtype) if dtype else dtypes.result_type(weak(start), weak(stop), float)
    inner = wanted if wanted in ("float32", "float64") else config.floatx()
    start, stop = convert_to_tensor(start, inner), convert_to_tensor(stop, inner)
    sign = tf.sign(start)
    logs = linspace(tf.math.log(start * sign), tf.math.log(stop * sign), num, endpoint, dtype=inner, axis=axis)
    return cast(tf.exp(logs) * sign, wanted)


def eye(N, M=None, k=0, dtype=None):
    rows, columns = tf.range(N), tf.range(N if M is None else M)
    return cast(tf.equal(rows[:, None] + k, columns[None, :]), dtype or config.floatx())


def identity(n, dtype=None):
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    rows, columns = tf.range(N), tf.range(N if M is None else M)
    return cast(rows[:, None] + k >= columns[None, :], dtype or config.floatx())


def _beside(x, k, keeps):
    """The elements whose column and row keep to one side of a diagonal."""
    x = convert_to_tensor(x)
    *_, height, width = shape_of(x)
    rows, columns = tf.range(height)[:, None], tf.range(width)[None, :]
    return tf.where(keeps(columns - rows, k), x, tf.zeros_like(x))


def tril(x, k=0):
    return _beside(x, k, tf.less_equal)


def triu(x, k=0):
    return _beside(x, k, tf.greater_equal)


def diag(x, k=0):
    x = convert_to_tensor(x)
    if len(x.shape) == 1:
        return tf.linalg.diag(x, k=k) if k == 0 else tf.pad(
            tf.linalg.diag(x), [[max(-k, 0), max(k, 0)], [max(k, 0), max(-k, 0)]]
        )  # fmt: skip
    if len(x.shape) != 2:
        raise ValueError(f"`x` must be 1-D or 2-D. Received: x.shape={tuple(x.shape)}")
    return diagonal(x, k)


def diagflat(x, k=0):
    return diag(tf.reshape(convert_to_tensor(x), [-1]), k)


def diagonal(x, offset=0, axis1=0, axis2=1):
    x = convert_to_tensor(x)
    rank = len(x.shape)
    axis1, axis2 = axis1 % rank, axis2 % rank
    x = tf.transpose(x, [a for a in range(rank) if a not in (axis1, axis2)] + [axis1, axis2])
    *rest, height, width = shape_of(x)
    below, beside = height + min(offset, 0), width - max(offset, 0)
    if isinstance(height, int) and isinstance(width, int):
        length = max(min(below, beside), 0)
    else:
        length = tf.maximum(tf.minimum(below, beside), 0)
    rows = tf.range(length) + max(-offset, 0)
    return tf.gather(tf.reshape(x, [*rest, height * width]), rows * width + tf.range(length) + max(offset, 0), axis=-1)


def trace(x, offset=0, axis1=0, axis2=1):
    x = diagonal(x, offset, axis1, axis2)
    return tf.reduce_sum(cast(x, summed_in(standardize_dtype(x.dtype))), -1)


def vander(x, N=None, increasing=False):
    x = convert_to_tensor(x)
    powers = tf.range(shape_of(x)[0] if N is None else N)
    inner = dtypes.result_type(x.dtype, "int32")
    powers = powers if increasing else tf.reverse(powers, [0])
    return cast(tf.pow(cast(x, inner)[:, None], cast(powers, inner)[None, :]), x.dtype)


# ------------------------------------------------------------------------------------------------- windows of a length


def _window(x, shape) -> object:
    """A window: its shape is a function of the places 0..n-1 and of n-1."""
    length = int(x.numpy() if tf.is_tensor(x) else x)
    if length <= 1:
        return tf.ones((max(length, 0),), config.floatx())
    return cast(shape(tf.range(length, dtype="float64"), float(length - 1)), config.floatx())


def bartlett(x):
    return _window(x, lambda n, last: 1 - tf.abs(2 * n / last - 1))


def hanning(x):
    return _window(x, lambda n, last: 0.5 - 0.5 * tf.cos(2 * math.pi * n / last))


def hamming(x):
    return _window(x, lambda n, last: 0.54 - 0.46 * tf.cos(2 * math.pi * n / last))


def blackman(x):
    turn = 2 * math.pi
    return _window(x, lambda n, last: 0.42 - 0.5 * tf.cos(turn * n / last) + 0.08 * tf.cos(2 * turn * n / last))


def kaiser(x, beta):
    beta = cast(beta, "float64")
    bessel = tf.math.bessel_i0

    def shape(n, last):
        return bessel(beta * tf.sqrt(tf.maximum(1 - tf.square(2 * n / last - 1), 0))) / bessel(beta)

    return _window(x, shape)
