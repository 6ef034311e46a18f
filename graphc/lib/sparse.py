"""Sparse tensors as indices i64[n, rank], values and a shape vector: changes of structure, under TensorFlow's names.

Where places cross a function they are i64[n, rank], and a shape is a vector: an array, a list or a Node.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, order, reduction, segment, shape
from graphc.lib.dims import DataDependent, as_dims, dim_node, integer, measured
from graphc.lib.promote import as_node
from graphc.prims.data import nonzero
from graphc.prims.table import apply

# --------------------------------------------------------------------------------------- places and sizes


def rank_of(op: str, indices: Node) -> int:
    """How many axes the places have.

    Raises:
        ShapeError: the indices are no matrix with a known number of columns.
    """
    if len(indices.shape) != 2 or type(indices.shape[1]) is not int:
        what = f"{op}: sparse indices must be [n, rank], not {indices.type}"
        raise ShapeError(explain(what, origins(indices=indices)))
    return indices.shape[1]


def columns(op: str, indices: Node) -> list[Node]:
    """The places along each axis: one i64 vector for each."""
    return [_column(indices, k) for k in range(rank_of(op, indices))]


def _column(indices: Node, k: int) -> Node:
    return apply("reshape", shape.part(indices, 1, k, k + 1), shape=indices.shape[:1])


def shape_vector(dense_shape) -> Node:
    """A shape as an i64 vector."""
    if isinstance(dense_shape, (list, tuple)) and not len(dense_shape):
        return const(np.zeros(0, np.int64))
    if isinstance(dense_shape, (list, tuple)) and any(isinstance(d, Node) for d in dense_shape):
        return shape.stack([math.cast(as_node(d), dt.i64) for d in dense_shape])
    return math.cast(as_node(dense_shape), dt.i64)


def extents(dense_shape) -> list[Node]:
    """The sizes as rank-0 i64 Nodes."""
    s = shape_vector(dense_shape)
    try:
        return [dim_node(d) for d in as_dims(s)]
    except DataDependent:
        return [apply("gather", s, const(np.array([k], np.int64)), batch=0) for k in range(_length(s))]


def dims_of(op: str, dense_shape) -> tuple:
    """The sizes as dimensions; those known only while running are measured on the host."""
    s = shape_vector(dense_shape)
    try:
        return tuple(as_dims(s))
    except DataDependent:
        return tuple([measured(d, op) for d in extents(s)])


def _length(s: Node) -> int:
    if len(s.shape) != 1 or type(s.shape[0]) is not int:
        raise ShapeError(explain(f"a sparse shape must be a vector of known length, not {s.type}", origins(shape=s)))
    return s.shape[0]


def linear(cols: list[Node], sizes: list[Node], like: Node) -> Node:
    """The place of each row of indices in row-major order; ``like`` says how many rows there are."""
    total = const(0, Type(dt.i64, like.shape[:1]))
    for c, s in zip(cols, sizes):
        total = math.add(math.multiply(total, s), c)
    return total


def unravelled(place: Node, sizes: list[Node]) -> list[Node]:
    """The index along each axis of row-major places."""
    found = []
    for s in reversed(sizes[1:]):
        s = math.maximum(s, 1)
        found.append(math.floormod(place, s))
        place = math.floordiv(place, s)
    return [place, *reversed(found)] if sizes else []


def take(x: Node, rows: Node) -> Node:
    """Some rows of ``x``."""
    rows = rows if len(rows.shape) == 2 else apply("reshape", rows, shape=(rows.shape[0], 1))
    return apply("gather", x, rows, batch=0)


def joined(cols: list[Node], like: Node) -> Node:
    """Vectors as the columns of indices."""
    return shape.stack(cols, axis=1) if cols else const(0, Type(dt.i64, (like.shape[0], 0)))


def agree(op: str, indices, values) -> tuple[Node, Node]:
    """Both as Nodes, with one number of rows.

    Raises:
        ShapeError: they differ in it.
    """
    i, v = as_node(indices), as_node(values)
    rank_of(op, i)
    if not v.shape or (type(v.shape[0]) is int and type(i.shape[0]) is int and v.shape[0] != i.shape[0]):
        what = f"{op}: {v.type} values for sparse indices {i.type}"
        raise ShapeError(explain(what, origins(indices=i, values=v)))
    if i.shape[0] == v.shape[0]:
        return i, v
    if type(i.shape[0]) is int:
        return i, shape.ensure_shape(v, (i.shape[0], *v.shape[1:]))
    return shape.ensure_shape(i, (v.shape[0], i.shape[1])), v


def grouped(place: Node) -> tuple[Node, Node, Node]:
    """The order that sorts places, the number of the group of equal ones of each in that order, and which begin one."""
    both = apply("sort", place, axis=0, descending=False)
    found, rows = apply("item", both, index=0), apply("item", both, index=1)
    ramp = apply("iota", shape=place.shape, axis=0, dtype=dt.i64)
    before = take(found, math.subtract(ramp, 1))
    begins = apply("or", math.equal(ramp, 0), apply("ne", found, before))
    count = apply("cumulate", math.cast(begins, dt.i64), kind="sum", axis=0, exclusive=False, reverse=False)
    return rows, math.subtract(count, 1), begins


def same_rank(op: str, a: Node, b: Node) -> None:
    """Refuse indices of different ranks."""
    if rank_of(op, a) != rank_of(op, b):
        what = f"{op}: sparse tensors of rank {a.shape[1]} and {b.shape[1]}"
        raise ShapeError(explain(what, origins(a=a, b=b)))


# ------------------------------------------------------------------------------------- dense and sparse


def to_dense(indices, values, dense_shape, default_value=None) -> Node:
    """The tensor with the values at their places and ``default_value`` (0) elsewhere."""
    i, v = agree("to_dense", indices, values)
    full = dims_of("to_dense", dense_shape)
    if default_value is None:
        default_value = b"" if v.dtype is dt.string else 0 if v.dtype is not dt.b1 else False
    start = shape.fill(full, as_node(default_value, v.dtype)) if full else as_node(default_value, v.dtype)
    if v.dtype.is_inexact:  # a sum, so that both the values and the default have gradients
        ones = const(1, Type(dt.i32, i.shape[:1]))
        there = apply("scatter", const(0, Type(dt.i32, full)), i, ones, kind="set", batch=0)
        kept = apply("scatter", const(0, start.type), i, v, kind="set", batch=0)
        return apply("select", math.equal(there, 0), start, kept)
    return apply("scatter", start, i, v, kind="set", batch=0)


def from_dense(tensor) -> tuple[Node, Node, Node]:
    """The elements of a tensor that are not 0 (not empty, not False): indices, values, shape."""
    x = as_node(tensor)
    if x.dtype is dt.string:
        mask = apply("not", math.equal(x, b""))
    else:
        mask = x if x.dtype is dt.b1 else apply("ne", x, const(0, x.type))
    found = nonzero(mask)
    return found, apply("gather", x, found, batch=0), shape.shape(x, dt.i64)


def to_indicator(indices, values, dense_shape, vocab_size) -> Node:
    """A bool tensor that is True at ``[*indices[i, :-1], values[i]]``; its last axis has ``vocab_size`` places."""
    i, v = agree("to_indicator", indices, values)
    cols = [*columns("to_indicator", i)[:-1], math.cast(v, dt.i64)]
    if isinstance(vocab_size, Node):
        last = measured(vocab_size, "to_indicator")
    else:
        last = integer("to_indicator", "vocab_size", vocab_size)
    full = (*dims_of("to_indicator", dense_shape)[:-1], last)
    return apply("scatter", const(False, Type(dt.b1, full)), joined(cols, i), const(True, Type(dt.b1, i.shape[:1])),
                 kind="set", batch=0)  # fmt: skip


# ------------------------------------------------------------------------------------------- structure


def reorder(indices, values, dense_shape) -> tuple[Node, Node]:
    """Indices and values in row-major order."""
    i, v = agree("reorder", indices, values)
    rows = order.argsort(linear(columns("reorder", i), extents(dense_shape), i))
    return take(i, rows), take(v, rows)


def transpose(indices, values, dense_shape, perm=None) -> tuple[Node, Node, Node]:
    """The axes in another order (reversed by default), again in row-major order."""
    i, v = agree("transpose", indices, values)
    rank = rank_of("transpose", i)
    axes = list(range(rank))[::-1]
    if perm is not None:
        axes = [integer("transpose", "perm", p) % max(rank, 1) for p in _entries(perm)]
    if sorted(axes) != list(range(rank)):
        raise ShapeError(explain(f"transpose: {axes} is no permutation of {rank} axes", origins(indices=i)))
    cols, sizes = columns("transpose", i), extents(dense_shape)
    cols, sizes = [cols[a] for a in axes], [sizes[a] for a in axes]
    rows = order.argsort(linear(cols, sizes, i))
    return take(joined(cols, i), rows), take(v, rows), shape_vector(sizes)


def _entries(vector) -> list:
    if isinstance(vector, Node):
        return as_dims(vector)
    return np.asarray(vector).reshape(-1).tolist()


def expand_dims(indices, dense_shape, axis=-1) -> tuple[Node, Node]:
    """Indices and shape with a new axis of size 1."""
    i = as_node(indices)
    rank = rank_of("expand_dims", i)
    k = integer("expand_dims", "axis", -1 if axis is None else axis)
    if not -rank - 1 <= k <= rank:
        what = f"expand_dims: axis {k} is out of range for a sparse tensor of rank {rank}"
        raise ShapeError(explain(what, origins(indices=i)))
    k += rank + 1 if k < 0 else 0
    zero = const(0, Type(dt.i64, (i.shape[0], 1)))
    parts = [shape.part(i, 1, 0, k), zero, shape.part(i, 1, k, rank)]
    s = shape_vector(dense_shape)
    sizes = [shape.part(s, 0, 0, k), const(np.ones(1, np.int64)), shape.part(s, 0, k, rank)]
    return apply("concat", *parts, axis=1), apply("concat", *sizes, axis=0)


def reshape(indices, dense_shape, shape) -> tuple[Node, Node]:  # noqa: A002  TensorFlow's argument
    """Indices and shape of the same elements under another shape, in which one size may be -1.

    Raises:
        ShapeError: known sizes do not agree.
    """
    i = as_node(indices)
    old = extents(dense_shape)
    total = _product(old)
    new = extents(shape)
    known = [_int(n) for n in new]
    if known.count(-1) > 1:
        raise ShapeError(explain(f"reshape: only one size may be -1, got {known}", origins(indices=i)))
    if -1 in known:
        rest = _product([n for n, k in zip(new, known) if k != -1])
        new = [math.floordiv(total, math.maximum(rest, 1)) if k == -1 else n for n, k in zip(new, known)]
    elif None in known and len(known):
        rest = math.negative(_product(new))  # an open size, if it is one of those known only while running
        new = [math.where(math.less(n, 0), math.floordiv(total, math.maximum(rest, 1)), n) for n in new]
    have, want = _int(total), _int(_product(new))
    if have is not None and want is not None and have != want:
        what = f"reshape: a sparse tensor with {have} places cannot have shape {[_int(n) for n in new]}"
        raise ShapeError(explain(what, origins(indices=i)))
    return joined(unravelled(linear(columns("reshape", i), old, i), new), i), shape_vector(new)


def _product(sizes: list[Node]) -> Node:
    total = as_node(1, dt.i64)
    for s in sizes:
        total = math.multiply(total, s)
    try:
        return dim_node(as_dims(total)[0])
    except DataDependent:
        return total


def _int(n: Node) -> int | None:
    try:
        d = as_dims(n)[0]
    except DataDependent:
        return None
    return d if type(d) is int else None


def reset_shape(indices, dense_shape, new_shape=None) -> Node:
    """A greater shape, or without ``new_shape`` the smallest one into which all places fit.

    Raises:
        ShapeError: ``new_shape`` has another rank, or is known to be smaller.
    """
    i = as_node(indices)
    if new_shape is None:
        top = reduction.reduce("reset_shape", "max", i, 0, False)
        return math.maximum(math.add(top, 1), const(0, top.type))
    s, old = shape_vector(new_shape), shape_vector(dense_shape)
    if _length(s) != rank_of("reset_shape", i):
        what = f"reset_shape: new shape {s.type} for sparse indices {i.type}"
        raise ShapeError(explain(what, origins(indices=i)))
    for a, b in zip(extents(s), extents(old)):
        if _int(a) is not None and _int(b) is not None and _int(a) < _int(b):
            what = f"reset_shape: a size of {_int(a)} is smaller than {_int(b)}"
            raise ShapeError(explain(what, origins(indices=i)))
    return s


def retain(indices, values, to_retain) -> tuple[Node, Node]:
    """The elements for which the bool vector ``to_retain`` is true."""
    i, v = agree("retain", indices, values)
    mask = shape.ensure_shape(as_node(to_retain), i.shape[:1])
    found = nonzero(mask)
    return take(i, found), take(v, found)


def slice_of(indices, values, dense_shape, start, size) -> tuple[Node, Node, Node]:
    """The elements inside of ``[start, start + size)``, at their places in it."""
    i, v = agree("slice", indices, values)
    cols, sizes, begins, counts = columns("slice", i), extents(dense_shape), extents(start), extents(size)
    if not len(cols) == len(begins) == len(counts):
        what = f"slice: start and size need one entry for each of the {len(cols)} axes"
        raise ShapeError(explain(what, origins(indices=i)))
    inside = const(True, Type(dt.b1, i.shape[:1]))
    moved, left = [], []
    for c, n, b, s in zip(cols, sizes, begins, counts):
        c = math.subtract(c, b)
        moved.append(c)
        left.append(math.maximum(math.minimum(s, math.subtract(n, b)), 0))
        inside = apply("and", inside, apply("and", math.greater_equal(c, 0), math.less(c, s)))
    found = nonzero(inside)
    return take(joined(moved, i), found), take(v, found), shape_vector(left)


def split(indices, values, dense_shape, num_split, axis) -> list[tuple]:
    """``num_split`` sparse tensors along one axis; the first ones have one place more where it does not divide."""
    i = as_node(indices)
    count, rank = integer("split", "num_split", num_split), rank_of("split", i)
    k = integer("split", "axis", axis)
    if not -rank <= k < rank or count < 1:
        what = f"split: {count} parts along axis {k} of a sparse tensor of rank {rank}"
        raise ShapeError(explain(what, origins(indices=i)))
    k %= rank
    sizes = extents(dense_shape)
    whole, more = math.floordiv(sizes[k], count), math.floormod(sizes[k], count)
    found, start = [], as_node(0, dt.i64)
    for p in range(count):
        width = math.add(whole, math.cast(math.less(p, more), dt.i64))
        begins = [start if a == k else as_node(0, dt.i64) for a in range(rank)]
        found.append(slice_of(i, values, dense_shape, begins, [width if a == k else s for a, s in enumerate(sizes)]))
        start = math.add(start, width)
    return found


def concat(axis, indices, values, shapes, expand_nonconcat_dims=False) -> tuple[Node, Node, Node]:
    """Sparse tensors one behind the other along ``axis``.

    Raises:
        ShapeError: ranks differ, or other sizes do and ``expand_nonconcat_dims`` is False.
    """
    pairs = [agree("concat", i, v) for i, v in zip(indices, values)]
    first = pairs[0][0]
    for i, _ in pairs[1:]:
        same_rank("concat", first, i)
    rank, k = rank_of("concat", first), integer("concat", "axis", axis)
    if not -rank <= k < rank:
        what = f"concat: axis {k} is out of range for sparse tensors of rank {rank}"
        raise ShapeError(explain(what, origins(a=first)))
    k %= rank
    sizes = [extents(s) for s in shapes]
    full = list(sizes[0])
    for s in sizes[1:]:
        for a in range(rank):
            one, other = _int(full[a]), _int(s[a])
            if a == k:
                full[a] = math.add(full[a], s[a])
            elif expand_nonconcat_dims:
                full[a] = math.maximum(full[a], s[a])
            elif one is not None and other is not None and one != other:
                what = f"concat: sizes {one} and {other} of axis {a} differ; see expand_nonconcat_dims"
                raise ShapeError(explain(what, origins(a=first)))
    moved, offset = [], as_node(0, dt.i64)
    for (i, _), s in zip(pairs, sizes):
        cols = columns("concat", i)
        cols[k] = math.add(cols[k], offset)
        moved.append(joined(cols, i))
        offset = math.add(offset, s[k])
    both = shape.concat(moved, 0), shape.concat([v for _, v in pairs], 0)
    return (*reorder(*both, full), shape_vector(full))


def fill_empty_rows(indices, values, dense_shape, default_value) -> tuple[Node, Node, Node]:
    """Indices and values with an element ``[row, 0, ...]`` in rows that had none, and which rows those were."""
    i, v = agree("fill_empty_rows", indices, values)
    cols, count = columns("fill_empty_rows", i), dims_of("fill_empty_rows", dense_shape)[0]
    there = segment.unsorted_segment_sum(const(1, Type(dt.i32, i.shape[:1])), cols[0], count)
    empty = math.equal(there, 0)
    rows = nonzero(empty)
    new = [rows, *[const(0, rows.type)] * (len(cols) - 1)]
    more = apply("concat", *new, axis=1) if len(new) > 1 else rows
    filler = as_node(default_value, v.dtype)
    fill = apply("broadcast", filler, shape=rows.shape[:1], axes=())
    i, v = shape.concat([i, more], 0), shape.concat([v, fill], 0)
    place = order.argsort(_column(i, 0))
    return take(i, place), take(v, place), empty


def eye(num_rows, num_columns=None, dtype=dt.f32) -> tuple[Node, Node, Node]:
    """A matrix with ones on its diagonal: indices, values, shape."""
    sizes = [measured(n, "eye") if isinstance(n, Node) else integer("eye", "a size", n)
             for n in (num_rows, num_rows if num_columns is None else num_columns)]  # fmt: skip
    both = [dim_node(n) for n in sizes]
    count = min(sizes) if all(type(n) is int for n in sizes) else measured(math.minimum(*both), "eye")
    ramp = apply("iota", shape=(count,), axis=0, dtype=dt.i64)
    return shape.stack([ramp, ramp], axis=1), shape.ones((count,), dt.as_dtype(dtype)), shape_vector(both)


def mask(values, indices, mask_indices) -> tuple[Node, Node]:
    """Values and indices of the slices whose index does not occur in ``mask_indices``."""
    v, i = as_node(values), as_node(indices)
    m = math.cast(as_node(mask_indices), i.dtype)
    full = (i.shape[0], m.shape[0])
    hit = apply("eq", apply("broadcast", i, shape=full, axes=(0,)), apply("broadcast", m, shape=full, axes=(1,)))
    found = nonzero(apply("not", apply("reduce", hit, kind="any", axes=(1,))))
    return take(v, found), take(i, found)


def expect_op(op: str, condition: bool, what: str, **nodes) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: ``condition`` does not hold.
    """
    if not condition:
        raise UsageError(explain(f"{op}: {what}", origins(**nodes)))

