"""The launches of element-wise regions and of reductions on GPUs."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.lower.collapse import collapse
from graphc.lower.gpu.columns import column_sums
from graphc.lower.gpu.maps import map_kernel
from graphc.lower.gpu.rows import row_sums
from graphc.lower.map_nest import generalise
from graphc.lower.places import Pairs, pointwise
from graphc.lower.reasons import READ_AGAIN
from graphc.lower.region import Region
from graphc.lower.step import Step


def lower_map(lowering, region: Region, outputs: dict, memory: dict) -> list[Step]:
    """One launch, whose results may lie over what is read at the same index."""
    sources = [lowering.find(s, memory) for s in region.sources]
    graph, sizes = generalise(region.graph, lowering.target)
    pairs = pointwise(region.graph, dict(enumerate(sources)), list(outputs.values()), set())
    inputs = {f"x{k}": s for k, s in enumerate(sources)}
    return [lowering.launch(graph, lambda: map_kernel(graph, lowering.gpu), inputs, outputs, pairs, sizes)]


def lower_sums(lowering, region: Region, outputs: dict, memory: dict) -> list[Step]:
    """The launches of a region of reductions that all run over the same axes of one shape."""
    graph, shape = collapse(region.graph, _first(region.graph).inputs[0].shape)
    reduced = tuple(sorted(_first(graph).attr("axes")))
    sources = [lowering.find(s, memory) for s in region.sources]
    inputs = {f"x{k}": s for k, s in enumerate(sources)}
    pairs = Pairs.apart(sources, outputs.values(), READ_AGAIN)
    make = row_sums if reduced[-1] == len(shape) - 1 else column_sums
    return [lowering.launch(region.graph, lambda: make(graph, shape, reduced, lowering.gpu), inputs, outputs, pairs)]


def _first(graph: Graph) -> Node:
    """One of the reductions of a region."""
    return next(n for n in toposort(graph.outputs) if n.op == "reduce")
