"""Operations of ``keras.ops.numpy`` that reduce axes."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import float_dtype, is_whole


def _summed_in(dtype: str) -> str:
    """The dtype of sums and products: small integers widen to 32 bits."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


def sum(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    return tf.reduce_sum(cast(x, _summed_in(standardize_dtype(x.dtype))), axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    x = convert_to_tensor(x)
    return tf.reduce_prod(cast(x, dtype or _summed_in(standardize_dtype(x.dtype))), axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    result = float_dtype(x.dtype) if is_whole(x) else standardize_dtype(x.dtype)
    wide = dtypes.result_type(x.dtype, "float32") if not is_whole(x) else result
    return cast(tf.reduce_mean(cast(x, wide), axis=axis, keepdims=keepdims), result)


def var(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    wide = dtypes.result_type(x.dtype, "float32")
    return cast(tf.math.reduce_variance(cast(x, wide), axis=axis, keepdims=keepdims), float_dtype(x.dtype))


def _extreme(reduce, meet):
    def reduced(x, axis=None, keepdims=False, initial=None):
        x = convert_to_tensor(x)
        if standardize_dtype(x.dtype) == "bool":
            return cast(reduced(cast(x, "int32"), axis, keepdims, initial), "bool")
        answer = reduce(x, axis=axis, keepdims=keepdims)
        return answer if initial is None else meet(answer, cast(initial, x.dtype))

    return reduced


max = amax = _extreme(tf.reduce_max, tf.maximum)
min = amin = _extreme(tf.reduce_min, tf.minimum)


def all(x, axis=None, keepdims=False):
    return tf.reduce_all(cast(x, "bool"), axis=axis, keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    return tf.reduce_any(cast(x, "bool"), axis=axis, keepdims=keepdims)


def argmax(x, axis=None, keepdims=False):
    return _place(tf.argmax, x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    return _place(tf.argmin, x, axis, keepdims)


def _place(find, x, axis, keepdims):
    x = convert_to_tensor(x)
    x = cast(x, "uint8") if standardize_dtype(x.dtype) == "bool" else x
    rank = len(x.shape)
    answer = find(tf.reshape(x, [-1]) if axis is None else x, axis=0 if axis is None else axis, output_type="int32")
    if not keepdims or not rank:
        return answer
    return tf.reshape(answer, [1] * rank) if axis is None else tf.expand_dims(answer, axis)
