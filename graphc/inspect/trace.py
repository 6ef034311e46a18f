"""The neighbourhood of one value: the lines around it in a graph."""

from __future__ import annotations

import re
from collections.abc import Iterable

from graphc.errors import UsageError
from graphc.inspect.show import stage_graph
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import users
from graphc.ir.printer import graph_text, value_names
from graphc.ir.text import label_text

_MOST = 8  # names in a message


def neighbours(stages: Stages, name: str, stage: str | None, steps: int) -> str:
    """The lines of a graph within ``steps`` operations of a value, before and after it; the value's own is marked.

    Args:
        name: of the value, as in the text of the graph, with or without ``%``.
        stage: the graph: ``traced``, ``optimised`` (default), or after the pass of that name.

    Raises:
        UsageError: the graph has no such value, or the stage is no graph.
    """
    graph = stage_graph(stages, stage or "optimised")
    names = value_names(graph)
    node = find_value(names, name, f"the {stage or 'optimised'} graph")
    lines, used = node_lines(graph, names), users(graph.roots)
    near = {node}
    for follow in (lambda n: n.inputs, lambda n: used.get(n, ())):
        reached = {node}
        for _ in range(steps):
            reached |= {x for n in reached for x in follow(n)}
        near |= reached
    kept = [n for n in (*graph.inputs, *graph.nodes) if n in near]
    kept = list(dict.fromkeys(kept))
    outputs = [f"    output {label}" for label, y in zip(graph.names, graph.outputs) if y is node]
    return "\n".join([*(f"{'>' if n is node else ' '} {lines[n].rstrip()}" for n in kept), *outputs])


def find_value(names: dict[Node, str], name: str, where: str) -> Node:
    """The Node of this name.

    Raises:
        UsageError: there is none; the message names those that are most like it.
    """
    known = {known: node for node, known in names.items()}
    return known[known_name(known, name, where)]


def known_name(names: Iterable[str], name: str, where: str) -> str:
    """The name that is meant, with or without ``%`` and quotes.

    Raises:
        UsageError: there is none; the message names those that are most like it.
    """
    wanted, names = name.removeprefix("%").strip('"'), list(names)
    if wanted in names:
        return wanted
    stem = re.sub(r"\d+$", "", wanted)
    like = [n for n in names if stem and (n.startswith(stem) or stem in n)] or names
    more = f", and {len(like) - _MOST} more" if len(like) > _MOST else ""
    raise UsageError(f"{where} has no value {wanted!r}; it has {', '.join(like[:_MOST])}{more}")


def node_lines(graph: Graph, names: dict[Node, str]) -> dict[Node, str]:
    """The line of each Node in the text of the graph; inputs, which have none there, get one."""
    lines = graph_text(graph).splitlines()
    start = max(k for k, line in enumerate(lines) if line.startswith("graph @")) + 1  # nested graphs come before
    inner = [n for n in graph.nodes if n not in set(graph.inputs)]
    found = {x: f"  %{label_text(names[x])}: {x.type} (input)" for x in graph.inputs}
    return found | dict(zip(inner, lines[start:]))
