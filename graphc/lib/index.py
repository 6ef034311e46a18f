"""Picking elements: Python indexing, slices, gather, one-hot and masks, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const_value, origins, simplified
from graphc.lib import math, shape
from graphc.lib.dims import (
    DataDependent, axis_of, dim, dim_node, integer, is_known, is_measuring, known_dim, measured, placed, shape_of,
)  # fmt: skip
from graphc.lib.promote import as_node, broadcast_to, shape_text
from graphc.prims.guard import guard
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
        return picked("index", x, apply("reshape", wrapped, shape=(1,)), axis, is_checked=True), False
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
    width = _width(key)
    if width is not None:
        return _cut_by_data(x, axis, key.start, width)
    bounds = [_bound(v, n) for v in (key.start, key.stop)]
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
        return _sliced_backwards(x, axis, bounds, -step)
    start = 0 if bounds[0] is None else _clamped(bounds[0], n)
    stop = n if bounds[1] is None else _clamped(bounds[1], n)
    return _strided(x, axis, start, _not_before(stop, start), step)


def _bound(value, n):
    """A bound of a slice of an axis of size ``n``: an int, a size, or where a run places it."""
    if value is None:
        return None
    try:
        return known_dim(value, "slice")
    except DataDependent:
        if not is_measuring():
            raise
        return placed(value, n)


def _width(key: slice) -> int | None:
    """How many elements ``x[i : i + 3]`` has where only a run knows ``i``."""
    if not (isinstance(key.start, Node) and isinstance(key.stop, Node) and key.step in (None, 1)):
        return None
    (a, low), (b, high) = _offset(key.start), _offset(key.stop)
    return high - low if a is b and a.op != "const" and high >= low and not is_known(key.start) else None


def _offset(x: Node) -> tuple[Node, int]:
    """A scalar as another one and a constant that is added to it."""
    total = 0
    while x.op in ("add", "sub") and const_value(x.inputs[1]) is not None:
        total += const_value(x.inputs[1]) * (1 if x.op == "add" else -1)
        x = x.inputs[0]
    return x, total


def _sliced_backwards(x: Node, axis: int, bounds: list, step: int) -> Node:
    """A slice with a negative step: the bounds count from the end of the axis turned round."""
    n = x.shape[axis]
    start, stop = (default if b is None else _from_end(b, n) for b, default in zip(bounds, (0, n)))
    return _strided(apply("reverse", x, axes=(axis,)), axis, start, _not_before(stop, start), step)


def _not_before(stop, start):
    """The end of a slice that begins at ``start``: there, where it would lie before."""
    if isinstance(stop, Node):
        return simplified(binary("max", stop, start))
    return simplified(binary("max", start, stop)) if isinstance(start, Node) else max(start, stop)


def _from_end(k, n):
    """The place of bound ``k`` counted from the end, inside 0..n: ``n - 1 - k``, or ``-1 - k`` for negative ``k``."""
    if type(k) is int and k < 0:
        return simplified(binary("min", n, -1 - k))
    return simplified(binary("max", n - 1 - k, 0))


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
    """``size`` elements from ``begin`` along each axis; a size of -1 means the rest.

    Where ``begin`` is known only while running, places outside ``input_`` give zeros.
    """
    x = as_node(input_)
    sizes = shape_of(size, "slice", True)
    try:
        begins = shape_of(begin, "slice", True)
    except DataDependent:
        begins = shape.unstack(begin) if isinstance(begin, Node) else list(begin)
    if len(begins) != len(x.shape) or len(sizes) != len(x.shape):
        raise ShapeError(explain(f"slice: begin and size need one entry for each axis of {x.type}", origins(x=x)))
    for k, (b, s) in enumerate(zip(begins, sizes)):
        try:
            b = known_dim(b, "slice")
        except DataDependent:
            x = _cut_by_data(x, k, b, s)
        else:
            x = _cut(x, k, b, s if is_known(s) else _rest_or(s, x.shape[k], b))
    return x


def _rest_or(size: Node, n, begin):
    """A size from data, where -1 stands for the rest of an axis of size ``n``."""
    minus = as_node(-1, dt.i64)
    return measured(apply("select", apply("eq", size, minus), _size(simplified(n - begin)), size))


def _cut(x: Node, axis: int, begin, size) -> Node:
    n = x.shape[axis]
    if any(type(v) is int and v < low for v, low in ((begin, 0), (size, -1))):
        raise ShapeError(explain(f"slice: {begin}+{size} lies outside axis {axis} of {x.type}", origins(x=x)))
    stop = n if type(size) is int and size == -1 else simplified(begin + size)
    if any(type(v) is int and type(n) is int and v > n for v in (begin, stop)):
        raise ShapeError(explain(f"slice: {begin}+{size} exceeds axis {axis} of {x.type}", origins(x=x)))
    return shape.part(x, axis, begin, stop)


def _cut_by_data(x: Node, axis: int, begin: Node, size) -> Node:
    """``size`` elements from a place that only a run knows."""
    if not is_known(size) or (type(size) is int and size == -1 and is_measuring()):
        n = x.shape[axis]
        start = placed(begin, n)
        return _cut(x, axis, start, size if is_known(size) else _rest_or(size, n, start))
    if type(size) is int and size == -1:
        what = f"slice: the size of axis {axis} depends on data, which is known only while running"
        raise DataDependent(explain(what, origins(begin=begin)), begin)
    ramp = apply("iota", shape=(size,), axis=0, dtype=begin.dtype)
    return picked("slice", x, math.add(ramp, begin), axis, is_checked=True)


def strided_slice(
    input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0
) -> Node:
    """``input_[begin:end:strides]`` with one entry for each index; bits of the masks say what else an index is.

    Args:
        begin_mask, end_mask: indices whose begin or end is left out.
        ellipsis_mask, new_axis_mask: indices that are ``...`` or a new axis.
        shrink_axis_mask: indices that pick one element, so that the axis goes away.
    """
    first, last = _entries("begin", begin), _entries("end", end)
    steps = [1] * len(first) if strides is None else _entries("strides", strides)
    if not len(first) == len(last) == len(steps):
        what = f"strided_slice: {len(first)} begins, {len(last)} ends and {len(steps)} strides"
        raise ShapeError(explain(what, origins(input_=as_node(input_))))
    keys = []
    for k, (a, b, s) in enumerate(zip(first, last, steps)):
        bit = 1 << k
        if ellipsis_mask & bit:
            keys.append(Ellipsis)
        elif new_axis_mask & bit:
            keys.append(None)
        elif shrink_axis_mask & bit:
            keys.append(a)
        else:
            keys.append(slice(None if begin_mask & bit else a, None if end_mask & bit else b, s))
    return getitem(input_, tuple(keys))


def _entries(name: str, value) -> list:
    """The entries of a vector of bounds; Nodes where only a run knows them."""
    try:
        return list(shape_of(value, f"strided_slice: {name}", True))
    except DataDependent:
        return shape.unstack(value) if isinstance(value, Node) else list(value)


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0) -> Node:
    """Slices of ``params`` along ``axis`` picked by integer ``indices``.

    Args:
        validate_indices: without effect.
        axis: which axis is picked from; by default the first after the ``batch_dims``.
        batch_dims: how many leading axes of both stand for each other.

    Raises:
        DtypeError: the indices are not integers.
        ShapeError: a constant index is out of range.
        InvalidArgumentError: when running: an index is out of range.
    """
    return picked("gather", params, indices, axis, batch_dims, is_checked=True)


def picked(op: str, params, indices, axis=None, batch_dims=0, is_checked: bool = False) -> Node:
    """``gather``, where an index out of range gives zeros unless it ``is_checked``."""
    x, i = as_node(params), as_indices(op, indices)
    batch = integer(op, "batch_dims", batch_dims)
    batch += len(i.shape) if batch < 0 else 0
    if not 0 <= batch <= min(len(x.shape), len(i.shape)):
        raise ShapeError(explain(f"{op}: {batch} batch_dims for {x.type} and indices {i.type}", origins(params=x)))
    x, i = _same_batch(op, x, i, batch)
    k = axis_of(op, batch if axis is None else axis, x)
    if k < batch:
        raise ShapeError(explain(f"{op}: axis {k} lies among the {batch} batch_dims of {x.type}", origins(params=x)))
    check_known(op, x, i, [k])
    i = looked_at(op, i, [x.shape[k]]) if is_checked else i
    if k > batch:  # every line between the batch and the axis is indexed alike, so that nothing has to be moved
        places = (*x.shape[:k], *i.shape[batch:])
        axes = (*range(batch), *range(k, len(places)))
        i = apply("broadcast", i, shape=places, axes=axes)
    return apply("gather", x, apply("reshape", i, shape=(*i.shape, 1)), batch=k)


def _same_batch(op: str, x: Node, i: Node, batch: int) -> tuple[Node, Node]:
    """Both with equal leading sizes: an int wins over a symbol, and is checked at entry."""
    if any(type(a) is int and type(b) is int and a != b for a, b in zip(x.shape[:batch], i.shape[:batch])):
        what = f"{op}: {x.type} and indices {i.type} differ in the first {batch} axes"
        raise ShapeError(explain(what, origins(params=x, indices=i)))
    wanted = [a if type(a) is int else b for a, b in zip(x.shape[:batch], i.shape[:batch])]
    return tuple(
        n if list(n.shape[:batch]) == wanted else shape.ensure_shape(n, [*wanted, *(None,) * (len(n.shape) - batch)])
        for n in (x, i)
    )


def as_indices(op: str, value) -> Node:
    """Indices as i32 or i64.

    Raises:
        DtypeError: they are not integers.
    """
    i = as_node(value)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"{op}: indices must be integers, not {i.type}", origins(indices=i)))
    return i if i.dtype in (dt.i32, dt.i64) else apply("cast", i, dtype=dt.i64)


def check_known(op: str, x: Node, indices: Node, axes: list[int]) -> None:
    """Refuse constant indices outside of the axes they count in, one for each place along the last axis of several."""
    if indices.op != "const" or not indices.type.is_static or 0 in indices.shape:
        return
    values = indices.attrs[0][1].array
    for place, k in enumerate(axes):
        column, n = values[..., place] if values.ndim and len(axes) > 1 else values, x.shape[k]
        wrong = np.extract((column < 0) | (column >= n), column) if type(n) is int else ()
        if len(wrong):
            what = f"{op}: index {int(wrong[0])} is out of range for axis {k} of {x.type}"
            raise ShapeError(explain(what, origins(params=x)))


def looked_at(op: str, indices: Node, sizes: list, kind: str = "index") -> Node:
    """Indices that a run looks at before it goes on: each lies in an axis of the one size, or of several in turn."""
    if not sizes or (indices.op == "const" and all(type(n) is int for n in sizes)):  # see check_known
        return indices
    return guard(indices, kind, sizes, op)


def gather_nd(params, indices, batch_dims=0) -> Node:
    """Slices of ``params`` picked by index vectors along the last axis of ``indices``.

    Raises:
        DtypeError: the indices are not integers.
        ShapeError: more indices than axes, or a constant index is out of range.
        InvalidArgumentError: when running: an index is out of range.
    """
    x, i = as_node(params), as_indices("gather_nd", indices)
    batch = integer("gather_nd", "batch_dims", batch_dims)
    x, i = indexed("gather_nd", x, i, batch)
    i = looked_at("gather_nd", i, list(x.shape[batch : batch + i.shape[-1]]))
    return apply("gather", x, i, batch=batch)


def indexed(op: str, x: Node, i: Node, batch: int = 0) -> tuple[Node, Node]:
    """A tensor and index vectors into it, checked against each other as far as their types tell."""
    depth = i.shape[-1] if i.shape else None
    if type(depth) is not int or not 0 <= batch < len(i.shape) or depth + batch > len(x.shape):
        what = f"{op}: indices {i.type} need a known last size of at most the rank of {x.type}, batch_dims {batch}"
        raise ShapeError(explain(what, origins(params=x, indices=i)))
    x, i = _same_batch(op, x, i, batch)
    check_known(op, x, i, list(range(batch, batch + depth)))
    return x, i


def batch_gather(params, indices) -> Node:
    """``gather`` along the last axis of ``indices``, all axes before which stand for those of ``params``."""
    i = as_indices("batch_gather", indices)
    if not i.shape:
        raise ShapeError(explain(f"batch_gather: needs indices of rank 1 or more, not {i.type}", origins(indices=i)))
    return gather(params, i, batch_dims=len(i.shape) - 1)


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


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None) -> Node:
    """A new axis of size ``depth`` that is ``on_value`` at the index and ``off_value`` elsewhere."""
    i = as_node(indices)
    if not i.dtype.is_integer:
        raise DtypeError(explain(f"one_hot: indices must be integers, not {i.type}", origins(indices=i)))
    kind = dt.as_dtype(dtype) if dtype is not None else next(
        (as_node(v).dtype for v in (on_value, off_value) if v is not None), dt.f32)  # fmt: skip
    on, off = as_node(1 if on_value is None else on_value, kind), as_node(0 if off_value is None else off_value, kind)
    k = axis_of("one_hot", -1 if axis is None else axis, i, extra=1)
    wide = dim(depth, "one_hot")
    if type(wide) is int and wide < 0:
        raise ShapeError(explain(f"one_hot: depth must not be negative, got {wide}", origins(indices=i)))
    full = (*i.shape[:k], wide, *i.shape[k:])
    spread = apply("broadcast", i, shape=full, axes=tuple(a for a in range(len(full)) if a != k))
    hit = apply("eq", spread, apply("iota", shape=full, axis=k, dtype=i.dtype))
    return apply("select", hit, broadcast_to(on, full), broadcast_to(off, full))


def sequence_mask(lengths, maxlen=None, dtype=dt.b1) -> Node:
    """A new last axis of size ``maxlen`` that is 1 (True) before each length and 0 from there on.

    Without ``maxlen`` it is the largest of ``lengths``.
    """
    n = as_node(lengths)
    if not n.dtype.is_integer:
        raise DtypeError(explain(f"sequence_mask: lengths must be integers, not {n.type}", origins(lengths=n)))
    if maxlen is None:
        top = apply("reduce", apply("cast", n, dtype=dt.i64), kind="max", axes=tuple(range(len(n.shape))))
        maxlen = apply("max", top, dim_node(0))
    full = (*n.shape, measured(maxlen, "sequence_mask"))
    wide = apply("broadcast", n, shape=full, axes=tuple(range(len(n.shape))))
    kept = apply("lt", apply("iota", shape=full, axis=len(n.shape), dtype=n.dtype), wide)
    return math.cast(kept, dtype)
