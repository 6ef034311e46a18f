"""``keras.ops.math`` by graphc's operations: segments, order, sequences and functions that only some models need."""

from __future__ import annotations

import graphc as tf
import numpy as np
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.lib import segment
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.fourier import _complex as _get_complex_tensor_from_tuple  # noqa: F401  for ops.polar
from graphc.keras.keras_graphc.fourier import (  # noqa: F401  Keras finds them here
    fft, fft2, ifft2, irfft, istft, rfft, stft,
)  # fmt: skip
from graphc.keras.keras_graphc.linalg import in_width
from graphc.keras.keras_graphc.numpy.promotion import as_float, pair
from graphc.keras.keras_graphc.sparse.dispatch import taking_sparse

# ---------------------------------------------------------------------------------------------- segments


def _start_of(kind: str):
    """What a segment without rows has: the last integer, or infinity, as in Keras' other back ends."""

    def start(dtype):
        if dtype.is_integer:
            info = np.iinfo(dtype.numpy)
            return info.min if kind == "max" else info.max
        return -np.inf if kind == "max" else np.inf

    return start


def _segments(kind: str, start):
    name = f"segment_{kind}"

    def combined(data, segment_ids, num_segments):
        return segment.combined(name, kind, data, segment_ids, num_segments, start)

    recorded = lift(Op(f"keras.ops.{name}", name, combined, "data | segment_ids"), eager)

    def op(data, segment_ids, num_segments=None, sorted=False):
        data, segment_ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
        if num_segments is None:
            num_segments = tf.reduce_max(tf.concat([segment_ids, [-1]], 0)) + 1
            known = tf.get_static_value(num_segments)
            num_segments = num_segments if known is None else int(known)
        return recorded(data, segment_ids, num_segments)

    op.__name__ = op.__qualname__ = name
    return op


segment_sum = _segments("add", lambda dtype: 0)
segment_prod = _segments("mul", lambda dtype: 1)
segment_max = _segments("max", _start_of("max"))
segment_min = _segments("min", _start_of("min"))

# ------------------------------------------------------------------------------------------------- order


def top_k(x, k, sorted=True):
    return tuple(tf.math.top_k(convert_to_tensor(x), k))


def in_top_k(targets, predictions, k):
    return tf.math.in_top_k(convert_to_tensor(targets), convert_to_tensor(predictions), k)


def logsumexp(x, axis=None, keepdims=False):
    return tf.reduce_logsumexp(as_float(x), axis, keepdims)


def cdist(x, y):
    x, y = pair(x, y, float)
    if x.shape.rank < 2 or y.shape.rank < 2:
        raise ValueError(f"`cdist` inputs must have rank >= 2. Received shapes: {x.shape} and {y.shape}")
    if None not in (x.shape[-1], y.shape[-1]) and x.shape[-1] != y.shape[-1]:
        raise ValueError(f"Last dimension of inputs to `cdist` must match. Received shapes: {x.shape} and {y.shape}")
    apart = tf.expand_dims(x, -2) - tf.expand_dims(y, -3)
    return tf.sqrt(tf.reduce_sum(tf.square(apart), -1))


def extract_sequences(x, sequence_length, sequence_stride):
    return tf.signal.frame(convert_to_tensor(x), sequence_length, sequence_stride)


# --------------------------------------------------------------------------------------------- functions


def rsqrt(x):
    return tf.math.rsqrt(as_float(x))


def erf(x):
    return tf.math.erf(as_float(x))


def erfc(x):
    return tf.math.erfc(as_float(x))


def erfinv(x):
    x = as_float(x)
    if standardize_dtype(x.dtype) in ("float16", "bfloat16"):
        return cast(tf.math.erfinv(cast(x, "float32")), x.dtype)
    return tf.math.erfinv(x)


def logdet(x):
    return in_width(lambda x: tf.linalg.slogdet(x)[1], x)


globals().update(taking_sparse(globals()))
