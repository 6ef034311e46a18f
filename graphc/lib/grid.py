"""Numbers in order: ranges, evenly spaced numbers, grids and identity matrices, under TensorFlow's names."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const, const_value, origins, simplified
from graphc.lib import promote
from graphc.lib.dims import DataDependent, axis_of, dim, dim_node, known_dim, measured, shape_of
from graphc.lib.promote import as_node
from graphc.lib.shape import reshape
from graphc.prims.table import apply

FEW = 1024  # ranges up to this size are constants

def range_(start, limit=None, delta=1, dtype=None) -> Node:
    """Numbers from ``start`` (default 0) up to and without ``limit``, in steps of ``delta``.

    How many there are may depend on data; it is then found on the host.

    Raises:
        UsageError: no numbers, or steps of 0.
    """
    if limit is None:
        start, limit = 0, start
    values = [start, limit, delta]
    known = [const_value(v) if isinstance(v, Node) else v for v in values]
    if all(v is not None for v in known):
        _check_steps(known)
        kind = _range_dtype(values) if dtype is None else dt.as_dtype(dtype)
        if kind.is_float:  # calculate in that precision
            known = [np.asarray(v).astype(kind.numpy)[()] for v in known]
        count = max(0, python_math.ceil((known[1] - known[0]) / known[2]))
        if count <= FEW:  # a constant, which may also name axes and sizes
            places = np.arange(count).astype(kind.numpy) if kind.is_float else np.arange(count)
            return const((known[0] + places * known[2]).astype(kind.numpy))
        return _ramp(count, as_node(known[0], kind), as_node(known[2], kind))
    kind = _range_dtype(values) if dtype is None else dt.as_dtype(dtype)
    try:
        first, last, step = [_size(v) for v in values]
    except DataDependent:
        return _measured_range(kind, *[as_node(v, kind) if not isinstance(v, Node) else apply("cast", v, dtype=kind) for v in values])
    if type(step) is int and step < 0:
        count = simplified((first - last - step - 1) // -step)
    else:
        count = simplified((last - first + step - 1) // step)
    count = simplified(binary("max", count, 0)) if isinstance(count, Node) else max(count, 0)
    return _ramp(count, dim_node(first, kind), dim_node(step, kind))


def _size(value):
    if not (value.dtype.is_integer if isinstance(value, Node) else isinstance(value, (int, np.integer))):
        what = "range: how many numbers there are depends on data, which is known only while running"
        raise DataDependent(explain(what), value)
    return known_dim(value, "range")


def _measured_range(kind, first: Node, last: Node, step: Node) -> Node:
    """A range whose size is found while running."""
    wide = dt.f64 if kind.is_float else dt.i64
    a, b, s = [apply("cast", v, dtype=wide) for v in (first, last, step)]
    if kind.is_float:
        count = apply("cast", apply("ceil", (b - a) / s), dtype=dt.i64)
    else:  # the quotient rounded up, for steps of either sign
        count = apply("mul", apply("floordiv", apply("sub", a, b), s), dim_node(-1))
    count = apply("max", count, dim_node(0))
    return _ramp(measured(count, "range"), first, step)


def _range_dtype(values):
    """The widest dtype of the three numbers, literals as TensorFlow reads them."""
    kinds = [v.dtype.numpy if isinstance(v, Node) else promote.literal_array(v).dtype for v in values]
    kind = dt.as_dtype(np.result_type(*kinds))
    return dt.f32 if kind is dt.f64 and not any(k == np.float64 for k in kinds) else kind


def _ramp(count, first: Node, step: Node) -> Node:
    """``count`` numbers from ``first`` on."""
    ramp = apply("iota", shape=(count,), axis=0, dtype=first.dtype)
    if const_value(step) != 1:
        ramp = promote.elementwise("mul", ramp, step)
    return ramp if const_value(first) == 0 else promote.elementwise("add", ramp, first)


def _check_steps(known) -> None:
    """Refuse what is no number, and steps of 0."""
    for name, v in zip(("start", "limit", "delta"), known):
        if np.asarray(v).size != 1 or np.asarray(v).dtype.kind not in "iuf":
            raise UsageError(explain(f"range: {name} must be a number, got {v!r}"))
    if known[2] == 0:
        raise UsageError(explain("range: delta must not be 0"))


def linspace(start, stop, num, axis=0) -> Node:
    """``num`` evenly spaced numbers from ``start`` to ``stop``, both included, along a new ``axis``.

    Raises:
        DtypeError: no numbers. UsageError: ``num`` is negative.
    """
    start, stop = promote.together("linspace", start, stop)
    if start.dtype.is_integer:  # as TensorFlow: exact for all int32
        kind = dt.f32 if start.dtype.bits < 32 else dt.f64
        start, stop = (apply("cast", v, dtype=kind) for v in (start, stop))
    n = dim(num, "linspace")
    if not start.dtype.is_float:
        raise DtypeError(explain(f"linspace: needs numbers, not {start.type}", origins(start=start, stop=stop)))
    if type(n) is int and n < 0:
        raise UsageError(explain(f"linspace: num must not be negative, got {n}"))
    k = axis_of("linspace", axis, start, extra=1)
    full = (*start.shape[:k], n, *start.shape[k:])
    axes = tuple(a for a in range(len(full)) if a != k)
    place = apply("iota", shape=full, axis=k, dtype=dt.i32)
    last = dim_node(simplified(n - 1), dt.i32)
    steps = apply("max", last, const(1, last.type))
    delta = apply("div", apply("sub", stop, start), promote.broadcast_to(cast_to(steps, start.dtype), start.shape))
    low, high, delta = (apply("broadcast", v, shape=full, axes=axes) for v in (start, stop, delta))
    inner = apply("add", low, apply("mul", cast_to(place, start.dtype), delta))
    first = apply("eq", place, const(0, place.type))
    ends = apply("select", first, low, high)  # as they are, also where the step is not finite
    return apply("select", apply("or", first, apply("eq", place, promote.broadcast_to(last, full))), ends, inner)


def cast_to(x: Node, kind) -> Node:
    """``x`` as another dtype."""
    return x if x.dtype is kind else apply("cast", x, dtype=kind)


def meshgrid(*args, indexing="xy") -> list[Node]:
    """Coordinates of a grid as one tensor for each vector.

    Raises:
        UsageError: ``indexing`` is neither ``xy`` nor ``ij``.
    """
    if indexing not in ("xy", "ij"):
        raise UsageError(explain(f"meshgrid: indexing {indexing!r} is not 'xy' or 'ij'"))
    flat = [reshape(x, (-1,)) for x in map(as_node, args)]
    order = list(range(len(flat)))
    if indexing == "xy" and len(flat) > 1:
        order[:2] = [1, 0]
    full = tuple(flat[k].shape[0] for k in order)
    return [apply("broadcast", x, shape=full, axes=(order.index(k),)) for k, x in enumerate(flat)]


def eye(num_rows, num_columns=None, batch_shape=None, dtype=dt.f32) -> Node:
    """The identity matrix, repeated for ``batch_shape``."""
    rows = dim(num_rows, "eye")
    columns = rows if num_columns is None else dim(num_columns, "eye")
    if any(type(d) is int and d < 0 for d in (rows, columns)):
        raise ShapeError(explain(f"eye: a size must not be negative, got {promote.shape_text((rows, columns))}"))
    i = apply("iota", shape=(rows, columns), axis=0, dtype=dt.i32)
    j = apply("iota", shape=(rows, columns), axis=1, dtype=dt.i32)
    out = apply("cast", apply("eq", i, j), dtype=dt.as_dtype(dtype))
    return out if batch_shape is None else promote.broadcast_to(out, (*shape_of(batch_shape), rows, columns))
