"""Arithmetic, comparison and logical opcodes for every native dtype: the table from name to maker."""

from __future__ import annotations

from graphc.codegen.llvm.integers import divide, power
from graphc.codegen.llvm.register import Register
from graphc.ir.dtype import b1


def add(x: Register, y: Register) -> Register:
    return x | y if x.dtype is b1 else x + y


def sub(x: Register, y: Register) -> Register:
    return x ^ y if x.dtype is b1 else x - y


def mul(x: Register, y: Register) -> Register:
    return x & y if x.dtype is b1 else x * y


def div(x: Register, y: Register) -> Register:
    return x / y


def floordiv(x: Register, y: Register) -> Register:
    return floor_divide(x, y) if x.dtype.is_float else divide(x, y)[0]


def mod(x: Register, y: Register) -> Register:
    return floor_modulo(x, y) if x.dtype.is_float else divide(x, y)[1]


def maximum(x: Register, y: Register) -> Register:
    """The larger, the first of equals, NaN if one is NaN."""
    if x.dtype is b1:
        return x | y
    larger = x.replace(x.lt(y), y)
    return larger.replace(y.isnan(), y) if x.dtype.is_float else larger


def minimum(x: Register, y: Register) -> Register:
    """The smaller, the first of equals, NaN if one is NaN."""
    if x.dtype is b1:
        return x & y
    smaller = x.replace(x.gt(y), y)
    return smaller.replace(y.isnan(), y) if x.dtype.is_float else smaller


def negate(x: Register) -> Register:
    return -x


def absolute(x: Register) -> Register:
    if x.dtype.is_float:
        return abs(x)
    return x.replace(x.lt(0), 0 - x) if x.dtype.kind == "i" else x


def sign(x: Register) -> Register:
    """-1, 0 or 1; NaN for NaN."""
    if x.dtype is b1:
        return x
    if not x.dtype.is_float:
        positive = x.like(1).where(x.gt(0), 0)
        return positive.replace(x.lt(0), -1) if x.dtype.kind == "i" else positive
    return x.replace(x.gt(0), 1).replace(x.lt(0), -1).replace(x.eq(0), 0)


def rounding(mode: str):
    """The maker of one rounding mode; integers are already whole."""
    return lambda x: x.rounded(mode) if x.dtype.is_float else x


def sqrt(x: Register) -> Register:
    return x.sqrt()


def rsqrt(x: Register) -> Register:
    return 1 / x.sqrt()


def invert(x: Register) -> Register:
    return ~x


def isfinite(x: Register) -> Register:
    if x.dtype.is_float:
        return abs(x).compare("one", float("inf"))
    return x.eq(x)


def popcount(x: Register) -> Register:
    return x if x.dtype is b1 else Register(x.builder, x.builder.intrinsic("ctpop", x.value))


def shift_left(x: Register, y: Register) -> Register:
    return x << (y & (x.dtype.bits - 1))


def shift_right(x: Register, y: Register) -> Register:
    return x >> (y & (x.dtype.bits - 1))


def compare(predicate: str):
    """The maker of one comparison."""
    return lambda x, y: x.compare(predicate, y)


def select(condition: Register, x: Register, y: Register) -> Register:
    return x.where(condition, y)


def fused(x: Register, y: Register, z: Register) -> Register:
    if x.dtype.is_float:
        return x.fma(y, z)
    return add(mul(x, y), z)


def integer_power(x: Register, y: Register) -> Register:
    if x.dtype is b1:
        return x | ~y
    return power(x, y)


def floor_divide(x: Register, y: Register) -> Register:
    """Floor of the exact quotient for floats; division by zero and NaN as IEEE division, NaN for an infinite ``x``."""
    quotient = (x / y).rounded("floor")
    rest = residual(x, quotient, y)
    # The division may have rounded up to an integer: then the rest has the sign that the divisor has not.
    over = (rest.lt(0) & y.gt(0)) | (rest.gt(0) & y.lt(0))
    quotient = quotient.replace(over, quotient - 1)
    far = abs(y).eq(float("inf"))
    opposite = (x.lt(0) & y.gt(0)) | (x.gt(0) & y.lt(0))
    quotient = quotient.replace(far & opposite, -1)
    return quotient.replace(abs(x).eq(float("inf")), float("nan"))


def floor_modulo(x: Register, y: Register) -> Register:
    """The exact remainder with the divisor's sign (Python's rule), for floats.

    Divides off 50 bits of the quotient at a time. f32 is exact for all operands (in f64); f64 for quotients below
    2^1000, beyond which the result is NaN.
    """
    if x.dtype.bits == 32:
        return floor_modulo_steps(x.widened(), y.widened(), 6).narrowed()
    return floor_modulo_steps(x, y, 20)


def floor_modulo_steps(x: Register, y: Register, steps: int) -> Register:
    size = abs(y)
    rest = x
    for _ in range(steps):
        rest = residual(rest, (rest / size).rounded("trunc"), size)
    # The last quotient may have been rounded up to an integer, which leaves the other sign or the divisor itself.
    rest = rest.replace(rest.lt(0), rest + size)
    rest = rest.replace(rest.ge(size), 0)
    flipped = (y.lt(0) & rest.gt(0))
    rest = rest.replace(flipped, rest + y)
    far = size.eq(float("inf")) & abs(x).ne(float("inf")) & ~x.isnan()
    opposite = (x.lt(0) & y.gt(0)) | (x.gt(0) & y.lt(0))
    rest = rest.replace(far, x.replace(opposite, y))
    signed = ((y.bits() & sign_bit(y)) | (abs(rest).bits())).floating()
    return signed.replace(rest.isnan(), rest)


def sign_bit(x: Register) -> int:
    """The sign bit of a float of this width, as a signed integer."""
    return -(1 << (x.dtype.bits - 1))


def residual(x: Register, quotient: Register, y: Register) -> Register:
    """``x - quotient * y`` with one rounding (near enough where the target has no fma: by Dekker's product)."""
    if x.builder.target.fma:
        return (-quotient).fma(y, x)
    product = quotient * y
    return (x - product) - product_error(quotient, y, product)


def product_error(x: Register, y: Register, product: Register) -> Register:
    """``x * y - product`` exactly, where ``product`` is ``x * y`` rounded and nothing overflows."""
    if x.builder.target.fma:
        return x.fma(y, -product)
    x_high, x_low = _halves(x)
    y_high, y_low = _halves(y)
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _halves(x: Register) -> tuple[Register, Register]:
    scaled = x * (2.0 ** (12 if x.dtype.bits == 32 else 27) + 1)
    high = scaled - (scaled - x)
    return high, x - high


OPCODES = {
    "add": add, "sub": sub, "mul": mul, "div": div, "floordiv": floordiv, "mod": mod, "max": maximum, "min": minimum,
    "neg": negate, "abs": absolute, "sign": sign, "floor": rounding("floor"), "ceil": rounding("ceil"),
    "round": rounding("roundeven"), "trunc": rounding("trunc"), "sqrt": sqrt, "rsqrt": rsqrt, "not": invert,
    "isfinite": isfinite, "popcount": popcount, "and": Register.__and__, "or": Register.__or__,
    "xor": Register.__xor__, "shl": shift_left, "shr": shift_right, "eq": compare("eq"), "ne": compare("ne"),
    "lt": compare("lt"), "le": compare("le"), "select": select, "fma": fused,
}
