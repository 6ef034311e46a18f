"""How C++ spells element types and their numbers."""

from __future__ import annotations

import math

import numpy as np

from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType

_NAMES = {
    dt.b1: "bool", dt.i8: "signed char", dt.i16: "short", dt.i32: "int", dt.i64: "long long", dt.u8: "unsigned char",
    dt.u16: "unsigned short", dt.u32: "unsigned int", dt.u64: "unsigned long long", dt.f16: "unsigned short",
    dt.bf16: "unsigned short", dt.f8e4m3: "unsigned char", dt.f8e5m2: "unsigned char", dt.f32: "float", dt.f64: "double",
}  # fmt: skip
_UNSIGNED = {8: "unsigned char", 16: "unsigned short", 32: "unsigned int", 64: "unsigned long long"}
_SIGNED = {8: "signed char", 16: "short", 32: "int", 64: "long long"}


def value_type(dtype: DType) -> str:
    """The type of a value: small floats are their bits.

    Raises:
        CompileError: values of the dtype are none of generated code.
    """
    if dtype not in _NAMES:
        raise CompileError(f"{dtype.short} has no type in CUDA C++")
    return _NAMES[dtype]


def memory_type(dtype: DType) -> str:
    """The type of an element in memory."""
    return "unsigned char" if dtype is dt.b1 else value_type(dtype)


def unsigned_type(dtype: DType) -> str:
    """The unsigned integer of the same width; bool for b1."""
    return "bool" if dtype is dt.b1 else _UNSIGNED[dtype.bits]


def signed_type(dtype: DType) -> str:
    """The signed integer of the same width; bool for b1."""
    return "bool" if dtype is dt.b1 else _SIGNED[dtype.bits]


def is_real(dtype: DType) -> bool:
    """Whether C++ computes with the type as a floating-point number."""
    return dtype.is_float and dtype.bits >= 32


def wrapped(number: int, dtype: DType) -> int:
    """An integer modulo the width of an integer dtype."""
    bits = int(number) & ((1 << dtype.bits) - 1)
    return bits - (1 << dtype.bits) if dtype.kind == "i" and bits >> (dtype.bits - 1) else bits


def literal(number, dtype: DType) -> str:
    """The exact text of a number of this dtype, after rounding to it; integers wrap.

    Negative numbers begin with a minus; the bits of small floats are in hexadecimal.
    """
    if dtype is dt.b1:
        return "true" if number else "false"
    if dtype.is_integer:
        return integer_literal(wrapped(number, dtype), dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.asarray(number).astype(dtype.numpy)[()]
    if dtype.bits <= 16:
        return f"0x{int(rounded.view(f'u{dtype.size}')):0{2 * dtype.size}x}"
    return _real(rounded, dtype)


def integer_literal(number: int, dtype: DType) -> str:
    """An integer in range, with the suffix that its type wants."""
    if dtype is dt.u64:
        return f"{number}ull"
    if dtype is dt.u32:
        return f"{number}u"
    suffix = "ll" if dtype is dt.i64 else ""
    if number == -(2 ** (dtype.bits - 1)) and dtype.bits >= 32:  # its size alone is out of range
        return f"(-{2 ** (dtype.bits - 1) - 1}{suffix} - 1)"
    return f"{number}{suffix}"


def _real(number, dtype: DType) -> str:
    """The shortest decimal number that is read back as this one."""
    if not math.isfinite(number):
        if dtype is dt.f32:
            return f"__int_as_float(0x{0x7FC00000 if math.isnan(number) else int(number.view('u4')):08x})"
        return f"__longlong_as_double(0x{0x7FF8 << 48 if math.isnan(number) else int(number.view('u8')):016x})"
    text = np.format_float_positional(number, trim="0") if 1e-4 <= abs(number) < 1e7 or number == 0 else np.format_float_scientific(number, trim="0")
    return text + ("f" if dtype is dt.f32 else "")
