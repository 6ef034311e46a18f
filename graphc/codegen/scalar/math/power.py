"""pow: f32 in f64, f64 with the logarithm in two words."""

from __future__ import annotations

import math

from graphc.codegen.scalar.math.exponential import F64, reduce
from graphc.codegen.scalar.math.logarithm import split
from graphc.codegen.scalar.math.polynomial import fast_two_sum, horner, product_error, residual, two_sum
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import f32, f64

# 2 atanh(s)/s in z = s^2 on [0, 0.02944], relative error 2^-45.1.
_LOG = (1.9999999999999467, 0.6666666667966322, 0.39999994868354294, 0.28572168436265893, 0.22174158853755116,
        0.19609361446991583)
# (exp(r) - 1 - r) / r^2 on [-0.3467, 0.3467], error relative to expm1(r): 2^-37.5.
_EXP = (0.5000000000105391, 0.16666666754141196, 0.04166666595262951, 0.008333289052361815, 0.0013888985297351491,
        0.0001990491015418214, 2.479637563581726e-05)
# (atanh(s)/s - 1 - z/3) / z^2 in z = s^2 on [0, 0.02944], error times z^2: 2^-66.3.
_LOG_TAIL = (0.20000000000001128, 0.14285714285049822, 0.11111111259952064, 0.09090892184630218, 0.07693378606198047,
             0.0662841047230304, 0.06598147660232373)
_THIRD_LOW = 1.850371707708594e-17  # 1/3 less its rounding


def power(x: Register, y: Register) -> Register:
    """``x`` to the ``y`` with all special cases of C99; 0.5 ulp (f32), 1.2 ulp (f64)."""
    size = _pow32(abs(x), y) if x.dtype is f32 else _pow64(abs(x), y)
    whole = y.rounded("trunc").eq(y)
    half = y * 0.5
    odd = whole & half.rounded("trunc").ne(half)
    negative = x.bits().lt(0)
    result = size.replace(negative & odd, -size)
    result = result.replace(x.lt(0) & x.ne(-math.inf) & ~whole, math.nan)
    result = result.replace(x.isnan() | y.isnan(), x + y)
    return result.replace(y.eq(0) | x.eq(1) | (x.eq(-1) & abs(y).eq(math.inf)), 1)


def _ends(size: Register, logarithm: Register) -> Register:
    """The logarithm with its values at 0 and infinity."""
    return logarithm.replace(size.eq(0), -math.inf).replace(size.eq(math.inf), math.inf)


def _pow32(size: Register, y: Register) -> Register:
    x = size.widened()
    k, f = split(x)
    s = f / (f + 2)
    logarithm = k.to_float(f64).fma(math.log(2), s * horner(s * s, _LOG))
    exponent = y.widened() * _ends(x, logarithm)
    bits, tail = reduce(exponent.at_most(100.0).at_least(-120.0), F64.bias, polynomial=_EXP)
    factor = (bits << F64.fraction).floating()
    return factor.fma(tail, factor).narrowed()


def _pow64(size: Register, y: Register) -> Register:
    high, low = _log_two_words(size)
    high = _ends(size, high)
    product = y * high
    clamped = product.at_most(710.0).at_least(-746.0)
    error = product_error(y, high, product) + y * low
    error = error.where(abs(error).lt(1), 0.0)  # not finite where the product is not, or too large to be split
    bits, tail = reduce(clamped, 2 * F64.bias, low=error)
    first = (bits << (F64.fraction - 1)) & -(1 << F64.fraction)
    second = (bits << F64.fraction) - first
    return ((tail + 1) * first.floating()) * second.floating()


def _log_two_words(x: Register) -> tuple[Register, Register]:
    """log(x) of a positive finite number with an error of 2^-64 of itself."""
    subnormal = x.lt(2.0**-1022)
    k, f = split(x.replace(subnormal, x * 2.0**52))
    exponent = k.to_float(f64)
    exponent = exponent.replace(subnormal, exponent - 52)
    # s = f / (2 + f)
    denominator, denominator_low = two_sum(f.like(2.0), f)
    s = f / denominator
    s_low = (residual(f, s, denominator) - s * denominator_low) / denominator
    # z = s^2, cube = s^3
    z = s * s
    z_low = product_error(s, s, z) + (s + s) * s_low
    cube = z * s
    cube_low = product_error(z, s, cube) + z_low.fma(s, z * s_low)
    # 1/3 + z P(z)
    rest = z * horner(z, _LOG_TAIL)
    factor, factor_low = fast_two_sum(x.like(1 / 3), rest)
    factor_low = factor_low + _THIRD_LOW
    term = cube * factor
    term_low = product_error(cube, factor, term) + cube.fma(factor_low, cube_low * factor)
    total, total_low = fast_two_sum(s, term)
    total_low = total_low + (s_low + term_low)
    base = exponent * F64.ln2_high
    high, low = two_sum(base, total + total)
    low = low + exponent.fma(F64.ln2_low, total_low + total_low)
    return fast_two_sum(high, low)
