"""Sums over several axes go along these axes as if they were one, whatever else their region computes."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.lower.collapse import collapse


def operands_to_keep(outputs: tuple[Node, ...], sources: tuple[Node, ...], graph) -> set[Node]:
    """Operands of a region's sums that must lie in memory, as movement inside the region keeps their axes apart.

    The lanes of a sum run over the reduced axes taken as one; where a region's loops cannot, its bits would depend on what
    is fused with it.

    Args:
        outputs, sources: Nodes of the whole graph. graph: the region, in which the sources are inputs.
    """
    sums = [n for n in toposort(graph.outputs) if _is_ordered(n)]
    if not sums:
        return set()
    merged, _ = collapse(graph, sums[0].inputs[0].shape)
    if all(len(n.attr("axes")) == 1 for n in toposort(merged.outputs) if _is_ordered(n)):
        return set()
    found, stack, seen = set(), list(outputs), set(outputs)
    while stack:
        node = stack.pop()
        if _is_ordered(node) and node.inputs[0] not in sources:
            found.add(node.inputs[0])
        if node not in sources:
            stack += [x for x in node.inputs if x not in seen]
            seen.update(node.inputs)
    return found


def _is_ordered(node: Node) -> bool:
    """True for a reduction over several trailing axes whose bits depend on the order of its elements."""
    if node.op != "reduce" or not node.dtype.is_inexact or node.attr("kind") in ("max", "min"):
        return False
    shape, axes = node.inputs[0].shape, sorted(node.attr("axes"))
    return axes == list(range(len(shape) - len(axes), len(shape))) and sum(shape[a] != 1 for a in axes) > 1
