"""Embeddings of sparse and ragged lists of ids, combined row by row."""

from __future__ import annotations

from graphc.api.composite import static
from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index, math, sampled
from graphc.lib.dims import dim_node, measured, size
from graphc.lib.promote import as_node
from graphc.lib.shape import ensure_shape, part
from graphc.prims.table import apply


def _sizes(dense_shape) -> list:
    """The elements of a shape as dimensions."""
    shape = as_node(dense_shape, None if isinstance(dense_shape, Node) else dt.i64)
    return [measured(index.getitem(shape, k), "embedding_lookup_sparse") for k in range(shape.shape[0])]


def _groups(indices: Node, sizes: list) -> tuple[Node, list]:
    """Of which group every id is, and the axes of the groups: all but the last one."""
    places, total = as_node(indices), None
    for k, n in enumerate(sizes[:-1]):
        column = apply("reshape", part(places, 1, k, k + 1), shape=places.shape[:1])
        total = column if total is None else math.add(math.multiply(total, dim_node(n, column.dtype)), column)
    return total, sizes[:-1]


def _of_sparse(function, params, indices, ids, dense_shape, weights=None, **settings) -> Node:
    places, rank = as_node(indices), getattr(dense_shape, "shape", (None,))[0]
    rank = next((d for d in (rank, *places.shape[1:]) if type(d) is int), 2)
    if isinstance(dense_shape, Node):
        dense_shape = ensure_shape(dense_shape, (rank,))
    indices, sizes = ensure_shape(places, (None, rank)), _sizes(dense_shape)
    if len(sizes) < 2:
        raise ShapeError(explain("embedding_lookup_sparse: ids must have at least rank 2"))
    rows, kept = _groups(indices, sizes)
    found = function(params, rows, ids, size(kept), weights, **settings)
    return found if len(kept) == 1 else apply("reshape", found, shape=(*kept, *found.shape[1:]))


def plain(
    params, indices, ids, dense_shape, weights=None, combiner=None, max_norm=None, partition_strategy="div"
) -> Node:
    """``sampled.combined`` of the values of a sparse tensor, by the axes before the last."""
    settings = {"combiner": combiner, "max_norm": max_norm, "partition_strategy": partition_strategy}
    return _of_sparse(sampled.combined, params, indices, ids, dense_shape, weights, **settings)


def safe(params, indices, ids, dense_shape, weights=None, combiner="mean", default_id=None, max_norm=None,
         partition_strategy="div") -> Node:  # fmt: skip
    """``sampled.safely_combined`` of the values of a sparse tensor, by the axes before the last."""
    return _of_sparse(sampled.safely_combined, params, indices, ids, dense_shape, weights, combiner=combiner,
                      default_id=default_id, max_norm=max_norm, partition_strategy=partition_strategy)  # fmt: skip


_OPERANDS = "*params | indices | ids | weights"
_plain = lift(Op("nn.embedding_lookup_sparse", "EmbeddingLookupSparse", plain, _OPERANDS), eager)
_safe = lift(Op("nn.safe_embedding_lookup_sparse", "EmbeddingLookupSparse", safe, _OPERANDS),
             eager)  # fmt: skip


def _parts(op: str, value) -> tuple:
    """Places, values and shape of a sparse or ragged tensor.

    Raises:
        UsageError: it is neither.
    """
    if hasattr(value, "value_rowids"):
        value = value.to_sparse()
    if not hasattr(value, "dense_shape"):
        raise UsageError(
            explain(f"{op}: ids and weights must be SparseTensors or RaggedTensors, not {type(value).__name__}")
        )
    return value.indices, value.values, static(value.dense_shape)


def embedding_lookup_sparse(
    params, sp_ids, sp_weights, combiner=None, max_norm=None, name=None, allow_fast_lookup=False
):
    """Rows of a table for every row of ids, combined into one.

    Args:
        params: a table [classes, ...], or a list of its parts.
        sp_ids: a SparseTensor or RaggedTensor [rows, any] of ids.
        sp_weights: weights of the ids, of the same structure; None for 1.
        combiner: ``mean`` (the default), ``sum``, or ``sqrtn``, divided by the root of the sum of squared weights.
        max_norm: the length to which longer rows of the table are shrunk.
        allow_fast_lookup: without effect.

    Raises:
        UsageError: ids that are not sparse, or an unknown combiner.
    """
    places, ids, shape = _parts("embedding_lookup_sparse", sp_ids)
    weights = None if sp_weights is None else _parts("embedding_lookup_sparse", sp_weights)[1]
    return _plain(params, places, ids, shape, weights, combiner, max_norm, name=name)


def safe_embedding_lookup_sparse(embedding_weights, sparse_ids, sparse_weights=None, combiner="mean", default_id=None,
                                 max_norm=None, name=None, allow_fast_lookup=False):  # fmt: skip
    """``embedding_lookup_sparse`` without negative ids and, but for sums, without weights that are not positive.

    Args:
        sparse_ids: of rank 2 or more; the last axis is the one that is combined.
        default_id: the id of rows without others; None for zeros.
    """
    places, ids, shape = _parts("safe_embedding_lookup_sparse", sparse_ids)
    weights = None if sparse_weights is None else _parts("safe_embedding_lookup_sparse", sparse_weights)[1]
    return _safe(embedding_weights, places, ids, shape, weights, combiner, default_id, max_norm, name=name)


def embedding_lookup_sparse_v1(params, sp_ids, sp_weights, partition_strategy="mod", name=None, combiner=None,
                               max_norm=None, allow_fast_lookup=False):  # fmt: skip
    """``embedding_lookup_sparse`` with parts of the table that may be dealt out in turn (``mod``)."""
    places, ids, shape = _parts("embedding_lookup_sparse", sp_ids)
    weights = None if sp_weights is None else _parts("embedding_lookup_sparse", sp_weights)[1]
    return _plain(params, places, ids, shape, weights, combiner, max_norm, partition_strategy, name=name)


def safe_embedding_lookup_sparse_v1(
    embedding_weights, sparse_ids, sparse_weights=None, combiner="mean", default_id=None, name=None,
    partition_strategy="div", max_norm=None, allow_fast_lookup=False,
):  # fmt: skip
    """``safe_embedding_lookup_sparse`` with parts of the table that may be dealt out in turn (``mod``)."""
    places, ids, shape = _parts("safe_embedding_lookup_sparse", sparse_ids)
    weights = None if sparse_weights is None else _parts("safe_embedding_lookup_sparse", sparse_weights)[1]
    return _safe(
        embedding_weights, places, ids, shape, weights, combiner, default_id, max_norm, partition_strategy, name=name
    )
