"""Movement of elements: exact rules that merge, cancel and move reshape, transpose, broadcast, slice, pad and so on."""

from __future__ import annotations

from collections import Counter

from graphc.ir.graph import Graph
from graphc.ir.node import Node, const, make
from graphc.passes.nested import everywhere, same_or
from graphc.passes.reductions import REDUCTIONS
from graphc.prims import TABLE, apply, broadcast, concat, dot, pad, reshape, reverse, slice, transpose
from graphc.prims.dims import lowest, size_of
from graphc.prims.shape import WIDE, axis_groups
from graphc.rewrite.driver import rewrite
from graphc.rewrite.rule import Rules, is_splat, on

_SUNK = ("reshape", "broadcast", "transpose", "reverse")
_BEHIND = 32  # element-wise operations that may lie between a product and a reshape
_LATE = ("reshape", "broadcast")  # once it is settled where transpositions stand
_MOVES = ("reshape", "broadcast", "transpose", "slice", "reverse", "ensure", "window")


def _at_most(a, b) -> bool:
    """Can ``a <= b`` be proved of two dimensions?"""
    low = lowest(b - a)
    return low is not None and low >= 0


@on(*_MOVES)
def move_of_splat(node: Node) -> Node | None:
    """Wherever its elements go, a constant of equal elements stays one."""
    x = node.inputs[0]
    return const(x.attr("value"), node.type) if is_splat(x) else None


@on("stop")
def stop_is_identity(node: Node) -> Node:
    """``stop`` means something to gradients only."""
    return node.inputs[0]


@on("transfer")
def transfer_is_identity(node: Node) -> Node:
    """In a program of one device there is no other to bring a value to."""
    return node.inputs[0]


@on("ensure")
def ensure_nothing(node: Node) -> Node | None:
    """Dimensions that are the same Node by now need no promise."""
    return node.inputs[0] if node.type == node.inputs[0].type else None


@on("reshape")
def reshape_of(node: Node) -> Node | None:
    """Same shape; reshape of reshape; reshape of a broadcast that is a broadcast itself."""
    x = node.inputs[0]
    if x.type == node.type:
        return x
    if x.op == "reshape":
        return reshape(x.inputs[0], node.shape)
    if x.op == "broadcast":
        return _reshape_of_broadcast(x, node)
    return None


def _reshape_of_broadcast(x: Node, node: Node) -> Node | None:
    source, axes = x.inputs[0], x.attr("axes")
    if any(d == 0 for d in node.shape):
        return None
    kept = []
    for left, right in axis_groups(x.shape, node.shape):
        inside = [a in axes for a in left]
        if any(inside) and not all(inside):
            return None
        if inside and inside[0]:
            kept += right
    shape = tuple([node.shape[a] for a in kept])
    return broadcast(reshape(source, shape), node.shape, kept) if size_of(shape) == source.type.size else None


@on("transpose")
def transpose_of(node: Node) -> Node | None:
    """Identity; transpose of transpose; only axes of size 1 moved; of a broadcast; of a dot's last two axes."""
    x, perm = node.inputs[0], node.attr("perm")
    if perm == tuple(range(len(perm))):
        return x
    if x.op == "transpose":
        inner = x.attr("perm")
        return transpose(x.inputs[0], [inner[p] for p in perm])
    large = [p for p in perm if x.shape[p] != 1]
    if large == sorted(large):
        return reshape(x, node.shape)
    if x.op == "broadcast":
        axes = x.attr("axes")
        placed = [k for k, p in enumerate(perm) if p in axes]
        return broadcast(transpose(x.inputs[0], [axes.index(perm[k]) for k in placed]), node.shape, placed)
    if x.op == "dot" and perm == _last_two_swapped(len(perm)):
        a, b = x.inputs
        return dot(b, a, not x.attr("transpose_y"), not x.attr("transpose_x"))
    return None


def _last_two_swapped(rank: int) -> tuple:
    return (*range(rank - 2), rank - 1, rank - 2)


@on("dot")
def dot_of_transposed(node: Node) -> Node | None:
    """A transposition of an operand's last two axes is a flag of dot."""
    flags, operands = [node.attr("transpose_x"), node.attr("transpose_y")], list(node.inputs)
    for k, x in enumerate(operands):
        if x.op == "transpose" and x.attr("perm") == _last_two_swapped(x.type.rank):
            operands[k], flags[k] = x.inputs[0], not flags[k]
    return dot(*operands, *flags) if operands != list(node.inputs) else None


@on("conv")
def conv_of_one_place(node: Node) -> Node | None:
    """Where window and input have one place only, a product of [batch, channels] and [channels, filters]."""
    x, w = node.inputs
    around = (*x.shape[1:-1], *w.shape[:-2])
    if any(d != 1 for d in around) or any(d != 0 for d in (*node.attr("low"), *node.attr("high"))):
        return None
    if node.attr("groups") != 1 or not around:
        return None
    return reshape(dot(reshape(x, (x.shape[0], x.shape[-1])), reshape(w, w.shape[-2:])), node.shape)


@on("broadcast")
def broadcast_of(node: Node) -> Node | None:
    """Identity; broadcast of broadcast; of a reshape that only inserts or drops axes of size 1."""
    x, axes = node.inputs[0], node.attr("axes")
    if x.type == node.type:
        return x
    if x.op == "broadcast":
        return broadcast(x.inputs[0], node.shape, [axes[a] for a in x.attr("axes")])
    if x.op == "reshape":
        source = x.inputs[0]
        large = [k for k, d in enumerate(x.shape) if d != 1]
        if source.shape == tuple([x.shape[k] for k in large]):
            return broadcast(source, node.shape, [axes[k] for k in large])
    return None


@on("slice")
def slice_of(node: Node) -> Node | None:
    """Everything; slice of slice, of a broadcast, of one piece of a concat, of the inside of a pad."""
    x, start, stop, step = node.inputs[0], node.attr("start"), node.attr("stop"), node.attr("step")
    if x.type == node.type and all(s == 1 for s in step) and not any(a != 0 for a in start):
        return x
    if x.op == "slice":
        first, strides = x.attr("start"), x.attr("step")
        begin = [f + a * s for f, a, s in zip(first, start, strides)]
        # The end is counted from the last element, which must not reach beyond the source.
        end = [b + ((n - 1) * (s * t) + 1 if n != 0 else 0) if s * t != 1 else b + n
               for b, n, s, t in zip(begin, node.shape, strides, step)]  # fmt: skip
        if all(_at_most(b, e) and _at_most(e, d) for b, e, d in zip(begin, end, x.inputs[0].shape)):
            return slice(x.inputs[0], begin, end, [s * t for s, t in zip(strides, step)])
        return None
    if x.op == "broadcast":
        axes = x.attr("axes")
        inner = slice(x.inputs[0], *[[part[a] for a in axes] for part in (start, stop, step)])
        return broadcast(inner, node.shape, axes)
    if x.op == "concat":
        return _slice_of_concat(x, node)
    return _slice_of_pad(x, node) if x.op == "pad" else None


def _slice_of_concat(x: Node, node: Node) -> Node | None:
    axis, start, stop = x.attr("axis"), list(node.attr("start")), list(node.attr("stop"))
    low = 0
    for part in x.inputs:
        high = low + part.shape[axis]
        if _at_most(low, start[axis]) and _at_most(stop[axis], high):
            start[axis], stop[axis] = start[axis] - low, stop[axis] - low
            return slice(part, start, stop, node.attr("step"))
        low = high
    return None


def _slice_of_pad(x: Node, node: Node) -> Node | None:
    low, inner = x.attr("low"), x.inputs[0]
    start = [a - k for a, k in zip(node.attr("start"), low)]
    stop = [b - k for b, k in zip(node.attr("stop"), low)]
    if all(_at_most(0, a) and _at_most(b, d) for a, b, d in zip(start, stop, inner.shape)):
        return slice(inner, start, stop, node.attr("step"))
    return None


@on("pad")
def pad_of(node: Node) -> Node | None:
    """Nothing to pad; pad of pad, or of a splat, with the same value."""
    x, value = node.inputs
    low, high = node.attr("low"), node.attr("high")
    if not any(a != 0 for a in low + high):
        return x
    if x.op == "pad" and x.inputs[1] is value:
        return pad(x.inputs[0], value, *[[a + b for a, b in zip(node.attr(k), x.attr(k))] for k in ("low", "high")])
    if is_splat(x) and is_splat(value) and x.attr("value") == value.attr("value"):
        return const(x.attr("value"), node.type)
    return None


@on("reverse")
def reverse_of(node: Node) -> Node | None:
    """Reverse of reverse; axes of size 1 and of a broadcast need no reversing."""
    x, axes = node.inputs[0], node.attr("axes")
    if x.op == "reverse":
        return reverse(x.inputs[0], sorted(set(axes) ^ set(x.attr("axes"))))
    real = [a for a in sorted(axes) if x.shape[a] != 1 and (x.op != "broadcast" or a in x.attr("axes"))]
    return reverse(x, real) if tuple(real) != axes else None


@on("concat")
def concat_of(node: Node) -> Node | None:
    """One part; parts without elements; concat in concat; equal splats; neighbouring slices of one value."""
    axis, parts = node.attr("axis"), list(node.inputs)
    if len(parts) == 1:
        return parts[0]
    full = [x for x in parts if x.shape[axis] != 0]
    if len(full) < len(parts):
        return concat(*(full or parts[:1]), axis=axis)
    flat = [y for x in parts for y in (x.inputs if _is_narrow_concat(x, axis) else (x,))]
    if len(flat) > len(parts):
        return concat(*flat, axis=axis)
    if all(is_splat(x) and x.attr("value") == parts[0].attr("value") for x in parts):
        return const(parts[0].attr("value"), node.type)
    merged = parts[:1]
    for x in parts[1:]:
        joined = _joined(merged[-1], x, axis)
        merged[-1:] = [joined] if joined is not None else [merged[-1], x]
    return concat(*merged, axis=axis) if len(merged) < len(parts) else None


def _is_narrow_concat(x: Node, axis: int) -> bool:
    """Whether a part is worth replacing by its own parts: a chain that appends to a value would name all of them each time."""
    return x.op == "concat" and x.attr("axis") == axis and len(x.inputs) < WIDE


def _joined(x: Node, y: Node, axis: int) -> Node | None:
    """Two slices of one value that lie side by side, as one slice."""
    if x.op != "slice" or y.op != "slice" or x.inputs != y.inputs:
        return None
    if any(s != 1 for s in x.attr("step") + y.attr("step")):
        return None
    if x.attr("stop")[axis] != y.attr("start")[axis]:
        return None
    others = [k for k in range(x.type.rank) if k != axis]
    if any(x.attr(name)[k] != y.attr(name)[k] for name in ("start", "stop") for k in others):
        return None
    return slice(x.inputs[0], x.attr("start"), y.attr("stop"))


@on(*[name for name, row in TABLE.items() if row.scalar is not None])
def sink_movement(node: Node) -> Node | None:
    """An element-wise operation on operands that were moved alike (and splats) is moved afterwards.

    For a broadcast that saves work; for the others it brings operations together that can then be one kernel. So that a
    product is one with what follows, constants and arguments beside its reshaped result are reshaped back, but nothing
    that may be a reduction of it: softmax stays one kernel.
    """
    return _sunk(node, _SUNK)


@on(*[name for name, row in TABLE.items() if row.scalar is not None])
def sink_shape(node: Node) -> Node | None:
    """The same, but transpositions stay where they are."""
    return _sunk(node, _LATE)


def _sunk(node: Node, kinds: tuple) -> Node | None:
    moved = [x for x in node.inputs if x.op in kinds]
    if not moved:
        return None
    for move in dict.fromkeys(moved):
        inputs = [_unmoved(x, move) for x in node.inputs]
        if None not in inputs:
            return apply(move.op, apply(node.op, *inputs, **dict(node.attrs)), **dict(move.attrs))
    return None


def _unmoved(x: Node, move: Node) -> Node | None:
    """What becomes ``x`` by a move; None if that is not at hand."""
    source = move.inputs[0].shape
    if x.op == move.op and x.attrs == move.attrs and x.inputs[0].shape == source:
        return x.inputs[0]
    if is_splat(x):
        return const(x.attr("value"), x.type.with_shape(source))
    if move.op != "reshape" or not _ends_kernel(move.inputs[0]):
        return None
    if x.op == "const":
        return reshape(x, source)
    if x.op == "broadcast" and (x.inputs[0].op in ("const", "input") or not x.inputs[0].type.rank):
        return _reshape_of_broadcast(x, make("reshape", (x,), (("shape", source),), x.type.with_shape(source)))
    return None


def _ends_kernel(x: Node) -> bool:
    """Whether a value is that of a product or reduction, maybe after some element-wise operations beside constants."""
    for _ in range(_BEHIND):
        if x.op in ("dot", "conv", "reduce"):
            return True
        if x.op not in TABLE or TABLE[x.op].scalar is None:
            return False
        x = next((y for y in x.inputs if y.op not in ("const", "broadcast")), x.inputs[0])
    return False


_STILL = (
    move_of_splat, stop_is_identity, transfer_is_identity, ensure_nothing, reshape_of, transpose_of, dot_of_transposed, conv_of_one_place,
    broadcast_of, slice_of, pad_of, reverse_of, concat_of, REDUCTIONS,
)  # fmt: skip
SHAPES = Rules(*_STILL, sink_movement, rows=TABLE, build=apply)
_SETTLED = Rules(*_STILL, sink_shape, rows=TABLE, build=apply)


@everywhere
def move_less(graph: Graph, stats: Counter | None = None, settled: bool = False) -> Graph:
    """Apply the movement rules until none matches.

    Args:
        stats: counts the hits of each rule by name.
        settled: transpositions stay before or behind the element-wise operations where they are.
    """
    return same_or(graph, rewrite(graph.roots, _SETTLED if settled else SHAPES, stats))
