"""Scalar primitives as straight-line LLVM IR: one method that knows every opcode, every native dtype and lane count."""

from __future__ import annotations

from graphc.codegen.llvm import casts
from graphc.codegen.llvm.builder import Builder, Value, element_type, register_type
from graphc.codegen.llvm.half import fused, narrow, widen
from graphc.codegen.llvm.math.table import MATH
from graphc.codegen.llvm.opcodes import OPCODES, integer_power
from graphc.codegen.llvm.register import Register
from graphc.errors import CompileError
from graphc.ir.dtype import i16

__all__ = ["Builder", "Instructions", "Value", "element_type", "register_type"]

_SIGN = {"neg": -0x8000, "abs": 0x7FFF}


class Instructions(Builder):
    """Writes finished instructions for scalar primitives; no optimiser runs after it."""

    def scalar(self, op: str, attrs: dict, *args: Value) -> Value:
        """One primitive applied lane by lane.

        Args:
            op: a primitive's opcode (add, select, exp, cast, ...).
            attrs: its attributes; ``dtype`` for cast and bitcast.
            args: operands with equal lane counts, and equal dtypes but for the condition of select.

        Raises:
            CompileError: there is no such opcode for these operands.
        """
        if op == "cast":
            return casts.cast(self, args[0], attrs["dtype"])
        if op == "bitcast":
            return casts.bitcast(self, args[0], attrs["dtype"])
        kind = args[-1].dtype
        if kind.is_float and kind.bits == 16:
            return self._half(op, attrs, args)
        maker = self._maker(op, args)
        return maker(*[Register(self, x) for x in args]).value

    def _maker(self, op: str, args: tuple[Value, ...]):
        if op == "pow" and not args[0].dtype.is_float:
            return integer_power
        maker = OPCODES.get(op) or (MATH.get(op) if args[-1].dtype.is_float else None)
        if maker is None:
            raise CompileError(f"there is no scalar opcode {op!r} for ({', '.join(x.dtype.short for x in args)})")
        return maker

    def _half(self, op: str, attrs: dict, args: tuple[Value, ...]) -> Value:
        """f16 and bf16 compute in f32 and round after every operation."""
        dtype = args[-1].dtype
        if op == "select":
            return self.select(*args)
        if op == "fma":
            return fused(self, *args)
        if op in _SIGN:
            mask = Value(self.const(_SIGN[op], i16, args[0].lanes).text, dtype, args[0].lanes)
            return self.binary("xor" if op == "neg" else "and", args[0], mask)
        wide = self.scalar(op, attrs, *[widen(self, x) for x in args])
        return narrow(self, wide, dtype) if wide.dtype.is_float else wide
