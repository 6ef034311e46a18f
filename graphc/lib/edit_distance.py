"""How far sequences are from each other, for sequences along the last axis of sparse tensors. Runs on the host."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import measured
from graphc.lib.sparse import agree, columns, extents, linear, same_rank, shape_vector
from graphc.prims import edit_distance as _edit_distance  # noqa: F401  registers the callbacks
from graphc.prims.host import host


def edit_distance(indices, values, dense_shape, truth_indices, truth_values, truth_shape, normalize=True) -> Node:
    """How many insertions, deletions and replacements lead from each sequence to the true one, float32.

    Args:
        normalize: whether they are divided by the length of the true sequence.

    Raises:
        DtypeError: the elements differ in dtype. ShapeError: the ranks differ, or are below 2.
    """
    op = "edit_distance"
    (i, v), (j, w) = agree(op, indices, values), agree(op, truth_indices, truth_values)
    same_rank(op, i, j)
    if i.shape[1] < 2:
        what = f"{op}: needs sparse tensors of rank 2 or more, not {i.shape[1]}"
        raise ShapeError(explain(what, origins(hypothesis=i)))
    if v.dtype is not w.dtype:
        what = f"{op}: elements of {v.dtype.name} and {w.dtype.name}"
        raise DtypeError(explain(what, origins(hypothesis=v, truth=w)))
    sizes = [math.maximum(a, b) for a, b in zip(extents(dense_shape)[:-1], extents(truth_shape)[:-1])]
    places = [linear(columns(op, x)[:-1], sizes, x) for x in (i, j)]
    callback = "sparse.edit_distance_normalized" if normalize else "sparse.edit_distance"
    kind = Type(dt.f32, tuple([measured(s, op) for s in sizes]))
    return host(shape_vector(sizes), places[0], v, places[1], w, callback=callback, types=(kind,))
