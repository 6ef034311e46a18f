"""Cotangents of the parts of one value: set side by side where they do not overlap, instead of padded and added."""

from __future__ import annotations

from graphc.ir.node import Node, const, const_value
from graphc.prims.table import apply


def side_by_side(x: Node, y: Node) -> Node | None:
    """The sum of two values that are 0 where the other one is not, along one axis and of fixed sizes; None for others.

    The gates of a recurrent cell are read from one product; its cotangent is theirs joined, and costs no addition.
    """
    first, second = _pieces(x), _pieces(y)
    if first is None or second is None or first[0] != second[0]:
        return None
    axis, size = first[0], x.shape[first[0]]
    held = sorted((*first[1], *second[1]), key=lambda piece: piece[0])
    parts, end = [], 0
    for start, part in held:
        if start < end:
            return None
        parts += [*_gap(x, axis, start - end), part]
        end = start + part.shape[axis]
    return apply("concat", *parts, *_gap(x, axis, size - end), axis=axis)


def _pieces(x: Node) -> tuple[int, list] | None:
    """The axis along which a value holds pieces among zeros, and these with their places; or None."""
    if x.op == "concat" and type(x.shape[x.attr("axis")]) is int:
        axis, found, start = x.attr("axis"), [], 0
        for part in x.inputs:
            if not (part.op == "const" and const_value(part) == 0):
                found.append((start, part))
            start += part.shape[axis]
        return (axis, found) if len(found) < len(x.inputs) else None
    if x.op != "pad" or const_value(x.inputs[1]) != 0:
        return None
    around = list(zip(x.attr("low"), x.attr("high")))
    axes = [k for k, (low, high) in enumerate(around) if type(low) is not int or type(high) is not int or low or high]
    if len(axes) != 1 or any(type(n) is not int or n < 0 for n in (*around[axes[0]], x.shape[axes[0]])):
        return None
    return axes[0], [(around[axes[0]][0], x.inputs[0])]


def _gap(x: Node, axis: int, size: int) -> list[Node]:
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    return [const(0, x.type.with_shape(shape))] if size else []
