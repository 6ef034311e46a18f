"""Axes and shapes as arguments: ints, lists, constants, and vectors computed from symbolic dimensions."""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterable
from contextlib import contextmanager

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, const_value, is_index, origins, simplified
from graphc.ir.type import Type
from graphc.lib.promote import as_node, shape_text
from graphc.prims import data
from graphc.prims.table import apply

_ARITHMETIC = ("add", "sub", "mul", "floordiv", "mod", "min", "max")


class DataDependent(ShapeError):
    """A shape or axis depends on values that are known only while running.

    Attributes:
        node: the Node whose value decides.
    """

    def __init__(self, message: str, node: Node):
        super().__init__(message)
        self.node = node


def axis_of(op: str, axis, x: Node, extra: int = 0) -> int:
    """One axis as a non-negative int; ``extra`` allows that many axes more than ``x`` has.

    Raises:
        ShapeError: the axis is out of range; the message names ``x``'s type.
    """
    k = integer(op, "axis", axis)
    rank = len(x.shape) + extra
    if not -rank <= k < rank:
        what = f"{op}: axis {k} is out of range for {x.type} (rank {len(x.shape)})"
        raise ShapeError(explain(what, origins(x=x)))
    return k % rank


def axes_of(op: str, axis, x: Node) -> tuple[int, ...]:
    """Axes as sorted non-negative ints; None means all of them.

    Raises:
        ShapeError: one is out of range or named twice.
    """
    if axis is None:
        return tuple(range(len(x.shape)))
    if isinstance(axis, Node):
        axis = constant(op, "axis", axis).tolist()
    if not isinstance(axis, Iterable):
        axis = (axis,)
    axes = [axis_of(op, a, x) for a in (axis.tolist() if isinstance(axis, np.ndarray) else axis)]
    if len(set(axes)) != len(axes):
        raise ShapeError(explain(f"{op}: axis {tuple(axis)} names an axis of {x.type} twice", origins(x=x)))
    return tuple(sorted(axes))


def constant(op: str, name: str, node: Node) -> np.ndarray:
    """The value of a constant Node.

    Raises:
        DataDependent: it is not constant.
    """
    if node.op != "const":
        if not node.dtype.is_integer or len(node.shape) > 1:
            kind = ShapeError if node.dtype.is_integer else DtypeError
            what = f"{op}: {name} must be an integer or a list of integers, not {node.type}; is the order of arguments right?"
            raise kind(explain(what, origins(x=node)))
        dims = as_dims(node, op) if node.dtype.is_integer and len(node.shape) <= 1 else [node]
        if any(isinstance(d, Node) for d in dims):
            raise DataDependent(explain(f"{op}: {name} must be known before running, not {node.type}", origins(x=node)),
                                node)  # fmt: skip
        return np.array(dims[0] if not node.shape else dims)
    return np.broadcast_to(node.attrs[0][1].array, node.shape)


def integer(op: str, name: str, value) -> int:
    """An argument that must be one int.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, Node):
        value = constant(op, name, value)
    if hasattr(type(value), "__index__") and not isinstance(value, (bool, np.generic, np.ndarray)):
        return operator.index(value)  # TensorFlow 1's Dimension
    array = np.asarray(None if isinstance(value, (list, tuple)) and len(value) != 1 else value)
    if array.size != 1 or array.dtype.kind not in "iu":
        raise UsageError(explain(f"{op}: {name} must be an int, got {value!r}"))
    return int(array.reshape(()))


class _Measuring(threading.local):
    is_on = False


_MEASURING = _Measuring()


@contextmanager
def measuring():
    """Sizes that depend on data become symbols inside, which get their values while running; elsewhere they are refused."""
    before = _MEASURING.is_on
    _MEASURING.is_on = True
    try:
        yield
    finally:
        _MEASURING.is_on = before


def is_measuring() -> bool:
    """True inside ``measuring``."""
    return _MEASURING.is_on


def dim(value, op: str = "shape"):
    """One size: an int, or a rank-0 i64 Node.

    Raises:
        DataDependent: it depends on data, outside of ``measuring``.
    """
    return measured(value, op) if _MEASURING.is_on else known_dim(value, op)


def known_dim(value, op: str = "shape"):
    """One size that is known when a run starts: an int, or a rank-0 i64 Node.

    Raises:
        DataDependent: it depends on data.
    """
    if isinstance(value, Node):
        if value.shape not in ((), (1,)):
            raise ShapeError(explain(f"{op}: a size must be a scalar, not {value.type}", origins(x=value)))
        return as_dims(value, op)[0]
    return integer(op, "a size", value)


def measured(value, op: str = "shape"):
    """One size, which may depend on data: an int, or a rank-0 i64 Node that gets its value while running, on the host.

    A negative one is refused then.
    """
    try:
        return known_dim(value, op)
    except DataDependent:
        return data.measured(_number(value))


def _number(value: Node) -> Node:
    """An integer tensor of one element as a rank-0 i64 Node."""
    value = value if value.dtype is dt.i64 else apply("cast", value, dtype=dt.i64)
    return apply("reshape", value, shape=()) if value.shape else value


def placed(value, limit):
    """A bound of a slice from data, which may count from the end: as a size between 0 and ``limit``."""
    x, n = _number(value), dim_node(limit)
    zero = dim_node(0)
    from_front = apply("select", apply("lt", x, zero), apply("add", x, n), x)
    return data.measured(apply("min", apply("max", from_front, zero), n))


def shape_of(value, op: str = "shape", open_sizes: bool = False) -> tuple:
    """A shape argument (int, list of ints and Nodes, vector Node) as a tuple of dimensions.

    Args:
        open_sizes: whether negative numbers may stand for sizes that follow from others. Inside ``measuring`` numbers
            from data are then left as they are; ``sized`` makes sizes of them.

    Raises:
        DataDependent: a size depends on data, outside of ``measuring``.
        UsageError: a size is not an int. ShapeError: it is negative.
    """
    try:
        found = _sizes(value, op)
    except DataDependent:
        if not _MEASURING.is_on:
            raise
        found = tuple([d if open_sizes else sized(d) for d in _numbers(value, op)])
    if not open_sizes and any(type(d) is int and d < 0 for d in found):
        raise ShapeError(explain(f"{op}: a size must not be negative, got {shape_text(found)}"))
    return found


def _sizes(value, op: str) -> tuple:
    if isinstance(value, Node):
        return tuple(as_dims(value, op))
    if isinstance(value, (int, np.integer)):
        return (int(value),)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(known_dim(v, op) for v in listed(op, "the shape", value))


def _numbers(value, op: str) -> list:
    """The elements of a shape argument: ints, sizes, and rank-0 i64 Nodes from data.

    Raises:
        DataDependent: how many there are depends on data.
    """
    if not isinstance(value, Node):
        return [known_dim(v, op) if is_known(v) else _number(v) for v in listed(op, "the shape", value)]
    if value.shape and type(value.shape[0]) is not int:
        raise DataDependent(explain(f"{op}: how many sizes {value.type} holds must be known before running",
                                    origins(shape=value)), value)  # fmt: skip
    flat = value if value.shape else apply("reshape", value, shape=(1,))
    parts = [_element(flat, k) for k in range(flat.shape[0])]
    return [known_dim(p, op) if is_known(p) else _number(p) for p in parts]


def _element(vector: Node, k: int) -> Node:
    """An element of a vector as a vector of one element, of what the vector was joined from."""
    while vector.op == "concat" and all(type(x.shape[0]) is int for x in vector.inputs):
        for x in vector.inputs:
            if k < x.shape[0]:
                vector = x
                break
            k -= x.shape[0]
    if vector.shape == (1,):
        return vector
    return apply("slice", vector, start=(k,), stop=(k + 1,), step=(1,))


def is_known(value) -> bool:
    """Whether a number is known when a run starts: an int, or a Node computed from sizes alone."""
    try:
        known_dim(value)
    except DataDependent:
        return False
    return True


def sized(d):
    """A number from data as a size that is known while running; anything else as it is."""
    return d if is_known(d) else data.measured(d)


def listed(op: str, name: str, value) -> list:
    """An argument that must be a list.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, (str, bytes, Node)) or not isinstance(value, Iterable):
        raise UsageError(explain(f"{op}: {name} must be a list, got {value!r}"))
    return list(value)


def as_dims(node: Node, op: str = "shape") -> list:
    """The elements of an integer scalar or vector as dimensions, read off the way it was computed.

    Raises:
        DataDependent: an element comes from data rather than from sizes.
    """
    if not node.dtype.is_integer or len(node.shape) > 1:
        raise ShapeError(explain(f"{op}: a shape must be an integer vector, not {node.type}", origins(x=node)))
    known: dict[Node, list] = {}
    stack = [node]
    while stack:
        n = stack[-1]
        if n in known:
            stack.pop()
            continue
        waiting = [x for x in n.inputs if x not in known] if _is_transparent(n) else []
        if waiting:
            stack.extend(waiting)
            continue
        found = _elements(n, known)
        if found is None:
            what = f"{op}: the shape depends on data, which is known only while running"
            raise DataDependent(explain(what, origins(shape=n)), n)
        known[n] = found
        stack.pop()
    return [simplified(d) for d in known[node]]


def _is_transparent(n: Node) -> bool:
    small = isinstance(n.type, Type) and len(n.shape) <= 1 and all(type(d) is int for d in n.shape)
    return small and n.op in _TRANSPARENT and all(x.dtype.is_integer for x in n.inputs)


_TRANSPARENT = (*_ARITHMETIC, "cast", "reshape", "broadcast", "concat", "slice", "stop", "ensure", "guard", "reduce",
                "reverse", "gather")  # fmt: skip


def _elements(n: Node, known: dict) -> list | None:
    if n.op == "const" and isinstance(n.type, Type) and all(type(d) is int for d in n.shape):
        return [int(v) for v in np.broadcast_to(n.attrs[0][1].array, n.shape).reshape(-1)]
    if n.op == "symbol":
        return [n]
    if not _is_transparent(n):
        return [n] if is_index(n) and n.op in _ARITHMETIC else None
    parts = [known[x] for x in n.inputs]
    match n.op:
        case "cast" | "reshape" | "stop" | "ensure" | "guard":
            return parts[0]
        case "broadcast":
            return parts[0] * (n.shape[0] if len(parts[0]) == 1 else 1)
        case "concat":
            return [d for part in parts for d in part]
        case "slice":
            return parts[0][n.attr("start")[0] : n.attr("stop")[0] : n.attr("step")[0]]
        case "reverse":
            return parts[0][::-1]
        case "gather":
            return _picked(parts)
        case "reduce":
            return _reduced(n.attr("kind"), parts[0])
    return [simplified(_calculate(n.op, a, b)) for a, b in zip(*parts)]


def _picked(parts) -> list | None:
    values, indices = parts
    if any(isinstance(k, Node) for k in indices):
        return None
    return [values[k] if 0 <= k < len(values) else 0 for k in indices]


def _reduced(kind: str, values: list) -> list | None:
    combine = {"sum": "add", "prod": "mul", "max": "max", "min": "min"}.get(kind)
    if combine is None or not values:
        return None
    total = values[0]
    for v in values[1:]:
        total = simplified(_calculate(combine, total, v))
    return [total]


def _calculate(op: str, a, b):
    if isinstance(a, Node) or isinstance(b, Node):
        return binary(op, a, b)
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "floordiv":
            return a // b if b else 0
        case "mod":
            return a % b if b else 0
        case "min":
            return min(a, b)
    return max(a, b)


def size(shape) -> object:
    """The product of dimensions: an int, or a rank-0 i64 Node."""
    total = 1
    for d in shape:
        total = total * d
    return simplified(total)


def larger(a, b):
    """The larger of two sizes."""
    return _extreme("max", max, a, b)


def smaller(a, b):
    """The smaller of two sizes."""
    return _extreme("min", min, a, b)


def _extreme(prim: str, of_ints, a, b):
    if isinstance(a, Node) or isinstance(b, Node):
        return simplified(binary(prim, a, b) if isinstance(a, Node) else binary(prim, b, a))
    return of_ints(a, b)


def with_unknown(op: str, wanted: tuple, x: Node) -> tuple:
    """``wanted`` with its one -1 replaced by what ``x``'s number of elements leaves.

    Raises:
        ShapeError: several -1, or the elements do not divide.
    """
    if not all(map(is_known, wanted)):
        return _completed(wanted, x)
    unknown = [k for k, d in enumerate(wanted) if type(d) is int and d == -1]
    if not unknown:
        return wanted
    if len(unknown) > 1:
        raise ShapeError(explain(f"{op}: only one size may be -1, got {shape_text(wanted)}", origins(x=x)))
    rest = size(d for k, d in enumerate(wanted) if k != unknown[0])
    total = size(x.shape)
    if type(total) is int and type(rest) is int and (rest == 0 or total % rest):
        what = f"{op}: {x.type} has {total} elements, which do not fill shape {shape_text(wanted)}"
        raise ShapeError(explain(what, origins(x=x)))
    missing = simplified(total // rest)
    return tuple(missing if k == unknown[0] else d for k, d in enumerate(wanted))


def _completed(wanted: tuple, x: Node) -> tuple:
    """Sizes some of which are data; the one that is -1 becomes what the others leave of the elements."""
    minus, one = dim_node(-1), dim_node(1)
    numbers = [dim_node(d) for d in wanted]
    rest = one
    for n in numbers:
        rest = apply("mul", rest, apply("select", apply("eq", n, minus), one, n))
    missing = apply("floordiv", dim_node(size(x.shape)), apply("max", rest, one))
    return tuple([
        sized(d) if is_known(d) and not (type(d) is int and d == -1)
        else data.measured(apply("select", apply("eq", n, minus), missing, n))
        for d, n in zip(wanted, numbers)
    ])  # fmt: skip


def dim_node(d, dtype=dt.i64) -> Node:
    """One dimension as a scalar tensor value."""
    value = const_value(d)
    if value is not None:
        return as_node(int(value), dtype)
    return d if dtype is dt.i64 else apply("cast", d, dtype=dtype)
