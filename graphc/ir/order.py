"""The order of computation: operands before users, and who uses what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping

from graphc.ir.node import Node


def toposort(outputs: Iterable[Node], known: Iterable[Node] = ()) -> list[Node]:
    """Everything the outputs need, operands before users; no recursion, so depth does not matter.

    The search stops at ``known`` Nodes, which are left out.
    """
    order, done, stack = [], set(known), list(outputs)
    stack.reverse()
    while stack:
        node = stack[-1]
        if node not in done:
            waiting = [x for x in node.inputs if x not in done]
            if waiting:
                waiting.reverse()
                stack += waiting
                continue
            done.add(node)
            order.append(node)
        stack.pop()
    return order


def users(outputs: Iterable[Node]) -> dict[Node, list[Node]]:
    """For every Node the outputs need, the Nodes that use it (once per use)."""
    found: dict[Node, list[Node]] = {}
    for node in toposort(outputs):
        found.setdefault(node, [])
        for x in node.inputs:
            found[x].append(node)
    return found


def remembered(memo: MutableMapping, node: Node, make: Callable[[Node], object]):
    """What ``make`` answers for a Node; it finds the answers for the Node's inputs in ``memo``, where all are kept."""
    stack = [node] if node not in memo else []
    while stack:
        waiting = [x for x in stack[-1].inputs if x not in memo]
        if not waiting:
            memo[stack[-1]] = make(stack[-1])
            stack.pop()
        stack.extend(waiting)
    return memo[node]
