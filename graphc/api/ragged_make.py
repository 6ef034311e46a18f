"""TensorFlow's ``tf.ragged`` functions: making, masking, stacking."""

from __future__ import annotations

import numpy as np

from graphc.api import create
from graphc.api.composite import index_dtype, record
from graphc.api.create import convert_to_tensor
from graphc.api.operators import Operators
from graphc.api.ragged import RaggedTensor
from graphc.api.ragged_dispatch import gather_rows, is_ragged, rows_of
from graphc.api import ragged_dispatch
from graphc.api.tensor import EagerTensor
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import ragged as lib
from graphc.lib import ragged_parts as parts
from graphc.lib import select
from graphc.lib import shape as lib_shape
from graphc.lib.promote import literal_array


def constant(pylist, dtype=None, ragged_rank=None, inner_shape=None, name=None, row_splits_dtype=dt.i64):
    """A ragged tensor of nested lists; a dense one where nothing may be ragged.

    Args:
        ragged_rank: how many axes after the first may be ragged; by default all but those of ``inner_shape``.
        inner_shape: the shape of a flat value.

    Raises:
        ShapeError: the lists are nested to different depths, or values have other shapes.
    """
    kind = None if dtype is None else dt.as_dtype(dtype)
    splits_kind = dt.as_dtype(row_splits_dtype)
    pylist = _plain(pylist)
    depth = _depth(pylist)
    if not isinstance(pylist, list):
        if ragged_rank:
            raise ShapeError(explain(f"ragged.constant: a single value cannot have ragged_rank {ragged_rank}"))
        return create.constant(pylist, kind)
    inner = None if inner_shape is None else tuple(int(d) for d in np.reshape(inner_shape, -1))
    if ragged_rank is None:
        ragged_rank = max(0, depth - 1 - len(inner or ()))
        inner = inner or ()
    if ragged_rank >= max(depth, 1) and _holds_values(pylist):
        raise ShapeError(explain(f"ragged.constant: lists nested {depth} deep cannot have ragged_rank {ragged_rank}"))
    values, splits = pylist, []
    for _ in range(ragged_rank):
        if not all(isinstance(v, list) for v in values):
            raise ShapeError(explain("ragged.constant: all values must be nested to the same depth"))
        splits.append(np.cumsum([0, *map(len, values)]).astype(splits_kind.numpy))
        values = [item for row in values for item in row]
    flat = literal_array(values, kind if kind is not None or values else dt.f32)
    if inner is not None:
        try:
            flat = flat.reshape(-1 if flat.size or 0 not in inner else len(values), *inner)
        except ValueError:
            what = f"ragged.constant: values of shape {flat.shape[1:]} for inner_shape {inner}"
            raise ShapeError(explain(what)) from None
    if not splits:
        return create.constant(flat)
    return RaggedTensor.from_nested_row_splits(create.constant(flat), splits, validate=False)


def _holds_values(nested) -> bool:
    """Whether there is anything else than empty lists."""
    return any(map(_holds_values, nested)) if isinstance(nested, list) else True


def _plain(value):
    if isinstance(value, np.ndarray):
        return _plain(value.tolist()) if value.dtype == object else value.tolist()
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _depth(value) -> int:
    """How deep lists are nested.

    Raises:
        ShapeError: to different depths.
    """
    if not isinstance(value, list):
        return 0
    sure = {_depth(v) for v in value if _holds_number(v)}
    if len(sure) > 1:
        raise ShapeError(explain("ragged.constant: all scalar values must be nested to the same depth"))
    return 1 + max(map(_depth, value), default=0)


def _holds_number(value) -> bool:
    return any(map(_holds_number, value)) if isinstance(value, list) else True


def boolean_mask(data, mask, name=None):
    """The values of ``data`` for which ``mask`` is true, in their rows; both may be ragged.

    Raises:
        ShapeError: the mask is a scalar, or has rows of other lengths.
    """
    if is_ragged(mask) and not is_ragged(data):
        data = RaggedTensor.from_tensor(data, ragged_rank=mask.ragged_rank)
    if not is_ragged(data):
        data = convert_to_tensor(data)
    if not is_ragged(mask):
        mask = convert_to_tensor(mask)
        if not mask.ndim:
            raise ShapeError(explain("ragged.boolean_mask: the mask cannot be a scalar"))
        if mask.ndim == 1:
            return _kept(data, mask)
        mask = RaggedTensor.from_tensor(mask, ragged_rank=data.ragged_rank if is_ragged(data) and
                                        data.ragged_rank < mask.ndim else mask.ndim - 1)  # fmt: skip
    if not is_ragged(data):
        data = RaggedTensor.from_tensor(data, ragged_rank=mask.ragged_rank)
    splits = []
    m, x = mask, data
    ragged_dispatch.expect_same_rows([_outer(x, mask.ragged_rank), mask])
    while is_ragged(m):
        splits.append(m.row_splits)
        m, x = m.values, x.values
    if m.ndim > 1:
        what = f"ragged.boolean_mask: a mask with values of rank {m.ndim} is not supported"
        raise UsageError(explain(what))
    values = _kept(x, m)
    lengths = record("RaggedCounts", parts.true_counts, "mask | splits", mask=m, splits=splits[-1])
    found = RaggedTensor.from_row_lengths(values, lengths, validate=False)
    for s in reversed(splits[:-1]):
        found = RaggedTensor.from_row_splits(found, s, validate=False)
    return found


def _outer(x, depth: int):
    """A ragged tensor with only its outer partitions, over anything."""
    return x if x.ragged_rank == depth else _Rows(x, depth)


class _Rows:
    """The outer partitions of a ragged tensor, for comparing."""

    def __init__(self, x, depth: int):
        self.nested_row_splits, self.ragged_rank, self.shape = x.nested_row_splits[:depth], depth, x.shape


def _kept(x, mask):
    if not is_ragged(x):
        return record("BooleanMask", select.boolean_mask, "tensor | mask", tensor=x, mask=mask)
    rows = record("Where", _true_places, "mask", mask=mask)
    return gather_rows(x, rows)


def _true_places(mask):
    found = lib.nonzero(mask)
    return lib.apply("reshape", found, shape=found.shape[:1])


def ranges(starts, limits=None, deltas=1, dtype=None, name=None, row_splits_dtype=dt.i64):
    """Rows that count from ``starts[r]`` to before ``limits[r]`` in steps of ``deltas[r]``; from 0 without limits."""
    kind = None if dtype is None else dt.as_dtype(dtype)
    given = {k: v if isinstance(v, Operators) else literal_array(v) for k, v in
             (("starts", starts), ("limits", limits), ("deltas", deltas)) if v is not None}  # fmt: skip
    if kind is None:
        kinds = {v.dtype if isinstance(v, Operators) else dt.as_dtype(v.dtype) for v in given.values()}
        order = [dt.i32, dt.i64, dt.f32, dt.f64]
        kind = max(kinds, key=lambda k: order.index(k) if k in order else len(order))
    values, lengths = record("RaggedRange", lib.ranges, **given, dtype=kind)
    found = RaggedTensor.from_row_lengths(values, lengths, validate=False)
    return found.with_row_splits_dtype(row_splits_dtype)


def row_splits_to_segment_ids(splits, name=None, out_type=None):
    """The row of each value: ``[0, 3, 3, 5]`` becomes ``[0, 0, 0, 2, 2]``."""
    s = convert_to_tensor(splits, index_dtype(splits) if not isinstance(splits, Operators) else None)
    return record("SegmentIds", _segment_ids, splits=s, kind=s.dtype if out_type is None else dt.as_dtype(out_type))


def _segment_ids(splits, kind):
    total = lib.measured(lib.math.cast(lib.index.getitem(splits, -1), dt.i64), "segment_ids")
    return lib.math.cast(lib.rowids(splits, total), kind)


def segment_ids_to_row_splits(segment_ids, num_segments=None, out_type=None, name=None):
    """Row splits of values whose row numbers ascend."""
    ids = convert_to_tensor(segment_ids, index_dtype(segment_ids) if not isinstance(segment_ids, Operators) else None)
    kind = ids.dtype if out_type is None else dt.as_dtype(out_type)
    rows = int(num_segments.array) if isinstance(num_segments, EagerTensor) else num_segments
    found = record("RowSplits", lib.splits_of_rowids, "value_rowids", value_rowids=ids, nrows=rows)
    return found if found.dtype is kind else record("Cast", lib.math.cast, x=found, dtype=kind)


def stack(values, axis=0, name=None):
    """Tensors, ragged or not, along a new axis; their rows may have different lengths.

    Raises:
        ShapeError: the ranks differ, or the axis is out of range.
    """
    xs = [v if is_ragged(v) else convert_to_tensor(v) for v in values]
    if not xs:
        raise UsageError(explain("ragged.stack: values is empty"))
    ranks = {(x.ragged_rank if is_ragged(x) else 0) + (x.flat_values if is_ragged(x) else x).ndim for x in xs}
    if len(ranks) > 1:
        raise ShapeError(explain(f"ragged.stack: tensors of ranks {sorted(ranks)}"))
    (rank,) = ranks
    if not any(map(is_ragged, xs)) and (len(xs) == 1 or rank == 0):
        found = record("Pack", lib_shape.stack, "*values", values=xs, axis=axis)
        return RaggedTensor.from_tensor(found) if found.ndim > 1 else found
    if rank == 1:
        return _stacked_vectors(xs, axis)
    depth = max(x.ragged_rank if is_ragged(x) else 0 for x in xs) or 1
    xs = [x if is_ragged(x) else RaggedTensor.from_tensor(x, ragged_rank=max(depth, 1)) for x in xs]
    return ragged_dispatch.stack(None, xs, axis)


def _stacked_vectors(xs: list, axis: int):
    """Vectors of different lengths as rows, or the elements of equally long ones side by side."""
    if axis in (0, -2):
        lengths = record("Pack", _sizes, "*xs", xs=xs)
        joined = record("ConcatV2", lib_shape.concat, "*values", values=xs, axis=0)
        return RaggedTensor.from_row_lengths(joined, lengths, validate=False)
    if axis not in (1, -1):
        raise ShapeError(explain(f"ragged.stack: axis {axis} is out of range for vectors"))
    return record("Pack", lib_shape.stack, "*values", values=xs, axis=1)


def _sizes(xs):
    return lib_shape.stack([lib.dim_node(x.shape[0], dt.i32) for x in xs])


def stack_dynamic_partitions(data, partitions, num_partitions, name=None) -> RaggedTensor:
    """Row ``p`` holds the slices of ``data`` whose entry of ``partitions`` is ``p``, in order."""
    if is_ragged(partitions):
        while is_ragged(partitions):
            data = data.values if is_ragged(data) else record("Reshape", parts.rows_merged, x=convert_to_tensor(data))
            partitions = partitions.values
    data = data if is_ragged(data) else convert_to_tensor(data)
    p = convert_to_tensor(partitions)
    while p.ndim > 1:
        data = data.values if is_ragged(data) else record("Reshape", parts.rows_merged, "x", x=data)
        p = record("Reshape", parts.rows_merged, "x", x=p)
    if not p.ndim:
        p = record("Reshape", lib_shape.reshape, "tensor", tensor=p, shape=[1])
        data = record("ExpandDims", lib_shape.expand_dims, "input", input=data, axis=0)
    rows = int(num_partitions.array) if isinstance(num_partitions, EagerTensor) else num_partitions
    order, ids = record("Partition", _partitioned, partitions=p)
    return RaggedTensor.from_value_rowids(rows_of(data, order), ids, rows, validate=False)


def _partitioned(partitions):
    both = lib.apply("sort", partitions, axis=0, descending=False)
    return lib.apply("item", both, index=1), lib.apply("item", both, index=0)


def rank(input, name=None):  # noqa: A002  TensorFlow's argument
    """The number of axes."""
    if is_ragged(input):
        return convert_to_tensor(input.ragged_rank + input.flat_values.ndim, dt.i32)
    return convert_to_tensor(convert_to_tensor(input).ndim, dt.i32)

