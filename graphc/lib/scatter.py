"""Writing at places given by index vectors, under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib.dims import shape_of
from graphc.lib import math
from graphc.lib.index import as_indices, indexed, looked_at, scatter
from graphc.lib.promote import as_node, broadcast_to, shape_text
from graphc.lib.shape import ensure_shape, zeros
from graphc.prims.table import apply

POLICIES = ("", "DEFAULT", "IGNORE")


def scatter_nd(indices, updates, shape, bad_indices_policy="") -> Node:
    """Zeros of ``shape`` to which slices are added at index vectors (the last axis of ``indices``).

    Raises:
        DtypeError: the indices are not integers.
        ShapeError: the updates do not have the shape of the indices and slices, or a constant index is out of range.
        InvalidArgumentError: when running: an index is out of range, unless ``bad_indices_policy`` is ``IGNORE``.
    """
    u = as_node(updates)
    if u.dtype is dt.b1:  # the sum of bools is whether any is true
        found = _scattered("scatter_nd", "max", zeros(shape_of(shape, "scatter_nd"), dt.u8), indices,
                           apply("cast", u, dtype=dt.u8), bad_indices_policy)  # fmt: skip
        return apply("cast", found, dtype=dt.b1)
    start = zeros(shape_of(shape, "scatter_nd"), u.dtype)
    return _scattered("scatter_nd", "add", start, indices, u, bad_indices_policy)


def _scattered(op: str, kind: str, x: Node, indices, updates, policy: str) -> Node:
    if policy not in POLICIES:
        raise UsageError(explain(f"{op}: bad_indices_policy {policy!r} is none of {', '.join(map(repr, POLICIES))}"))
    u = as_node(updates, x.dtype)
    x, i = indexed(op, x, as_indices(op, indices)) if policy != "IGNORE" else (x, as_indices(op, indices))
    depth = i.shape[-1] if i.shape else None
    if type(depth) is not int or depth > len(x.shape):
        raise ShapeError(explain(f"{op}: indices {i.type} do not fit {x.type}", origins(tensor=x, indices=i)))
    wanted = (*i.shape[:-1], *x.shape[depth:])
    wrong = any(type(a) is int and type(b) is int and a != b for a, b in zip(u.shape, wanted))
    if len(u.shape) != len(wanted) or wrong:
        what = f"{op}: updates {u.type} must have the shape {shape_text(wanted)} of indices and slices of {x.type}"
        raise ShapeError(explain(what, origins(indices=i, updates=u)))
    i = looked_at(op, i, list(x.shape[:depth])) if policy != "IGNORE" else i
    return apply("scatter", x, i, ensure_shape(u, wanted), kind=kind, batch=0)


def _changed(name: str, kind: str, what: str):
    def op(tensor, indices, updates, bad_indices_policy="") -> Node:
        return _scattered(name, kind, as_node(tensor), indices, updates, bad_indices_policy)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"""``tensor`` with slices {what} at index vectors (the last axis of ``indices``).

    Raises:
        DtypeError: the indices are not integers, or the updates of another dtype.
        ShapeError: the updates do not have the shape of the indices and slices, or a constant index is out of range.
    """
    return op


tensor_scatter_nd_update = _changed("tensor_scatter_nd_update", "set", "replaced (the last one stays)")
tensor_scatter_nd_add = _changed("tensor_scatter_nd_add", "add", "added")
tensor_scatter_nd_max = _changed("tensor_scatter_nd_max", "max", "taken where they are greater")
tensor_scatter_nd_min = _changed("tensor_scatter_nd_min", "min", "taken where they are less")
tensor_scatter_nd_mul = _changed("tensor_scatter_nd_mul", "mul", "multiplied")


def tensor_scatter_nd_sub(tensor, indices, updates, bad_indices_policy="") -> Node:
    """``tensor`` with slices subtracted at index vectors (the last axis of ``indices``)."""
    x = as_node(tensor)
    less = apply("neg", as_node(updates, x.dtype))
    return _scattered("tensor_scatter_nd_sub", "add", x, indices, less, bad_indices_policy)


def changed_rows(kind: str, current: Node, indices: Node, updates: Node) -> Node:
    """A variable's value with rows changed; a single update may serve all indices.

    Raises:
        InvalidArgumentError: when running: an index is out of range.
    """
    indices = looked_at(f"scatter_{kind}", as_indices(f"scatter_{kind}", indices), list(current.shape[:1]))
    if not updates.shape and (current.shape[1:] or indices.shape):
        updates = broadcast_to(updates, (*indices.shape, *current.shape[1:]))
    if kind == "sub":
        kind, updates = "add", apply("neg", updates)
    if kind == "div":
        ones = math.add(math.multiply(current, 0), 1)
        divided = math.floordiv if current.dtype.is_integer else math.divide
        return divided(current, scatter(ones, indices, updates, "mul"))
    return scatter(current, indices, updates, "set" if kind == "update" else kind)
