"""Products of small integers: matrix products and convolutions in i32 of what 8 bits hold become dot4 and conv4.

With unsigned bytes x and signed bytes w, sum (x - a)(w - b) = sum x w - a sum w - b sum x + k a b, all modulo 2^32, so the
zero points a and b cost a correction for each column, and, where b is not 0, one for each row. Signed bytes on the left are
moved by 128, unsigned ones on the right by -128. Padding is made of a.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.passes.nested import everywhere, same_or
from graphc.prims import apply, bitcast, broadcast, cast, conv4, mul, or_, pad, reduce, reshape, shl, slice, sub, transpose, view, xor
from graphc.prims.byte_products import packed
from graphc.prims.interpret import evaluate
from graphc.rewrite.rule import is_splat

LEAST = 4  # products of one sum: with fewer, most of a word would be zeros
_MOVES = ("reshape", "transpose", "ensure")
_CHEAP = frozenset(("const", "cast", "sub", "add", "broadcast", *_MOVES))


@dataclass(frozen=True)
class Bytes:
    """An operand: 8-bit integers less a zero point, a scalar i32 Node or a number; ``array``: its values where known."""

    node: Node | None
    zero: Node | int = 0
    array: np.ndarray | None = None


@everywhere
def byte_products(graph: Graph) -> Graph:
    """Put dot4 and conv4 in the place of dot and conv of integers, wherever both operands come from bytes."""
    memo: dict[Node, np.ndarray] = {}

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node.op not in ("dot", "conv") or node.dtype is not dt.i32 or not _is_known(inputs):
            return None
        x, w = _bytes(inputs[0], memo), _bytes(inputs[1], memo)
        if x is None or w is None or x.node is None:
            return None
        return (_dot if node.op == "dot" else _conv)(node, x, w)

    return same_or(graph, rebuild(graph.roots, visit))


def _is_known(inputs: tuple) -> bool:
    """Whether the axes of which the second operand has only these are known."""
    return all(type(d) is int and d > 0 for d in inputs[1].shape)


# ---------------------------------------------------------------------------------------------- operands


def _bytes(node: Node, memo: dict) -> Bytes | None:
    """An operand as bytes and what is subtracted from them; None where it is anything else."""
    known = _constant(node, memo)
    if known is not None:
        return _known_bytes(known)
    moves = []
    while node.op in _MOVES:
        moves.append(node)
        node = node.inputs[0]
    zero: Node | int = 0
    if node.op == "sub":
        found = _one_number(node.inputs[1])
        if found is None:
            return None
        node, zero = node.inputs[0], found
    if node.op != "cast" or node.inputs[0].dtype not in (dt.u8, dt.i8):
        return None
    source = node.inputs[0]
    for move in reversed(moves):
        source = apply(move.op, source, **dict(move.attrs))
    return Bytes(source, zero)


def _constant(node: Node, memo: dict) -> np.ndarray | None:
    """The value of what depends on constants alone."""
    if node not in memo:
        order = toposort((node,))
        fits = all(n.op in _CHEAP and n.type.is_static for n in order)
        memo[node] = np.asarray(evaluate((node,), {})[0]) if fits else None
    return memo[node]


def _known_bytes(array: np.ndarray) -> Bytes | None:
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if high - low > 255:
        return None
    zero = 0 if -128 <= low and high <= 127 else low + 128
    return Bytes(None, -zero, array - np.int32(zero))


def _one_number(z: Node) -> Node | int | None:
    """A zero point that is the same for all elements: an int where it is known, else a rank-0 Node."""
    if is_splat(z):
        return int(z.attr("value").array.reshape(-1)[0])
    while z.op in ("broadcast", "reshape", "cast") and z.inputs[0].type.rank < z.type.rank:
        z = z.inputs[0]
    return z if z.type.rank == 0 else None


def _moved(x: Bytes, dtype) -> tuple[Node, Node | int]:
    """The bytes as ``dtype`` and their zero point: the other kind of bytes is 128 away."""
    if x.node.dtype is dtype:
        return x.node, x.zero
    other = const(-128 if x.node.dtype is dt.i8 else 128, x.node.type)
    shift = const(128 if dtype is dt.u8 else -128, Type(dt.i32, ()))
    zero = x.zero + (128 if dtype is dt.u8 else -128) if type(x.zero) is int else apply("add", x.zero, shift)
    return bitcast(xor(x.node, other), dtype), zero


# ---------------------------------------------------------------------------------------------- words


def _in_words(x: Node, axis: int, neighbours: bool) -> Node:
    """Bytes as words along an axis, zeros added. ``neighbours``: the axis is the last, so that only the type changes."""
    axis %= x.type.rank
    if neighbours and x.op == "transpose" and x.attr("perm")[-1] != axis:  # words are moved rather than bytes
        perm = x.attr("perm")
        return transpose(_in_words(x.inputs[0], perm[-1], False), perm)
    short = -x.shape[axis] % 4
    if not neighbours and x.shape[axis] < 4:
        short = 0
    if short:
        none = (0,) * x.type.rank
        high = tuple(short if a == axis else 0 for a in range(x.type.rank))
        x = pad(x, const(0, Type(x.dtype, ())), none, high)
    each = min(4, x.shape[axis])
    parts = reshape(x, (*x.shape[:axis], x.shape[axis] // each, each, *x.shape[axis + 1 :]))
    if neighbours:
        return view(parts, dt.i32)
    words = None
    for k in range(each):
        start = tuple(k if a == axis + 1 else 0 for a in range(parts.type.rank))
        stop = tuple(k + 1 if a == axis + 1 else d for a, d in enumerate(parts.shape))
        byte = reshape(slice(parts, start, stop), (*parts.shape[: axis + 1], *parts.shape[axis + 2 :]))
        wide = cast(bitcast(byte, dt.u8), dt.i32)
        wide = shl(wide, const(8 * k, wide.type)) if k else wide
        words = wide if words is None else or_(words, wide)
    return words


def _right_words(w: Bytes, axis: int, last: bool) -> tuple[Node, Node | int, Node]:
    """The right operand's words, its zero point, and the bytes themselves (as a Node of integers), to be summed."""
    if w.array is not None:
        return const(packed(w.array, axis)), w.zero, const(w.array.astype(np.int32))
    node, zero = _moved(w, dt.i8)
    return _in_words(node, axis, last), zero, cast(node, dt.i32)


# ---------------------------------------------------------------------------------------------- products


def _dot(node: Node, x: Bytes, w: Bytes) -> Node | None:
    turned_x, turned_w = node.attr("transpose_x"), node.attr("transpose_y")
    depth_axis, column_axis = (-1, -2) if turned_w else (-2, -1)
    depth = node.inputs[1].shape[depth_axis]
    if depth < LEAST:
        return None
    bytes_x, zero_x = _moved(x, dt.u8)
    words = _in_words(bytes_x, -2 if turned_x else -1, not turned_x)
    right, zero_w, numbers = _right_words(w, depth_axis, turned_w)
    total = apply("dot4", words, right, transpose_x=turned_x, transpose_y=turned_w)
    rank = node.type.rank
    columns = reduce(numbers, "sum", (rank + depth_axis,))
    total = _less(total, columns, zero_x, (*range(rank - 2), rank - 1))
    if zero_w == 0:
        return total
    ones = np.ones((*node.shape[:-2], depth, 1), np.int32)
    if not all(type(d) is int for d in node.shape[:-2]):
        return None
    rows = apply("dot4", words, const(packed(ones, -2)), transpose_x=turned_x, transpose_y=False)
    return _row_corrected(total, rows, depth, zero_x, zero_w)


def _conv(node: Node, x: Bytes, w: Bytes) -> Node | None:
    attrs, groups = dict(node.attrs), node.attr("groups")
    channels, outputs = node.inputs[1].shape[-2:]
    taps = int(np.prod(node.inputs[1].shape[:-2], dtype=np.int64))
    if any(d != 1 for d in attrs["x_dilation"]) or (groups > 1 and channels % 4) or channels < LEAST - 1:
        return None
    bytes_x, zero_x = _moved(x, dt.u8)
    right, zero_w, numbers = _right_words(w, -2, False)
    if not (zero_w == 0 or groups == 1) or (type(zero_x) is int and not 0 <= zero_x <= 255):
        return None
    if type(zero_x) is not int and any(type(a) is not int or a for a in (*attrs["low"], *attrs["high"])):
        if not all(type(a) is int and a >= 0 for a in (*attrs["low"], *attrs["high"])):
            return None
        bytes_x = pad(bytes_x, cast(zero_x, dt.u8), (0, *attrs["low"], 0), (0, *attrs["high"], 0))
        attrs["low"] = attrs["high"] = (0,) * len(attrs["low"])
    fill = zero_x if type(zero_x) is int else 0
    words = _in_words(bytes_x, -1, True)
    total = conv4(words, right, attrs, fill)
    rank = node.type.rank
    total = _less(total, reduce(numbers, "sum", tuple(range(rank - 1))), zero_x, (rank - 1,))
    if zero_w == 0:
        return total
    ones = np.ones((*node.inputs[1].shape[:-1], 1), np.int32)
    rows = conv4(words, const(packed(ones, -2)), attrs, fill)
    return _row_corrected(total, rows, taps * channels, zero_x, zero_w)


def _less(total: Node, sums: Node, zero: Node | int, axes: tuple) -> Node:
    """``total`` less ``zero`` times the sums of columns."""
    if type(zero) is int and zero == 0:
        return total
    return sub(total, broadcast(mul(sums, _everywhere(zero, sums.type)), total.shape, axes))


def _row_corrected(total: Node, rows: Node, depth: int, zero_x: Node | int, zero_w: Node | int) -> Node:
    """``total`` less ``zero_w`` times what the rows, less ``zero_x``, add up to."""
    moved = sub(rows, mul(_everywhere(zero_x, rows.type), const(depth, rows.type)))
    scaled = mul(moved, _everywhere(zero_w, rows.type))
    flat = reshape(scaled, rows.shape[:-1])
    return sub(total, broadcast(flat, total.shape, tuple(range(total.type.rank - 1))))


def _everywhere(zero: Node | int, type: Type) -> Node:
    return const(zero, type) if isinstance(zero, int) else broadcast(cast(zero, dt.i32), type.shape, ())
