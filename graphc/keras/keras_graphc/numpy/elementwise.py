"""Operations of ``keras.ops.numpy`` from elements to elements."""

from __future__ import annotations

import math
from collections.abc import Callable

import graphc as tf
from keras.src.backend.common import standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor
from graphc.keras.keras_graphc.numpy.promotion import as_float, is_whole, pair


def of_floats(function: Callable) -> Callable:
    """The function on tensors of any dtype, computed in floating point."""
    return lambda x: function(as_float(x))


def of_tensor(function: Callable) -> Callable:
    return lambda x: function(convert_to_tensor(x))


def of_pair(function: Callable) -> Callable:
    """The function of two operands in the dtype in which they meet."""
    return lambda x1, x2: function(*pair(x1, x2))


def of_float_pair(function: Callable) -> Callable:
    return lambda x1, x2: function(*pair(x1, x2, float))


def of_truth(function: Callable) -> Callable:
    return lambda x1, x2: function(cast(x1, "bool"), cast(x2, "bool"))


def times(factor: float) -> Callable:
    return lambda x: x * tf.constant(factor, x.dtype)


arccos, arccosh = of_floats(tf.acos), of_floats(tf.acosh)
arcsin, arcsinh = of_floats(tf.asin), of_floats(tf.asinh)
arctan, arctanh = of_floats(tf.atan), of_floats(tf.atanh)
cos, cosh = of_floats(tf.cos), of_floats(tf.cosh)
sin, sinh = of_floats(tf.sin), of_floats(tf.sinh)
tan, tanh = of_floats(tf.tan), of_floats(tf.tanh)
ceil, floor = of_floats(tf.math.ceil), of_floats(tf.floor)
exp, expm1 = of_floats(tf.exp), of_floats(tf.math.expm1)
exp2 = of_floats(lambda x: tf.pow(tf.constant(2.0, x.dtype), x))
log, log1p = of_floats(tf.math.log), of_floats(tf.math.log1p)
log2, log10 = (of_floats(lambda x, base=base: times(1 / math.log(base))(tf.math.log(x))) for base in (2.0, 10.0))
sqrt, reciprocal = of_floats(tf.sqrt), of_floats(tf.math.reciprocal)
deg2rad, rad2deg = of_floats(times(math.pi / 180)), of_floats(times(180 / math.pi))

negative, copy = of_tensor(tf.negative), of_tensor(tf.identity)
real, imag = of_tensor(tf.math.real), of_tensor(tf.math.imag)
conjugate = conj = of_tensor(tf.math.conj)
bitwise_invert = bitwise_not = of_tensor(tf.bitwise.invert)

add, subtract, multiply = of_pair(tf.add), of_pair(tf.subtract), of_pair(tf.multiply)
maximum, minimum = of_pair(tf.maximum), of_pair(tf.minimum)
equal, not_equal = of_pair(tf.equal), of_pair(tf.not_equal)
less, less_equal = of_pair(tf.less), of_pair(tf.less_equal)
greater, greater_equal = of_pair(tf.greater), of_pair(tf.greater_equal)
bitwise_and, bitwise_or, bitwise_xor = (of_pair(f) for f in (tf.bitwise.bitwise_and, tf.bitwise.bitwise_or, tf.bitwise.bitwise_xor))
divide = true_divide = of_float_pair(tf.divide)
divide_no_nan, arctan2 = of_float_pair(tf.math.divide_no_nan), of_float_pair(tf.atan2)
logical_and, logical_or, logical_xor = (of_truth(f) for f in (tf.logical_and, tf.logical_or, tf.math.logical_xor))


def logical_not(x):
    return tf.logical_not(cast(x, "bool"))


def power(x1, x2):
    return tf.pow(*pair(x1, x2))


def absolute(x):
    x = convert_to_tensor(x)
    return x if standardize_dtype(x.dtype) == "bool" or standardize_dtype(x.dtype).startswith("uint") else tf.abs(x)


abs = absolute


def square(x):
    x = convert_to_tensor(x)
    return tf.square(cast(x, "int32") if standardize_dtype(x.dtype) == "bool" else x)


def sign(x):
    x = convert_to_tensor(x)
    return cast(tf.sign(cast(x, "int32")), x.dtype) if is_whole(x) and standardize_dtype(x.dtype) != "int64" else tf.sign(x)


def clip(x, x_min, x_max):
    x = convert_to_tensor(x)
    x = cast(x, "int32") if standardize_dtype(x.dtype) == "bool" else x
    return tf.minimum(tf.maximum(x, cast(x_min, x.dtype)), cast(x_max, x.dtype))


def where(condition, x1=None, x2=None):
    if x1 is None or x2 is None:
        return tf.unstack(tf.transpose(tf.where(cast(condition, "bool"))), axis=0)
    return tf.where(cast(condition, "bool"), *pair(x1, x2))
