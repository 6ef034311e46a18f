"""Integer division in its floor forms, powers and shifts, without traps for any operands."""

from __future__ import annotations

from graphc.codegen.scalar.register import Register


def divide(x: Register, y: Register) -> tuple[Register, Register]:
    """Floor quotient and remainder with the divisor's sign; both 0 where the divisor is 0."""
    number = y.value.number
    if number is not None and number > 0 and number & (number - 1) == 0:
        return x >> (number.bit_length() - 1), x & (number - 1)
    signed = x.dtype.kind == "i"
    safe = number is not None and number not in (0, -1)
    divisor = y if safe else y.replace(y.eq(0), 1)
    if signed and not safe:  # the smallest integer divided by -1 overflows and traps
        divisor = divisor.replace(y.eq(-1), 1)
    quotient = x.binary("sdiv" if signed else "udiv", divisor)
    remainder = x - quotient * divisor
    if signed:
        lower = (remainder ^ divisor).lt(0) & remainder.ne(0)
        quotient = quotient.replace(lower, quotient - 1)
        remainder = remainder.replace(lower, remainder + divisor)
    if not safe:
        if signed:
            quotient = quotient.replace(y.eq(-1), 0 - x)
        quotient = quotient.replace(y.eq(0), 0)
        remainder = remainder.replace(y.eq(0), 0)
    return quotient, remainder


def power(x: Register, y: Register) -> Register:
    """``x`` to the ``y``, wrapping; a negative exponent gives 0 unless the base is 1 or -1."""
    number = y.value.number
    if number is not None and number >= 0:
        return _constant_power(x, int(number))
    result, square = x.like(1), x
    for bit in range(x.dtype.bits):
        result = result.replace((y & (1 << bit)).ne(0), result * square)
        if bit < x.dtype.bits - 1:
            square = square * square
    if x.dtype.kind == "i":
        result = result.replace(y.lt(0) & x.ne(1) & x.ne(-1), 0)
    return result


def _constant_power(x: Register, exponent: int) -> Register:
    result, square = None, x
    while exponent:
        if exponent & 1:
            result = square if result is None else result * square
        exponent >>= 1
        if exponent:
            square = square * square
    return x.like(1) if result is None else result
