"""Picking by value: masks, different elements, partitions, counts. Sizes that depend on data are found on the host."""

from __future__ import annotations

from typing import NamedTuple

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import index, math, order, reduction, shape
from graphc.lib.dims import axis_of, dim_node, integer, listed, measured, size
from graphc.lib.promote import adopt, as_node, broadcast_to
from graphc.prims.data import nonzero
from graphc.prims.data import unique as different
from graphc.prims.table import apply


class Unique(NamedTuple):
    y: Node
    idx: Node


class UniqueWithCounts(NamedTuple):
    y: Node
    idx: Node
    count: Node


class ListDiff(NamedTuple):
    out: Node
    idx: Node


def where(condition, x=None, y=None) -> Node:
    """``x`` where ``condition`` holds, else ``y``; the three broadcast together. Without both, the indices of true elements.

    The indices are i64[number, rank] in row-major order; they are found on the host.

    Raises:
        DtypeError: ``condition`` is not boolean, or ``x`` and ``y`` differ.
        UsageError: one of ``x`` and ``y`` is missing.
    """
    if x is not None or y is not None:
        return math.where(condition, x, y)
    return nonzero(_truth(as_node(condition)))


def where_v1(condition, x=None, y=None) -> Node:
    """``where`` with TensorFlow 1's extra rule: a vector condition picks whole rows."""
    return math.where_v1(condition, x, y) if x is not None or y is not None else where(condition)


def _truth(x: Node) -> Node:
    return x if x.dtype is dt.b1 else apply("ne", x, const(0, x.type))


def boolean_mask(tensor, mask, axis=None) -> Node:
    """The slices of ``tensor`` for which ``mask`` is true, in order; the axes of ``mask`` start at ``axis`` (0).

    Raises:
        DtypeError: the mask is not boolean. ShapeError: it is a scalar, or does not fit the axes.
    """
    x, m = as_node(tensor), as_node(mask)
    if m.dtype is not dt.b1:
        raise DtypeError(explain(f"boolean_mask: the mask must be boolean, not {m.type}", origins(mask=m)))
    k, rank = 0 if axis is None else axis_of("boolean_mask", axis, x), len(m.shape)
    if not rank or k + rank > len(x.shape):
        what = f"boolean_mask: mask {m.type} does not fit {x.type} from axis {k} on"
        raise ShapeError(explain(what, origins(tensor=x, mask=m)))
    if any(type(a) is int and type(b) is int and a != b for a, b in zip(x.shape[k:], m.shape)):
        what = f"boolean_mask: mask {m.type} has other sizes than {x.type} from axis {k} on"
        raise ShapeError(explain(what, origins(tensor=x, mask=m)))
    return _picked(x, shape.ensure_shape(m, x.shape[k : k + rank]), k)


def _picked(x: Node, mask: Node, axis: int) -> Node:
    rank = len(mask.shape)
    if rank > 1:
        total = size(mask.shape)
        x = apply("reshape", x, shape=(*x.shape[:axis], total, *x.shape[axis + rank :]))
        mask = apply("reshape", mask, shape=(total,))
    return index.picked("gather", x, _line(nonzero(mask)), axis=axis)


def _line(indices: Node) -> Node:
    return apply("reshape", indices, shape=indices.shape[:1])


# ----------------------------------------------------------------------------------- different elements


def _vector(op: str, value) -> Node:
    x = as_node(value)
    if len(x.shape) != 1:
        raise ShapeError(explain(f"{op}: needs a vector, not {x.type}", origins(x=x)))
    return x


def unique(x, out_idx=dt.i32) -> Unique:
    """The different elements ``y`` of a vector in order of first appearance, and ``idx``: which of them each element is."""
    return unique_v2(_vector("unique", x), 0, out_idx)


def unique_with_counts(x, out_idx=dt.i32) -> UniqueWithCounts:
    """As ``unique``, and ``count``: how often each occurs."""
    return unique_with_counts_v2(_vector("unique_with_counts", x), 0, out_idx)


def unique_v2(x, axis, out_idx=dt.i32) -> Unique:
    """The different slices along one axis (a vector of at most one entry), and which of them each slice is."""
    return Unique(*unique_with_counts_v2(x, axis, out_idx)[:2])


def unique_with_counts_v2(x, axis, out_idx=dt.i32) -> UniqueWithCounts:
    """As ``unique_v2``, and how often each slice occurs."""
    x, kind = as_node(x), dt.as_dtype(out_idx)
    given = axis if isinstance(axis, Node) else as_node(axis, dt.i64)
    k = 0 if given.shape == (0,) else axis_of("unique", given, x)
    y, places, counts = different(x, k)
    return UniqueWithCounts(y, apply("cast", places, dtype=kind), apply("cast", counts, dtype=kind))


def unique_in_order(x, axis=0) -> UniqueWithCounts:
    """As ``unique_with_counts_v2``, from the smallest slice on: slices are compared like words in a dictionary."""
    x = as_node(x)
    y, places, counts = different(x, axis_of("unique", axis, x), ordered=True)
    return UniqueWithCounts(y, apply("cast", places, dtype=dt.i32), apply("cast", counts, dtype=dt.i32))


def setdiff1d(x, y, index_dtype=dt.i32) -> ListDiff:
    """The elements ``out`` of vector ``x`` that do not occur in vector ``y``, and their places ``idx``."""
    x, y = adopt("setdiff1d", x, y)
    x, y = _vector("setdiff1d", x), _vector("setdiff1d", y)
    full = (x.shape[0], y.shape[0])
    hit = apply("eq", apply("broadcast", x, shape=full, axes=(0,)), apply("broadcast", y, shape=full, axes=(1,)))
    found = nonzero(apply("not", apply("reduce", hit, kind="any", axes=(1,))))
    return ListDiff(apply("gather", x, found, batch=0), apply("cast", _line(found), dtype=dt.as_dtype(index_dtype)))


# --------------------------------------------------------------------------------- partition and stitch


def dynamic_partition(data, partitions, num_partitions) -> list[Node]:
    """``num_partitions`` tensors: the slices of ``data`` whose entry of ``partitions`` is 0, 1, ...."""
    x, p = as_node(data), as_node(partitions)
    count = integer("dynamic_partition", "num_partitions", num_partitions)
    rank = len(p.shape)
    if not p.dtype.is_integer or rank > len(x.shape):
        what = f"dynamic_partition: partitions {p.type} for data {x.type}"
        raise ShapeError(explain(what, origins(data=x, partitions=p)))
    if not rank:
        x, p = apply("reshape", x, shape=(1, *x.shape)), apply("reshape", p, shape=(1,))
    p = shape.ensure_shape(p, x.shape[: max(rank, 1)])
    return [_picked(x, apply("eq", p, const(k, p.type)), 0) for k in range(count)]


def dynamic_stitch(indices, data) -> Node:
    """One tensor whose row ``indices[m][i]`` is ``data[m][i]``; of several for one row the last counts, rows without any are 0."""
    places = [as_node(i) for i in listed("dynamic_stitch", "indices", indices)]
    parts = adopt("dynamic_stitch", *listed("dynamic_stitch", "data", data))
    if len(places) != len(parts) or not parts:
        raise ShapeError(explain(f"dynamic_stitch: {len(places)} indices for {len(parts)} tensors"))
    rest = parts[0].shape[len(places[0].shape) :]
    lines, rows = [], []
    for i, x in zip(places, parts):
        if len(x.shape) - len(i.shape) != len(rest):
            what = f"dynamic_stitch: indices {i.type} for data {x.type}"
            raise ShapeError(explain(what, origins(indices=i, data=x)))
        x = shape.ensure_shape(x, (*i.shape, *rest))
        total = size(i.shape)
        lines.append(apply("reshape", apply("cast", i, dtype=dt.i64), shape=(total, 1)))
        rows.append(apply("reshape", x, shape=(total, *rest)))
    line = apply("concat", *lines, axis=0) if len(lines) > 1 else lines[0]
    updates = apply("concat", *rows, axis=0) if len(rows) > 1 else rows[0]
    start = const(b"" if updates.dtype is dt.string else 0, Type(updates.dtype, (_beyond(line, "dynamic_stitch"), *rest)))
    return apply("scatter", start, line, updates, kind="set", batch=0)


def _beyond(indices: Node, op: str):
    """One more than the largest index, 0 where there is none, as a dimension."""
    wide = apply("cast", indices, dtype=dt.i64)
    top = apply("reduce", wide, kind="max", axes=tuple(range(len(wide.shape))))
    low = const(-1, top.type)
    return measured(apply("max", top, low) + 1, op)


# ------------------------------------------------------------------------------------------------ counts


def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype=dt.i32) -> Node:
    """How often (or with which sum of weights) each label, the row, met each prediction, the column."""
    kind = dt.as_dtype(dtype)
    rows, columns = [_vector("confusion_matrix", _without_last(v)) for v in adopt("confusion_matrix", labels, predictions)]
    columns = shape.ensure_shape(columns, rows.shape)
    pairs = [apply("reshape", apply("cast", v, dtype=dt.i64), shape=(*rows.shape, 1)) for v in (rows, columns)]
    pairs = apply("concat", *pairs, axis=1)
    count = _beyond(pairs, "confusion_matrix") if num_classes is None else measured(num_classes, "confusion_matrix")
    worth = const(1, Type(kind, rows.shape)) if weights is None else shape.ensure_shape(math.cast(weights, kind), rows.shape)
    return apply("scatter", const(0, Type(kind, (count, count))), pairs, worth, kind="add", batch=0)


def _without_last(value) -> Node:
    x = as_node(value)
    return shape.squeeze(x, [1]) if len(x.shape) == 2 and x.shape[1] == 1 else x


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype=dt.i32, axis=None, binary_output=False) -> Node:
    """How often each of 0, 1, ... occurs, or the sums of weights; with ``axis=-1`` for each row of a matrix.

    Args:
        minlength, maxlength: least and largest size of the result; larger values are not counted.
        binary_output: 1 where a value occurs at all.
    """
    x = as_node(arr)
    if not x.dtype.is_integer:
        raise DtypeError(explain(f"bincount: needs integers, not {x.type}", origins(arr=x)))
    kind = dt.as_dtype(dtype) if weights is None else as_node(weights).dtype
    many = axis is not None and integer("bincount", "axis", axis) == -1 and len(x.shape) == 2
    line = (x.shape[0], x.shape[1]) if many else (size(x.shape),)
    places = apply("reshape", apply("cast", x, dtype=dt.i64), shape=(*line, 1))
    worth = const(1, Type(kind, line))
    if weights is not None and not binary_output:
        worth = apply("reshape", shape.ensure_shape(as_node(weights), x.shape), shape=line)
    count = _bins(places, minlength, maxlength)
    start = const(0, Type(kind, (*line[:-1], count)))
    return apply("scatter", start, places, worth, kind="max" if binary_output else "add", batch=len(line) - 1)


def _bins(places: Node, minlength, maxlength):
    top = dim_node(_beyond(places, "bincount"))
    if minlength is not None:
        top = apply("max", top, dim_node(measured(minlength, "bincount")))
    if maxlength is not None:
        top = apply("min", top, dim_node(measured(maxlength, "bincount")))
    return measured(top, "bincount")


def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dt.i32) -> Node:
    """In which of ``nbins`` equal parts of the range each value lies; the outer ones hold all that is outside."""
    x, ends = adopt("histogram_fixed_width_bins", values, value_range)
    if ends.shape != (2,):
        what = f"histogram_fixed_width_bins: value_range must be [2], not {ends.type}"
        raise ShapeError(explain(what, origins(values=x, value_range=ends)))
    low, high = [broadcast_to(e, x.shape) for e in shape.unstack(ends)]
    count = integer("histogram_fixed_width_bins", "nbins", nbins)
    wide = dt.f64 if x.dtype.is_integer or x.dtype is dt.f64 else dt.f32
    x, low, high = [apply("cast", v, dtype=wide) for v in (x, low, high)]
    place = apply("floor", (x - low) / (high - low) * float(count))
    kept = apply("min", apply("max", place, const(0, place.type)), const(count - 1, place.type))
    return apply("cast", kept, dtype=dt.as_dtype(dtype))


def histogram_fixed_width(values, value_range, nbins=100, dtype=dt.i32) -> Node:
    """How many values lie in each of ``nbins`` equal parts of the range."""
    bins = histogram_fixed_width_bins(values, value_range, nbins)
    return bincount(bins, minlength=nbins, maxlength=nbins, dtype=dtype)


def repeat(input, repeats, axis=None) -> Node:  # noqa: A002
    """Each slice along ``axis`` (of all elements in a line by default) repeated: all alike, or each by its own number.

    Raises:
        ShapeError: the numbers are negative, or not one for each slice.
    """
    n = as_node(repeats)
    if not n.shape or n.shape == (1,):
        count = measured(shape.reshape(n, ()), "repeat")
        return shape.repeat(input, count, axis)
    x = as_node(input)
    if axis is None:
        x, axis = shape.reshape(x, (-1,)), 0
    k = axis_of("repeat", axis, x)
    n = shape.ensure_shape(apply("cast", n, dtype=dt.i64), (x.shape[k],))
    ends = reduction.cumsum(n)
    total = measured(apply("reduce", n, kind="sum", axes=(0,)), "repeat")
    steps = apply("iota", shape=(total,), axis=0, dtype=dt.i64)
    return index.picked("gather", x, order.searchsorted(ends, steps, side="right"), axis=k)
