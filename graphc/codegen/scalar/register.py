"""Registers with arithmetic operators, so that math kernels read like formulas."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.codegen.scalar.builder import Builder, Value
from graphc.ir.dtype import DType, f32, f64, i32, i64


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """A value and the builder that continues it. Every operator appends one instruction; numbers become literals.

    Floats are f32 or f64. Comparisons are methods (``lt`` ...) and give b1 registers.
    """

    builder: Builder
    value: Value

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def integer(self) -> DType:
        """The signed integer type of the same width."""
        return i64 if self.dtype.bits == 64 else i32

    def same(self, other) -> Value:
        """``other`` as a value of this register's type."""
        if isinstance(other, Register):
            return other.value
        return self.builder.const(other, self.dtype, self.value.lanes)

    def like(self, other) -> Register:
        """``other`` as a register of this register's type."""
        return Register(self.builder, self.same(other))

    def _arithmetic(self, name: str, x: Value, y: Value) -> Register:
        return Register(self.builder, self.builder.arithmetic(name, x, y))

    def binary(self, opcode: str, other) -> Register:
        """An instruction by LLVM's name, such as lshr or udiv."""
        return Register(self.builder, self.builder.binary(opcode, self.value, self.same(other)))

    def __add__(self, other):
        return self._arithmetic("add", self.value, self.same(other))

    def __radd__(self, other):
        return self._arithmetic("add", self.same(other), self.value)

    def __sub__(self, other):
        return self._arithmetic("sub", self.value, self.same(other))

    def __rsub__(self, other):
        return self._arithmetic("sub", self.same(other), self.value)

    def __mul__(self, other):
        return self._arithmetic("mul", self.value, self.same(other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self._arithmetic("div", self.value, self.same(other))

    def __rtruediv__(self, other):
        return self._arithmetic("div", self.same(other), self.value)

    def __and__(self, other):
        return self.binary("and", other)

    def __or__(self, other):
        return self.binary("or", other)

    def __xor__(self, other):
        return self.binary("xor", other)

    def __lshift__(self, other):
        return self.binary("shl", other)

    def __rshift__(self, other):
        return self.binary("ashr" if self.dtype.kind == "i" else "lshr", other)

    def __invert__(self):
        return self ^ (True if self.dtype.kind == "b" else -1)

    def __neg__(self):
        if not self.dtype.is_float:
            return 0 - self
        return Register(self.builder, self.builder.negate(self.value))

    def compare(self, predicate: str, other) -> Register:
        return Register(self.builder, self.builder.compare(predicate, self.value, self.same(other)))

    def eq(self, other):
        return self.compare("eq", other)

    def ne(self, other):
        return self.compare("ne", other)

    def lt(self, other):
        return self.compare("lt", other)

    def le(self, other):
        return self.compare("le", other)

    def gt(self, other):
        return self.compare("gt", other)

    def ge(self, other):
        return self.compare("ge", other)

    def isnan(self):
        return self.compare("uno", self)

    def where(self, condition: Register, other) -> Register:
        """This where the condition holds, else ``other``."""
        return Register(self.builder, self.builder.select(condition.value, self.value, self.same(other)))

    def replace(self, condition: Register, other) -> Register:
        """``other`` where the condition holds, else this."""
        return Register(self.builder, self.builder.select(condition.value, self.same(other), self.value))

    def fma(self, factor, addend) -> Register:
        """``self * factor + addend``, rounded once where the target can."""
        return Register(self.builder, self.builder.fma(self.value, self.same(factor), self.same(addend)))

    def at_most(self, bound) -> Register:
        """The smaller of both; NaN stays."""
        return self.replace(self.gt(bound), bound)

    def at_least(self, bound) -> Register:
        """The larger of both; NaN stays."""
        return self.replace(self.lt(bound), bound)

    def __abs__(self):
        return Register(self.builder, self.builder.intrinsic("fabs", self.value))

    def sqrt(self) -> Register:
        return Register(self.builder, self.builder.intrinsic("sqrt", self.value))

    def rounded(self, mode: str = "roundeven") -> Register:
        """roundeven, floor, ceil or trunc."""
        return Register(self.builder, self.builder.rounded(mode, self.value))

    def bits(self) -> Register:
        """The bits of a float as a signed integer."""
        return Register(self.builder, self.builder.reinterpret(self.value, self.integer))

    def floating(self) -> Register:
        """The float whose bits this integer is."""
        return Register(self.builder, self.builder.reinterpret(self.value, f64 if self.dtype.bits == 64 else f32))

    def to(self, opcode: str, dtype: DType) -> Register:
        """A conversion by LLVM's name."""
        return Register(self.builder, self.builder.convert(opcode, self.value, dtype))

    def to_float(self, dtype: DType) -> Register:
        """A signed integer as a float."""
        return self.to("sitofp", dtype)

    def widened(self) -> Register:
        """f32 as f64."""
        return self.to("fpext", f64)

    def narrowed(self) -> Register:
        """f64 rounded to f32."""
        return self.to("fptrunc", f32)
