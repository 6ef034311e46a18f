"""Floor division and modulo of f32 and f64, exact without a library call."""

from __future__ import annotations

import math

from graphc.codegen.scalar.math.polynomial import copy_sign, residual
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import f32


def floor_divide(x: Register, y: Register) -> Register:
    """Floor of the exact quotient, rounded; by zero as IEEE division; NaN for an infinite ``x`` and any other ``y``.

    f32 divides in f64, where the floor is exact up to 2^48.
    """
    if x.dtype is f32:
        return floor_divide(x.widened(), y.widened()).narrowed()
    quotient = (x / y).rounded("floor")
    rest = residual(x, quotient, y)
    # The division may have rounded up to an integer: then the rest has the sign that the divisor has not. Where all
    # quotients are integers it is right as it is.
    below = abs(quotient).lt(2.0**53)
    quotient = quotient.replace(_opposite(rest, y) & below, quotient - 1)
    far = abs(y).eq(math.inf)
    quotient = quotient.replace(far & _opposite(x, y), -1)
    return quotient.replace(abs(x).eq(math.inf) & y.ne(0), math.nan)


def floor_modulo(x: Register, y: Register) -> Register:
    """The exact remainder with the divisor's sign (Python's rule).

    The quotient is divided off 52 bits at a time: f32 in f64, where its 277 possible bits take six steps; f64 first by
    multiples of the divisor, so that no quotient overflows. A target without fma gives NaN beyond 2^990 in f64.
    """
    size, divisor = abs(x), abs(y)
    if x.dtype is f32:
        rest = _divide_off(size.widened(), divisor.widened(), 6).narrowed()
    else:
        rest = _remainder_f64(size, divisor)
    rest = rest.replace(divisor.eq(math.inf) & size.lt(math.inf), size)
    rest = copy_sign(rest, x)
    rest = rest.replace(_opposite(rest, y), rest + y)
    return rest.replace(rest.eq(0), copy_sign(rest, y))


def _remainder_f64(size: Register, divisor: Register) -> Register:
    """By factor^2, factor and 1 times the divisor; each quotient is below 2^1005 (20 steps) or 2^549 (11 steps)."""
    factor = size.like(2.0**60).where(divisor.lt(2), 1.0).replace(divisor.lt(2.0**-100), 2.0**549)
    middle = divisor * factor
    rest = _divide_off(size, middle * factor, 20)
    return _divide_off(_divide_off(rest, middle, 11), divisor, 11)


def _divide_off(rest: Register, divisor: Register, steps: int) -> Register:
    for _ in range(steps):
        rest = residual(rest, (rest / divisor).rounded("trunc"), divisor)
    # The last quotient may have been rounded up to an integer.
    return rest.replace(rest.lt(0), rest + divisor)


def _opposite(x: Register, y: Register) -> Register:
    """Where both are not zero and of different sign."""
    return (x.lt(0) & y.gt(0)) | (x.gt(0) & y.lt(0))
