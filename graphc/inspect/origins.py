"""Which operations of the graph, and so which lines of the user's program, went into which kernel."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.order import toposort
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.region import Region
from graphc.lower.lower import Lowering, strip

_LEAVES = ("input", "const", "symbol")


class _Recorder(Lowering):
    """A lowering that notes the region of every kernel it launches; regions of nested graphs included."""

    def __init__(self, target: Target):
        super().__init__(target)
        self.origins: dict[str, list[tuple[Node, ...]]] = {}

    def lower_region(self, region: Region, memory: dict) -> list:
        steps = super().lower_region(region, memory)
        nodes = [region.node] if region.node is not None else [n for n in region_nodes(region) if n.op not in _LEAVES]
        for step in steps:
            if step.kind == "launch":
                self.origins.setdefault(step.kernel, []).append(tuple(nodes))
        return steps


def origins(graph: Graph, target: Target) -> dict[str, list[tuple[Node, ...]]]:
    """For every kernel of the lowered graph, by name, the Nodes that each launch of it computes, operands first."""
    graph = strip(graph)
    recorder = _Recorder(target)
    memory = {x: recorder.storage(x.type, x.attr("name"), ("input", k)) for k, x in enumerate(graph.inputs)}
    recorder.lower_graph(graph, memory)
    return recorder.origins


def region_nodes(region: Region) -> list[Node]:
    """What lies between the sources and the outputs of a region, operands first."""
    outside = set(region.sources)
    inside = set()
    stack = [n for n in region.outputs if n not in outside]
    while stack:
        node = stack.pop()
        if node not in inside:
            inside.add(node)
            stack.extend(x for x in node.inputs if x not in outside)
    return [n for n in toposort(region.outputs) if n in inside]
