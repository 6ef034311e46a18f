"""Scalar primitives as straight-line code: one function that knows every opcode and every native dtype."""

from __future__ import annotations

from graphc.codegen.scalar import casts
from graphc.codegen.scalar.builder import Builder, Value
from graphc.codegen.scalar.half import fused, narrow, widen
from graphc.codegen.scalar.math.table import MATH
from graphc.codegen.scalar.opcodes import OPCODES, integer_power
from graphc.codegen.scalar.register import Register
from graphc.errors import CompileError
from graphc.ir.dtype import i16

_SIGN = {"neg": -0x8000, "abs": 0x7FFF}


def primitive(builder: Builder, op: str, attrs: dict, args: tuple[Value, ...]) -> Value:
    """One primitive applied lane by lane.

    Args:
        op: a primitive's opcode (add, select, exp, cast, ...).
        attrs: its attributes; ``dtype`` for cast and bitcast.
        args: operands with equal lane counts, and equal dtypes but for the condition of select.

    Raises:
        CompileError: there is no such opcode for these operands.
    """
    if op == "cast":
        return casts.cast(builder, args[0], attrs["dtype"])
    if op == "bitcast":
        return casts.bitcast(builder, args[0], attrs["dtype"])
    kind = args[-1].dtype
    if kind.is_float and kind.bits == 16:
        return _half(builder, op, attrs, args)
    return _maker(op, args)(*[Register(builder, x) for x in args]).value


def _maker(op: str, args: tuple[Value, ...]):
    if op == "pow" and not args[0].dtype.is_float:
        return integer_power
    maker = OPCODES.get(op) or (MATH.get(op) if args[-1].dtype.is_float else None)
    if maker is None:
        raise CompileError(f"there is no scalar opcode {op!r} for ({', '.join(x.dtype.short for x in args)})")
    return maker


def _half(builder: Builder, op: str, attrs: dict, args: tuple[Value, ...]) -> Value:
    """f16 and bf16 compute in f32 and round after every operation."""
    dtype = args[-1].dtype
    if op == "select":
        return builder.select(*args)
    if op == "fma":
        return fused(builder, *args)
    if op in _SIGN:
        mask = builder.reinterpret(builder.const(_SIGN[op], i16, args[0].lanes), dtype)
        return builder.binary("xor" if op == "neg" else "and", args[0], mask)
    wide = primitive(builder, op, attrs, tuple([widen(builder, x) for x in args]))
    return narrow(builder, wide, dtype) if wide.dtype.is_float else wide
