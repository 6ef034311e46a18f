"""Numbers on a grid of 8 bits: what a dequantised value is made of, and products of such values as integer products.

A dequantised value is an 8-bit integer, less a zero point, times a scale. The product of two of them, summed in floats, is
the exact sum of the integers times both scales, but for last bits; so ``integer_products`` is allowed by name only.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, rebuild
from graphc.ir.node import Node, const
from graphc.passes.fold import apply_folded
from graphc.passes.nested import everywhere, same_or
from graphc.prims import apply, broadcast, cast, mul
from graphc.rewrite.rule import is_splat

_MOVES = ("reshape", "transpose", "ensure")


@dataclass(frozen=True)
class Grid:
    """An f32 value as ``integer * scale``; the scale is of rank 0, or of rank 1 along ``axis``."""

    integer: Node
    scale: Node
    axis: int | None = None


@everywhere
def integer_products(graph: Graph) -> Graph:
    """Multiply the integers of dequantised operands of dot and conv, and their scales afterwards."""

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node.op not in ("dot", "conv") or node.dtype is not dt.f32:
            return None
        x, w = map(grid_of, inputs)
        if x is None or w is None or x.axis is not None:
            return None
        column = inputs[1].type.rank - (2 if node.op == "dot" and node.attr("transpose_y") else 1)
        if w.axis not in (None, column):
            return None
        total = apply(node.op, cast(x.integer, dt.i32), cast(w.integer, dt.i32), **dict(node.attrs))
        one = x.scale if w.axis is None else broadcast(x.scale, w.scale.shape, ())
        scale = apply_folded("mul", one, w.scale)
        return mul(cast(total, dt.f32), broadcast(scale, node.shape, () if w.axis is None else (node.type.rank - 1,)))

    return same_or(graph, rebuild(graph.roots, visit))


def grid_of(node: Node) -> Grid | None:
    """What a dequantised value is made of, looking through movement; None for any other value."""
    moves = []
    while node.op in _MOVES:
        moves.append(node)
        node = node.inputs[0]
    if node.op != "mul" or node.dtype is not dt.f32:
        return None
    for x, scale in (node.inputs, node.inputs[::-1]):
        if x.op == "cast" and is_narrow(x.inputs[0]):
            found = _scale(scale)
            if found is not None:
                return _moved(Grid(x.inputs[0], *found), moves)
    return None


def is_narrow(node: Node) -> bool:
    """Whether a value is an 8-bit integer, or one less another."""
    if node.op == "sub" and node.dtype is dt.i32:
        return all(map(_is_byte, node.inputs))
    return _is_byte(node)


def _is_byte(node: Node) -> bool:
    while node.op in ("cast", "broadcast") and node.dtype is dt.i32:
        node = node.inputs[0]
    if is_splat(node) and node.dtype is dt.i32:
        return -128 <= int(node.attr("value").array.reshape(-1)[0]) <= 255
    return node.dtype in (dt.u8, dt.i8)


def _scale(scale: Node) -> tuple[Node, int | None] | None:
    """A scale for all elements (rank 0) or along one axis (rank 1) of them."""
    if is_splat(scale):
        return _scalar(scale), None
    if scale.op != "broadcast":
        return None
    source, axes = scale.inputs[0], scale.attr("axes")
    if source.type.rank == 0:
        return source, None
    if source.type.rank != 1:
        return None
    return (_scalar(source), None) if is_splat(source) else (source, axes[0])


def _scalar(splat: Node) -> Node:
    return const(splat.attr("value"), splat.type.with_shape(()))


def _moved(grid: Grid, moves: list[Node]) -> Grid | None:
    """The same after movement, the last of which is the first in the list."""
    integer, axis = grid.integer, grid.axis
    for move in reversed(moves):
        if axis is not None:
            if move.op == "reshape":
                return None
            axis = move.attr("perm").index(axis) if move.op == "transpose" else axis
        integer = apply(move.op, integer, **dict(move.attrs))
    return Grid(integer, grid.scale, axis)
