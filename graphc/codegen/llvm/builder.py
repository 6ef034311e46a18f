"""Typed SSA values and the printer of single LLVM instructions; everything above it speaks in values, not in text."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphc.errors import CompileError
from graphc.ir.dtype import DType, b1, f32, f64, i64
from graphc.ir.target import Target

_ORDERED = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "uno": "uno", "one": "one"}
_INTEGER = {"add": "add", "sub": "sub", "mul": "mul"}
ATTRIBUTES = 'nounwind "prefer-vector-width"="512"'  # of every function
_HALF = 1 << 63
_FLOATING = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}


@dataclass(slots=True)
class Value:
    """One SSA value or literal; never changed. (Not frozen: making one would take three times as long, and each line of text has one.)

    Attributes:
        text: how an operand is written: ``%v12``, or a literal.
        dtype: its element type. b1 is i1 in registers (one byte in memory), f16 and bf16 are their bits in an i16,
            floats of 8 bits theirs in an i8.
        lanes: 1 for a scalar, else the length of the vector.
        number: the value of a literal (of every lane), None where it is not known.
    """

    text: str
    dtype: DType
    lanes: int = 1
    number: object = None

    @property
    def type(self) -> str:
        """The LLVM type, such as ``<16 x float>``."""
        return register_type(self.dtype, self.lanes)

    @property
    def operand(self) -> str:
        """Type and text, as calls and stores want it."""
        return f"{register_type(self.dtype, self.lanes)} {self.text}"


def element_type(dtype: DType) -> str:
    """The LLVM type of one element in a register."""
    if dtype is b1:
        return "i1"
    if dtype is f32:
        return "float"
    if dtype is f64:
        return "double"
    if not dtype.is_native:
        raise CompileError(f"{dtype.short} has no LLVM register type")
    return f"i{dtype.bits}"


@functools.lru_cache(1024)
def register_type(dtype: DType, lanes: int = 1) -> str:
    """The LLVM type of a value in registers."""
    return element_type(dtype) if lanes == 1 else f"<{lanes} x {element_type(dtype)}>"


def wrapped(number, dtype: DType) -> int:
    """The integer modulo the width of an integer dtype."""
    bits = int(number) & ((1 << dtype.bits) - 1)
    return bits - (1 << dtype.bits) if dtype.kind == "i" and bits >> (dtype.bits - 1) else bits


def literal(number, dtype: DType) -> str:
    """The exact text of a number of this dtype, after rounding to it; integers wrap."""
    if dtype is b1:
        return "true" if number else "false"
    if dtype.is_integer:
        return str(wrapped(number, dtype))
    if type(number) is not dtype.numpy.type:
        with np.errstate(over="ignore", invalid="ignore"):
            number = np.asarray(number).astype(dtype.numpy)[()]
    return _float_literal(number.tobytes(), dtype)


@functools.lru_cache(4096)
def _float_literal(content: bytes, dtype: DType) -> str:
    """The text of the float of these bytes; found by them, as -0.0 equals 0.0."""
    rounded = np.frombuffer(content, dtype.numpy)[0]
    if dtype.bits <= 16:
        return str(int(rounded.view(f"i{dtype.size}")))
    if dtype is f32 and np.isnan(rounded):
        return "0x7FF8000000000000"
    return f"0x{struct.unpack('<Q', struct.pack('<d', float(rounded)))[0]:016X}"


class Builder:
    """Appends finished instructions to ``lines`` and remembers which intrinsics need a declaration.

    Attributes:
        lines: the list being appended to; the owner may swap it to place code elsewhere.
        declared: module-level lines that the code needs: ``declare ...`` and constant tables.
    """

    def __init__(self, target: Target, lines: list[str], names: Iterator[int], declared: set[str]):
        self.target = target
        self.lines = lines
        self.names = names
        self.declared = declared

    def const(self, number, dtype: DType, lanes: int = 1) -> Value:
        """A literal, in every lane."""
        if dtype is i64 and lanes == 1 and type(number) is int and -_HALF <= number < _HALF:
            return Value(str(number), i64, 1, number)
        text = literal(number, dtype)
        if dtype.is_integer:
            number = wrapped(number, dtype)
        if lanes > 1:
            text = f"splat ({element_type(dtype)} {text})"
        return Value(text, dtype, lanes, number)

    def splat(self, value: Value, lanes: int) -> Value:
        """A scalar in every lane."""
        if lanes == value.lanes:
            return value
        if value.number is not None:
            return self.const(value.number, value.dtype, lanes)
        vector = register_type(value.dtype, lanes)
        first = self.emit(f"insertelement {vector} poison, {value.operand}, i64 0", value.dtype, lanes)
        return self.emit(f"shufflevector {first.operand}, {vector} poison, <{lanes} x i32> zeroinitializer",
                         value.dtype, lanes)

    def emit(self, text: str, dtype: DType, lanes: int) -> Value:
        """Append ``%name = text`` and return the value it makes."""
        name = f"%v{next(self.names)}"
        self.lines.append(f"  {name} = {text}")
        return Value(name, dtype, lanes)

    def binary(self, opcode: str, x: Value, y: Value) -> Value:
        """An LLVM instruction on two values of one type, by LLVM's name."""
        return self.emit(f"{opcode} {x.operand}, {y.text}", x.dtype, x.lanes)

    def arithmetic(self, name: str, x: Value, y: Value) -> Value:
        """add, sub, mul, div of f32, f64 and (but div) integers."""
        return self.binary((_FLOATING if x.dtype.is_float else _INTEGER)[name], x, y)

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        """eq ne lt le gt ge; for floats also uno and one, as in LLVM. With a NaN only ne and uno hold."""
        if x.dtype.is_float:
            opcode = f"fcmp {_ORDERED[predicate]}"
        elif predicate in ("eq", "ne"):
            opcode = f"icmp {predicate}"
        else:
            opcode = f"icmp {'s' if x.dtype.kind == 'i' else 'u'}{predicate}"
        return self.emit(f"{opcode} {x.operand}, {y.text}", b1, x.lanes)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """Lane by lane ``x`` where the condition holds, else ``y``."""
        return self.emit(f"select {condition.operand}, {x.operand}, {y.operand}", x.dtype, x.lanes)

    def call(self, name: str, dtype: DType, *args: Value) -> Value:
        """A call of the intrinsic ``llvm.<name>``; ``name`` already carries its type suffixes."""
        lanes = args[0].lanes
        result = register_type(dtype, lanes)
        self.declared.add(_declaration(result, name, tuple([a.type for a in args])))
        return self.emit(f"call {result} @llvm.{name}({', '.join([a.operand for a in args])})", dtype, lanes)

    def intrinsic(self, name: str, *args: Value) -> Value:
        """A call of an intrinsic overloaded on the one type of its operands and result."""
        return self.call(f"{name}.{suffix(args[0].dtype, args[0].lanes)}", args[0].dtype, *args)

    def convert(self, opcode: str, x: Value, dtype: DType) -> Value:
        """A conversion instruction by LLVM's name: sext, trunc, sitofp, bitcast, ...."""
        return self.emit(f"{opcode} {x.operand} to {register_type(dtype, x.lanes)}", dtype, x.lanes)

    def reinterpret(self, x: Value, dtype: DType) -> Value:
        """The same bits as another dtype of the same width."""
        if element_type(x.dtype) == element_type(dtype):
            return Value(x.text, dtype, x.lanes)
        return self.convert("bitcast", x, dtype)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """``x * y + z``, rounded once where the target can."""
        if self.target.fuses(x.dtype):
            return self.intrinsic("fma", x, y, z)
        return self.arithmetic("add", self.arithmetic("mul", x, y), z)

    def load_table(self, name: str, words: tuple[int, ...], index: Value) -> Value:
        """u64-wide entries of a constant table at an i64 index, one per lane; the index must be in range."""
        items = ", ".join(f"i64 {literal(word, i64)}" for word in words)
        self.declared.add(f"@{name} = private unnamed_addr constant [{len(words)} x i64] [{items}], align 64")
        lanes = index.lanes
        result = register_type(i64, lanes)
        pointers = "ptr" if lanes == 1 else f"<{lanes} x ptr>"
        place = f"%v{next(self.names)}"
        self.lines.append(f"  {place} = getelementptr i64, ptr @{name}, {index.operand}")
        if lanes == 1:
            return self.emit(f"load i64, ptr {place}, align 8", i64, 1)
        suffixes = f"v{lanes}i64.v{lanes}p0"
        mask = f"<{lanes} x i1>"
        self.declared.add(f"declare {result} @llvm.masked.gather.{suffixes}({pointers}, {mask}, {result})")
        return self.emit(f"call {result} @llvm.masked.gather.{suffixes}({pointers} align 8 {place}, "
                         f"{mask} splat (i1 true), {result} poison)", i64, lanes)


@functools.lru_cache(1024)
def _declaration(result: str, name: str, types: tuple[str, ...]) -> str:
    return f"declare {result} @llvm.{name}({', '.join(types)})"


@functools.lru_cache(1024)
def suffix(dtype: DType, lanes: int) -> str:
    """The overload suffix of an intrinsic, such as ``v16f32``."""
    element = dtype.short if dtype.is_float else element_type(dtype)
    return element if lanes == 1 else f"v{lanes}{element}"
