"""Floats of 8 bits: widening to f32 and rounding back, by integer arithmetic."""

from __future__ import annotations

from graphc.codegen.scalar.builder import Builder, Value
from graphc.codegen.scalar.register import Register
from graphc.ir.dtype import DType, f8e4m3, f8e5m2, i32, u8

# how many bits the mantissa has, the bias of the exponent, the code of the largest number, of infinity (0: none), of NaN
_FORMS = {f8e4m3: (3, 7, 0x7E, 0, 0x7F), f8e5m2: (2, 15, 0x7B, 0x7C, 0x7E)}


def widen(builder: Builder, x: Value) -> Value:
    """A float of 8 bits as f32, exactly."""
    mantissa, bias, largest, infinity, _ = _FORMS[x.dtype]
    bits = Register(builder, builder.convert("zext", builder.reinterpret(x, u8), i32))
    size = bits & 0x7F
    value = ((size << (23 - mantissa)).floating() * 2.0 ** (127 - bias)).bits()
    value = value.replace(size.gt(infinity or largest), 0x7FC00000)
    value = value.replace(size.eq(infinity), 0x7F800000) if infinity else value
    return (value | ((bits & 0x80) << 24)).floating().value


def narrow(builder: Builder, x: Value, dtype: DType) -> Value:
    """f32 rounded to the nearest float of 8 bits, ties to even; beyond the range infinity, or NaN where there is none."""
    mantissa, bias, largest, infinity, nan = _FORMS[dtype]
    bits = Register(builder, x).bits()
    size, drop = bits & 0x7FFFFFFF, 23 - mantissa
    odd = size.binary("lshr", drop) & 1
    rounded = (size + ((1 << (drop - 1)) - 1) + odd).binary("lshr", drop)
    code = rounded - ((127 - bias) << mantissa)
    step = 2.0 ** (24 - bias - mantissa)  # adding it rounds to the least step of the format
    tiny = (size.floating() + step).bits() - ((151 - bias - mantissa) << 23)
    code = code.replace(size.lt((128 - bias) << 23), tiny)
    code = code.replace(code.gt(largest), infinity or nan).replace(size.gt(0x7F800000), nan)
    code = code | (bits.binary("lshr", 24) & 0x80)
    return builder.reinterpret(builder.convert("trunc", code.value, u8), dtype)
