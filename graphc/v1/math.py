"""``tf.math`` of TensorFlow 1."""

from graphc.v1.catalogue import members_of
from graphc.v1.nn import in_top_k, log_sigmoid, log_softmax, softmax, softplus, softsign, top_k, zero_fraction
from graphc.v1.ops import (  # noqa: A004
    abs, acos, acosh, add, add_n, argmax, argmin, asin, asinh, atan, atan2, atanh, ceil, cos, cosh,
    count_nonzero, cumprod, cumsum, digamma, div_no_nan, divide, equal, erf, erfc, erfinv, exp, expm1, floor,
    floordiv, floormod, greater, greater_equal, is_finite, is_inf, is_nan, l2_normalize, less, less_equal,
    lgamma, log, log1p, logical_and, logical_not, logical_or, logical_xor, maximum, minimum, mod, multiply,
    multiply_no_nan, negative, not_equal, pow, reciprocal, reduce_all, reduce_any, reduce_logsumexp, reduce_max,
    reduce_mean, reduce_min, reduce_prod, reduce_std, reduce_sum, reduce_variance, rint, round, rsqrt, sigmoid,
    sign, sin, sinh, sqrt, square, squared_difference, subtract, tan, tanh, truediv, xlogy,
)  # fmt: skip

ceiling = ceil
__getattr__ = members_of("math")
