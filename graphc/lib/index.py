"""Picking elements: Python indexing, gather, one-hot, embeddings, order, under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const_value, origins, simplified
from graphc.lib import math, shape
from graphc.lib.dims import axis_of, dim, integer, shape_of
from graphc.lib.promote import as_node, broadcast_to, shape_text
from graphc.prims.table import apply


def getitem(x, key) -> Node:
    """``x[key]`` with ints, slices, ``...``, None and scalar Nodes, as Python means it.

    Raises:
        ShapeError: too many indices, or an index out of range.
        UsageError: a kind of index that is not supported.
    """
    x = as_node(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > len(x.shape):
        raise ShapeError(explain(f"index: {used} indices for {x.type} of rank {len(x.shape)}", origins(x=x)))
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise UsageError(explain(f"index: only one ... is possible, got {key!r}"))
    whole = [slice(None)] * (len(x.shape) - used)
    keys = keys + whole if at is None else keys[:at] + whole + keys[at + 1 :]
    axis, kept = 0, []
    for k in keys:
        if k is None:
            kept.append(1)
            continue
        x, keep = _taken(x, axis, k)
        kept.extend([x.shape[axis]] if keep else [])
        axis += 1
    return x if tuple(kept) == x.shape else apply("reshape", x, shape=tuple(kept))


def _taken(x: Node, axis: int, key) -> tuple[Node, bool]:
    """``x`` narrowed along one axis, and whether the axis stays."""
    n = x.shape[axis]
    if isinstance(key, slice):
        return _sliced(x, axis, key), True
    if isinstance(key, Node) and const_value(key) is None:
        if key.shape or not key.dtype.is_integer:
            raise UsageError(explain(f"index: an index must be an int or an integer scalar, not {key.type}"))
        wrapped = math.where(math.less(key, 0), math.add(key, math.cast(_size(n), key.dtype)), key)
        return gather(x, apply("reshape", wrapped, shape=(1,)), axis=axis), False
    k = integer("index", "an index", key)
    if type(n) is int:
        if not -n <= k < n:
            raise ShapeError(explain(f"index: {k} is out of range for axis {axis} of {x.type}", origins(x=x)))
        return shape.part(x, axis, k % n, k % n + 1), False
    start = k if k >= 0 else simplified(binary("max", n + k, 0))
    out = shape.part(x, axis, start, simplified(binary("min", n, start + 1)))
    return shape.ensure_shape(out, [1 if a == axis else None for a in range(len(x.shape))]), False


def _size(n) -> Node:
    return n if isinstance(n, Node) else as_node(n, dt.i64)


def _sliced(x: Node, axis: int, key: slice) -> Node:
    n = x.shape[axis]
    bounds = [None if v is None else dim(v, "slice") for v in (key.start, key.stop)]
    step = 1 if key.step is None else integer("slice", "step", key.step)
    if step == 0:
        raise UsageError(explain("slice: step must not be 0"))
    if type(n) is int and not any(isinstance(b, Node) for b in bounds):
        start, stop, step = slice(*bounds, step).indices(n)
        if step < 0:
            count = max(0, (start - stop - step - 1) // -step)
            low = start + (count - 1) * step if count else 0
            out = _strided(x, axis, low, start + 1 if count else 0, -step)
            return apply("reverse", out, axes=(axis,))
        return _strided(x, axis, min(start, n), max(start, stop), step)
    if step < 0:
        if bounds != [None, None]:
            raise UsageError(explain(f"slice: a negative step with bounds needs a known size, not {x.type}"))
        turned = apply("reverse", x, axes=(axis,))
        return _strided(turned, axis, 0, n, -step)
    start = 0 if bounds[0] is None else _clamped(bounds[0], n)
    stop = n if bounds[1] is None else _clamped(bounds[1], n)
    return _strided(x, axis, start, simplified(binary("max", stop, start)) if isinstance(stop, Node) else stop, step)


def _clamped(k, n):
    """A slice bound counted from the front, inside 0..n."""
    if type(k) is int and k < 0:
        return simplified(binary("max", binary("add", n, k), 0)) if isinstance(n, Node) else max(n + k, 0)
    if isinstance(k, Node) or isinstance(n, Node):
        like = k if isinstance(k, Node) else n
        return simplified(binary("min", like, n if like is k else k))
    return min(k, n)


def _strided(x: Node, axis: int, start, stop, step: int) -> Node:
    if step == 1:
        return shape.part(x, axis, start, stop)
    rank = len(x.shape)
    return apply(
        "slice",
        x,
        start=tuple(start if k == axis else 0 for k in range(rank)),
        stop=tuple(stop if k == axis else d for k, d in enumerate(x.shape)),
        step=tuple(step if k == axis else 1 for k in range(rank)),
    )


def slice_of(input_, begin, size) -> Node:
    """``size`` elements from ``begin`` along each axis; a size of -1 means the rest."""
    x = as_node(input_)
    begins, sizes = shape_of(begin, "slice", True), shape_of(size, "slice", True)
    if len(begins) != len(x.shape) or len(sizes) != len(x.shape):
        raise ShapeError(explain(f"slice: begin and size need one entry for each axis of {x.type}", origins(x=x)))
    for k, (b, s) in enumerate(zip(begins, sizes)):
        stop = x.shape[k] if type(s) is int and s == -1 else simplified(b + s)
        if type(stop) is int and type(x.shape[k]) is int and stop > x.shape[k]:
            raise ShapeError(explain(f"slice: {b}+{s} exceeds axis {k} of {x.type}", origins(x=x)))
        x = shape.part(x, k, b, stop)
    return x


def gather(params, indices, axis=None, batch_dims=0) -> Node:
    """Slices of ``params`` along ``axis`` picked by integer ``indices``; an index out of range gives zeros.

    Raises:
        DtypeError: the indices are not integers.
        ShapeError: a constant index is out of range.
    """
    x, i = as_node(params), as_node(indices)
    if i.dtype not in (dt.i32, dt.i64):
        if not i.dtype.is_integer:
            raise DtypeError(explain(f"gather: indices must be integers, not {i.type}", origins(indices=i)))
        i = apply("cast", i, dtype=dt.i64)
    batch = integer("gather", "batch_dims", batch_dims)
    x, i = _same_batch(x, i, batch)
    k = batch if axis is None else axis_of("gather", axis, x)
    _check_known(x, i, k)
    order = (*range(batch), k, *(a for a in range(batch, len(x.shape)) if a != k))
    moved = shape.transpose(x, order)
    picked = apply("gather", moved, apply("reshape", i, shape=(*i.shape, 1)), batch=batch)
    if k == batch:
        return picked
    new = len(i.shape) - batch  # the picked axes stand in front; move them to where axis was
    lead = tuple(range(batch + new, new + k))
    tail = tuple(range(new + k, len(picked.shape)))
    return shape.transpose(picked, (*range(batch), *lead, *range(batch, batch + new), *tail))


def _same_batch(x: Node, i: Node, batch: int) -> tuple[Node, Node]:
    """Both with equal leading sizes: an int wins over a symbol, and is checked at entry."""
    wanted = [a if type(a) is int else b for a, b in zip(x.shape[:batch], i.shape[:batch])]
    return tuple(
        n if list(n.shape[:batch]) == wanted else shape.ensure_shape(n, [*wanted, *(None,) * (len(n.shape) - batch)])
        for n in (x, i)
    )


def _check_known(x: Node, indices: Node, axis: int) -> None:
    """Refuse constant indices that do not lie in an axis of known size."""
    n = x.shape[axis]
    if indices.op != "const" or type(n) is not int:
        return
    wrong = [int(v) for v in indices.attrs[0][1].array.reshape(-1)[:1000] if not 0 <= v < n]
    if wrong:
        what = f"gather: index {wrong[0]} is out of range for axis {axis} of {x.type}"
        raise ShapeError(explain(what, origins(params=x)))


def gather_nd(params, indices, batch_dims=0) -> Node:
    """Slices of ``params`` picked by index vectors along the last axis of ``indices``."""
    batch = integer("gather_nd", "batch_dims", batch_dims)
    return apply("gather", *_same_batch(as_node(params), as_node(indices), batch), batch=batch)


def scatter(x: Node, indices: Node, updates: Node, kind: str) -> Node:
    """``x`` with rows set or added to (``kind`` is ``set`` or ``add``); an index out of range changes nothing.

    Raises:
        ShapeError: ``updates`` is not of the indices' shape followed by that of a row.
    """
    i = apply("cast", indices, dtype=dt.i64) if indices.dtype not in (dt.i32, dt.i64) else indices
    wanted = (*i.shape, *x.shape[1:])
    if len(updates.shape) != len(wanted) or any(
        type(a) is int and type(b) is int and a != b for a, b in zip(updates.shape, wanted)
    ):
        what = f"scatter: updates {updates.type} must have the shape {shape_text(wanted)} of indices and rows"
        raise ShapeError(explain(what, origins(indices=indices, updates=updates)))
    updates = shape.ensure_shape(updates, wanted)
    return apply("scatter", x, apply("reshape", i, shape=(*i.shape, 1)), updates, kind=kind, batch=0)


def unsorted_segment_sum(data, segment_ids, num_segments) -> Node:
    """Sums of the rows of ``data`` that have the same segment number; a number out of range counts nowhere."""
    x, i = as_node(data), as_node(segment_ids)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"unsorted_segment_sum: segment numbers must be integers, not {i.type}"))
    rows = (*shape_of([num_segments], "unsorted_segment_sum"), *x.shape[len(i.shape) :])
    return scatter(shape.zeros(rows, x.dtype), i, x, "add")


def embedding_lookup(params, ids) -> Node:
    """Rows of a table."""
    return gather(params, ids, axis=0)


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None) -> Node:
    """A new axis of size ``depth`` that is ``on_value`` at the index and ``off_value`` elsewhere."""
    i = as_node(indices)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"one_hot: indices must be integers, not {i.type}", origins(indices=i)))
    kind = dt.as_dtype(dtype) if dtype is not None else next(
        (v.dtype for v in (on_value, off_value) if isinstance(v, Node)), dt.f32)  # fmt: skip
    on, off = as_node(1 if on_value is None else on_value, kind), as_node(0 if off_value is None else off_value, kind)
    k = axis_of("one_hot", -1 if axis is None else axis, i, extra=1)
    if type(depth) is int and depth < 0:
        raise ShapeError(explain(f"one_hot: depth must not be negative, got {depth}", origins(indices=i)))
    full = (*i.shape[:k], dim(depth, "one_hot"), *i.shape[k:])
    spread = apply("broadcast", i, shape=full, axes=tuple(a for a in range(len(full)) if a != k))
    hit = apply("eq", spread, apply("iota", shape=full, axis=k, dtype=i.dtype))
    return apply("select", hit, broadcast_to(on, full), broadcast_to(off, full))


def argsort(values, axis=-1, direction="ASCENDING", stable=True) -> Node:
    """The positions that put ``values`` in order along ``axis``, int32; equal values keep their order."""
    x = as_node(values)
    k = axis_of("argsort", axis, x)
    return apply("item", apply("sort", x, axis=k, descending=_descending(direction)), index=1)


def sort(values, axis=-1, direction="ASCENDING") -> Node:
    """``values`` in order along ``axis``."""
    x = as_node(values)
    k = axis_of("sort", axis, x)
    return apply("item", apply("sort", x, axis=k, descending=_descending(direction)), index=0)


def _descending(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise UsageError(explain(f"sort: direction {direction!r} is not ASCENDING or DESCENDING"))
    return direction == "DESCENDING"


def top_k(input, k=1, sorted=True) -> tuple[Node, Node]:  # noqa: A002
    """The ``k`` largest values along the last axis, and where they are."""
    x = as_node(input)
    n, last = integer("top_k", "k", k), axis_of("top_k", -1, x)
    if n < 0 or (type(x.shape[-1]) is int and n > x.shape[-1]):
        raise ShapeError(explain(f"top_k: k = {n} does not fit the last axis of {x.type}", origins(x=x)))
    both = apply("sort", x, axis=last, descending=True)
    return tuple(shape.part(apply("item", both, index=j), last, 0, n) for j in (0, 1))


def in_top_k(targets, predictions, k) -> Node:
    """Whether the target class is among the ``k`` largest predictions of its row."""
    p, t = _same_batch(as_node(predictions), as_node(targets), 1)
    own = apply("gather", p, apply("reshape", t, shape=(*t.shape, 1)), batch=1)
    ahead = math.less(apply("reshape", own, shape=(*own.shape, 1)), p)
    count = apply("reduce", apply("cast", ahead, dtype=dt.i32), kind="sum", axes=(1,))
    return math.less(count, integer("in_top_k", "k", k))
