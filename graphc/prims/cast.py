"""Changes of element type: cast (by value) and bitcast (by bits)."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.table import Prim, apply, declare


def _cast_type(x: Type, dtype: DType) -> Type:
    if "s" in (x.dtype.kind, dtype.kind):
        raise DtypeError(f"cast: no cast from {x} to {dtype.short}")
    return x.with_dtype(dtype)


def _saturate(x, target: np.dtype):
    """Floats to integers: toward zero, out-of-range values to the nearest limit, NaN to 0."""
    limits = np.iinfo(target)
    x = np.trunc(x.astype(np.float64))
    above, below = x >= float(limits.max // 2 + 1) * 2.0, x <= float(limits.min)
    inside = np.where(above | below | np.isnan(x), 0.0, x).astype(target)
    return np.where(above, target.type(limits.max), np.where(below, target.type(limits.min), inside))


def cast_array(x, dtype: DType):
    """``x`` in another dtype. 16-bit floats are reached from 64-bit types through float32, 8-bit ones always."""
    x, target = np.asarray(x), dtype.numpy
    if x.dtype == target:
        return x
    if dt.as_dtype(x.dtype).kind == "e":
        return cast_array(x.astype(np.float32), dtype)
    if dtype.kind == "e":
        with np.errstate(over="ignore", invalid="ignore"):  # what is beyond the range becomes infinity or NaN
            return cast_array(x, dt.f32).astype(target)
    if dtype is dt.b1:
        return x.astype(np.float32) != 0 if x.dtype == dt.bf16.numpy else x != 0
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = x.real
    source = dt.as_dtype(x.dtype)
    if source.kind == "f" and dtype.kind in "iu":
        return _saturate(x, target)
    if 16 in (source.bits, dtype.bits) and dtype.kind in "fc":
        x = x.astype(np.float32)
    return x.astype(target)


def _cast_vjp(g, out, x, dtype):
    return (cast(g, x.dtype) if dtype.is_inexact and x.dtype.is_inexact else None,)


def _bitcast_type(x: Type, dtype: DType) -> Type:
    if x.dtype.bits != dtype.bits or dt.b1 in (x.dtype, dtype) or not dtype.bits:
        raise DtypeError(f"bitcast: {x} and {dtype.short} have no common bit layout")
    return x.with_dtype(dtype)


declare(Prim("cast", _cast_type, lambda x, dtype: cast_array(x, dtype), _cast_vjp, scalar="cast"))
declare(Prim("bitcast", _bitcast_type, lambda x, dtype: np.ascontiguousarray(x).view(dtype.numpy).reshape(np.shape(x)),
             scalar="bitcast"))  # fmt: skip


def cast(x: Node, dtype) -> Node:
    """``x`` in another dtype: floats to integers toward zero, saturating, NaN to 0; to bool: not equal 0."""
    dtype = as_dtype(dtype)
    return x if dtype is x.dtype else apply("cast", x, dtype=dtype)


def bitcast(x: Node, dtype) -> Node:
    """The same bits read as another dtype of the same width."""
    dtype = as_dtype(dtype)
    return x if dtype is x.dtype else apply("bitcast", x, dtype=dtype)
