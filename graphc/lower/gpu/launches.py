"""The launches of element-wise regions and of reductions on GPUs."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.lower.collapse import collapse
from graphc.lower.gpu.columns import column_sums
from graphc.lower.gpu.long_rows import block_rows
from graphc.lower.gpu.maps import map_kernel
from graphc.lower.gpu.rows import row_sums
from graphc.lower.gpu.split_rows import stages
from graphc.lower.gpu.sums import waits
from graphc.lower.lanes import BLOCK
from graphc.lower.map_nest import generalise
from graphc.lower.nests.loops import product
from graphc.lower.places import Pairs, pointwise
from graphc.lower.reasons import READ_AGAIN
from graphc.lower.region import Region
from graphc.lower.step import Step

FEW_ROWS = 64  # of unknown length, up to which each may be so long that one warp is not enough


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
    key, gpu = region.graph, lowering.gpu
    if reduced[-1] != len(shape) - 1:
        return [lowering.launch(key, lambda: column_sums(graph, shape, reduced, gpu), inputs, outputs, pairs)]
    if len(reduced) > 1 or waits(graph, shape) or _is_one_of_many(shape):
        return [lowering.launch(key, lambda: row_sums(graph, shape, reduced, gpu), inputs, outputs, pairs)]
    if type(shape[-1]) is int and shape[-1] <= BLOCK:
        return [lowering.launch(key, lambda: block_rows(graph, shape), inputs, outputs, pairs)]
    return _in_stages(lowering, stages(graph, shape, gpu), {**inputs, **outputs}, pairs)


def _is_one_of_many(shape: tuple) -> bool:
    """Whether a row of unknown length is one of many: these have a warp each."""
    rows = product(shape[:-1])
    return type(shape[-1]) is not int and not (type(rows) is int and rows <= FEW_ROWS)


def _in_stages(lowering, kernels: list[Kernel], places: dict, pairs: Pairs) -> list[Step]:
    """Launches of kernels, one after the other, with memory for what one leaves for another."""
    steps = []
    for kernel in kernels:
        for a in kernel.arrays:
            if a.name not in places:
                places[a.name] = lowering.storage(a.type, a.name.rstrip("0123456789"))
        read = {a.name: places[a.name] for a in kernel.arrays if not a.written}
        written = {a.name: places[a.name] for a in kernel.arrays if a.written}
        steps.append(lowering.launch(kernel, lambda kernel=kernel: kernel, read, written, pairs))
    return steps


def _first(graph: Graph) -> Node:
    """One of the reductions of a region."""
    return next(n for n in toposort(graph.outputs) if n.op == "reduce")
