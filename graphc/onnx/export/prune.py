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
        if node.op_type == "Loop":
            _drop_carries(node, used)
        kept.append(node)
        for inner in graphs_in(node):  # the depth is that of control flow
            used |= prune(inner)
        used.update(node.input)
    kept.reverse()
    if len(kept) < len(graph.node):
        copies = [type(node).FromString(node.SerializeToString()) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)
    return used


def _drop_carries(node, used: set[str]) -> None:
    """Take from a Loop the carries that only serve themselves."""
    (body,) = graphs_in(node)
    many = len(node.input) - 2
    alive = {k for k in range(many) if node.output[k] in used}
    while True:
        needed = _needed(body, [0, *[1 + k for k in range(len(body.output) - 1) if k >= many or k in alive]])
        more = {k for k in range(many) if body.input[2 + k].name in needed} - alive
        if not more:
            break
        alive |= more
    for k in reversed(range(many)):
        if k not in alive and len(node.output) > 1:
            del node.input[2 + k], node.output[k], body.input[2 + k], body.output[1 + k]


def _needed(body, outputs: list[int]) -> set[str]:
    """The names that some outputs of a graph are made of."""
    needed = {body.output[k].name for k in outputs}
    for node in reversed(body.node):
        if any(name in needed for name in node.output):
            stack = [node]
            while stack:
                one = stack.pop()
                needed.update(one.input)
                for inner in graphs_in(one):
                    needed.update(o.name for o in inner.output)
                    stack.extend(inner.node)
    return needed
