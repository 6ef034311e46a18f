"""Gradients of lookups: only the rows that were looked up, with their places."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const_value
from graphc.lib import shape
from graphc.prims.dims import size_of
from graphc.prims.table import apply


def slices_of(gradient: Node) -> tuple[Node, Node] | None:
    """The rows and their places, where a gradient is a sum of rows added to zeros; otherwise None.

    Places may be equal; their rows then add up.
    """
    terms, stack = [], [gradient]
    while stack:
        node = stack.pop()
        if node.op == "add":
            stack.extend(reversed(node.inputs))
        elif _is_lookup(node):
            terms.append(node.inputs[1:])
        else:
            return None
    row = gradient.shape[1:]
    values = [apply("reshape", v, shape=(size_of(i.shape), *row)) for i, v in terms]
    places = [apply("reshape", i, shape=(size_of(i.shape),)) for i, _ in terms]
    if len({p.dtype for p in places}) > 1:
        places = [p if p.dtype is dt.i64 else apply("cast", p, dtype=dt.i64) for p in places]
    return shape.concat(values, 0), shape.concat(places, 0)


def all_slices(gradient: Node) -> tuple[Node, Node]:
    """All rows of a gradient, each with its place."""
    return gradient, apply("iota", shape=gradient.shape[:1], axis=0, dtype=dt.i64)


def split(found: Sequence[Node | None], places: Sequence[DType | None]) -> list[Node | None]:
    """Gradients as the outputs of an operation: one each, but rows and their places where these have a dtype."""
    outputs: list[Node | None] = []
    for gradient, dtype in zip(found, places or [None] * len(found)):
        if dtype is None:
            outputs.append(gradient)
        elif gradient is None:
            outputs += [None, None]
        else:
            rows, at = slices_of(gradient) or all_slices(gradient)
            outputs += [rows, at if at.dtype is dtype else apply("cast", at, dtype=dtype)]
    return outputs


def _is_lookup(node: Node) -> bool:
    if node.op != "scatter" or node.attr("kind") != "add" or node.attr("batch") or node.inputs[1].shape[-1] != 1:
        return False
    start = node.inputs[0]
    return start.op == "const" and const_value(start) == 0 and len(start.shape) > 0


