"""Arithmetic, comparison and logical opcodes for every native dtype: the table from name to maker."""

from __future__ import annotations

from graphc.codegen.scalar.byte_products import byte_products
from graphc.codegen.scalar.division import floor_divide, floor_modulo
from graphc.codegen.scalar.integers import divide, power
from graphc.codegen.scalar.register import Register
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


OPCODES = {
    "add": add, "sub": sub, "mul": mul, "div": div, "floordiv": floordiv, "mod": mod, "max": maximum, "min": minimum,
    "neg": negate, "abs": absolute, "sign": sign, "floor": rounding("floor"), "ceil": rounding("ceil"),
    "round": rounding("roundeven"), "trunc": rounding("trunc"), "sqrt": sqrt, "rsqrt": rsqrt, "not": invert,
    "isfinite": isfinite, "popcount": popcount, "and": Register.__and__, "or": Register.__or__,
    "xor": Register.__xor__, "shl": shift_left, "shr": shift_right, "eq": compare("eq"), "ne": compare("ne"),
    "lt": compare("lt"), "le": compare("le"), "select": select, "fma": fused, "madd4": byte_products,
}
