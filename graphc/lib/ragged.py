"""Ragged tensors as values and row splits: partitions of rows, padding, picking and combining rows.

Row splits are i32 or i64 [rows + 1]: row ``r`` holds the values ``splits[r]`` to ``splits[r + 1]``. Where a function
makes splits, they have the dtype of those that it was given.
"""

from __future__ import annotations

from typing import NamedTuple

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import index, math, reduction, segment, shape
from graphc.lib.dims import DataDependent, as_dims, dim_node, integer, measured
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.sparse import take
from graphc.prims.data import nonzero
from graphc.prims.table import apply

# -------------------------------------------------------------------------------------------- partitions


def as_vector(op: str, value, dtype=None) -> Node:
    """An integer vector.

    Raises:
        DtypeError, ShapeError: it is none.
    """
    x = as_node(value)
    if not x.dtype.is_integer:
        raise DtypeError(explain(f"{op}: a partition of rows must be integers, not {x.type}", origins(x=x)))
    if len(x.shape) != 1:
        raise ShapeError(explain(f"{op}: a partition of rows must be a vector, not {x.type}", origins(x=x)))
    return x if dtype is None else math.cast(x, dtype)


def count_rows(splits: Node):
    """How many rows there are, as a dimension."""
    return splits.shape[0] - 1


def row_starts(splits) -> Node:
    """Where each row begins."""
    s = as_vector("row_starts", splits)
    return shape.part(s, 0, 0, count_rows(s))


def row_limits(splits) -> Node:
    """Where each row ends."""
    s = as_vector("row_limits", splits)
    return shape.part(s, 0, 1, s.shape[0])


def row_lengths(splits) -> Node:
    """How many values each row holds."""
    return apply("sub", row_limits(splits), row_starts(splits))


def splits_of_lengths(lengths) -> Node:
    """Row splits from the number of values of each row."""
    n = as_vector("from_row_lengths", lengths)
    ends = apply("cumulate", n, kind="sum", axis=0, exclusive=False, reverse=False)
    return apply("concat", const(0, n.type.with_shape((1,))), ends, axis=0)


def splits_of_rowids(value_rowids, nrows=None) -> Node:
    """Row splits from the row of each value; the last one says how many rows there are if ``nrows`` is None."""
    ids = as_vector("from_value_rowids", value_rowids)
    if nrows is None:
        top = apply("reduce", math.cast(ids, dt.i64), kind="max", axes=(0,))
        rows = measured(math.add(math.maximum(top, -1), 1), "from_value_rowids")
    else:
        rows = measured(nrows, "nrows") if isinstance(nrows, Node) else integer("from_value_rowids", "nrows", nrows)
    ones = const(1, ids.type)
    return splits_of_lengths(segment.unsorted_segment_sum(ones, ids, rows))


def splits_of_limits(row_limits) -> Node:
    """Row splits from where each row ends."""
    s = as_vector("from_row_limits", row_limits)
    return apply("concat", const(0, s.type.with_shape((1,))), s, axis=0)


def uniform_splits(rows, length, dtype=dt.i64) -> Node:
    """Row splits of ``rows`` rows of ``length`` values each; both dimensions."""
    ramp = apply("iota", shape=(rows + 1,), axis=0, dtype=dtype)
    return math.multiply(ramp, dim_node(length, dtype))


def rowids(splits, count) -> Node:
    """The row of each of ``count`` values, in the dtype of the splits."""
    s = as_vector("value_rowids", splits)
    is_empty = type(s.shape[0]) is int and s.shape[0] < 2
    inner = shape.part(s, 0, 0, 0) if is_empty else shape.part(s, 0, 1, s.shape[0] - 1)
    ones = const(1, Type(s.dtype, inner.shape))
    places = apply("reshape", inner, shape=(inner.shape[0], 1))
    begun = apply("scatter", const(0, Type(s.dtype, (count,))), places, ones, kind="add", batch=0)
    return apply("cumulate", begun, kind="sum", axis=0, exclusive=False, reverse=False)


def positions(splits: Node, ids: Node) -> Node:
    """The place of each value in its row, whose numbers are ``ids``."""
    ramp = apply("iota", shape=ids.shape, axis=0, dtype=splits.dtype)
    return apply("sub", ramp, take(row_starts(splits), ids))


def coordinates(nested_splits, count) -> list[Node]:
    """For each axis up to the innermost ragged one, the index of each of ``count`` flat values, i64."""
    found, rows = [], None
    for splits in reversed(nested_splits):
        ids = rowids(splits, count)
        place, ids = (math.cast(v, dt.i64) for v in (positions(splits, ids), ids))
        found.insert(0, place if rows is None else take(place, rows))
        rows = ids if rows is None else take(ids, rows)
        count = count_rows(splits)
    return [rows, *found]


# --------------------------------------------------------------------------------------------- padding


def padded(values, splits, default_value=None, width=None, rows=None) -> Node:
    """Rows as a dense tensor ``[rows, width, ...]``, filled up with ``default_value`` (0); longer rows are cut.

    Without ``width`` the longest row decides.

    Raises:
        ShapeError: the default does not broadcast to the shape of a value.
    """
    x, s = as_node(values), as_vector("to_tensor", splits)
    starts, lengths = (math.cast(f(s), dt.i64) for f in (row_starts, row_lengths))
    if width is None:
        top = apply("reduce", lengths, kind="max", axes=(0,))
        width = measured(math.maximum(top, 0), "to_tensor")
    if rows is not None:
        ramp = apply("iota", shape=(rows,), axis=0, dtype=dt.i64)
        starts, lengths = take(starts, ramp), take(lengths, ramp)
    full = (starts.shape[0], width)
    ramp = apply("iota", shape=full, axis=1, dtype=dt.i64)
    starts, lengths = (apply("broadcast", v, shape=full, axes=(0,)) for v in (starts, lengths))
    kept = apply("lt", ramp, lengths)
    found = index.picked("gather", x, apply("select", kept, apply("add", starts, ramp), const(-1, ramp.type)))
    if default_value is None:
        default_value = b"" if x.dtype is dt.string else False if x.dtype is dt.b1 else 0
    filler = broadcast_to(as_node(default_value, x.dtype), found.shape, "to_tensor")
    kept = kept if len(found.shape) == 2 else apply("broadcast", kept, shape=found.shape, axes=(0, 1))
    return apply("select", kept, found, filler)


def lengths_before_padding(tensor, padding, dtype=dt.i64) -> Node:
    """How many entries of each row come before those that are all padding."""
    x = as_node(tensor)
    filled = math.not_equal(x, as_node(padding, x.dtype))
    if len(x.shape) > 2:
        filled = apply("reduce", filled, kind="any", axes=tuple(range(2, len(x.shape))))
    place = apply("iota", shape=filled.shape, axis=1, dtype=dt.i64)
    ends = apply("select", filled, math.add(place, 1), const(0, place.type))
    return math.cast(math.maximum(apply("reduce", ends, kind="max", axes=(1,)), 0), dtype)


def rows_cut(tensor, lengths) -> tuple[Node, Node]:
    """The first ``lengths[r]`` entries of each row: values and row splits."""
    x, n = as_node(tensor), as_vector("from_tensor", lengths)
    if len(x.shape) < 2:
        raise ShapeError(explain(f"from_tensor: needs a tensor of rank 2 or more, not {x.type}", origins(tensor=x)))
    n = math.maximum(math.minimum(n, dim_node(x.shape[1], n.dtype)), 0)
    n = shape.ensure_shape(n, x.shape[:1])
    mask = index.sequence_mask(n, dim_node(x.shape[1]))
    return apply("gather", x, nonzero(mask), batch=0), splits_of_lengths(n)


# -------------------------------------------------------------------------------------------- picking


def spans(starts: Node, lengths: Node, step=1) -> tuple[Node, Node]:
    """The places ``starts[r], starts[r] + step, ...`` (``lengths[r]`` of them) for each row, and their row splits."""
    splits = splits_of_lengths(lengths)
    total = measured(math.cast(reduction.reduce("rows", "sum", lengths, 0, False), dt.i64), "rows")
    ids = rowids(splits, total)
    place = positions(splits, ids)
    return math.add(take(starts, ids), math.multiply(place, step)), splits


def taken(splits, rows) -> tuple[Node, Node]:
    """Some rows: the places of their values, and their row splits."""
    s, r = as_vector("gather", splits), as_vector("gather", rows, dt.i64)
    return spans(take(row_starts(s), r), take(row_lengths(s), r))


def row(values, splits, number) -> Node:
    """The values of one row; a negative number counts from the end."""
    x, s = as_node(values), as_vector("row", splits)
    start, stop = index.getitem(row_starts(s), number), index.getitem(row_limits(s), number)
    return index.picked("gather", x, row_places(start, stop))


def row_places(start: Node, stop: Node) -> Node:
    """The places from ``start`` to ``stop``, whose number only a run knows."""
    size = measured(math.cast(apply("sub", stop, start), dt.i64), "row")
    return math.add(apply("iota", shape=(size,), axis=0, dtype=start.dtype), start)


def cut(splits, start=None, stop=None, step=None) -> tuple[Node, Node]:
    """``[start:stop:step]`` of every row, for Python numbers: the places of the values, and their row splits."""
    s = as_vector("slice", splits)
    begins, n = row_starts(s), row_lengths(s)
    by = 1 if step is None else integer("slice", "step", step)
    low, high = (0, n) if by > 0 else (-1, math.subtract(n, 1))
    first = _bound(start, n, low, high, low if by > 0 else high)
    last = _bound(stop, n, low, high, high if by > 0 else low)
    if by > 0:
        count = math.floordiv(math.add(math.subtract(last, first), by - 1), by)
    else:
        count = math.floordiv(math.add(math.subtract(first, last), -by - 1), -by)
    return spans(math.add(begins, first), math.maximum(count, 0), by)


def _bound(k, n: Node, low, high, default) -> Node:
    if k is None:
        return default if isinstance(default, Node) else const(default, n.type)
    k = math.cast(as_node(k), n.dtype)
    k = math.where(math.less(k, 0), math.add(k, n), broadcast_to(k, n.shape))
    return math.minimum(math.maximum(k, low), high)


def fit(dense, flat_values, *nested_splits) -> Node:
    """For every flat value the element of a dense tensor that broadcasts to the ragged shape.

    Raises:
        ShapeError: the dense tensor has more axes.
    """
    x, flat = as_node(dense), as_node(flat_values)
    depth = len(nested_splits)
    rank = depth + len(flat.shape)
    if len(x.shape) > rank:
        what = f"broadcast: {x.type} does not broadcast to a ragged tensor of rank {rank}"
        raise ShapeError(explain(what, origins(dense=x)))
    if len(x.shape) < len(flat.shape):
        return x
    x = apply("reshape", x, shape=(*(1,) * (rank - len(x.shape)), *x.shape))
    places = coordinates(nested_splits, flat.shape[0])
    places = [const(0, p.type) if type(n) is int and n == 1 else p for p, n in zip(places, x.shape)]
    return apply("gather", x, shape.stack(places, axis=1), batch=0)


# ------------------------------------------------------------------------------------------ reductions


def reduce_rows(kind: str, values, ids, count) -> Node:
    """The rows of ``values`` with the same number combined by sum, prod, max, min, any, all or mean."""
    x, i = as_node(values), math.cast(as_node(ids), dt.i64)
    rows = measured(count, "reduce") if isinstance(count, Node) else count
    if kind in ("any", "all"):
        combine = segment.unsorted_segment_max if kind == "any" else segment.unsorted_segment_min
        found = combine(math.cast(x, dt.i32), i, rows)
        return math.greater(found, 0)
    if kind == "mean":
        total = segment.unsorted_segment_sum(x, i, rows)
        count = segment.unsorted_segment_sum(const(1, x.type), i, rows)
        return math.truediv(total, count) if not x.dtype.is_integer else math.floordiv(total, math.maximum(count, 1))
    return getattr(segment, f"unsorted_segment_{kind}")(x, i, rows)


def merged(splits, ids, count) -> tuple[Node, Node, Node]:
    """Rows with the same number over each other: new row splits, where each row goes in theirs, how many values."""
    s, i = as_vector("reduce", splits), as_vector("reduce", ids, dt.i64)
    n = row_lengths(s)
    rows = measured(count, "reduce") if isinstance(count, Node) else count
    lengths = math.maximum(segment.unsorted_segment_max(n, i, rows), 0)
    new = splits_of_lengths(lengths)
    return new, take(row_starts(new), i), index.getitem(new, -1)


def placed(splits, starts, count) -> Node:
    """Where each of ``count`` values goes, if its row is put at ``starts``."""
    ids = rowids(splits, count)
    return math.add(take(starts, ids), positions(splits, ids))


def softmax(values, splits) -> Node:
    """The softmax of the values of each row."""
    x, s = as_node(values), as_vector("softmax", splits)
    math.require_inexact("softmax", x)
    ids, rows = rowids(s, x.shape[0]), count_rows(s)
    top = apply("stop", segment.unsorted_segment_max(x, ids, rows))
    powers = apply("exp", apply("sub", x, take(top, ids)))
    return apply("div", powers, take(segment.unsorted_segment_sum(powers, ids, rows), ids))


# ----------------------------------------------------------------------------------------------- range


def ranges(starts, limits=None, deltas=1, dtype=None) -> tuple[Node, Node]:
    """Rows that count from a start to a limit: values and row lengths (i64).

    Raises:
        ShapeError: the vectors differ in length.
    """
    if limits is None:
        starts, limits = 0, starts
    given = [starts, limits, deltas]
    if dtype is not None:
        given = [math.cast(as_node(v), dtype) for v in given]
    nodes = [v for v in given if isinstance(v, Node)]
    like = nodes[0] if nodes else as_node(limits)
    a, b, d = (v if isinstance(v, Node) else as_node(v, like.dtype) for v in given)
    vectors = [v.shape for v in (a, b, d) if v.shape]
    rows = vectors[0] if vectors else (1,)
    a, b, d = (broadcast_to(v, rows, "ragged.range") for v in (a, b, d))
    if a.dtype.is_integer:
        sign = math.where(math.less(d, 0), const(-1, d.type), const(1, d.type))
        gap = math.multiply(math.subtract(b, a), sign)
        step = math.multiply(d, sign)
        count = math.floordiv(math.add(gap, math.subtract(step, 1)), math.maximum(step, 1))
    else:
        count = apply("ceil", apply("div", apply("sub", b, a), d))
    lengths = math.cast(math.maximum(count, 0), dt.i64)
    zero = const(0, lengths.type)
    place, splits = spans(zero, lengths)
    ids = rowids(splits, place.shape[0])
    return math.add(take(a, ids), math.multiply(math.cast(place, a.dtype), take(d, ids))), lengths


def known(d: Node):
    """A scalar as a dimension if its value is known, else itself."""
    try:
        return as_dims(d)[0]
    except DataDependent:
        return d


class FilledRows(NamedTuple):
    output_value_rowids: Node
    output_values: Node
    empty_row_indicator: Node
    reverse_index_map: Node


def fill_empty_rows(value_rowids, values, nrows, default_value) -> FilledRows:
    """Values with a default one in rows that had none; the rows of all, which those were, where each value went."""
    ids, x = as_vector("ragged_fill_empty_rows", value_rowids, dt.i64), as_node(values)
    rows = measured(nrows, "nrows") if isinstance(nrows, Node) else integer("ragged_fill_empty_rows", "nrows", nrows)
    empty = math.equal(segment.unsorted_segment_sum(const(1, Type(dt.i32, ids.shape)), ids, rows), 0)
    new = nonzero(empty)
    new = apply("reshape", new, shape=new.shape[:1])
    fill = apply("broadcast", as_node(default_value, x.dtype), shape=new.shape, axes=())
    both = apply("sort", shape.concat([ids, new], 0), axis=0, descending=False)
    found, place = apply("item", both, index=0), apply("item", both, index=1)
    ramp = apply("iota", shape=place.shape, axis=0, dtype=dt.i64)
    places = apply("reshape", place, shape=(place.shape[0], 1))
    back = apply("scatter", const(0, ramp.type), places, ramp, kind="set", batch=0)
    return FilledRows(found, take(shape.concat([x, fill], 0), place), empty, shape.part(back, 0, 0, ids.shape[0]))


class FilledRowsSlope(NamedTuple):
    d_values: Node
    d_default_value: Node


def fill_empty_rows_grad(reverse_index_map, grad_values) -> FilledRowsSlope:
    """The slopes of the values and of the default one from those of what ``ragged_fill_empty_rows`` answers with."""
    i, g = as_vector("ragged_fill_empty_rows_grad", reverse_index_map, dt.i64), as_node(grad_values)
    mine = take(g, i)
    rest = apply("sub", apply("reduce", g, kind="sum", axes=(0,)), apply("reduce", mine, kind="sum", axes=(0,)))
    return FilledRowsSlope(mine, rest)
