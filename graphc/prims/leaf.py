"""iota: values that depend on nothing but their place. Inputs, constants and symbols are part of the IR itself."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.cast import cast_array
from graphc.prims.dims import axis_of, dims, integer
from graphc.prims.table import Prim, apply, declare


def _iota_type(shape: tuple, axis: int, dtype: DType) -> Type:
    axis_of(axis, len(shape), "iota")
    if dtype.kind not in "iuf":
        raise DtypeError(f"iota: not defined for {dtype.short}")
    return Type(dtype, shape)


def _iota_array(shape, axis, dtype):
    line = cast_array(np.arange(shape[axis]), dtype)
    return np.broadcast_to(line.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape).copy()


declare(Prim("iota", _iota_type, _iota_array, nest="iota"))


def iota(shape, axis: int = 0, dtype="int64") -> Node:
    """Every element is its own index along ``axis``."""
    return apply("iota", shape=dims(shape), axis=integer(axis, "iota: axis"), dtype=as_dtype(dtype))
