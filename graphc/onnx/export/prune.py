"""A written graph without what nothing uses, its outputs under the names that were asked for."""

from __future__ import annotations

from collections.abc import Iterator


def graphs_in(node) -> Iterator:
    """The graphs in the attributes of a node."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g


def rename(graph, names: dict[str, str]) -> None:
    """Call values otherwise, here and in the graphs inside."""
    stack = [graph]
    while stack:
        one = stack.pop()
        for node in one.node:
            for field in (node.input, node.output):
                for k, name in enumerate(field):
                    if name in names:
                        field[k] = names[name]
            stack.extend(graphs_in(node))


def prune(graph) -> set[str]:
    """Remove nodes whose results nothing uses.

    Returns:
        The names that are used, here and in the graphs inside.
    """
    used = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if not any(name in used for name in node.output):
            continue
        kept.append(node)
        used.update(node.input)
        for inner in graphs_in(node):  # the depth is that of control flow
            used |= prune(inner)
    kept.reverse()
    if len(kept) < len(graph.node):
        copies = [type(node).FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)
    return used
