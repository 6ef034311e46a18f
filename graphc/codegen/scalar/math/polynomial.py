"""Evaluation of polynomials and of sums and products kept in two words."""

from __future__ import annotations

from graphc.codegen.scalar.register import Register


def horner(x: Register, coefficients: tuple[float, ...]) -> Register:
    """The polynomial with these coefficients, constant term first, as a chain of fma."""
    result = x.like(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = result.fma(x, coefficient)
    return result


def two_sum(x: Register, y: Register) -> tuple[Register, Register]:
    """``x + y`` rounded, and what the rounding lost, exactly."""
    total = x + y
    moved = total - x
    return total, (x - (total - moved)) + (y - moved)


def fast_two_sum(x: Register, y: Register) -> tuple[Register, Register]:
    """Like ``two_sum`` where ``x`` is not the smaller."""
    total = x + y
    return total, y - (total - x)


def product_error(x: Register, y: Register, product: Register) -> Register:
    """``x * y - product`` exactly, where ``product`` is ``x * y`` rounded and nothing overflows."""
    if x.builder.fuses(x.dtype):
        return x.fma(y, -product)
    x_high, x_low = _halves(x)
    y_high, y_low = _halves(y)
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def residual(x: Register, quotient: Register, y: Register) -> Register:
    """``x - quotient * y`` with one rounding (near enough where the target has no fma: by Dekker's product)."""
    if x.builder.fuses(x.dtype):
        return (-quotient).fma(y, x)
    product = quotient * y
    return (x - product) - product_error(quotient, y, product)


def copy_sign(size: Register, sign: Register) -> Register:
    """The magnitude of ``size`` with the sign of ``sign``."""
    return Register(size.builder, size.builder.intrinsic("copysign", size.value, sign.value))


def _halves(x: Register) -> tuple[Register, Register]:
    scaled = x * (2.0 ** (12 if x.dtype.bits == 32 else 27) + 1)
    high = scaled - (scaled - x)
    return high, x - high
