"""Sparse tensors as serialised strings, under TensorFlow's names."""

from __future__ import annotations

from graphc.api.composite import record
from graphc.api.create import convert_to_tensor
from graphc.api.sparse import SparseTensor, sparse
from graphc.api.tensor import EagerTensor
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import parsing
from graphc.lib import shape as lib_shape
from graphc.lib.sparse import shape_vector
from graphc.prims.sparse_proto import rank_written, read_sparse, write_sparse


def _expect_strings(op: str, out_type) -> None:
    if dt.as_dtype(out_type) is not dt.string:
        raise UsageError(explain(f"{op}: out_type must be string, not {dt.as_dtype(out_type).name}"))


def serialize_sparse(sp_input, out_type=dt.string, name=None):
    """Indices, values and shape as three serialised tensors: string[3].

    Raises:
        UsageError: ``out_type`` is not string.
    """
    x = sparse(sp_input, "serialize_sparse")
    _expect_strings("serialize_sparse", out_type)
    return record("SerializeSparse", _three, indices=x.indices, values=x.values, shape=x.dense_shape)


def _three(indices, values, shape):
    return lib_shape.stack([parsing.serialize_tensor(part) for part in (indices, values, shape)])


def serialize_many_sparse(sp_input, out_type=dt.string, name=None):
    """Each row of a sparse tensor as ``serialize_sparse`` writes it: string[rows, 3].

    Raises:
        UsageError: ``out_type`` is not string.
    """
    x = sparse(sp_input, "serialize_many_sparse")
    _expect_strings("serialize_many_sparse", out_type)
    return record("SerializeManySparse", _rows, indices=x.indices, values=x.values, shape=x.dense_shape)


def _rows(indices, values, shape):
    return write_sparse(indices, values, shape_vector(shape))


def deserialize_many_sparse(serialized_sparse, dtype, rank=None, name=None) -> SparseTensor:
    """Serialised sparse tensors one behind the other, on a new first axis.

    Args:
        rank: the rank of the result; needed in traced functions and graphs.

    Raises:
        UsageError: the rank is needed. InvalidArgumentError: a string is damaged, or of another rank or dtype.
    """
    x = convert_to_tensor(serialized_sparse)
    if rank is None and isinstance(x, EagerTensor) and x.array.size:
        rank = rank_written(x.array[0, 2]) + 1
    if rank is None:
        raise UsageError(explain("deserialize_many_sparse: the rank must be given where no tensor is known"))
    return SparseTensor(*record("DeserializeManySparse", read_sparse, "x", x=x, dtype=dt.as_dtype(dtype), rank=rank))
