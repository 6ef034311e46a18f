"""Element types in ONNX: their numbers, and in which type an operator is written so that runtimes have a kernel for it.

The standard allows more types than runtimes implement; where an operator has none for a type, its operands are cast to
a wider one that gives the same result, and the result is cast back.
"""

from __future__ import annotations

from graphc.formats.onnx_elements import element_of
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType

_FLOATS = "f16 f32 f64"
_WORDS = "i32 i64"
_SMALL = "i8 i16 u8 u16"
_ALL = f"{_FLOATS} {_WORDS} {_SMALL} u32 u64"

# Types in which an operator is written as it is.
_DIRECT = {
    **dict.fromkeys("Add Sub Mul Div".split(), _ALL),
    **dict.fromkeys("Mod Equal Less LessOrEqual Greater GreaterOrEqual Abs".split(), _ALL),
    "Sign": f"f32 f64 {_WORDS} {_SMALL} u32 u64",  # not of f16, where runtimes lose NaN
    "Neg": f"{_FLOATS} {_WORDS} i8",
    **dict.fromkeys("Max Min Clip".split(), f"{_FLOATS} {_WORDS} i8 u8 u32 u64"),
    "Where": f"{_FLOATS} {_WORDS} i8 u8 u32 string",
    "Pad": f"{_FLOATS} {_WORDS} i8 u8 u32 u64 b1",
    "Expand": f"{_ALL} b1 string",
    **dict.fromkeys("ReduceSum ReduceMean ReduceProd CumSum".split(), f"{_FLOATS} {_WORDS}"),
    **dict.fromkeys("ReduceMax ReduceMin".split(), f"{_FLOATS} {_WORDS} i8 u8 u64"),
    **dict.fromkeys("ArgMax ArgMin".split(), f"{_FLOATS} {_WORDS} i8 u8 u64"),
    "MatMul": f"{_FLOATS} {_WORDS} u32 u64",
    "TopK": f"{_FLOATS} {_WORDS} u64",
    "MaxPool": f"{_FLOATS} i8 u8",
    "Range": f"f32 f64 i16 {_WORDS}",
    "Unique": "f16 f32 f64 i64 i8 string",
    "BitShift": "u8 u32 u64",
    "ScatterND": f"f32 f64 {_WORDS} {_SMALL} u32 u64",
    "IsInf": "f32 f64",
    "CumProd": _FLOATS,
    "Det": "f16 f32 f64",
}  # fmt: skip
_BEFORE_14 = {**dict.fromkeys("Add Sub Mul Div".split(), f"{_FLOATS} {_WORDS} u32 u64"),
              "CumSum": f"f32 f64 {_WORDS}"}  # fmt: skip
_EVERYTHING = frozenset({"Equal"})  # that take truth values as well
_WIDER = {dt.bf16: (dt.f32,), dt.f16: (dt.f32,), dt.b1: (dt.u8, dt.i32), dt.i8: (dt.i32, dt.i64),
          dt.i16: (dt.i32, dt.i64),
          dt.u8: (dt.i32, dt.i64), dt.u16: (dt.i32, dt.u32, dt.i64), dt.i32: (dt.i64,), dt.u32: (dt.i64,),
          dt.u64: (dt.i64,)}  # fmt: skip


def number(dtype: DType) -> int:
    """``TensorProto.DataType`` of a type."""
    return element_of(dtype.numpy).number


def carrier(kind: str, dtype: DType, opset: int) -> DType:
    """The type in which operator ``kind`` is written for operands of ``dtype``; itself where nothing is better."""
    direct = _DIRECT.get(kind, _FLOATS)
    if opset < 14:
        direct = _BEFORE_14.get(kind, direct)
    names = direct.split()
    if dtype.short in names or (kind in _EVERYTHING and dtype in (dt.b1, dt.string)):
        return dtype
    return next((wide for wide in _WIDER.get(dtype, ()) if wide.short in names), dtype)
