"""Reading and writing at places given by data: gather and scatter."""

from __future__ import annotations

import math

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, compare, const
from graphc.ir.type import Type
from graphc.prims.dims import integer, ones, size_of, zeros
from graphc.prims.leaf import iota
from graphc.prims.reduce import WIDE, narrow
from graphc.prims.shape import broadcast, reshape
from graphc.prims.table import Prim, apply, declare

KINDS = {"add": "iufc", "set": "biufecs", "max": "iuf", "min": "iuf", "mul": "iufc"}


def _result(op: str, x: Type, indices: Type, batch: int) -> tuple:
    """The shape of what is read: batch, places, and the axes of ``x`` that are not indexed."""
    if indices.dtype not in (dt.i32, dt.i64):
        raise DtypeError(f"{op}: indices are {indices} instead of i32 or i64")
    if not 0 <= batch <= min(x.rank, indices.rank - 1):
        raise ShapeError(f"{op}: {batch} batch axes for {x} and indices {indices}")
    depth = indices.shape[-1]
    if type(depth) is not int or depth > x.rank - batch:
        raise ShapeError(f"{op}: {depth} indices for {x} with {batch} batch axes")
    if x.shape[:batch] != indices.shape[:batch]:
        raise ShapeError(f"{op}: batch sizes of {x} and indices {indices} differ")
    return indices.shape[:-1] + x.shape[batch + depth :]


def _flat(x, indices, batch: int):
    """``x`` as [batch, places, rest], and the place of every index, -1 where it is out of range."""
    depth = indices.shape[-1]
    sizes = x.shape[batch : batch + depth]
    groups, places = math.prod(x.shape[:batch]), math.prod(sizes)
    lines = x.reshape(groups, places, math.prod(x.shape[batch + depth :]))
    indices = indices.reshape(groups, math.prod(indices.shape[batch:-1]), depth).astype(np.int64)
    valid = ((indices >= 0) & (indices < np.array(sizes, np.int64).reshape(1, 1, depth))).all(-1)
    place = np.zeros(indices.shape[:2], np.int64)
    for k, n in enumerate(sizes):
        place = place * n + indices[..., k]
    return lines, np.where(valid, place, -1)


def _gather_array(x, indices, batch):
    shape = indices.shape[:-1] + x.shape[batch + indices.shape[-1] :]
    lines, place = _flat(x, indices, batch)
    out = np.zeros((*place.shape, lines.shape[2]), x.dtype)
    group, slot = np.nonzero(place >= 0)
    out[group, slot] = lines[group, place[group, slot]]
    return out.reshape(shape)


def _gather_vjp(g, out, x, indices, batch):
    return scatter(zeros(x.type), indices, g, "add", batch), None


declare(Prim("gather", lambda x, indices, batch: x.with_shape(_result("gather", x, indices, batch)), _gather_array,
             _gather_vjp, nest="gather"))  # fmt: skip


def gather(x: Node, indices: Node, batch: int = 0) -> Node:
    """``x[b, indices[b, i], ...]``: indices [B..., I..., k] index k axes of ``x`` after the batch; 0 out of range."""
    return apply("gather", x, indices, batch=integer(batch, "gather: batch"))


# ---------------------------------------------------------------------------------------------- scatter


def _scatter_type(x: Type, indices: Type, updates: Type, kind: str, batch: int) -> Type:
    if kind not in KINDS:
        raise UsageError(f"scatter: kind {kind!r} is none of {', '.join(KINDS)}")
    if x.dtype.kind not in KINDS[kind]:
        raise DtypeError(f"scatter: {kind} is not defined for {x}")
    if updates.dtype is not x.dtype:
        raise DtypeError(f"scatter: {x} and updates {updates} differ in dtype")
    wanted = _result("scatter", x, indices, batch)
    if updates.shape != wanted:
        raise ShapeError(f"scatter: updates {updates} into {x} at {indices} must be {Type(x.dtype, wanted)}")
    return x


_COMBINE = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def _scatter_array(x, indices, updates, kind, batch):
    lines, place = _flat(x, indices, batch)
    lines = lines.astype(WIDE.get(x.dtype, x.dtype), copy=True)
    updates = updates.reshape(*place.shape, lines.shape[2]).astype(lines.dtype)
    group, slot = np.nonzero(place >= 0)
    target = (group, place[group, slot])
    if kind == "set":
        lines[target] = updates[group, slot]  # NumPy assigns in order: the last stays
    else:
        _COMBINE[kind].at(lines, target, updates[group, slot])
    return (lines if x.dtype == object else narrow(lines, x.dtype)).reshape(x.shape)


def _scatter_vjp(g, out, x, indices, updates, kind, batch):
    rules = {"add": _add_vjp, "set": _set_vjp, "mul": _mul_vjp, "max": _extreme_vjp, "min": _extreme_vjp}
    gx, gu = rules[kind](g, out, x, indices, updates, batch)
    return gx, None, gu


def _add_vjp(g, out, x, indices, updates, batch):
    return g, gather(g, indices, batch)


def _set_vjp(g, out, x, indices, updates, batch):
    """Of several updates of one place only the last, which stayed, has a gradient."""
    inner = indices.shape[batch:-1]
    number = reshape(iota((size_of(inner),), 0, dt.i64), inner)
    number = broadcast(number, indices.shape[:-1], tuple(range(batch, batch + len(inner))))
    places = x.shape[: batch + indices.shape[-1]]
    last = scatter(const(-1, Type(dt.i64, places)), indices, number, "set", batch)
    stayed = compare("eq", gather(last, indices, batch), number)
    stayed = broadcast(stayed, updates.shape, tuple(range(stayed.type.rank)))
    gu = apply("select", stayed, gather(g, indices, batch), zeros(updates.type))
    return scatter(g, indices, zeros(updates.type), "set", batch), gu


def _extreme_vjp(g, out, x, indices, updates, batch):
    """Equal shares for the old value and all updates that attain the extreme (as TensorFlow)."""
    old = apply("cast", compare("eq", x, out), dtype=x.dtype)
    new = apply("cast", compare("eq", updates, gather(out, indices, batch)), dtype=x.dtype)
    share = g / scatter(old, indices, new, "add", batch)
    gx = apply("select", compare("eq", x, out), share, zeros(x.type))
    return gx, new * gather(share, indices, batch)


def _mul_vjp(g, out, x, indices, updates, batch):
    """The product of all other factors of the place; factors that are 0 are counted instead of divided by.

    A single 0 among the others stays in the product as a value, so that gradients of this gradient see it.
    """

    def others_of(values):
        """For each update, the sum of the values of all others of its place."""
        return gather(scatter(zeros(x.type), indices, values, "add", batch), indices, batch) - values

    zero = compare("eq", updates, 0)
    factors = apply("select", zero, ones(updates.type), updates)
    product = gather(scatter(x, indices, factors, "mul", batch), indices, batch) / factors
    holes = others_of(apply("cast", zero, dtype=x.dtype))
    with_hole = product * others_of(apply("select", zero, updates, zeros(updates.type)))
    others = apply("select", compare("eq", holes, 1), with_hole, zeros(updates.type))
    others = apply("select", compare("eq", holes, 0), product, others)
    return scatter(g, indices, updates, "mul", batch), gather(g, indices, batch) * others


declare(Prim("scatter", _scatter_type, _scatter_array, _scatter_vjp, nest="scatter"))


def scatter(x: Node, indices: Node, updates: Node, kind: str = "add", batch: int = 0) -> Node:
    """A copy of ``x`` with updates [B..., I..., rest...] combined at ``indices``, in order; out of range is skipped."""
    return apply("scatter", x, indices, updates, kind=kind, batch=integer(batch, "scatter: batch"))
