"""Order: sorting, the largest elements, places in sorted sequences and permutations, under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.lib import math, shape
from graphc.lib.dims import axis_of, dim, dim_node
from graphc.lib.promote import adopt, as_node, broadcast_shape, broadcast_to
from graphc.prims.table import apply

FEW = 512  # sequences up to this size are counted through rather than bisected


def argsort(values, axis=-1, direction="ASCENDING", stable=False) -> Node:
    """The positions that put ``values`` in order along ``axis``, int32; equal values keep their order.

    ``stable`` has no effect: the order of equal values is always kept.
    """
    return _sorted("argsort", values, axis, direction, 1)


def sort(values, axis=-1, direction="ASCENDING") -> Node:
    """``values`` in order along ``axis``.

    Raises:
        UsageError: ``direction`` is neither ASCENDING nor DESCENDING.
    """
    return _sorted("sort", values, axis, direction, 0)


def _sorted(op: str, values, axis, direction: str, index: int) -> Node:
    x = as_node(values)
    if direction not in ("ASCENDING", "DESCENDING"):
        raise UsageError(explain(f"{op}: direction {direction!r} is not ASCENDING or DESCENDING"))
    k = axis_of(op, axis, x)
    return apply("item", apply("sort", x, axis=k, descending=direction == "DESCENDING"), index=index)


def top_k(input, k=1, sorted=True, index_type=dt.i32) -> tuple[Node, Node]:  # noqa: A002
    """The ``k`` largest values along the last axis, and where they are; of equal ones the first.

    ``sorted`` has no effect: the values are always in descending order.
    """
    x = as_node(input)
    values, places = extremes("top_k", x, k, axis_of("top_k", -1, x), True)
    return values, math.cast(places, index_type)


def extremes(op: str, x: Node, k, axis: int, largest: bool) -> tuple[Node, Node]:
    """The ``k`` largest (or smallest) elements along an axis in order, and where they are; of equal ones the first.

    Raises:
        ShapeError: there are surely fewer.
    """
    n, have = dim(k, op), x.shape[axis]
    if type(n) is int and (n < 0 or (type(have) is int and n > have)):
        where = "the last axis" if axis == len(x.shape) - 1 else f"axis {axis}"
        raise ShapeError(explain(f"{op}: k = {n} does not fit {where} of {x.type}", origins(x=x)))
    both = apply("sort", x, axis=axis, descending=largest)
    return tuple(shape.part(apply("item", both, index=j), axis, 0, n) for j in (0, 1))


def _approximate(name: str, largest: bool):
    def op(
        operand, k, reduction_dimension=-1, recall_target=0.95, reduction_input_size_override=-1, aggregate_to_topk=True
    ) -> tuple[Node, Node]:
        x = as_node(operand)
        if not aggregate_to_topk:
            raise UsageError(explain(f"{name}: only aggregate_to_topk=True is possible"))
        return extremes(name, x, k, axis_of(name, reduction_dimension, x), largest)

    op.__name__ = op.__qualname__ = name
    kind = "largest" if largest else "smallest"
    op.__doc__ = (
        f"The ``k`` {kind} values along ``reduction_dimension`` and where they are; exact, whatever ``recall_target``."
    )
    return op


approx_max_k, approx_min_k = _approximate("approx_max_k", True), _approximate("approx_min_k", False)


def approx_top_k(
    input, k, reduction_dimension=-1, recall_target=0.95, is_max_k=True,  # noqa: A002
    reduction_input_size_override=-1, aggregate_to_topk=True,
) -> tuple[Node, Node]:  # fmt: skip
    """The ``k`` largest values (or smallest, unless ``is_max_k``) along an axis and where they are; exact."""
    op = approx_max_k if is_max_k else approx_min_k
    return op(input, k, reduction_dimension, recall_target, reduction_input_size_override, aggregate_to_topk)


def in_top_k(targets, predictions, k) -> Node:
    """Whether the target class is among the ``k`` largest predictions of its row; False where one is not finite.

    Raises:
        ShapeError: ``predictions`` is no matrix with one row for each of ``targets``.
    """
    p, t = as_node(predictions), as_node(targets)
    if len(p.shape) != 2 or len(t.shape) != 1:
        what = f"in_top_k: needs predictions [batch, classes] and targets [batch], got {p.type} and {t.type}"
        raise ShapeError(explain(what, origins(predictions=p, targets=t)))
    t = shape.ensure_shape(t, [p.shape[0]])
    column = apply("reshape", t, shape=(*t.shape, 1))
    own = apply("gather", p, column, batch=1)
    ahead = math.less(apply("reshape", own, shape=(*own.shape, 1)), p)
    count = apply("reduce", apply("cast", ahead, dtype=dt.i32), kind="sum", axes=(1,))
    limit = broadcast_to(math.cast(k, dt.i32), count.shape)
    known = apply("reduce", apply("isfinite", p), kind="all", axes=(1,))
    classes = dim_node(p.shape[1], t.dtype)
    inside = apply("and", math.less_equal(const(0, t.type), t), math.less(t, classes))
    return apply("and", apply("and", known, inside), apply("lt", count, limit))


def searchsorted(sorted_sequence, values, side="left", out_type=dt.i32) -> Node:
    """Where ``values`` would have to be put so that ``sorted_sequence`` stays sorted along its last axis.

    Leading axes broadcast. ``side`` says whether equal elements come after (``left``) or before (``right``).

    Raises:
        UsageError: ``side`` is neither ``left`` nor ``right``. ShapeError: a scalar, or leading axes do not fit.
    """
    if side not in ("left", "right"):
        raise UsageError(explain(f"searchsorted: side {side!r} is not 'left' or 'right'"))
    x, v = adopt("searchsorted", sorted_sequence, values)
    if not x.shape or not v.shape:
        raise ShapeError(explain(f"searchsorted: needs vectors, got {x.type} and {v.type}", origins(x=x, y=v)))
    lead = broadcast_shape("searchsorted", x, v, shapes=(x.shape[:-1], v.shape[:-1]))
    x, v = (broadcast_to(n, (*lead, n.shape[-1]), "searchsorted") for n in (x, v))
    n = x.shape[-1]
    found = _bisected(x, v, side) if type(n) is int and n > FEW else _counted(x, v, side)
    return math.cast(found, out_type)


def _counted(x: Node, v: Node, side: str) -> Node:
    """How many elements stand before each value."""
    full = (*v.shape, x.shape[-1])
    last = len(full) - 1
    elements = apply("broadcast", x, shape=full, axes=(*range(last - 1), last))
    wanted = apply("broadcast", v, shape=full, axes=tuple(range(last)))
    before = apply("lt", elements, wanted) if side == "left" else apply("not", apply("lt", wanted, elements))
    return apply("reduce", apply("cast", before, dtype=dt.i32), kind="sum", axes=(last,))


def _bisected(x: Node, v: Node, side: str) -> Node:
    """Halving an interval [low, high) as often as the size needs."""
    n, lead = x.shape[-1], len(x.shape) - 1
    low, high = const(0, v.type.with_dtype(dt.i32)), const(n, v.type.with_dtype(dt.i32))
    two, one = const(2, low.type), const(1, low.type)
    for _ in range(n.bit_length()):
        middle = apply("floordiv", apply("add", low, high), two)
        read = apply("min", middle, const(n - 1, low.type))  # an interval that is empty already reads anything
        element = apply("gather", x, apply("reshape", read, shape=(*read.shape, 1)), batch=lead)
        before = apply("lt", element, v) if side == "left" else apply("not", apply("lt", v, element))
        before = apply("and", before, apply("lt", low, high))
        low, high = (
            apply("select", before, apply("add", middle, one), low),
            apply("select", before, high, middle),
        )
    return low


def invert_permutation(x) -> Node:
    """``y`` with ``y[x[i]] = i`` for a permutation ``x`` of 0..n-1.

    Raises:
        ShapeError: no vector. DtypeError: no integers.
    """
    p = as_node(x)
    if len(p.shape) != 1:
        raise ShapeError(explain(f"invert_permutation: needs a vector, not {p.type}", origins(x=p)))
    if p.dtype not in (dt.i32, dt.i64):
        raise DtypeError(explain(f"invert_permutation: needs int32 or int64, not {p.type}", origins(x=p)))
    ramp = apply("iota", shape=p.shape, axis=0, dtype=p.dtype)
    places = apply("reshape", p, shape=(*p.shape, 1))
    return apply("scatter", const(0, p.type), places, ramp, kind="set", batch=0)


def unravel_index(indices, dims) -> Node:
    """Coordinates of flat ``indices`` in an array of shape ``dims``: one row for each axis.

    Raises:
        DtypeError: the indices are not integers, or differ from ``dims`` in dtype.
    """
    i, sizes = adopt("unravel_index", indices, dims)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"unravel_index: indices must be integers, not {i.type}", origins(indices=i)))
    if len(sizes.shape) != 1 or type(sizes.shape[0]) is not int:
        raise ShapeError(explain(f"unravel_index: dims must be a vector of known size, not {sizes.type}"))
    rest, rows = i, []
    for n in reversed(shape.unstack(sizes)):
        wide = broadcast_to(n, i.shape)
        rows.append(apply("mod", rest, wide))
        rest = apply("floordiv", rest, wide)
    return shape.stack(rows[::-1])
