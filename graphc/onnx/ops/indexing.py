"""Operators that pick elements by number or by value, and ramps and masks made of places."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, const_value, simplified
from graphc.lib import index, math, promote, shape
from graphc.lib.dims import DataDependent, dim_node, known_dim, larger
from graphc.onnx.call import Call
from graphc.onnx.ops.axes import as_int64, axis_in, from_front, moved, ramp, sizes_of
from graphc.onnx.ops.sizes import differ, exceeds
from graphc.onnx.registry import operator
from graphc.onnx.static import known_size
from graphc.onnx.values import typed
from graphc.prims.data import measured, nonzero, unique
from graphc.prims.guard import guard
from graphc.prims.shape import inverse
from graphc.prims.table import apply


def indices_of(call: Call, k: int) -> Node:
    """Input ``k``, which must be int32 or int64."""
    found = call[k]
    if found.dtype not in (dt.i32, dt.i64):
        raise call.wrong(f"input {k} must be int32 or int64")
    return found


# -------------------------------------------------------------------------------------------------- gather


@operator("Gather", moves=True)
def gather(call: Call):
    """Slices along an axis, picked by numbers that may count from the end."""
    x, i = call[0], indices_of(call, 1)
    axis = axis_in(call, call.int("axis", 0), len(x.shape))
    return index.gather(x, from_front(i, [x.shape[axis]]), axis=axis)


@operator("GatherElements", moves=True)
def gather_elements(call: Call):
    """For every place of the indices the element at that place, but for the number along one axis."""
    x, i = call[0], indices_of(call, 1)
    rank = len(x.shape)
    axis = axis_in(call, call.int("axis", 0), rank)
    if len(i.shape) != rank or _any_exceeds(i.shape, x.shape, axis):
        raise call.wrong("the indices must have as many axes, and but for the axis no larger sizes")
    for k in range(rank):
        if k != axis:
            x = shape.part(x, k, 0, i.shape[k])
    order = [*(k for k in range(rank) if k != axis), axis]
    n = x.shape[axis]
    places = index.looked_at("GatherElements", from_front(i, [n]), [n])
    index.check_known("GatherElements", x, places, [axis])
    places = moved(places, order)
    found = apply("gather", moved(x, order), apply("reshape", places, shape=(*places.shape, 1)), batch=rank - 1)
    return moved(found, inverse(order))


def _any_exceeds(small: tuple, large: tuple, axis: int) -> bool:
    pairs = [(a, b) for k, (a, b) in enumerate(zip(small, large)) if k != axis]
    return any(exceeds(a, b) for a, b in pairs)


@operator("GatherND", moves=True)
def gather_nd(call: Call):
    """Slices picked by vectors of numbers along the last axis of the indices."""
    x, i, batch = call[0], indices_of(call, 1), call.int("batch_dims", 0)
    if not i.shape or not 0 <= batch < len(i.shape):
        raise call.wrong(f"batch_dims {batch} does not fit the indices")
    i, sizes = _indexed(call, x, i, batch)
    return index.gather_nd(x, from_front(i, sizes), batch)


def _indexed(call: Call, x: Node, i: Node, batch: int = 0) -> tuple[Node, tuple]:
    """Vectors of numbers whose length is known, and the sizes of the axes that they count in."""
    if not i.shape:
        raise call.wrong("the indices must have one axis at least")
    depth = known_size(i.shape[-1], f"{call.op}: the last size of the indices")
    if depth > len(x.shape) - batch:
        raise call.wrong(f"indices of {depth} numbers are too long for the axes of the data")
    return shape.ensure_shape(i, [*i.shape[:-1], depth]), x.shape[batch : batch + depth]


# ------------------------------------------------------------------------------------------------- scatter

_KINDS = {"none": "set", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@operator("Scatter", "ScatterElements", moves=True)
def scatter_elements(call: Call):
    """A tensor with elements written, added, ... at the places of the indices, but for the number along one axis."""
    x, i, updates = call[0], indices_of(call, 1), call[2]
    rank = len(x.shape)
    axis = axis_in(call, call.int("axis", 0), rank)
    if len(i.shape) != rank or len(updates.shape) != rank or updates.dtype is not x.dtype:
        raise call.wrong("indices and updates must have as many axes as the data, and updates its type")
    if differ(i.shape, updates.shape):
        raise call.wrong("indices and updates must have one shape")
    places = index.looked_at(call.op, from_front(i, [x.shape[axis]]), [x.shape[axis]])
    index.check_known(call.op, x, places, [axis])
    columns = [places if k == axis else ramp(i.shape, k) for k in range(rank)]
    vectors = apply("concat", *[apply("reshape", c, shape=(*i.shape, 1)) for c in columns], axis=rank) if rank > 1 else (
        apply("reshape", places, shape=(*i.shape, 1)))  # fmt: skip
    return _scattered(call, x, vectors, shape.ensure_shape(updates, i.shape))


@operator("ScatterND", moves=True)
def scatter_nd(call: Call):
    """A tensor with slices written, added, ... at vectors of numbers along the last axis of the indices."""
    x, updates = call[0], call[2]
    i, sizes = _indexed(call, x, indices_of(call, 1))
    wanted = (*i.shape[:-1], *x.shape[len(sizes) :])
    if differ(wanted, updates.shape) or updates.dtype is not x.dtype:
        raise call.wrong(f"the updates must be of shape {promote.shape_text(wanted)} and of the type of the data")
    vectors = from_front(i, sizes)
    index.check_known(call.op, x, vectors, list(range(len(sizes))))
    vectors = index.looked_at(call.op, vectors, list(sizes))
    return _scattered(call, x, vectors, shape.ensure_shape(updates, wanted))


def _scattered(call: Call, x: Node, vectors: Node, updates: Node) -> Node:
    kind = _KINDS[call.choice("reduction", *_KINDS)]
    if x.dtype is dt.b1 and kind != "set":  # or is the largest, and the smallest
        bytes_ = {"add": "max", "mul": "min"}.get(kind, kind)
        x, updates = (apply("cast", v, dtype=dt.u8) for v in (x, updates))
        return apply("cast", apply("scatter", x, vectors, updates, kind=bytes_, batch=0), dtype=dt.b1)
    return apply("scatter", x, vectors, updates, kind=kind, batch=0)


@operator("TensorScatter", moves=True)
def tensor_scatter(call: Call):
    """A cache of which each row of the batch is written over from its own place on, round the end if ``circular``."""
    cache, update = call[0], call[1]
    rank = len(cache.shape)
    axis = axis_in(call, call.int("axis", -2), rank)
    mode = call.choice("mode", "linear", "circular")
    if axis == 0 or len(update.shape) != rank:
        raise call.wrong("the axis must not be that of the batch, and the update must have as many axes as the cache")
    order = [0, axis, *(k for k in range(1, rank) if k != axis)]
    x, u = moved(cache, order), moved(update, order)
    batch, count, most = x.shape[0], u.shape[1], x.shape[1]
    places = ramp((batch, count), 1)
    if call.has(2):
        first = shape.ensure_shape(as_int64(call[2]), (batch,))
        places = apply("add", places, apply("broadcast", first, shape=(batch, count), axes=(0,)))
    if mode == "circular":
        places = apply("mod", places, promote.broadcast_to(dim_node(most), places.shape))
    else:
        places = guard(places, "index", (most,), "TensorScatter")
    u = shape.ensure_shape(u, (batch, count, *x.shape[2:]))
    found = apply("scatter", x, apply("reshape", places, shape=(batch, count, 1)), u, kind="set", batch=1)
    return moved(found, inverse(order))


# ------------------------------------------------------------------------------------------------ by value


@operator("OneHot")
def one_hot(call: Call):
    """A new axis that is one value at the index (which may count from the end) and another one elsewhere."""
    i, (depth,), values = call[0], sizes_of(call, 1), call[2]
    if values.shape not in ((2,),):
        values = shape.ensure_shape(values, (2,))
    off, on = (shape.reshape(v, ()) for v in shape.unstack(values))
    axis = axis_in(call, call.int("axis", -1), len(i.shape) + 1)
    i = math.cast(i, dt.i64)
    full = (*i.shape[:axis], depth, *i.shape[axis:])
    spread = apply("broadcast", from_front(i, [depth]), shape=full, axes=tuple(k for k in range(len(full)) if k != axis))
    hit = apply("eq", spread, ramp(full, axis))
    return apply("select", hit, promote.broadcast_to(on, full), promote.broadcast_to(off, full))


@operator("NonZero")
def non_zero(call: Call):
    """The places of elements that are not zero, one column each."""
    x = call[0]
    if not x.shape:
        x = apply("reshape", x, shape=(1,))
    mask = x if x.dtype is dt.b1 else apply("ne", x, shape.zeros_like(x))
    return shape.transpose(nonzero(mask))


@operator("Compress", moves=True)
def compress(call: Call):
    """The slices of an axis (of all elements in a line, without one) for which a vector of bools is true."""
    x, mask, axis = call[0], call[1], call.int("axis", None)
    if mask.dtype is not dt.b1 or len(mask.shape) != 1:
        raise call.wrong("the condition must be a vector of bools")
    if axis is None:
        x, axis = shape.reshape(x, (-1,)), 0
    axis = axis_in(call, axis, len(x.shape))
    found = nonzero(mask)
    return index.picked("Compress", x, apply("reshape", found, shape=found.shape[:1]), axis, is_checked=True)


@operator("Unique")
def different(call: Call):
    """The different elements (slices along an axis), where each is first, which each one is, and how often each occurs."""
    x, axis = call[0], call.int("axis", None)
    if axis is None:
        x, axis = shape.reshape(x, (-1,)), 0
    axis = axis_in(call, axis, len(x.shape))
    y, places, counts = unique(x, axis, bool(call.int("sorted", 1)))
    count = places.shape[0]
    far = const(np.iinfo(np.int64).max, counts.type)
    first = apply("scatter", far, apply("reshape", places, shape=(count, 1)), ramp((count,), 0), kind="min", batch=0)
    return [y, first, places, counts]


@operator("ReverseSequence", moves=True)
def reverse_sequence(call: Call):
    """For each place of the batch, so many first elements along the other axis back to front."""
    return shape.reverse_sequence(call[0], call[1], call.int("time_axis", 0), call.int("batch_axis", 1))


# --------------------------------------------------------------------------------------------------- ramps


@operator("Range")
def range_(call: Call):
    """Numbers from a first one up to and without a limit."""
    first, limit, step = (shape.reshape(call[k], ()) for k in range(3))
    if not first.dtype is limit.dtype is step.dtype:
        raise call.wrong("start, limit and delta must be of one type")
    if const_value(step) == 0:
        raise call.wrong("delta is 0")
    count = _count(first, limit, step)
    kind = first.dtype if first.dtype in (dt.f32, dt.f64) or first.dtype.is_integer else dt.f32
    numbers = apply("iota", shape=(count,), axis=0, dtype=kind)
    numbers = math.multiply(numbers, apply("cast", step, dtype=kind)) if const_value(step) != 1 else numbers
    numbers = math.add(numbers, apply("cast", first, dtype=kind)) if const_value(first) != 0 else numbers
    return numbers if kind is first.dtype else apply("cast", numbers, dtype=first.dtype)


def _count(first: Node, limit: Node, step: Node):
    """How many numbers there are, as a size."""
    if first.dtype.is_integer:
        try:
            a, b, s = (known_dim(v) for v in (first, limit, step))
        except DataDependent:
            pass
        else:
            if type(s) is int:
                gap = b - a if s > 0 else a - b
                return larger(simplified((gap + (abs(s) - 1)) // abs(s)), 0)
        a, b, s = (as_int64(v) for v in (first, limit, step))
        negative = apply("neg", apply("floordiv", apply("sub", a, b), s))
        return measured(apply("max", negative, dim_node(0)))
    a, b, s = (apply("cast", v, dtype=dt.f64) for v in (first, limit, step))
    return measured(apply("max", apply("cast", apply("ceil", apply("div", apply("sub", b, a), s)), dtype=dt.i64), dim_node(0)))


@operator("EyeLike")
def eye_like(call: Call):
    """A matrix of zeros with ones on a diagonal."""
    given = call.value(0)
    if len(given.shape) != 2:
        raise call.wrong("the input must have two axes")
    rows, columns = ramp(given.shape, 0), ramp(given.shape, 1)
    hit = apply("eq", apply("add", rows, const(call.int("k", 0), rows.type)), columns)
    wanted = call.element("dtype", None)
    if wanted is None:
        return math.cast(hit, call[0].dtype)
    if wanted.is_small_float:
        raise call.refuse(f"a matrix of {wanted}")
    return typed(math.cast(hit, wanted.carrier), wanted)


@operator("Trilu", moves=True)
def trilu(call: Call):
    """The upper or lower triangle of the last two axes, zeros elsewhere."""
    x = call[0]
    if len(x.shape) < 2:
        raise call.wrong("the input must have two axes at least")
    first = as_int64(shape.reshape(call[1], ())) if call.has(1) else dim_node(0)
    rank = len(x.shape)
    distance = apply("sub", ramp(x.shape, rank - 1), ramp(x.shape, rank - 2))
    first = promote.broadcast_to(first, x.shape)
    kept = apply("le", first, distance) if call.int("upper", 1) else apply("le", distance, first)
    return apply("select", kept, x, shape.zeros_like(x))
