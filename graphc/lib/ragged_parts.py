"""What the methods of a ragged tensor compute: splits of other partitions, row numbers, bounds, merged axes."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import index, math, ragged, shape, sparse
from graphc.lib.dims import dim_node, size
from graphc.lib.sparse import take
from graphc.prims.table import apply


def first_size(x: Node) -> Node:
    """The size of the first axis, i64."""
    return dim_node(x.shape[0])


def ended(starts: Node, total: Node) -> Node:
    """Row splits from where each row begins and the number of values."""
    return shape.concat([starts, shape.reshape(math.cast(total, starts.dtype), [1])], 0)


def even_splits(x: Node, less: int, length: int, rows, kind) -> Node:
    """Splits of rows of equal length; if ``rows`` is None, of the ``less`` fewer than ``x`` has elements."""
    if rows is None:
        total = x.shape[0] - less
        rows = total // length if length else 0
    return ragged.uniform_splits(rows, length, kind)


def rows_whole(x: Node, kind) -> tuple[Node, Node]:
    """All rows of a dense tensor: values and row splits."""
    return rows_merged(x), ragged.uniform_splits(x.shape[0], x.shape[1], kind)


def rows_merged(x: Node) -> Node:
    """The first two axes as one."""
    return merged(x, 0, 1)


def merged(x: Node, first: int, last: int) -> Node:
    """Axes ``first`` to ``last`` as one."""
    return apply("reshape", x, shape=(*x.shape[:first], size(x.shape[first : last + 1]), *x.shape[last + 1 :]))


def scaled(x: Node, splits: Node) -> Node:
    """Row splits after the first two axes of the values ``x`` have been merged."""
    return math.multiply(splits, dim_node(x.shape[1], splits.dtype))


def sparse_splits(indices, dense_shape, kind) -> Node:
    """Row splits of a sparse matrix in row-major order."""
    rows = sparse.dims_of("from_sparse", dense_shape)[0]
    ids = math.cast(sparse.columns("from_sparse", indices)[0], kind)
    return ragged.splits_of_rowids(ids, dim_node(rows))


def all_alike(x: Node, axis: int, kind) -> Node:
    """The size of one axis for every row of ``x``."""
    return shape.fill(x.shape[:1], dim_node(x.shape[axis], kind))


def ids_of_rows(splits: Node, inner: Node) -> Node:
    """The row of each row of the partition inside."""
    return ragged.rowids(splits, inner.shape[0] - 1)


def ids_of_values(splits: Node, values: Node) -> Node:
    """The row of each value."""
    return ragged.rowids(splits, values.shape[0])


def row_count(splits: Node, kind) -> Node:
    """How many rows there are."""
    return dim_node(splits.shape[0] - 1, kind)


def widest(splits: Node) -> Node:
    """The length of the longest row, i64."""
    top = apply("reduce", math.cast(ragged.row_lengths(splits), dt.i64), kind="max", axes=(0,))
    return math.maximum(top, 0)


def bounds(flat: Node, kind, **splits: Node) -> Node:
    """The smallest dense shape into which all rows fit."""
    first = next(iter(splits.values()))
    sizes = [dim_node(first.shape[0] - 1), *map(widest, splits.values()), *map(dim_node, flat.shape[1:])]
    return math.cast(shape.stack(sizes), kind)


def sparse_parts(flat: Node, **splits: Node) -> tuple[Node, Node]:
    """The place of every element (also along the axes inside of the values), and the elements."""
    cols = ragged.coordinates(list(splits.values()), flat.shape[0])
    if len(flat.shape) > 1:
        full = flat.shape
        cols = [apply("broadcast", c, shape=full, axes=(0,)) for c in cols]
        cols += [apply("iota", shape=full, axis=a, dtype=dt.i64) for a in range(1, len(full))]
        cols = [shape.reshape(c, [-1]) for c in cols]
        flat = shape.reshape(flat, [-1])
    return shape.stack(cols, axis=1), flat


def row_places(splits: Node, number) -> Node:
    """The places of the values of one row."""
    return ragged.row_places(index.getitem(ragged.row_starts(splits), number),
                             index.getitem(ragged.row_limits(splits), number))  # fmt: skip


def row_numbers(splits: Node) -> Node:
    """The numbers of all rows, i64."""
    return apply("iota", shape=(splits.shape[0] - 1,), axis=0, dtype=dt.i64)


def column_places(splits: Node, number: int) -> Node:
    """The places of the values with one number in each row."""
    return math.add(ragged.row_starts(splits), number)


def broadcast(dense: Node, flat: Node, **splits: Node) -> Node:
    """For every flat value the element of a dense tensor that broadcasts to the ragged shape."""
    return ragged.fit(dense, flat, *splits.values())


def placed(splits: Node, starts: Node, count) -> Node:
    """Where each of ``count`` values goes, if its row is put at ``starts``."""
    return ragged.placed(splits, starts, ragged.known(count) if isinstance(count, Node) else count)


def around(n: Node) -> Node:
    """Row splits of one row with ``n`` values."""
    return shape.stack([math.multiply(n, 0), n])


def interleaved(lengths: list[Node]) -> tuple[Node, Node]:
    """The order of rows that puts the ones of the same number together, and the splits of their common values."""
    n, k = lengths[0].shape[0], len(lengths)
    lengths = [shape.ensure_shape(v, (n,)) for v in lengths]
    ramp = apply("iota", shape=(n, k), axis=0, dtype=dt.i64)
    which = apply("iota", shape=(n, k), axis=1, dtype=dt.i64)
    order = math.add(ramp, math.multiply(which, dim_node(n)))
    total = lengths[0]
    for v in lengths[1:]:
        total = math.add(total, v)
    return shape.reshape(order, [-1]), ragged.splits_of_lengths(total)


def true_counts(mask: Node, splits: Node) -> Node:
    """How many values of a mask are true in each row."""
    ends = apply("cumulate", math.cast(mask, splits.dtype), kind="sum", axis=0, exclusive=False, reverse=False)
    before = shape.concat([shape.zeros((1,), splits.dtype), ends], 0)
    return math.subtract(take(before, ragged.row_limits(splits)), take(before, ragged.row_starts(splits)))
