"""cast and bitcast between every pair of native dtypes."""

from __future__ import annotations

from graphc.codegen.scalar import eight_bits
from graphc.codegen.scalar.builder import Builder, Value
from graphc.codegen.scalar.half import narrow, widen
from graphc.codegen.scalar.register import Register
from graphc.errors import CompileError
from graphc.ir.dtype import DType, b1, f32, f64, i32


def cast(builder: Builder, x: Value, dtype: DType) -> Value:
    """The value as another dtype: floats to integers truncate and saturate, NaN becomes 0, to b1 is ``!= 0``.

    f16, bf16 and floats of 8 bits are reached through f32.
    """
    if x.dtype is dtype:
        return x
    if x.dtype.kind == "e":
        return cast(builder, eight_bits.widen(builder, x), dtype)
    if dtype.kind == "e":
        return eight_bits.narrow(builder, cast(builder, x, f32), dtype)
    if x.number is not None and (x.dtype.is_integer or x.dtype is b1):
        return builder.const(bool(x.number) if dtype is b1 else x.number, dtype, x.lanes)
    if dtype is b1:
        return _to_bool(builder, x)
    if x.dtype.is_float:
        return _from_float(builder, x, dtype)
    if dtype.is_float:
        opcode = "sitofp" if x.dtype.kind == "i" else "uitofp"
        if dtype.bits == 16:
            return narrow(builder, builder.convert(opcode, x, f32), dtype)
        return builder.convert(opcode, x, dtype)
    width = 1 if x.dtype is b1 else x.dtype.bits
    if width == dtype.bits:
        return builder.reinterpret(x, dtype)
    opcode = "trunc" if width > dtype.bits else ("sext" if x.dtype.kind == "i" else "zext")
    return builder.convert(opcode, x, dtype)


def bitcast(builder: Builder, x: Value, dtype: DType) -> Value:
    """The bits as another dtype of the same width.

    Raises:
        CompileError: the widths differ, or one is b1, whose register has one bit.
    """
    if x.dtype.bits != dtype.bits or b1 in (x.dtype, dtype):
        raise CompileError(f"bitcast: {x.dtype.short} and {dtype.short} have no common bit layout")
    return builder.reinterpret(x, dtype)


def _to_bool(builder: Builder, x: Value) -> Value:
    if x.dtype.bits == 16 and x.dtype.is_float:
        x = widen(builder, x)
    return builder.compare("ne", x, builder.const(0, x.dtype, x.lanes))


def _from_float(builder: Builder, x: Value, dtype: DType) -> Value:
    if x.dtype.bits == 16:
        return cast(builder, widen(builder, x), dtype)
    if dtype.is_integer and dtype.bits < 32:
        return _to_narrow(builder, x, dtype)
    if dtype.is_integer:
        return builder.saturated(x, dtype)
    if dtype is f64:
        return builder.convert("fpext", x, f64)
    if dtype is f32:
        return builder.convert("fptrunc", x, f32)
    return narrow(builder, builder.convert("fptrunc", x, f32) if x.dtype is f64 else x, dtype)


def _to_narrow(builder: Builder, x: Value, dtype: DType) -> Value:
    """A float as 8 or 16 bits: limited while it is a float, as LLVM takes vectors apart for a saturating conversion."""
    real, high = Register(builder, x), 2 ** (dtype.bits - (dtype.kind == "i")) - 1
    if dtype.kind == "u":
        inside = real.where(real.gt(0.0), 0.0).at_most(float(high))  # NaN is not above 0
    else:
        inside = real.at_least(float(-high - 1)).at_most(float(high))
        inside = inside.replace(inside.isnan(), 0.0)
    return builder.convert("trunc", inside.to("fptosi", i32).value, dtype)
