"""Sparse and ragged tensors in TensorFlow 1 graphs: placeholders, values to feed, and what version 2 dropped."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api import ragged_make, sparse
from graphc.api.create import convert_to_tensor
from graphc.api.eager import EAGER
from graphc.api.ragged import RaggedTensor, RaggedTensorValue
from graphc.api.recorder import RECORDERS
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorValue
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1.graph import get_default_graph
from graphc.v1.tensor import Feed, Tensor


def sparse_placeholder(dtype, shape=None, name=None) -> SparseTensor:
    """A SparseTensor that every run feeds: with a SparseTensorValue or a tuple of indices, values and shape.

    Args:
        shape: sizes, None for unknown ones; a shape of None allows any rank.
    """
    rank = TensorShape(shape).ndims
    indices = _fed(dt.i64, (None, rank), name and f"{name}/indices")
    values = _fed(dtype, (None,), name and f"{name}/values")
    found = SparseTensor(indices, values, _fed(dt.i64, (rank,), name and f"{name}/shape"))
    found.set_shape(shape)
    return found


def _fed(dtype, sizes: tuple | None, name: str | None) -> Tensor:
    graph, kind = get_default_graph(), dt.as_dtype(dtype)
    full = graph.unique_name(name or "Placeholder")
    return graph.create("Placeholder", full, (), None, Feed((kind, sizes)), [(kind, sizes)]).outputs[0]


def ragged_placeholder(dtype, ragged_rank, value_shape=None, name=None):
    """A RaggedTensor that every run feeds, with a RaggedTensorValue or its parts."""
    inner = () if value_shape is None else tuple(TensorShape(value_shape).as_list())
    if ragged_rank == 0:
        return _fed(dtype, None if value_shape is None else inner, name)
    flat = _fed(dtype, (None, *inner), name)
    splits = [_fed(dt.i64, (None,), None) for _ in range(ragged_rank)]
    return RaggedTensor.from_nested_row_splits(flat, splits, validate=False)


def ragged_constant_value(pylist, dtype=None, ragged_rank=None, inner_shape=None, row_splits_dtype="int64"):
    """The RaggedTensorValue of nested lists, to be fed."""
    with RECORDERS.entering(EAGER):
        found = ragged_make.constant(pylist, dtype, ragged_rank, inner_shape, row_splits_dtype=row_splits_dtype)
    if not isinstance(found, RaggedTensor):
        return found.numpy()
    return found.fetched([part.numpy() for part in found.parts])


def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    """A tensor of ``output_shape`` with values at places (index vectors or indices) and a default elsewhere."""
    indices, values = convert_to_tensor(sparse_indices), convert_to_tensor(sparse_values)
    if indices.ndim == 0:
        indices = indices[None]
    if indices.ndim == 1:
        indices = indices[:, None]
    rows = indices.shape.as_list()[0]
    if values.ndim == 0:
        if rows is None:
            raise UsageError(explain("sparse_to_dense: one value for an unknown number of indices"))
        values = sparse.record("Fill", sparse.shape.fill, "value", dims=[rows], value=values)
    wide = sparse.record("Cast", sparse.lib.math.cast, x=indices, dtype=dt.i64)
    return sparse.record("SparseToDense", sparse.lib.to_dense, "values default_value", indices=wide, values=values,
                         dense_shape=sparse.plain(output_shape), default_value=default_value)  # fmt: skip


def _reduction(function: Callable) -> Callable:
    def op(sp_input, axis=None, keepdims=None, reduction_axes=None, keep_dims=None):
        axes, kept = (reduction_axes if axis is None else axis), (keep_dims if keepdims is None else keepdims)
        return function(sp_input, axes, kept, output_is_sparse=True)

    op.__name__ = op.__qualname__ = f"{function.__name__}_sparse"
    op.__doc__ = function.__doc__
    return op


def convert_to_tensor_or_sparse_tensor(value, dtype=None, name=None):
    """Sparse tensors (and values of them) as sparse tensors, everything else as a tensor."""
    if hasattr(value, "dense_shape"):
        return sparse.sparse(value, "convert_to_tensor_or_sparse_tensor")
    return convert_to_tensor(value, dtype)


def sparse_merge(sp_ids, sp_values, vocab_size, name=None, already_sorted=False) -> SparseTensor:
    """Values at the places that ids give along a last axis of ``vocab_size``, in place of the last axis of the ids.

    Lists of ids give several last axes.
    """
    ids, sizes = (v if isinstance(v, (list, tuple)) else [v] for v in (sp_ids, vocab_size))
    x = sparse.sparse(sp_values, "sparse_merge")
    lead = ids[0]
    parts = {f"ids{k}": v.values for k, v in enumerate(ids)}
    places, shape = sparse.record("SparseMerge", _merged, indices=lead.indices, sizes=list(sizes),
                                  dense_shape=sparse.static(lead.dense_shape), **parts)  # fmt: skip
    found = SparseTensor(places, x.values, shape)
    return found if already_sorted else sparse.reorder(found)


def _merged(indices, dense_shape, sizes, **ids):
    cols = [*sparse.lib.columns("sparse_merge", indices)[:-1], *[sparse.lib.math.cast(v, dt.i64) for v in ids.values()]]
    full = [*sparse.lib.extents(dense_shape)[:-1], *[sparse.lib.as_node(n, dt.i64) for n in sizes]]
    return sparse.lib.joined(cols, indices), sparse.lib.shape_vector(full)


OLD_NAMES = {
    "convert_to_tensor_or_sparse_tensor": convert_to_tensor_or_sparse_tensor,
    "sparse_merge": sparse_merge,
    "sparse.merge": sparse_merge,
    "SparseTensorValue": SparseTensorValue,
    "ragged.RaggedTensorValue": RaggedTensorValue,
    "sparse_placeholder": sparse_placeholder,
    "sparse.placeholder": sparse_placeholder,
    "ragged.placeholder": ragged_placeholder,
    "ragged.constant_value": ragged_constant_value,
    "sparse_to_dense": sparse_to_dense,
    **{f"{lead}{op.__name__}": op for op in map(_reduction, (sparse.reduce_sum, sparse.reduce_max))
       for lead in ("sparse_", "sparse.")},
}  # fmt: skip
