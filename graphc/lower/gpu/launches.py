"""The launches of element-wise regions and of reductions on GPUs."""

from __future__ import annotations

from graphc.ir.order import toposort
from graphc.lower.collapse import collapse
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


def lower_rows(lowering, region: Region, outputs: dict, memory: dict) -> list[Step] | None:
    """Launches of a region of reductions over trailing axes; None for those that have no schedule here."""
    first = next(n for n in toposort(region.graph.outputs) if n.op == "reduce")
    graph, shape = collapse(region.graph, first.inputs[0].shape)
    first = next(n for n in toposort(graph.outputs) if n.op == "reduce")
    if tuple(first.attr("axes")) != (len(shape) - 1,):
        return None
    sources = [lowering.find(s, memory) for s in region.sources]
    inputs = {f"x{k}": s for k, s in enumerate(sources)}
    pairs = Pairs.apart(sources, outputs.values(), READ_AGAIN)
    return [lowering.launch(region.graph, lambda: row_sums(graph, shape), inputs, outputs, pairs)]
