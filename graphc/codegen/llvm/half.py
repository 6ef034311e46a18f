"""f16 and bf16: widening to f32 and rounding back, by instructions where they exist, else by integer arithmetic."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Builder, Value, register_type
from graphc.codegen.llvm.math.polynomial import two_sum
from graphc.codegen.llvm.register import Register
from graphc.ir.dtype import DType, f16, f32, i16, i32
from graphc.ir.target import Target


def has_half(target: Target) -> bool:
    """True where f16 converts to and from f32 by an instruction (F16C, NEON)."""
    return "f16c" in target.features or "neon" in target.features


def widen(builder: Builder, x: Value) -> Value:
    """f16 or bf16 as f32, exactly."""
    if x.dtype is not f16:
        wide = Register(builder, builder.convert("zext", x, i32))
        return (wide << 16).floating().value
    if has_half(builder.target):
        return builder.emit(f"fpext {_half(x.lanes)} {_as_half(builder, x)} to {_float(x.lanes)}", f32, x.lanes)
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
        return _narrow_brain(builder, x, dtype)
    if has_half(builder.target):
        name = f"%v{next(builder.names)}"
        x = _fenced(builder, x)
        builder.lines.append(f"  {name} = fptrunc {x.operand} to {_half(x.lanes)}")
        if x.lanes == 1:
            return builder.emit(f"bitcast half {name} to i16", dtype, 1)
        return builder.emit(f"bitcast {_half(x.lanes)} {name} to <{x.lanes} x i16>", dtype, x.lanes)
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


def _half(lanes: int) -> str:
    return "half" if lanes == 1 else f"<{lanes} x half>"


def _float(lanes: int) -> str:
    return "float" if lanes == 1 else f"<{lanes} x float>"


def _as_half(builder: Builder, x: Value) -> str:
    name = f"%v{next(builder.names)}"
    builder.lines.append(f"  {name} = bitcast {x.operand} to {_half(x.lanes)}")
    return name


def _fenced(builder: Builder, x: Value) -> Value:
    """``x``, but a rounding from f64 before it and one to f16 after it stay two: one would be a call of a C library."""
    kind = register_type(x.dtype, x.lanes)
    name = "llvm.arithmetic.fence." + (f"v{x.lanes}f32" if x.lanes > 1 else "f32")
    builder.declared.add(f"declare {kind} @{name}({kind})")
    return builder.emit(f"call {kind} @{name}({x.operand})", x.dtype, x.lanes)
