"""Sparse tensors as rows of three serialised TensorProtos: indices, values, shape. They run on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.ir.type import TupleType, Type
from graphc.prims.order import item
from graphc.prims.table import Prim, apply, declare
from graphc.prims.tensor_proto import parsed, written


def _write_type(indices: Type, values: Type, shape: Type, sizes: tuple) -> Type:
    is_good = indices.dtype is dt.i64 and indices.rank == 2 and values.rank == 1
    if not is_good or shape != Type(dt.i64, (indices.shape[1],)):
        raise ShapeError(f"write_sparse: indices {indices}, values {values} and shape {shape}")
    return Type(dt.string, (sizes[0], 3))


def _write_array(indices, values, shape):
    out = np.empty((int(shape[0]), 3), object)
    for row in range(len(out)):
        mine = indices[:, 0] == row
        out[row] = [written(np.ascontiguousarray(part)) for part in (indices[mine, 1:], values[mine], shape[1:])]
    return out


declare(Prim("write_sparse", _write_type, _write_array, native=False, sizes=1))


def write_sparse(indices: Node, values: Node, shape: Node) -> Node:
    """Each row of a sparse tensor, which has one axis less: string[rows, 3]."""
    return apply("write_sparse", indices, values, shape)


def _read_type(x: Type, dtype: DType, rank: int, sizes: tuple) -> TupleType:
    if x.dtype is not dt.string:
        raise DtypeError(f"read_sparse: {x} instead of strings")
    if x.rank != 2 or x.shape[1] != 3:
        raise ShapeError(f"read_sparse: {x} instead of three strings for each sparse tensor")
    return TupleType((Type(dt.i64, (sizes[0], rank)), Type(dtype, sizes), Type(dt.i64, (rank,))))


def _read_array(x, dtype, rank):
    indices, values, shape = [np.zeros((0, rank), np.int64)], [np.zeros(0, dtype.numpy)], np.zeros(rank - 1, np.int64)
    for row, parts in enumerate(x.tolist()):
        i, v, s = (parsed(p, kind) for p, kind in zip(parts, (dt.i64, dtype, dt.i64)))
        if i.ndim != 2 or i.shape != (v.size, rank - 1) or s.shape != (rank - 1,):
            raise InvalidArgumentError(f"sparse tensor {row} has rank {s.size} instead of {rank - 1}")
        indices.append(np.concatenate([np.full((len(i), 1), row, np.int64), i], 1))
        values.append(v)
        shape = np.maximum(shape, s)
    return np.concatenate(indices), np.concatenate(values), np.array([len(x), *shape], np.int64)


declare(Prim("read_sparse", _read_type, _read_array, native=False, sizes=1))


def read_sparse(x: Node, dtype: DType, rank: int) -> tuple[Node, Node, Node]:
    """Sparse tensors from string[n, 3], one behind the other on a new first axis: indices, values, shape."""
    found = apply("read_sparse", x, dtype=dtype, rank=int(rank))
    return tuple([item(found, k) for k in range(3)])


def rank_written(data: bytes) -> int:
    """The number of axes of a sparse tensor, from its serialised shape."""
    return parsed(data, dt.i64).size
