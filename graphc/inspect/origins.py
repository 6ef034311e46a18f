"""Which operations of the graph, and so which lines of the user's program, went into which kernel."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import toposort
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
    return toposort(region.outputs, region.sources)
