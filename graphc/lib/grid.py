"""Numbers in order: ranges, evenly spaced numbers, diagonals and grids, under TensorFlow's names."""

from __future__ import annotations

import math as python_math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, const_value, origins, simplified
from graphc.lib import promote
from graphc.lib.dims import dim, dim_node, integer, shape_of
from graphc.lib.promote import adopt, as_node
from graphc.lib.shape import reshape, zeros
from graphc.prims.table import apply


def range_(start, limit=None, delta=1, dtype=None) -> Node:
    """Numbers from ``start`` (default 0) up to and without ``limit``, in steps of ``delta``."""
    if limit is None:
        start, limit = 0, start
    values = [start, limit, delta]
    known = [const_value(v) if isinstance(v, Node) else v for v in values]
    if all(v is not None for v in known):
        _check_steps(known)
        kinds = [promote.literal_array(v).dtype if not isinstance(v, Node) else v.dtype.numpy for v in values]
        kind = dt.as_dtype(dtype if dtype is not None else np.result_type(*kinds))
        if kind is dt.f64 and not any(k == np.float64 for k in kinds):
            kind = dt.f32
        count = max(0, python_math.ceil((known[1] - known[0]) / known[2]))
        return const((known[0] + np.arange(count) * known[2]).astype(kind.numpy))
    first, last, step = [dim(v, "range") for v in values]
    kind = dt.as_dtype(dtype) if dtype is not None else next(v.dtype for v in values if isinstance(v, Node))
    if type(step) is int and step == 1:
        count = simplified(last - first)
    else:
        count = simplified((last - first + step - 1) // step)
    ramp = apply("iota", shape=(count,), axis=0, dtype=kind)
    scaled = promote.elementwise("mul", ramp, dim_node(step, kind)) if step != 1 else ramp
    return promote.elementwise("add", scaled, dim_node(first, kind)) if first != 0 else scaled


def _check_steps(known) -> None:
    """Refuse what is no number, and steps of 0."""
    for name, v in zip(("start", "limit", "delta"), known):
        if np.asarray(v).size != 1 or np.asarray(v).dtype.kind not in "iuf":
            raise UsageError(explain(f"range: {name} must be a number, got {v!r}"))
    if known[2] == 0:
        raise UsageError(explain("range: delta must not be 0"))


def linspace(start, stop, num) -> Node:
    """``num`` evenly spaced floats from ``start`` to ``stop``, both included.

    Raises:
        DtypeError: integers. UsageError: ``num`` is not positive.
    """
    start, stop = adopt("linspace", start, stop)
    n = integer("linspace", "num", num)
    if not start.dtype.is_float:
        raise DtypeError(explain(f"linspace: needs floats, not {start.type}", origins(start=start, stop=stop)))
    if n < 1:
        raise UsageError(explain(f"linspace: num must be positive, got {n}"))
    ramp = const(np.linspace(0.0, 1.0, n).astype(start.dtype.numpy))
    return promote.elementwise("add", promote.elementwise("mul", ramp, promote.elementwise("sub", stop, start)), start)


def diag(diagonal) -> Node:
    """A square matrix with a vector on its diagonal and zeros elsewhere."""
    x = as_node(diagonal)
    if len(x.shape) != 1:
        raise ShapeError(explain(f"diag: needs a vector, not {x.type}", origins(diagonal=x)))
    wide = (*x.shape, *x.shape)
    i, j = (apply("iota", shape=wide, axis=k, dtype=dt.i32) for k in (0, 1))
    spread = apply("broadcast", x, shape=wide, axes=(1,))
    return apply("select", apply("eq", i, j), spread, zeros(wide, x.dtype))


def diag_part(input) -> Node:  # noqa: A002
    """The diagonals of matrices over the last two axes."""
    x = as_node(input)
    if len(x.shape) < 2:
        raise ShapeError(explain(f"diag_part: needs a matrix, not {x.type}", origins(input=x)))
    rows, columns = len(x.shape) - 2, len(x.shape) - 1
    i, j = (apply("iota", shape=x.shape, axis=k, dtype=dt.i32) for k in (rows, columns))
    kept = apply("select", apply("eq", i, j), x, zeros(x.shape, x.dtype))
    a, b = x.shape[-2:]
    axis = rows if type(a) is int and type(b) is int and a > b else columns
    return apply("reduce", kept, kind="sum", axes=(axis,))


def meshgrid(*xs, indexing="xy") -> list[Node]:
    """Coordinates of a grid as one tensor for each vector.

    Raises:
        UsageError: ``indexing`` is neither ``xy`` nor ``ij``.
    """
    if indexing not in ("xy", "ij"):
        raise UsageError(explain(f"meshgrid: indexing {indexing!r} is not 'xy' or 'ij'"))
    flat = [reshape(x, (-1,)) for x in map(as_node, xs)]
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
