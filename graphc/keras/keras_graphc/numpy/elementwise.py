"""Operations of ``keras.ops.numpy`` from elements to elements."""

from __future__ import annotations

import math
from collections.abc import Callable

import graphc as tf
from keras.src.backend import config
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import as_float, is_whole, operand, pair, weak

# ------------------------------------------------------------------------------- what the tables below are made with


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


def of_int_pair(function: Callable) -> Callable:
    """The function of two operands of which booleans are counted as int32."""

    def applied(x1, x2):
        x1, x2 = pair(x1, x2)
        if standardize_dtype(x1.dtype) == "bool":
            x1, x2 = cast(x1, "int32"), cast(x2, "int32")
        return function(x1, x2)

    return applied


def of_bits(function: Callable) -> Callable:
    """The function of two whole operands in the dtype in which they meet, with the names that Keras gives them here."""
    return lambda x, y: function(*pair(x, y))


def of_truth(function: Callable) -> Callable:
    return lambda x1, x2: function(cast(x1, "bool"), cast(x2, "bool"))


def asked_of_floats(function: Callable, otherwise: bool) -> Callable:
    """The question to floats; of integers the answer is known."""

    def asked(x):
        x = convert_to_tensor(x)
        return tf.fill(shape_of(x), otherwise) if is_whole(x) else function(x)

    return asked


def times(factor: float) -> Callable:
    return lambda x: x * tf.constant(factor, x.dtype)


# ------------------------------------------------------------------------------------------------------ one operand

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
log2 = of_floats(lambda x: tf.math.log(x) / tf.constant(math.log(2), x.dtype))
log10 = of_floats(lambda x: tf.math.log(x) / tf.constant(math.log(10), x.dtype))
sqrt, reciprocal = of_floats(tf.sqrt), of_floats(tf.math.reciprocal)
deg2rad, rad2deg = of_floats(times(math.pi / 180)), of_floats(times(180 / math.pi))
cbrt = of_floats(lambda x: tf.sign(x) * tf.pow(tf.abs(x), tf.constant(1 / 3, x.dtype)))
fabs = of_floats(tf.abs)
angle = of_floats(lambda x: tf.math.angle(x) if x.dtype.is_complex else tf.atan2(tf.zeros_like(x), x))

copy, real, imag = of_tensor(tf.identity), of_tensor(tf.math.real), of_tensor(tf.math.imag)
conjugate = conj = of_tensor(tf.math.conj)
bitwise_invert = bitwise_not = of_tensor(tf.bitwise.invert)
isfinite = asked_of_floats(tf.math.is_finite, True)
isinf, isnan = asked_of_floats(tf.math.is_inf, False), asked_of_floats(tf.math.is_nan, False)
isposinf = asked_of_floats(lambda x: tf.math.is_inf(x) & (x > 0), False)
isneginf = asked_of_floats(lambda x: tf.math.is_inf(x) & (x < 0), False)


def negative(x):
    return tf.negative(_counted(x))


def absolute(x):
    x = convert_to_tensor(x)
    name = standardize_dtype(x.dtype)
    return x if name == "bool" or name.startswith("uint") else tf.abs(x)


abs = absolute


def square(x):
    return tf.square(_counted(x))


def _counted(x):
    """The tensor, of which booleans are 0 and 1."""
    x = convert_to_tensor(x)
    return cast(x, "int32") if standardize_dtype(x.dtype) == "bool" else x


def sign(x):
    x = convert_to_tensor(x)
    name = standardize_dtype(x.dtype)
    return cast(x > 0, name) if name == "bool" or name.startswith("uint") else tf.sign(x)


def signbit(x):
    x = convert_to_tensor(x)
    if is_whole(x):
        return tf.less(_counted(x), 0)
    return tf.bitcast(x, f"int{8 * x.dtype.size}") < 0


def sinc(x):
    x = as_float(x) * math.pi
    safe = tf.where(tf.equal(x, 0), tf.ones_like(x), x)
    return tf.where(tf.equal(x, 0), tf.ones_like(x), tf.sin(safe) / safe)


def trunc(x):
    x = convert_to_tensor(x)
    return x if is_whole(x) else tf.where(x < 0, tf.math.ceil(x), tf.floor(x))


def round(x, decimals=0):
    x = convert_to_tensor(x)
    if not decimals:
        return x if is_whole(x) else tf.round(x)
    if is_whole(x) and decimals > 0:
        return x
    wide = as_float(x)
    factor = tf.constant(10.0**decimals, wide.dtype)
    return cast(tf.round(wide * factor) / factor, x.dtype)


def isreal(x):
    x = convert_to_tensor(x)
    return tf.equal(tf.math.imag(x), 0) if x.dtype.is_complex else tf.fill(shape_of(x), True)


def logical_not(x):
    return tf.logical_not(cast(x, "bool"))


def i0(x):
    x = convert_to_tensor(x)
    name = standardize_dtype(x.dtype)
    kept = name if name in ("bfloat16", "float16") else "float64" if name in ("int64", "float64") else config.floatx()
    return cast(tf.math.bessel_i0(cast(x, "float32" if kept in ("bfloat16", "float16") else kept)), kept)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    x = convert_to_tensor(x)
    if is_whole(x):
        return x
    limit = x.dtype.max
    x = tf.where(tf.math.is_nan(x), tf.cast(nan, x.dtype), x)
    infinite = tf.math.is_inf(x)
    x = tf.where(infinite & (x > 0), tf.cast(limit if posinf is None else posinf, x.dtype), x)
    return tf.where(infinite & (x < 0), tf.cast(-limit if neginf is None else neginf, x.dtype), x)


def view(x, dtype=None):
    """The bits read as another dtype: narrower elements lengthen the last axis, wider ones shorten it."""
    x = convert_to_tensor(x)
    wanted = standardize_dtype(x.dtype if dtype is None else dtype)
    if "bool" in (standardize_dtype(x.dtype), wanted):
        bits = view(cast(x, "uint8") if x.dtype.is_bool else x, "uint8" if wanted == "bool" else wanted)
        return cast(bits, wanted)
    own, new = x.dtype.size, tf.as_dtype(wanted).size
    if own == new:
        return tf.bitcast(x, wanted)
    if not len(x.shape):
        raise ValueError(f"A scalar of dtype {x.dtype.name} cannot be viewed as {wanted}, of another size.")
    *rows, last = shape_of(x)
    if own > new:
        return tf.reshape(tf.bitcast(x, wanted), [*rows, last * (own // new)])
    if isinstance(last, int) and last * own % new:
        raise ValueError(
            f"A tensor of shape {tuple(x.shape)} and dtype {x.dtype.name} cannot be viewed as {wanted}: "
            f"the bytes of a row do not fill whole elements."
        )
    return tf.bitcast(tf.reshape(x, [*rows, last // (new // own), new // own]), wanted)


# ----------------------------------------------------------------------------------------------------- two operands

add = of_pair(lambda a, b: tf.logical_or(a, b) if a.dtype.is_bool else tf.add(a, b))
multiply = of_pair(lambda a, b: tf.logical_and(a, b) if a.dtype.is_bool else tf.multiply(a, b))
subtract = of_pair(tf.subtract)
maximum = of_pair(lambda a, b: tf.logical_or(a, b) if a.dtype.is_bool else tf.maximum(a, b))
minimum = of_pair(lambda a, b: tf.logical_and(a, b) if a.dtype.is_bool else tf.minimum(a, b))
equal, not_equal = of_pair(tf.equal), of_pair(tf.not_equal)
less, less_equal = of_int_pair(tf.less), of_int_pair(tf.less_equal)
greater, greater_equal = of_int_pair(tf.greater), of_int_pair(tf.greater_equal)
mod, floor_divide = of_int_pair(tf.math.floormod), of_int_pair(tf.math.floordiv)
fmod = of_int_pair(tf.truncatemod)
bitwise_and = of_bits(lambda a, b: tf.logical_and(a, b) if a.dtype.is_bool else tf.bitwise.bitwise_and(a, b))
bitwise_or = of_bits(lambda a, b: tf.logical_or(a, b) if a.dtype.is_bool else tf.bitwise.bitwise_or(a, b))
bitwise_xor = of_bits(lambda a, b: tf.not_equal(a, b) if a.dtype.is_bool else tf.bitwise.bitwise_xor(a, b))
bitwise_left_shift = left_shift = of_bits(tf.bitwise.left_shift)
bitwise_right_shift = right_shift = of_bits(tf.bitwise.right_shift)
divide = true_divide = of_float_pair(tf.divide)
arctan2, nextafter = of_float_pair(tf.atan2), of_float_pair(tf.math.nextafter)
logical_and, logical_or = of_truth(tf.logical_and), of_truth(tf.logical_or)
logical_xor = of_truth(tf.math.logical_xor)


def divide_no_nan(x1, x2):
    x1, x2 = pair(x1, x2, float)
    return tf.math.divide_no_nan(x1, x2)


def power(x1, x2):
    x1, x2 = pair(x1, x2)
    return tf.pow(_counted(x1), _counted(x2))


def fmax(x1, x2):
    x1, x2 = pair(x1, x2)
    return maximum(x1, x2) if is_whole(x1) else _numbers_of(x1, x2, tf.maximum)


def fmin(x1, x2):
    x1, x2 = pair(x1, x2)
    return minimum(x1, x2) if is_whole(x1) else _numbers_of(x1, x2, tf.minimum)


def _numbers_of(x1, x2, function: Callable):
    """The function of two numbers; where one of both is NaN, the other."""
    return tf.where(tf.math.is_nan(x1), x2, tf.where(tf.math.is_nan(x2), x1, function(x1, x2)))


def hypot(x1, x2):
    x1, x2 = (tf.abs(x) for x in pair(x1, x2, float))
    large, small = tf.maximum(x1, x2), tf.minimum(x1, x2)
    ratio = small / tf.where(tf.equal(large, 0), tf.ones_like(large), large)
    root = large * tf.sqrt(1 + tf.square(ratio))
    return tf.where(tf.math.is_inf(large), large, root)


def logaddexp(x1, x2):
    x1, x2 = pair(x1, x2, float)
    high, gap = tf.maximum(x1, x2), x1 - x2
    return tf.where(tf.math.is_nan(gap), x1 + x2, high + tf.math.log1p(tf.exp(-tf.abs(gap))))


def logaddexp2(x1, x2):
    x1, x2 = pair(x1, x2, float)
    return times(1 / math.log(2))(logaddexp(times(math.log(2))(x1), times(math.log(2))(x2)))


def heaviside(x1, x2):
    x1, x2 = pair(x1, x2, float)
    return tf.where(tf.math.is_nan(x1), x1, tf.where(x1 < 0, tf.zeros_like(x1), tf.where(x1 > 0, tf.ones_like(x1), x2)))


def ldexp(x1, x2):
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if standardize_dtype(x2.dtype) not in dtypes.INT_TYPES:
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={standardize_dtype(x2.dtype)}")
    x1, x2 = pair(x1, x2, float)
    return x1 * tf.pow(tf.constant(2.0, x1.dtype), x2)


def gcd(x1, x2):
    """Euclid's algorithm on all elements at once."""
    x1, x2 = pair(x1, x2)
    shape = tf.broadcast_dynamic_shape(tf.shape(x1), tf.shape(x2))
    x1, x2 = tf.broadcast_to(absolute(_counted(x1)), shape), tf.broadcast_to(absolute(_counted(x2)), shape)

    def step(a, b):
        left = tf.equal(b, 0)
        return tf.where(left, a, b), tf.where(left, b, tf.math.floormod(a, tf.where(left, tf.ones_like(b), b)))

    return tf.while_loop(lambda a, b: tf.reduce_any(tf.not_equal(b, 0)), step, (x1, x2))[0]


def lcm(x1, x2):
    x1, x2 = pair(x1, x2)
    common = gcd(x1, x2)
    safe = tf.where(tf.equal(common, 0), tf.ones_like(common), common)
    return absolute(x1) // safe * absolute(x2)


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    x1, x2 = pair(x1, x2, float)
    near = (tf.abs(x1 - x2) <= tf.cast(atol, x1.dtype) + tf.cast(rtol, x1.dtype) * tf.abs(x2)) & tf.math.is_finite(x2)
    near = near | tf.equal(x1, x2)
    return near | (tf.math.is_nan(x1) & tf.math.is_nan(x2)) if equal_nan else near


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    return tf.reduce_all(isclose(x1, x2, rtol, atol, equal_nan))


def clip(x, x_min, x_max):
    x = _counted(x)
    dtype = dtypes.result_type(weak(x), *(weak(operand(b)) for b in (x_min, x_max) if b is not None))
    x = cast(x, dtype)
    x = x if x_min is None else tf.maximum(x, cast(x_min, dtype))
    return x if x_max is None else tf.minimum(x, cast(x_max, dtype))


def where(condition, x1=None, x2=None):
    condition = cast(condition, "bool")
    if x1 is None or x2 is None:
        return tuple(cast(part, "int32") for part in tf.unstack(tf.where(condition), num=len(condition.shape), axis=1))
    return tf.where(condition, *pair(x1, x2))


def select(condlist, choicelist, default=0):
    dtype = dtypes.result_type(*(weak(operand(x)) for x in (*choicelist, default)))
    answer = convert_to_tensor(default, dtype)
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        answer = where(condition, choice, answer)
    return answer
