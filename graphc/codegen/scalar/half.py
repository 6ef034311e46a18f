"""f16 and bf16: widening to f32 and rounding back, by instructions where they exist, else by integer arithmetic."""

from __future__ import annotations

from graphc.codegen.scalar.builder import Builder, Value
from graphc.codegen.scalar.math.polynomial import two_sum
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import DType, f16, i16, i32


def widen(builder: Builder, x: Value) -> Value:
    """f16 or bf16 as f32, exactly."""
    if x.dtype is not f16:
        wide = Register(builder, builder.convert("zext", x, i32))
        return (wide << 16).floating().value
    if builder.has_half:
        return builder.half_to_float(x)
    bits = Register(builder, builder.convert("sext", builder.reinterpret(x, i16), i32))
    size = (bits & 0x7FFF) << 13
    normal = size + (112 << 23)
    infinite = size + (224 << 23)
    tiny = ((size + (113 << 23)).floating() - 2.0 ** -14).bits()
    result = normal.replace(size.ge(31 << 23), infinite).replace(size.lt(1 << 23), tiny)
    return (result | (bits & -0x80000000)).floating().value


def narrow(builder: Builder, x: Value, dtype: DType) -> Value:
    """f32 rounded to the nearest f16 or bf16, ties to even; a NaN stays one."""
    if dtype is not f16:
        return builder.float_to_brain(x) if builder.has_brain else _narrow_brain(builder, x, dtype)
    if builder.has_half:
        return builder.float_to_half(x)
    bits = Register(builder, x).bits()
    size = bits & 0x7FFFFFFF
    rounded = (size + 0xFFF + (size.binary("lshr", 13) & 1) - (112 << 23)).binary("lshr", 13)
    # Adding 0.5 puts the last bit of a subnormal f16 at the last bit of the f32, so the addition rounds.
    tiny = (size.floating() + 0.5).bits() - (126 << 23)
    result = rounded.replace(size.lt(113 << 23), tiny).replace(size.ge(0x477FF000), 0x7C00)
    result = result.replace(size.gt(0x7F800000), 0x7E00)
    result = result | (bits.binary("lshr", 16) & 0x8000)
    return builder.convert("trunc", result.value, dtype)


def _narrow_brain(builder: Builder, x: Value, dtype: DType) -> Value:
    source = Register(builder, x)
    bits = source.bits()
    rounded = bits + 0x7FFF + (bits.binary("lshr", 16) & 1)
    result = rounded.replace(source.isnan(), bits | 0x400000).binary("lshr", 16)
    return builder.convert("trunc", result.value, dtype)


def narrow_to_odd(builder: Builder, x: Value) -> Value:
    """f64 as f32; an inexact result is the neighbour with an odd last bit, so that rounding once more is right."""
    source = Register(builder, x)
    near = source.narrowed()
    back = near.widened()
    bits = near.bits()
    moved = (bits + 1).replace(abs(back).gt(abs(source)), bits - 1)
    wrong = back.compare("one", source) & (bits & 1).eq(0)
    return bits.replace(wrong, moved).floating().value


def fused(builder: Builder, x: Value, y: Value, z: Value) -> Value:
    """``x * y + z`` of f16 or bf16, rounded once: exact product in f64, every rounding before the last is to odd."""
    a, b, c = (Register(builder, widen(builder, value)).widened() for value in (x, y, z))
    total, error = two_sum(a * b, c)
    bits = total.bits()
    moved = (bits - 1).where((error * total).lt(0), bits + 1)
    inexact = abs(error).gt(0) & (bits & 1).eq(0)
    return narrow(builder, narrow_to_odd(builder, bits.replace(inexact, moved).floating().value), x.dtype)
