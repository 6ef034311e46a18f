"""The lines around one value of a graph."""

from __future__ import annotations

from graphc.inspect.show import stage_values
from graphc.inspect.stages import Stages
from graphc.inspect.trace import find_value
from graphc.ir.order import users
from graphc.ir.record import OPTIMISED
from graphc.ir.text import label_text


def neighbours(stages: Stages, name: str, stage: str | None, steps: int) -> str:
    """The lines of a graph within ``steps`` operations of a value, before and after it; the value's own is marked.

    Args:
        name: of the value, as in the text of the graph, with or without ``%``.
        stage: the graph: ``traced``, ``optimised`` (default), or after the pass of that name.

    Raises:
        UsageError: the graph has no such value, or the stage is no graph.
    """
    stage = stage or OPTIMISED
    graph, names, lines = stage_values(stages, stage)
    node, used = find_value(names, name, f"the {stage} graph"), users(graph.roots)
    near = {node}
    for follow in (lambda n: n.inputs, lambda n: used.get(n, ())):
        reached = {node}
        for _ in range(steps):
            reached |= {x for n in reached for x in follow(n)}
        near |= reached
    lines |= {x: f"  %{label_text(names[x])}: {x.type} (input)" for x in graph.inputs}
    kept = [n for n in dict.fromkeys((*graph.inputs, *graph.nodes)) if n in near]
    outputs = [f"    output {label}" for label, y in zip(graph.names, graph.outputs) if y is node]
    return "\n".join([*(f"{'>' if n is node else ' '} {lines[n].rstrip()}" for n in kept), *outputs])
