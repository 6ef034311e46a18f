"""The connectionist temporal classification loss of sparse labels."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import ctc, index, math, scatter, shape
from graphc.lib.dims import measured
from graphc.lib.math import full_like
from graphc.lib.promote import as_node
from graphc.prims.table import apply


def dense_labels(indices: Node, values: Node, dense_shape: Node, batch) -> tuple[Node, Node]:
    """Sparse labels as [batch, labels] and the number of them in every row."""
    width = measured(index.getitem(dense_shape, 1), "ctc_loss")
    rows = shape.part(indices, 1, 0, 1)
    ones = math.cast(full_like(values, 1), dt.i32)
    counts = scatter.scatter_nd(rows, ones, [batch])
    return scatter.scatter_nd(indices, math.cast(values, dt.i32), [batch, width]), counts


def ctc_loss(indices, values, dense_shape, logits, logit_length, logits_time_major=True, blank_index=-1,
             collapse_repeated=False, ignore_longer_outputs_than_inputs=False) -> Node:  # fmt: skip
    """``ctc.ctc_loss`` of labels given by their places, values and shape.

    Args:
        collapse_repeated: whether repeated labels count once.
        ignore_longer_outputs_than_inputs: whether examples with too few frames have loss 0 instead of infinity.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks.
    """
    x, places, labels, sizes = (as_node(v) for v in (logits, indices, values, dense_shape))
    if len(x.shape) != 3 or len(places.shape) != 2 or len(labels.shape) != 1:
        kinds = f"{x.type}, {places.type}, {labels.type}"
        what = f"ctc_loss: needs logits of rank 3 and a sparse matrix of labels, not {kinds}"
        raise ShapeError(explain(what, origins(logits=x, indices=places, values=labels)))
    places, sizes = shape.ensure_shape(places, (None, 2)), shape.ensure_shape(sizes, (2,))
    rows, counts = dense_labels(places, labels, sizes, x.shape[1 if logits_time_major else 0])
    if collapse_repeated:
        _, moved, counts = ctc.collapsed(rows, counts)
        rows = ctc.compacted(rows, moved)
    loss = ctc.ctc_loss(rows, x, counts, logit_length, logits_time_major, None, blank_index)
    if not ignore_longer_outputs_than_inputs:
        return loss
    return math.where(apply("isfinite", loss), loss, full_like(loss, 0))
