"""log, log1p and the inverse hyperbolic functions.

``x = 2^k m`` with m between sqrt(1/2) and sqrt(2); ``f = m - 1``. f32 is a polynomial in f; f64 a polynomial in the
square of ``s = f / (2 + f)``, since log(m) = 2 atanh(s).
"""

from __future__ import annotations

import math

from graphc.codegen.scalar.math.exponential import format_of
from graphc.codegen.scalar.math.polynomial import copy_sign, horner
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import DType, f32

# (log(1+f) - f + f^2/2) / f^3 on [sqrt(1/2)-1, sqrt(2)-1], error relative to log(1+f): degree 7, 2^-27.2.
_LOG32 = (0.333333313, -0.250008225, 0.200012624, -0.166233256, 0.142008409, -0.131591663, 0.127688169, -0.0764863342)
# (2 atanh(s)/s - 2) / s^2 in z = s^2 on [0, 0.02944], error times z: degree 6, 2^-58.5.
_LOG64 = (0.6666666666666734, 0.39999999999416647, 0.28571428742026656, 0.2222219860521596, 0.18183562843191478,
          0.15314085033939456, 0.14795631604382112)


def split(x: Register) -> tuple[Register, Register]:
    """Integer k and m - 1 of a positive normal number."""
    form = format_of(x.dtype)
    root = _bits(math.sqrt(0.5), x.dtype)
    offset = x.bits() - root
    mantissa = x.bits() - (offset & -(1 << form.fraction))
    return offset >> form.fraction, mantissa.floating() - 1


def log(x: Register) -> Register:
    """0.8 ulp."""
    form = format_of(x.dtype)
    smallest = 2.0 ** (1 - form.bias)
    subnormal = x.lt(smallest)
    k, f = split(x.replace(subnormal, x * 2.0**form.fraction))
    exponent = k.to_float(x.dtype)
    exponent = exponent.replace(subnormal, exponent - form.fraction)
    result = log_of(exponent, f)
    result = result.where(x.lt(math.inf), x)
    return result.replace(x.le(0), x.like(-math.inf).where(x.eq(0), math.nan))


def log_of(exponent: Register, f: Register) -> Register:
    """``exponent * ln 2 + log(1 + f)``."""
    form = format_of(f.dtype)
    half_square = f * f * 0.5
    if f.dtype is f32:
        tail = (f * f * f).fma(horner(f, _LOG32), exponent * form.ln2_low) - half_square
        return exponent.fma(form.ln2_high, tail + f)
    s = f / (f + 2)
    z = s * s
    tail = s.fma(z.fma(horner(z, _LOG64), half_square), exponent * form.ln2_low) - half_square
    return exponent.fma(form.ln2_high, tail + f)


def log1p(x: Register) -> Register:
    """1.4 ulp: the m of 1 + x, less 1, is found with one rounding as x 2^-k + (2^-k - 1)."""
    form = format_of(x.dtype)
    k, _ = split(x + 1)
    # 2^(2-k) stays a normal number for every k.
    quarter = (((form.bias + 2) - k) << form.fraction).floating()
    f = (x * 0.25).fma(quarter, quarter * 0.25 - 1)
    result = log_of(k.to_float(x.dtype), f)
    result = result.replace(abs(x).lt(2.0**-(form.fraction + 2)), x)
    result = result.where(x.lt(math.inf), x)
    return result.replace(x.le(-1), x.like(-math.inf).where(x.eq(-1), math.nan))


def asinh(x: Register) -> Register:
    """log1p(a + a^2 / (1 + sqrt(1 + a^2))). 1.5 ulp."""
    size = abs(x)
    square = size * size
    argument = size + square / (1 + (square + 1).sqrt())
    return copy_sign(_log1p_or_double(size, argument), x)


def acosh(x: Register) -> Register:
    """log1p(t + sqrt(2t + t^2)) with t = x - 1; NaN below 1. 1.9 ulp."""
    t = x - 1
    result = _log1p_or_double(x, t + t.fma(t, t + t).sqrt())
    return result.replace(x.lt(1), math.nan)


def atanh(x: Register) -> Register:
    """log1p(2a / (1 - a)) / 2. 2.1 ulp."""
    size = abs(x)
    result = log1p((size + size) / (1 - size)) * 0.5
    return copy_sign(size.where(size.lt(2.0**-30), result), x)


def _log1p_or_double(size: Register, argument: Register) -> Register:
    """log1p(argument), or log(2 size) where size is so large that both agree and the argument could overflow."""
    big = size.gt(2.0 ** (format_of(size.dtype).fraction + 4))
    result = log1p(argument.replace(big, size))
    return result + size.like(math.log(2)).where(big, 0.0)


def _bits(number: float, dtype: DType) -> int:
    return int(dtype.numpy.type(number).view("i4" if dtype is f32 else "i8"))
