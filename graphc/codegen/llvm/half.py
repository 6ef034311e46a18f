"""f16 to f32 and back by the instructions of machines that have them."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Builder, Value, register_type
from graphc.ir.dtype import f16, f32
from graphc.ir.target import Target


def has_half(target: Target) -> bool:
    """True where f16 converts to and from f32 by an instruction (F16C, NEON)."""
    return "f16c" in target.features or "neon" in target.features


def half_to_float(builder: Builder, x: Value) -> Value:
    """f16 as f32."""
    name = f"%v{next(builder.names)}"
    builder.lines.append(f"  {name} = bitcast {x.operand} to {_half(x.lanes)}")
    return builder.emit(f"fpext {_half(x.lanes)} {name} to {register_type(f32, x.lanes)}", f32, x.lanes)


def float_to_half(builder: Builder, x: Value) -> Value:
    """f32 rounded to f16."""
    name = f"%v{next(builder.names)}"
    x = _fenced(builder, x)
    builder.lines.append(f"  {name} = fptrunc {x.operand} to {_half(x.lanes)}")
    if x.lanes == 1:
        return builder.emit(f"bitcast half {name} to i16", f16, 1)
    return builder.emit(f"bitcast {_half(x.lanes)} {name} to <{x.lanes} x i16>", f16, x.lanes)


def _half(lanes: int) -> str:
    return "half" if lanes == 1 else f"<{lanes} x half>"


def _fenced(builder: Builder, x: Value) -> Value:
    """``x``, but a rounding from f64 before it and one to f16 after it stay two: one would be a call of a C library."""
    kind = register_type(x.dtype, x.lanes)
    name = "llvm.arithmetic.fence." + (f"v{x.lanes}f32" if x.lanes > 1 else "f32")
    builder.declared.add(f"declare {kind} @{name}({kind})")
    return builder.emit(f"call {kind} @{name}({x.operand})", x.dtype, x.lanes)
