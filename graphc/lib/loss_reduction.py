"""From losses of single examples to one number: weights, masks, sums and means."""

from __future__ import annotations

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import math
from graphc.lib.dims import dim_node, size
from graphc.lib.promote import as_node
from graphc.lib.reduction import reduce_sum
from graphc.prims.table import apply

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def known_reduction(kind):
    """The name of a reduction.

    Raises:
        UsageError: there is none of that name.
    """
    if kind == "auto":
        return "sum_over_batch_size"
    if kind not in REDUCTIONS:
        raise UsageError(explain(f"loss: reduction {kind!r} is none of {', '.join(map(str, REDUCTIONS))}"))
    return kind


def alike(x: Node, y: Node) -> tuple[Node, Node]:
    """Two values whose ranks differ by one: a last axis of size 1 is dropped, or given to a vector."""
    if len(x.shape) == len(y.shape) + 1:
        return _fitted(x, y)
    if len(y.shape) == len(x.shape) + 1:
        return _fitted(y, x)[::-1]
    return x, y


def _fitted(wide: Node, narrow: Node) -> tuple[Node, Node]:
    if not _is_one(wide.shape[-1]):
        return wide, narrow
    if len(narrow.shape) == 1:
        return wide, apply("reshape", narrow, shape=(*narrow.shape, 1))
    return apply("reshape", wide, shape=wide.shape[:-1]), narrow


def _is_one(d) -> bool:
    return type(d) is int and d == 1


def reduce_losses(losses, sample_weight=None, mask=None, reduction="sum_over_batch_size") -> Node:
    """Losses times weights, as one number.

    Args:
        losses: real numbers of any shape.
        sample_weight: weights that broadcast with the losses, or have a last axis of size 1 more or less.
        mask: which losses count, bools; a mean is taken over these only.
        reduction: ``sum_over_batch_size`` or ``mean`` (over all losses), ``sum``, ``mean_with_sample_weight``
            (divided by the sum of the weights), ``none`` or None (as they are).

    Raises:
        UsageError: unknown reduction.
        ShapeError: the weights do not fit.
    """
    kind, x = known_reduction(reduction), as_node(losses)
    weight = None if sample_weight is None else math.cast(sample_weight, x.dtype)
    if mask is not None:
        weight = _masked(math.cast(mask, x.dtype), weight, kind)
    if weight is not None:
        x, weight = alike(x, weight)
        x = math.multiply(x, weight)
    if kind in (None, "none") or not x.shape or (len(x.shape) == 1 and type(x.shape[0]) is int and x.shape[0] == 0):
        return x
    total = reduce_sum(x)
    if kind == "sum":
        return total
    if kind == "mean_with_sample_weight" and weight is not None:
        return math.divide_no_nan(total, reduce_sum(weight))
    return math.divide_no_nan(total, dim_node(size(x.shape), x.dtype))


def _masked(mask: Node, weight: Node | None, kind) -> Node:
    if kind in ("mean", "sum_over_batch_size"):
        share = math.divide_no_nan(dim_node(size(mask.shape), mask.dtype), reduce_sum(mask))
        mask = math.multiply(mask, share)
    if weight is None:
        return mask
    mask, weight = alike(mask, weight)
    return math.multiply(mask, weight)


def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None) -> Node:
    """The sum of the losses of examples, divided by their number; 0 without examples.

    Args:
        per_example_loss: losses [batch, ...].
        sample_weight: weights that fit them.
        global_batch_size: the number to divide by; None for the leading size.

    Raises:
        ShapeError: a scalar loss, or a batch size that is no scalar.
        DtypeError: the batch size is no integer.
    """
    x = as_node(per_example_loss)
    if not x.shape:
        raise ShapeError(explain(f"compute_average_loss: needs one loss per example, not {x.type}",
                                 origins(per_example_loss=x)))  # fmt: skip
    kind = x.dtype
    if sample_weight is not None:
        wide = dt.f64 if kind is dt.f64 else dt.f32
        x, weight = alike(math.cast(x, wide), math.cast(sample_weight, wide))
        x = math.cast(math.multiply(x, _widened(weight, len(x.shape))), kind)
    if global_batch_size is None:
        count = dim_node(x.shape[0], kind)
    else:
        count = as_node(global_batch_size)
        if count.shape or not count.dtype.is_integer:
            what = f"compute_average_loss: global_batch_size must be an integer scalar, not {count.type}"
            raise ShapeError(explain(what, origins(global_batch_size=count)))
        count = math.cast(count, kind)
    return math.divide_no_nan(reduce_sum(x), count)


def _widened(weight: Node, rank: int) -> Node:
    while 0 < len(weight.shape) < rank:
        weight = apply("reshape", weight, shape=(*weight.shape, 1))
    return weight


def scale_regularization_loss(regularization_loss) -> Node:
    """The sum of the losses of a regulariser."""
    return reduce_sum(as_node(regularization_loss))
