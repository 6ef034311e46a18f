"""Reductions over axes, and positions of extremes."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.node import Node, compare
from graphc.ir.type import Type
from graphc.prims.dims import axes_of, axis_of, integer, integers, size_of, zeros
from graphc.prims.shape import broadcast, inverse, reshape, transpose
from graphc.prims.table import Prim, apply, declare

KINDS = {"sum": ("add", "iufc"), "prod": ("mul", "iufc"), "max": ("max", "iuf"), "min": ("min", "iuf"),
         "all": ("and", "b"), "any": ("or", "b")}  # fmt: skip
UFUNC = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
          "all": np.logical_and, "any": np.logical_or}  # fmt: skip
WIDE = {np.dtype(np.float16): np.float64, dt.bf16.numpy: np.float64, np.dtype(np.float32): np.float64,
         np.dtype(np.complex64): np.complex128}  # fmt: skip


def check_kind(op: str, kind: str, x: Type, allowed=tuple(KINDS)) -> None:
    """Refuse a kind of reduction that does not exist or does not take ``x``."""
    if kind not in allowed:
        raise UsageError(f"{op}: kind {kind!r} is none of {', '.join(allowed)}")
    if x.dtype.kind not in KINDS[kind][1]:
        raise DtypeError(f"{op}: {kind} is not defined for {x}")


def identity(kind: str, dtype: DType) -> tuple:
    """The value that changes nothing, and the combining opcode."""
    opcode = KINDS[kind][0]
    if kind in ("max", "min"):
        sign = -1 if kind == "max" else 1
        if dtype.is_float:
            return sign * float("inf"), opcode
        limits = np.iinfo(dtype.numpy)
        return int(limits.min if kind == "max" else limits.max), opcode
    return {"sum": 0, "prod": 1, "all": True, "any": False}[kind], opcode


def narrow(x, dtype: np.dtype):
    """A wide result rounded to ``dtype``, 16-bit floats by way of float32."""
    x = np.asarray(x)
    return x.astype(np.float32).astype(dtype) if dtype in (np.dtype(np.float16), dt.bf16.numpy) else x.astype(dtype)


# ----------------------------------------------------------------------------------------------- reduce


def _reduce_type(x: Type, kind: str, axes: tuple) -> Type:
    check_kind("reduce", kind, x)
    axes_of(axes, x.rank, "reduce")
    return x.with_shape([d for a, d in enumerate(x.shape) if a not in axes])


def _reduce_array(x, kind, axes):
    start = identity(kind, dt.as_dtype(x.dtype))[0]
    wide = x.astype(WIDE.get(x.dtype, x.dtype))
    result = UFUNC[kind].reduce(wide, axis=axes, dtype=wide.dtype, initial=wide.dtype.type(start))
    return narrow(result, x.dtype)


def _kept(rank: int, axes: tuple) -> tuple:
    return tuple([a for a in range(rank) if a not in axes])


def _prod_vjp(g, x, axes):
    """Product of all the others, from the left and from the right: right where elements are 0."""
    kept = _kept(x.type.rank, axes)
    perm = kept + axes
    last = len(kept)
    line = transpose(x, perm)
    moved = line.shape
    line = reshape(line, moved[:last] + (size_of(moved[last:]),))
    before = apply("cumulate", line, kind="prod", axis=last, exclusive=True, reverse=False)
    after = apply("cumulate", line, kind="prod", axis=last, exclusive=True, reverse=True)
    part = broadcast(g, line.shape, tuple(range(last))) * (before * after)
    return transpose(reshape(part, moved), inverse(perm))


def _extreme_vjp(g, out, x, axes):
    """Equal shares for all elements that attain the extreme (as TensorFlow)."""
    kept = _kept(x.type.rank, axes)
    chosen = compare("eq", x, broadcast(out, x.shape, kept))
    count = apply("reduce", apply("cast", chosen, dtype=x.dtype), kind="sum", axes=axes)
    return apply("select", chosen, broadcast(g / count, x.shape, kept), zeros(x.type))


def _reduce_vjp(g, out, x, kind, axes):
    if kind == "sum":
        return (broadcast(g, x.shape, _kept(x.type.rank, axes)),)
    if kind == "prod":
        return (_prod_vjp(g, x, axes),)
    return (_extreme_vjp(g, out, x, axes) if kind in ("max", "min") else None,)


declare(Prim("reduce", _reduce_type, _reduce_array, _reduce_vjp, reduce=identity))


def reduce(x: Node, kind: str, axes) -> Node:
    """``x`` combined over ``axes``, which disappear; ``kind`` is sum, prod, max, min, all or any."""
    axes = tuple(sorted(integers(axes, "reduce: axes")))
    return apply("reduce", x, kind=kind, axes=axes) if axes else x


# -------------------------------------------------------------------------------------------- argreduce


def _argreduce_type(x: Type, kind: str, axis: int, dtype: DType) -> Type:
    check_kind("argreduce", kind, x, ("max", "min"))
    axis_of(axis, x.rank, "argreduce")
    if x.shape[axis] == 0:
        raise ShapeError(f"argreduce: axis {axis} of {x} is empty")
    if dtype not in (dt.i32, dt.i64):
        raise DtypeError(f"argreduce: the result is {dtype.short} instead of i32 or i64")
    return Type(dtype, x.shape[:axis] + x.shape[axis + 1 :])


def _argreduce_array(x, kind, axis, dtype):
    if x.shape[axis] == 0:
        raise ShapeError(f"argreduce: axis {axis} of an array of shape {x.shape} is empty")
    x = x.astype(WIDE.get(x.dtype, x.dtype))
    return (np.argmax if kind == "max" else np.argmin)(x, axis).astype(dtype.numpy)


declare(Prim("argreduce", _argreduce_type, _argreduce_array, nest="argreduce"))


def argreduce(x: Node, kind: str, axis: int, dtype="int64") -> Node:
    """Where along ``axis`` the first maximum or minimum lies; NaN is both."""
    return apply("argreduce", x, kind=kind, axis=integer(axis, "argreduce: axis"), dtype=as_dtype(dtype))
