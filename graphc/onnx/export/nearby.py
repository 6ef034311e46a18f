"""The Nodes below an operation, where patterns look for their parts."""

from __future__ import annotations

from graphc.ir.node import Node


def near(node: Node, limit: int) -> list[Node]:
    """About so many Nodes below an operation, and itself, the nearest first."""
    found, level = {node: None}, [node]
    while level and len(found) < limit:
        level = list(dict.fromkeys(x for n in level for x in n.inputs if x not in found))
        found.update(dict.fromkeys(level))
    return list(found)
