"""Rounding floats to integral values by arithmetic, for targets that would call a library."""

from __future__ import annotations

from graphc.codegen.scalar.builder import Builder, Value
from graphc.ir.dtype import f32


def round_to_integral(builder: Builder, mode: str, x: Value) -> Value:
    """``mode`` roundeven, floor, ceil or trunc of an f32 or f64; NaN, infinities and the sign of zero are kept."""
    limit = builder.const(2.0 ** (23 if x.dtype is f32 else 52), x.dtype, x.lanes)
    one = builder.const(1.0, x.dtype, x.lanes)
    size = builder.intrinsic("fabs", x)
    near = builder.arithmetic("sub", builder.arithmetic("add", size, limit), limit)
    if mode == "trunc":
        near = _step(builder, "gt", near, size, "sub", one)
    near = builder.intrinsic("copysign", near, x)
    if mode == "floor":
        near = _step(builder, "gt", near, x, "sub", one)
    elif mode == "ceil":
        near = builder.intrinsic("copysign", _step(builder, "lt", near, x, "add", one), x)
    return builder.select(builder.compare("lt", size, limit), near, x)


def _step(builder: Builder, predicate: str, near: Value, x: Value, opcode: str, one: Value) -> Value:
    moved = builder.arithmetic(opcode, near, one)
    return builder.select(builder.compare(predicate, near, x), moved, near)
