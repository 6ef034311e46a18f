"""Which maker lowers what on GPUs: by kind of region, and by nest. What stands in no table has a nest for one thread."""

from __future__ import annotations

from collections.abc import Callable

from graphc.lower.attend import ATTENTION
from graphc.lower.gpu.attention import lower_attention
from graphc.lower.gpu.convolutions import lower_conv
from graphc.lower.gpu.correlations import correlate
from graphc.lower.gpu.flat_nests import gather, random_bits, unwindow
from graphc.lower.gpu.launches import lower_map, lower_sums
from graphc.lower.gpu.products import lower_dot
from graphc.lower.gpu.running import cumulate
from graphc.lower.gpu.scatters import scatter_into
from graphc.lower.gpu.searches import argreduce
from graphc.lower.gpu.sorts import sort
from graphc.lower.region import COLUMN, DOT, MAP, ROW, Region

CONV = "conv"  # a region of kind ``dot`` that holds a convolution

#: Kind of a region (products and convolutions apart) -> function (lowering, region, outputs, memory) -> Steps. ``outputs``
#: are the storages of its results by the names that arrays have in kernels, ``memory`` says where its sources lie.
REGIONS: dict[str, Callable] = {
    MAP: lower_map,
    ROW: lower_sums,
    COLUMN: lower_sums,
    ATTENTION: lower_attention,
    DOT: lower_dot,
    CONV: lower_conv,
}

#: Name of a nest (as in ``lower.nests``) -> maker (node, gpu) -> Kernel with block loops.
GPU_NESTS: dict[str, Callable] = {
    "argreduce": argreduce,
    "correlate": correlate,
    "cumulate": cumulate,
    "gather": gather,
    "random_bits": random_bits,
    "sort": sort,
    "unwindow": unwindow,
}

#: The same for nests that change their first operand.
GPU_CHANGES: dict[str, Callable] = {"scatter": scatter_into}


def lower_region(lowering, region: Region, kind: str, outputs: dict, memory: dict) -> list | None:
    """Steps for a region, as they suit the lowering's GPU; None where there is no maker for it, or it does not want this one."""
    maker = REGIONS.get(kind)
    return None if maker is None else maker(lowering, region, outputs, memory)
