"""Matrix products with sparse operands: dense with a dense one, sparse with another sparse one."""

from __future__ import annotations

import functools
from collections.abc import Callable

import graphc as tf
from graphc.api.composite import record, static
from graphc.lib import sparse_math
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.sparse.shaping import squeezed
from graphc.keras.keras_graphc.sparse.tensors import SPARSE, to_dense


def multiplying(function: Callable) -> Callable:
    """``matmul``, of sparse tensors too."""

    @functools.wraps(function)
    def product(x1, x2):
        if type(x1) not in SPARSE and type(x2) not in SPARSE:
            return function(x1, x2)
        x1, x2 = (to_dense(x) if isinstance(x, tf.IndexedSlices) else x for x in (x1, x2))
        if not isinstance(x1, tf.SparseTensor) and not isinstance(x2, tf.SparseTensor):
            return function(x1, x2)
        return _product(x1, x2)

    return product


def _product(x1, x2):
    x1, x2 = (x if isinstance(x, tf.SparseTensor) else tf.convert_to_tensor(x) for x in (x1, x2))
    dtype = dtypes.result_type(x1.dtype, x2.dtype)
    if standardize_dtype(x1.dtype) == standardize_dtype(x2.dtype) == "int8":
        dtype = "int32"
    x1, x2 = tf.cast(x1, dtype), tf.cast(x2, dtype)
    gone = [axis for axis, x in ((-2, x1), (-1, x2)) if x.shape.rank == 1]
    x1 = x1 if x1.shape.rank > 1 else _with_axis(x1, 0)
    x2 = x2 if x2.shape.rank > 1 else _with_axis(x2, 1)
    if not isinstance(x2, tf.SparseTensor):
        found = _sparse_times_dense(x1, x2)
    elif not isinstance(x1, tf.SparseTensor):
        found = _turned(_sparse_times_dense(_turned(x2), _turned(x1)))
    else:
        found = _sparse_times_sparse(x1, x2)
    if not gone:
        return found
    return squeezed(found, gone) if isinstance(found, tf.SparseTensor) else tf.squeeze(found, gone)


def _with_axis(x, axis: int):
    return tf.sparse.expand_dims(x, axis) if isinstance(x, tf.SparseTensor) else tf.expand_dims(x, axis)


def _turned(x):
    """Each matrix transposed."""
    rank = x.shape.rank
    order = [*range(rank - 2), rank - 1, rank - 2]
    return tf.sparse.transpose(x, order) if isinstance(x, tf.SparseTensor) else tf.transpose(x, order)


def _sparse_times_dense(x1, x2):
    """Each row of the second matrix times the values that meet it, added up at the row of the value."""
    if x1.shape.rank == x2.shape.rank == 2:
        return tf.sparse.sparse_dense_matmul(x1, x2)
    lead, own = x2.shape.as_list()[:-2], x1.shape.as_list()[:-2]
    if any(size == 1 and other != 1 for size, other in zip(own[::-1], lead[::-1])):
        return tf.matmul(to_dense(x1), x2)
    return record("SparseTensorDenseMatMul", sparse_math.batched_matmul, "values b", indices=x1.indices, values=x1.values,
                  dense_shape=static(x1.dense_shape), b=x2)  # fmt: skip


def _sparse_times_sparse(x1, x2):
    """Pairs of values that meet, in order of the first one; products of equal places are added up."""
    lead = x1.shape.rank - 2
    if lead != x2.shape.rank - 2 or not x1.shape[:-2].is_compatible_with(x2.shape[:-2]):
        return tf.sparse.from_dense(_sparse_times_dense(x1, to_dense(x2)))
    indices, values, shape = record(
        "SparseMatrixSparseMatMul", sparse_math.sparse_matmul, "a_values b_values", a_indices=x1.indices, a_values=x1.values,
        a_shape=static(x1.dense_shape), b_indices=x2.indices, b_values=x2.values, b_shape=static(x2.dense_shape),
    )  # fmt: skip
    return tf.SparseTensor(indices, values, shape)
