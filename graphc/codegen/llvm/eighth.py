"""Floats of 8 bits: widening to f32 and rounding back, by integer arithmetic on their bits."""

from __future__ import annotations

import math

from graphc.codegen.llvm.builder import Builder, Value
from graphc.codegen.llvm.register import Register
from graphc.ir.dtype import DType, f8e4m3, f8e5m2, i32

# bits of the mantissa, bias of the exponent, bits of the largest number, of what lies beyond it, and of NaN
_FORMS = {f8e4m3: (3, 7, 0x7E, 0x7F, 0x7F), f8e5m2: (2, 15, 0x7B, 0x7C, 0x7E)}
_INFINITE, _F32_BIAS, _F32_MANTISSA = 0x7F800000, 127, 23


def from_byte(builder: Builder, x: Value) -> Value:
    """A float of 8 bits as f32, exactly."""
    mantissa, bias, largest, beyond, nan = _FORMS[x.dtype]
    bits = Register(builder, builder.convert("zext", x, i32))
    size = bits & 0x7F
    value = ((size << (_F32_MANTISSA - mantissa)).floating() * 2.0 ** (_F32_BIAS - bias)).bits()
    if beyond != nan:
        value = value.replace(size.gt(largest), _INFINITE)
    value = value.replace(size.gt(max(largest, beyond - (beyond == nan))), _INFINITE | 0x400000)
    return (value | ((bits & 0x80) << 24)).floating().value


def to_byte(builder: Builder, x: Value, dtype: DType) -> Value:
    """f32 rounded to the nearest float of 8 bits, ties to even; beyond the largest is infinity, or NaN without one."""
    mantissa, bias, largest, beyond, nan = _FORMS[dtype]
    bits, drop = Register(builder, x).bits(), _F32_MANTISSA - mantissa
    size = bits & 0x7FFFFFFF
    rounded = (size + ((1 << (drop - 1)) - 1) + (size.binary("lshr", drop) & 1)).binary("lshr", drop)
    normal = rounded - ((_F32_BIAS - bias) << mantissa)
    # adding this number puts the last bit of a subnormal at the last bit of the f32, so the addition rounds
    step = 1 - bias - mantissa + _F32_MANTISSA
    tiny = (size.floating() + math.ldexp(1.0, step)).bits() - ((_F32_BIAS + step) << _F32_MANTISSA)
    code = normal.replace(size.lt((_F32_BIAS + 1 - bias) << _F32_MANTISSA), tiny)
    code = code.replace(code.gt(largest), beyond).replace(size.gt(_INFINITE), nan)
    return builder.convert("trunc", (code | (bits.binary("lshr", 24) & 0x80)).value, dtype)
