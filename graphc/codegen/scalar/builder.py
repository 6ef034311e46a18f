"""What a formula asks of who writes its instructions; every emitter answers in its own language.

Opcodes of integers and of conversions go by LLVM's names. Shared formulas see values of one lane or of many alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from graphc.ir.dtype import DType


class Value(Protocol):
    """One value that was written, or a literal.

    Attributes:
        dtype: its element type. f16 and bf16 are their bits in 16-bit integers, floats of 8 bits theirs in 8-bit ones.
        lanes: 1 for a scalar, else the length of the vector.
        number: the value of a literal (of every lane), None where it is not known.
    """

    dtype: DType
    lanes: int
    number: object


class Builder(Protocol):
    """Writes single instructions.

    Attributes:
        has_half: whether f16 converts to and from f32 by instructions.
        has_brain: whether f32 converts to bf16 by an instruction.
    """

    has_half: bool
    has_brain: bool

    def fuses(self, dtype: DType) -> bool:
        """Whether ``fma`` of a float type is rounded once."""

    def const(self, number, dtype: DType, lanes: int = 1) -> Value:
        """A literal, in every lane."""

    def arithmetic(self, name: str, x: Value, y: Value) -> Value:
        """add, sub, mul, div of f32, f64 and (but div) integers, which wrap."""

    def binary(self, opcode: str, x: Value, y: Value) -> Value:
        """and, or, xor, shl, ashr, lshr of integers (and, or, xor of b1 and of the bits of small floats too), sdiv and udiv."""

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        """eq ne lt le gt ge; for floats also uno and one. With a NaN only ne and uno hold."""

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """Lane by lane ``x`` where the condition holds, else ``y``."""

    def negate(self, x: Value) -> Value:
        """An f32 or f64 with the other sign, also of zero and NaN."""

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """``x * y + z``, rounded once where ``fuses``."""

    def intrinsic(self, name: str, *args: Value) -> Value:
        """fabs, sqrt and copysign of f32 and f64, ctpop of integers."""

    def rounded(self, mode: str, x: Value) -> Value:
        """roundeven, floor, ceil or trunc of an f32 or f64; NaN, infinities and the sign of zero are kept."""

    def convert(self, opcode: str, x: Value, dtype: DType) -> Value:
        """sext, zext, trunc, sitofp, uitofp, fptosi (of what is in range), fpext, fptrunc."""

    def saturated(self, x: Value, dtype: DType) -> Value:
        """f32 or f64 truncated to an integer of 32 or 64 bits, limited to its range; 0 for NaN."""

    def reinterpret(self, x: Value, dtype: DType) -> Value:
        """The same bits as another dtype of the same width."""

    def half_to_float(self, x: Value) -> Value:
        """f16 as f32, where ``has_half``."""

    def float_to_half(self, x: Value) -> Value:
        """f32 rounded to f16, where ``has_half``."""

    def float_to_brain(self, x: Value) -> Value:
        """f32 rounded to bf16, where ``has_brain``."""

    def byte_products(self, x: Value, y: Value, z: Value) -> Value | None:
        """``z`` plus the products of the four bytes of ``x`` (unsigned) and ``y`` (signed), where there are instructions for it."""

    def load_table(self, name: str, words: tuple[int, ...], index: Value) -> Value:
        """u64-wide entries of a constant table at an i64 index, one per lane; the index must be in range."""

    def rarely(self, name: str, x: Value, results: tuple[DType, DType], test: Callable, usual: Callable, rare: Callable) -> list[Value]:
        """The two results of a function of its own: ``rare(x)`` where ``test(x)`` holds, which hardly any lane's argument meets, else
        ``usual(x)``. Each maker takes a Register; ``usual`` and ``rare`` give pairs of them."""
