"""Runs one scalar primitive over arrays: a loop function around it, compiled as the product does."""

from __future__ import annotations

import ctypes
import itertools
from functools import lru_cache

import numpy as np

from graphc.codegen.llvm.instructions import Instructions, element_type, register_type
from graphc.ir import dtype as dtypes
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.target import Target
from tests.machine_code import loaded


def function_text(target: Target, op: str, attrs: tuple, inputs: tuple, lanes: int) -> tuple[str, DType]:
    """A module with ``f(ptr input..., ptr output, i64 count)``; count is a multiple of lanes.

    ``inputs`` are dtypes, or numbers for literals of the first one's dtype.
    """
    lines: list[str] = []
    names = itertools.count()
    declared: set[str] = set()
    ops = Instructions(target, lines, names, declared)
    args = []
    for k, dtype in enumerate(inputs):
        if not isinstance(dtype, DType):
            args.append(ops.const(dtype, inputs[0], lanes))
            continue
        lines.append(f"  %p{k} = getelementptr {_memory(dtype)}, ptr %a{k}, i64 %i")
        if dtype is dtypes.b1:
            byte = ops.emit(f"load {register_type(dtypes.u8, lanes)}, ptr %p{k}, align 1", dtypes.u8, lanes)
            args.append(ops.convert("trunc", byte, dtypes.b1))
        else:
            args.append(ops.emit(f"load {register_type(dtype, lanes)}, ptr %p{k}, align 1", dtype, lanes))
    result = ops.scalar(op, dict(attrs), *args)
    stored = ops.convert("zext", result, dtypes.u8) if result.dtype is dtypes.b1 else result
    lines.append(f"  %po = getelementptr {_memory(result.dtype)}, ptr %out, i64 %i")
    lines.append(f"  store {stored.operand}, ptr %po, align 1")
    params = ", ".join(f"ptr %a{k}" for k, dtype in enumerate(inputs) if isinstance(dtype, DType))
    head = "\n".join(sorted(declared))
    body = "\n".join(lines)
    text = (f'target triple = "{target.triple}"\n{head}\ndefine void @f({params}, ptr %out, i64 %n) {{\n'
            f"entry:\n  br label %loop\nloop:\n  %i = phi i64 [0, %entry], [%next, %loop]\n{body}\n"
            f"  %next = add i64 %i, {lanes}\n"
            "  %more = icmp ult i64 %next, %n\n  br i1 %more, label %loop, label %done\ndone:\n  ret void\n}\n")
    return text, result.dtype


def _memory(dtype: DType) -> str:
    return "i8" if dtype is dtypes.b1 else element_type(dtype)


@lru_cache(maxsize=64)
def _compiled(target: Target, op: str, attrs: tuple, inputs: tuple, lanes: int):
    text, result = function_text(target, op, attrs, inputs, lanes)
    library = loaded(text, target, "f")
    pointers = 1 + sum(isinstance(dtype, DType) for dtype in inputs)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * pointers, ctypes.c_int64)(library.address("f"))
    return library, call, result


def evaluate(target: Target, op: str, *operands, lanes: int = 1, **attrs) -> np.ndarray:
    """The primitive applied to arrays of one length; a Python number stands for a literal operand."""
    inputs = tuple(as_dtype(a.dtype) if isinstance(a, np.ndarray) else a for a in operands)
    _, call, result = _compiled(target, op, tuple(attrs.items()), inputs, lanes)
    arrays = [a for a in operands if isinstance(a, np.ndarray)]
    count = len(arrays[0])
    padded = -(-count // lanes) * lanes
    held = [np.concatenate([a, np.ones(padded - count, a.dtype)]) for a in arrays]
    out = np.zeros(padded, result.numpy)
    call(*[a.ctypes.data for a in held], out.ctypes.data, padded)
    return out[:count]
