"""Arithmetic on sparse tensors: sums, extremes, products with dense matrices, softmax, counts."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import index, math, order, segment, shape
from graphc.lib.dims import dim_node, integer, listed, measured, size
from graphc.lib.promote import adopt, as_node
from graphc.lib.shape import concat
from graphc.lib.sparse import (
    agree, columns, dims_of, expect_op, extents, grouped, joined, linear, same_rank, shape_vector, take,
)  # fmt: skip
from graphc.prims.data import nonzero
from graphc.prims.table import apply


def add(a_indices, a_values, b_indices, b_values, dense_shape, threshold=0) -> tuple[Node, Node]:
    """Indices and values of the sum of two sparse tensors, without sums of two values below ``threshold``."""
    a, x = agree("add", a_indices, a_values)
    b, y = agree("add", b_indices, b_values)
    same_rank("add", a, b)
    i, v = concat([a, b], 0), concat(adopt("add", x, y), 0)
    place, ones = columns("add", i), const(1, Type(dt.i32, i.shape[:1]))
    found, v = _summed(i, v, place, extents(dense_shape))
    if not isinstance(threshold, Node) and threshold == 0:
        return found, v
    _, count = _summed(i, ones, place, extents(dense_shape))
    size = math.abs(v)
    large = math.greater_equal(size, threshold if isinstance(threshold, Node) else as_node(threshold, size.dtype))
    kept = nonzero(apply("or", large, math.equal(count, 1)))
    return take(found, kept), take(v, kept)


def _summed(i: Node, v: Node, cols: list[Node], sizes: list[Node]) -> tuple[Node, Node]:
    """Each different place once, in order, with the sum of its values."""
    rows, group, begins = grouped(linear(cols, sizes, i))
    starts = nonzero(begins)
    return take(take(i, rows), starts), segment.unsorted_segment_sum(take(v, rows), group, starts.shape[0])


def add_dense(indices, values, dense) -> Node:
    """A dense tensor and the values added at their places."""
    i, v = agree("add", indices, values)
    x = as_node(dense, v.dtype)
    return apply("scatter", x, i, v, kind="add", batch=0)


def extreme(kind: str, a_indices, a_values, b_indices, b_values, dense_shape) -> tuple[Node, Node]:
    """Indices and values of the ``max`` or ``min`` of two sparse tensors, 0 where one has no value."""
    i, x, y = united(f"{kind}imum", a_indices, a_values, b_indices, b_values, dense_shape)
    return i, apply(kind, *adopt(f"{kind}imum", x, y))


def united(op: str, a_indices, a_values, b_indices, b_values, dense_shape, in_both: bool = False) -> tuple:
    """The places of two sparse tensors, each once and in order, with the values of either: indices, values, values.

    Where one has no value it counts as 0; the values may be rows, and of different dtypes. Values of equal places add up.

    Args:
        in_both: leave out the places that only one of them has.
    """
    a, x = agree(op, a_indices, a_values)
    b, y = agree(op, b_indices, b_values)
    same_rank(op, a, b)
    i = concat([a, b], 0)
    rows, group, begins = grouped(linear(columns(op, i), extents(dense_shape), i))
    starts = nonzero(begins)
    n = starts.shape[0]

    def summed(left: Node, right: Node) -> Node:
        return segment.unsorted_segment_sum(take(concat([left, right], 0), rows), group, n)

    none, one = (lambda v: const(0, v.type)), (lambda v: const(1, Type(dt.i32, v.shape[:1])))
    found = [take(take(i, rows), starts), summed(x, const(0, Type(x.dtype, (y.shape[0], *x.shape[1:])))),
             summed(const(0, Type(y.dtype, (x.shape[0], *y.shape[1:]))), y)]  # fmt: skip
    if not in_both:
        return tuple(found)
    counts = summed(one(x), none(one(y))), summed(none(one(x)), one(y))
    kept = nonzero(apply("and", *[math.greater(count, 0) for count in counts]))
    return tuple([take(part, kept) for part in found])


def _axes(op: str, axis, rank: int, i: Node) -> list[int]:
    if axis is None:
        return list(range(rank))
    given = [integer(op, "axis", a) for a in (listed(op, "axis", axis) if isinstance(axis, (list, tuple)) else [axis])]
    if any(not -rank <= a < rank for a in given):
        raise ShapeError(explain(f"{op}: axis {given} is out of range for a sparse tensor of rank {rank}",
                                 origins(indices=i)))  # fmt: skip
    return sorted({a % rank for a in given})


def reduce(kind: str, indices, values, dense_shape, axis=None, keepdims=False) -> Node:
    """The ``sum`` or ``max`` of the values that are there, along axes (all of them by default); 0 where none is."""
    op = f"reduce_{kind}"
    i, v = agree(op, indices, values)
    cols, sizes = columns(op, i), dims_of(op, dense_shape)
    axes = _axes(op, axis, len(cols), i)
    kept = [k for k in range(len(cols)) if k not in axes]
    full = tuple(sizes[k] for k in kept)
    out = _into(kind, v, [cols[k] for k in kept], full)
    return apply("reshape", out, shape=tuple(1 if k in axes else s for k, s in enumerate(sizes))) if keepdims else out


def _into(kind: str, v: Node, cols: list[Node], full: tuple) -> Node:
    if kind == "sum":
        return apply("scatter", const(0, Type(v.dtype, full)), joined(cols, v), v, kind="add", batch=0)
    total = size(full)
    place = linear(cols, [dim_node(d) for d in full], v)
    found = segment.unsorted_segment_max(v, place, total)
    there = segment.unsorted_segment_sum(const(1, Type(dt.i32, v.shape[:1])), place, total)
    found = apply("select", math.equal(there, 0), const(0, found.type), found)
    return apply("reshape", found, shape=full)


def reduce_sparse(kind: str, indices, values, dense_shape, axis=None, keepdims=False) -> tuple[Node, Node, Node]:
    """``reduce`` as a sparse tensor: indices, values, shape."""
    op = f"reduce_{kind}"
    i, v = agree(op, indices, values)
    cols, sizes = columns(op, i), extents(dense_shape)
    axes = _axes(op, axis, len(cols), i)
    zero, one = const(0, Type(dt.i64, i.shape[:1])), as_node(1, dt.i64)
    if keepdims:
        cols = [zero if k in axes else c for k, c in enumerate(cols)]
        sizes = [one if k in axes else s for k, s in enumerate(sizes)]
    else:
        cols, sizes = ([x for k, x in enumerate(xs) if k not in axes] for xs in (cols, sizes))
    rows, group, begins = grouped(linear(cols, sizes, i))
    starts = nonzero(begins)
    combine = segment.unsorted_segment_sum if kind == "sum" else segment.unsorted_segment_max
    found = combine(take(v, rows), group, starts.shape[0])
    return take(take(joined(cols, i), rows), starts), found, shape_vector(sizes)


def matmul(indices, values, dense_shape, b, adjoint_a=False, adjoint_b=False) -> Node:
    """The product of a sparse matrix and a dense one, each conjugated and transposed first if so wanted.

    Raises:
        ShapeError: one is no matrix, or inner sizes differ.
    """
    op = "sparse_dense_matmul"
    i, v = agree(op, indices, values)
    v, y = adopt(op, v, b)
    cols, sizes = columns(op, i), dims_of(op, dense_shape)
    if len(cols) != 2 or len(y.shape) != 2:
        what = f"{op}: needs matrices, got a sparse tensor of rank {len(cols)} and {y.type}"
        raise ShapeError(explain(what, origins(a=v, b=y)))
    if adjoint_b:
        y = shape.transpose(y, conjugate=True)
    if adjoint_a:
        cols, sizes, v = cols[::-1], sizes[::-1], apply("conj", v) if v.dtype.is_complex else v
    if type(sizes[1]) is int and type(y.shape[0]) is int and sizes[1] != y.shape[0]:
        what = f"{op}: a sparse matrix [{sizes[0]},{sizes[1]}] does not fit {y.type}"
        raise ShapeError(explain(what, origins(a=v, b=y)))
    wide = (v.shape[0], y.shape[1])
    terms = apply("mul", apply("broadcast", v, shape=wide, axes=(0,)), take(y, cols[1]))
    start = const(0, Type(v.dtype, (sizes[0], y.shape[1])))
    return apply("scatter", start, apply("reshape", cols[0], shape=(v.shape[0], 1)), terms, kind="add", batch=0)


def batched_matmul(indices, values, dense_shape, b) -> Node:
    """The products of sparse matrices ``[..., m, k]`` and dense ones ``[..., k, n]``, whose leading axes broadcast.

    Raises:
        ShapeError: inner sizes differ.
    """
    op = "matmul"
    i, v = agree(op, indices, values)
    v, y = adopt(op, v, b)
    cols, sizes = columns(op, i), list(dims_of(op, dense_shape))
    if type(sizes[-1]) is int and type(y.shape[-2]) is int and sizes[-1] != y.shape[-2]:
        what = f"{op}: sparse matrices {sizes} do not fit {y.type}"
        raise ShapeError(explain(what, origins(a=v, b=y)))
    lead, own = len(y.shape) - 2, len(cols) - 2
    if lead > own:  # more dense matrices than sparse ones: all of them beside one another
        order = [*range(lead - own, lead + 1), *range(lead - own), lead + 1]
        wide = shape.reshape(shape.transpose(y, order), [*y.shape[lead - own : lead + 1], -1])
        found = batched_matmul(i, v, dense_shape, wide)
        parts = [*range(own + 1, lead + 1), *range(own + 1), lead + 1]
        full = (*found.shape[:-1], *y.shape[: lead - own], y.shape[-1])
        return shape.transpose(apply("reshape", found, shape=full), parts)
    before = [const(0, c.type) if type(n) is int and n == 1 else c for c, n in zip(cols[own - lead : own], y.shape)]
    rows = apply("gather", y, joined([*before, cols[-1]], i), batch=0)
    terms = apply("mul", apply("broadcast", v, shape=rows.shape, axes=(0,)), rows)
    start = const(0, Type(v.dtype, (*sizes[:-1], y.shape[-1])))
    return apply("scatter", start, joined(cols[:-1], i), terms, kind="add", batch=0)


def sparse_matmul(a_indices, a_values, a_shape, b_indices, b_values, b_shape) -> tuple[Node, Node, Node]:
    """The product of sparse matrices ``[..., m, k]`` and ``[..., k, n]`` as a sparse tensor: indices, values, shape."""
    op = "matmul"
    a, x = agree(op, a_indices, a_values)
    b, y = agree(op, b_indices, b_values)
    x, y = adopt(op, x, y)
    same_rank(op, a, b)
    left, right, rows, wide = columns(op, a), columns(op, b), extents(a_shape), extents(b_shape)
    bins = size(dims_of(op, b_shape)[:-1])
    meet = linear([*left[:-2], left[-1]], [*rows[:-2], rows[-1]], a)  # the row that a value of the first one meets
    row = linear(right[:-1], wide[:-1], b)
    by_row = order.argsort(row)
    many = segment.unsorted_segment_sum(const(1, row.type), row, bins)
    count = take(many, meet)
    ends = _running(count)
    total = measured(apply("reduce", count, kind="sum", axes=(0,)), op)
    pair = apply("iota", shape=(total,), axis=0, dtype=dt.i64)
    begun = apply("scatter", const(0, pair.type), apply("reshape", ends, shape=(a.shape[0], 1)), const(1, ends.type),
                  kind="add", batch=0)  # fmt: skip
    mine = _running(begun)
    past = math.subtract(pair, math.subtract(take(ends, mine), take(count, mine)))
    start = math.subtract(take(_running(many), take(meet, mine)), take(count, mine))
    partner = take(by_row, math.add(start, past))
    i = joined([*[take(c, mine) for c in left[:-1]], take(right[-1], partner)], pair)
    sizes = [*rows[:-1], wide[-1]]
    found, v = _summed(i, apply("mul", take(x, mine), take(y, partner)), columns(op, i), sizes)
    return found, v, shape_vector(sizes)


def _running(x: Node) -> Node:
    """The sums of a vector up to each element, that one among them."""
    return apply("cumulate", x, kind="sum", axis=0, exclusive=False, reverse=False)


def softmax(indices, values, dense_shape) -> Node:
    """The softmax of the values that are there, along the last axis."""
    i, v = agree("softmax", indices, values)
    math.require_inexact("softmax", v)
    cols, n = columns("softmax", i), i.shape[0]
    expect_op("softmax", len(cols) >= 2, f"needs a sparse tensor of rank 2 or more, not {len(cols)}", indices=i)
    rows, group, _ = grouped(linear(cols[:-1], extents(dense_shape)[:-1], i))
    place = apply("reshape", rows, shape=(n, 1))
    mine = apply("scatter", const(0, Type(dt.i64, (n,))), place, group, kind="set", batch=0)
    top = apply("stop", segment.unsorted_segment_max(v, mine, n))
    powers = apply("exp", apply("sub", v, take(top, mine)))
    return apply("div", powers, take(segment.unsorted_segment_sum(powers, mine, n), mine))


def times(indices, values, dense_shape, dense, divide: bool = False) -> Node:
    """The values times (over) the elements of a dense tensor at their places; it broadcasts to the sparse shape."""
    i, v = agree("multiply", indices, values)
    v, y = adopt("multiply", v, dense)
    picked = at_places("multiply", i, y)
    return math.truediv(v, picked) if divide else apply("mul", v, picked)


def at_places(op: str, indices, dense) -> Node:
    """The elements of a dense tensor at places of a sparse one, to whose shape it broadcasts."""
    i, y = as_node(indices), as_node(dense)
    cols = columns(op, i)
    if len(y.shape) > len(cols):
        what = f"{op}: {y.type} does not broadcast to a sparse tensor of rank {len(cols)}"
        raise ShapeError(explain(what, origins(dense=y)))
    cols = cols[len(cols) - len(y.shape) :]
    cols = [const(0, c.type) if type(n) is int and n == 1 else c for c, n in zip(cols, y.shape)]
    return apply("gather", y, joined(cols, i), batch=0)


# ------------------------------------------------------------------------------------------ segments


def _segmented(name: str, combine, what: str):
    def op(data, indices, segment_ids, num_segments=None, sparse_gradient=False) -> Node:
        x, i = as_node(data), as_node(indices)
        rows, ids = take(x, math.cast(i, dt.i64)), as_node(segment_ids)
        if num_segments is not None:
            count = measured(num_segments, name) if isinstance(num_segments, Node) else integer(
                name, "num_segments", num_segments)  # fmt: skip
        else:
            top = apply("reduce", math.cast(ids, dt.i64), kind="max", axes=(0,))
            count = measured(math.maximum(math.add(top, 1), 0), name)
        return combine(rows, ids, count)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"""The {what} of the rows ``data[indices[i]]`` with the same segment number; 0 where there are none.

    There are ``num_segments`` segments, or as many as the last number says. ``sparse_gradient`` has no effect.
    """
    return op


segment_sum = _segmented("sparse_segment_sum", segment.unsorted_segment_sum, "sum")
segment_mean = _segmented("sparse_segment_mean", segment.unsorted_segment_mean, "mean")
segment_sqrt_n = _segmented("sparse_segment_sqrt_n", segment.unsorted_segment_sqrt_n,
                            "sum, over the square root of their number,")  # fmt: skip


# -------------------------------------------------------------------------------------------- counts


def bincount(rows, values, weights, count, minlength=None, maxlength=None, binary_output=False) -> tuple:
    """How often each value occurs in each row, as a sparse tensor: indices, counts, shape.

    Args:
        rows: the row of each value, or None for a single one, which the result then has no axis for.
        weights: summed up instead of ones, or None.
        count: how many rows there are, a rank-0 Node.
        minlength, maxlength: how many bins there are at least; values from ``maxlength`` on are left out.
        binary_output: ones instead of counts.
    """
    x = as_node(values)
    v = math.cast(x, dt.i64)
    w = const(1, x.type) if weights is None else as_node(weights)
    r = const(0, v.type) if rows is None else rows
    top = apply("max", apply("reduce", v, kind="max", axes=(0,)), as_node(-1, dt.i64))
    bins = math.add(top, 1)
    if maxlength is not None:
        most = math.cast(as_node(maxlength), dt.i64)
        kept = nonzero(math.less(v, most))
        v, w, r, bins = take(v, kept), take(w, kept), take(r, kept), math.minimum(bins, most)
    if minlength is not None:
        bins = math.maximum(bins, math.cast(as_node(minlength), dt.i64))
    i = shape.stack([r, v], axis=1)
    i, sums = _summed(i, w, [r, v], [count, bins])
    sums = const(1, sums.type) if binary_output else sums
    if rows is None:
        return shape.part(i, 1, 1, 2), sums, shape_vector([bins])
    return i, sums, shape_vector([count, bins])



def sampled_addmm(indices, values, dense_shape, mat1, mat2, beta=1.0, alpha=1.0, output_type=dt.f32) -> tuple:
    """``alpha * (mat1 @ mat2) + beta * values`` at the places [..., n, 2] of a sparse matrix: indices, values, shape.

    Args:
        output_type: without effect: the values have the dtype of ``values``.
    """
    i, v = as_node(indices), as_node(values)
    a, b = as_node(mat1, v.dtype), as_node(mat2, v.dtype)
    lead = len(i.shape) - 2
    rows, cols = shape.unstack(i, axis=-1)
    left = index.picked("gather", a, rows, batch_dims=lead)
    right = index.picked("gather", shape.transpose(b, [*range(lead), lead + 1, lead]), cols, batch_dims=lead)
    dots = apply("reduce", math.multiply(left, right), kind="sum", axes=(lead + 1,))
    return i, math.add(math.multiply(dots, alpha), math.multiply(v, beta)), math.cast(as_node(dense_shape), dt.i32)
