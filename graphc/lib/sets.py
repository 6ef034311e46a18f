"""Sets along the last axis of dense and sparse tensors, under TensorFlow's names; they run on the host."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, segment, shape
from graphc.lib.dims import dim_node, measured
from graphc.lib.promote import as_node
from graphc.lib.sparse import columns, extents, linear, shape_vector, take, unravelled
from graphc.prims.sparse import set_operation
from graphc.prims.table import apply


def dense_set(x) -> tuple[Node, Node, list[Node]]:
    """The number of the set of each element, the elements, and the sizes of the axes before the last.

    Raises:
        ShapeError: ``x`` has fewer than two axes. DtypeError: the elements are no integers or strings.
    """
    x = as_node(x)
    if len(x.shape) < 2:
        raise ShapeError(explain(f"sets: needs a tensor of rank 2 or more, not {x.type}", origins(a=x)))
    _expect_elements(x)
    lead = [dim_node(d) for d in x.shape[:-1]]
    flat = shape.reshape(x, [-1])
    ramp = apply("iota", shape=flat.shape, axis=0, dtype=dt.i64)
    return math.floordiv(ramp, math.maximum(dim_node(x.shape[-1]), 1)), flat, lead


def sparse_set(indices, values, dense_shape) -> tuple[Node, Node, list[Node]]:
    """As ``dense_set``, of a sparse tensor."""
    i, v = as_node(indices), as_node(values)
    cols = columns("sets", i)
    if len(cols) < 2:
        raise ShapeError(explain(f"sets: needs a sparse tensor of rank 2 or more, not {len(cols)}", origins(a=i)))
    _expect_elements(v)
    lead = extents(dense_shape)[:-1]
    return linear(cols[:-1], lead, i), v, lead


def _expect_elements(x: Node) -> None:
    if not x.dtype.is_integer and x.dtype is not dt.string:
        raise DtypeError(explain(f"sets: elements must be integers or strings, not {x.type}", origins(a=x)))


def combined(kind: str, a: tuple, b: tuple) -> tuple[Node, Node, Node]:
    """Union, intersection or difference of the sets at each place: indices, elements, shape.

    Raises:
        DtypeError: the elements differ in dtype. ShapeError: the ranks differ.
    """
    (a_rows, x, lead), (b_rows, y, other) = a, b
    if x.dtype is not y.dtype:
        raise DtypeError(explain(f"sets: elements of {x.dtype.name} and {y.dtype.name}", origins(a=x, b=y)))
    if len(lead) != len(other):
        what = f"sets: sets along axis {len(lead)} and along axis {len(other)}"
        raise ShapeError(explain(what, origins(a=x, b=y)))
    total = as_node(1, dt.i64)
    for d in lead:
        total = math.multiply(total, d)
    rows, found = set_operation(kind, total, a_rows, x, b_rows, y)
    place, width = place_in_row(rows, measured(total, "sets"))
    cols = [*unravelled(rows, lead), place]
    return shape.stack(cols, axis=1), found, shape_vector([*lead, width])


def place_in_row(rows: Node, count) -> tuple[Node, Node]:
    """For ascending row numbers, the place of each among the equal ones, and how many of those there are at most."""
    n = rows.shape[0]
    lengths = segment.unsorted_segment_sum(const(1, rows.type), rows, count)
    starts = apply("cumulate", lengths, kind="sum", axis=0, exclusive=True, reverse=False)
    ramp = apply("iota", shape=(n,), axis=0, dtype=dt.i64)
    widest = math.maximum(apply("reduce", lengths, kind="max", axes=(0,)), 0)
    return apply("sub", ramp, take(starts, rows)), widest


def size(indices, values, dense_shape) -> Node:
    """How many different elements the set at each place has, int32."""
    rows, v, lead = sparse_set(indices, values, dense_shape)
    total = as_node(1, dt.i64)
    for d in lead:
        total = math.multiply(total, d)
    found, _ = set_operation("union", total, rows, v, rows, v)
    dims = [measured(d, "sets") for d in lead]
    count = dims[0]
    for d in dims[1:]:
        count = count * d
    counts = segment.unsorted_segment_sum(const(1, Type(dt.i32, found.shape)), found, count)
    return apply("reshape", counts, shape=tuple(dims))
