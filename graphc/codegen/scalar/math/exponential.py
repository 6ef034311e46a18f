"""exp, expm1, sigmoid and the hyperbolic functions, which share one reduction by powers of two.

``x = n ln 2 + r`` with ``|r| <= ln(2)/2``; ``exp(r) = 1 + r + r^2 P(r)``. n comes from adding a number so large that
the sum's last bits are n plus a bias, which also serves as exponent field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphc.codegen.scalar.math.polynomial import copy_sign, horner
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import DType, f32

# (exp(r) - 1 - r) / r^2 on [-0.3467, 0.3467], error relative to expm1(r).
_EXP32 = (0.49999997, 0.16666539, 0.041667752, 0.0083670821, 0.0013837585)  # degree 4: 2^-26.1
_EXP64 = (0.5, 0.16666666666666677, 0.041666666666666685, 0.00833333333332179, 0.001388888888889612,
          0.00019841269885397382, 2.48015872633376e-05, 2.7557244915537844e-06, 2.755735396553978e-07,
          2.5108887292790895e-08, 2.088267768210724e-09)  # degree 10: 2^-59.5
_LIFT = 64  # powers of two by which a result is too large until the last step, so that only that may be subnormal


@dataclass(frozen=True)
class Format:
    """Constants of the reduction for one float type."""

    polynomial: tuple[float, ...]
    fraction: int  # bits of the stored significand
    bias: int
    ln2_high: float  # enough zeros at the end that n * ln2_high is exact
    ln2_low: float
    overflow: float  # exp is infinite above
    underflow: float  # exp is 0 below
    minus_one: float  # below its negative, expm1 rounds to -1

    @property
    def magic(self) -> float:
        """Adding it leaves the integer in the last bits of the significand."""
        return 1.5 * 2.0**self.fraction


F32 = Format(_EXP32, 23, 127, 0.693359375, -2.12194440e-4, 89.0, -104.0, 20.0)
F64 = Format(_EXP64, 52, 1023, float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33"), 710.0, -746.0,
             40.0)


def format_of(dtype: DType) -> Format:
    return F32 if dtype is f32 else F64


def reduce(x: Register, bias: int, scale: float = 1.0, low: Register | None = None,
           polynomial: tuple[float, ...] | None = None) -> tuple[Register, Register]:
    """The integer that holds ``n + bias`` in its last bits, and expm1(r), where scale * x + low = n ln 2 + r.

    ``scale`` is 1 or -1; ``low`` is a second word of x; ``polynomial`` stands for the usual one.
    """
    form = format_of(x.dtype)
    shifted = x.fma(scale * math.log2(math.e), form.magic + bias)
    n = shifted - (form.magic + bias)
    if scale < 0:
        x = -x
    r = n.fma(-form.ln2_low, n.fma(-form.ln2_high, x))
    if low is not None:
        r = r + low
    return shifted.bits(), (r * r).fma(horner(r, polynomial or form.polynomial), r)


def exp(x: Register) -> Register:
    """1 ulp; results down to the smallest subnormal are rounded once."""
    return exp_scaled(x, 0)


def exp_scaled(x: Register, shift: int) -> Register:
    """``exp(x) * 2**shift`` without overflow where the result is finite; ``shift`` 0 or -1."""
    form = format_of(x.dtype)
    clamped = x.at_most(form.overflow - shift).at_least(form.underflow)
    bits, tail = reduce(clamped, 2 * form.bias + shift)
    # n + 2 * bias, halved: two factors 2^(n/2) reach from the subnormals to overflow.
    first = (bits << (form.fraction - 1)) & -(1 << form.fraction)
    second = (bits << form.fraction) - first
    return ((tail + 1) * first.floating()) * second.floating()


def exp_falling(x: Register) -> Register:
    """``exp(x)`` to the bit for x that is at most 0 or NaN, where nothing overflows and one power of two will do."""
    form = format_of(x.dtype)
    bits, tail = reduce(x.at_least(form.underflow), form.bias + _LIFT)
    return ((tail + 1) * (bits << form.fraction).floating()) * 2.0**-_LIFT


def expm1(x: Register) -> Register:
    """1.7 ulp."""
    result = quarter_expm1(x) * 4
    return x.where(abs(x).lt(2.0**-60), result)


def quarter_expm1(x: Register) -> Register:
    """``expm1(x) / 4``, finite wherever expm1 overflows by less than a factor of 2."""
    form = format_of(x.dtype)
    clamped = x.at_most(form.overflow + 0.5).at_least(-form.minus_one)
    bits, tail = reduce(clamped, form.bias - 2)
    quarter = (bits << form.fraction).floating()
    return quarter.fma(tail, quarter - 0.25)


def sigmoid(x: Register) -> Register:
    """2 ulp: 1 / (1 + exp(-x)), numerator and denominator scaled where exp(-x) would overflow."""
    form = format_of(x.dtype)
    clamped = x.at_least(form.underflow).at_most(-form.underflow / 1.3)
    bits, tail = reduce(clamped, 0, -1.0)
    one = x.like(2.0**-(form.bias // 2 + 1)).where(x.lt(form.underflow / 2), 1.0)
    power = ((bits << form.fraction) + one.bits()).floating()
    return one / (power.fma(tail, one) + power)


def tanh(x: Register) -> Register:
    """e / (e + 2) with e = expm1(2 |x|): one division, no cancellation; the rounding of e + 2 is made good. 1.8 ulp."""
    form = format_of(x.dtype)
    size = abs(x)
    size = (size + size).at_most(form.minus_one)
    bits, tail = reduce(size, form.bias)
    power = (bits << form.fraction).floating()
    e = power.fma(tail, power - 1)
    inverse = 1 / (e + 2)
    quotient = e * inverse
    rest = (-quotient).fma(e, quotient.fma(-2.0, e))
    return copy_sign(rest.fma(inverse, quotient), x)


def sinh(x: Register) -> Register:
    """e / 2 + e / 2 / (e + 1) with e = expm1(|x|). 2 ulp."""
    size = abs(x)
    quarter = quarter_expm1(size)
    result = (quarter + quarter / quarter.fma(4.0, 1.0)) * 2
    return copy_sign(size.where(size.lt(2.0**-30), result), x)


def cosh(x: Register) -> Register:
    """h + 1 / (4h) with h = exp(|x|) / 2. 1.4 ulp."""
    half = exp_scaled(abs(x), -1)
    return half + 0.25 / half
