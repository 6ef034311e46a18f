"""The launches of element-wise regions on GPUs."""

from __future__ import annotations

from graphc.lower.gpu.maps import map_kernel
from graphc.lower.map_nest import generalise
from graphc.lower.places import pointwise
from graphc.lower.region import Region
from graphc.lower.step import Step


def lower_map(lowering, region: Region, outputs: dict, memory: dict) -> list[Step]:
    """One launch, whose results may lie over what is read at the same index."""
    sources = [lowering.find(s, memory) for s in region.sources]
    graph, sizes = generalise(region.graph, lowering.target)
    pairs = pointwise(region.graph, dict(enumerate(sources)), list(outputs.values()), set())
    inputs = {f"x{k}": s for k, s in enumerate(sources)}
    return [lowering.launch(graph, lambda: map_kernel(graph, lowering.gpu), inputs, outputs, pairs, sizes)]
