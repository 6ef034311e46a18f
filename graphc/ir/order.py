"""The order of computation: operands before users, and who uses what."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir.node import Node


def toposort(outputs: Iterable[Node], known: Iterable[Node] = ()) -> list[Node]:
    """Everything the outputs need, operands before users; no recursion, so depth does not matter.

    The search stops at ``known`` Nodes, which are left out.
    """
    order, done, stack = [], set(known), [(n, False) for n in reversed(tuple(outputs))]
    while stack:
        node, expanded = stack.pop()
        if node in done:
            continue
        if expanded:
            done.add(node)
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((x, False) for x in reversed(node.inputs) if x not in done)
    return order


def users(outputs: Iterable[Node]) -> dict[Node, list[Node]]:
    """For every Node the outputs need, the Nodes that use it (once per use)."""
    found: dict[Node, list[Node]] = {}
    for node in toposort(outputs):
        found.setdefault(node, [])
        for x in node.inputs:
            found[x].append(node)
    return found
