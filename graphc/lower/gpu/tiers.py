"""Which units of a GPU multiply: arithmetic one multiply-add at a time, with the CPU's bits, or tensor cores."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import For
from graphc.lower.gpu.fma_tile import fma_tile
from graphc.lower.gpu.mma_tile import mma_tile
from graphc.lower.gpu.mma_tiling import mma_tilings_for
from graphc.lower.gpu.tiles import Product, nests_of
from graphc.lower.gpu.tiling import tilings_for

FEWEST = 5  # rows and columns from which on tensor cores are worth filling


def product_nests(p: Product, gpu: Gpu) -> tuple[For, ...]:
    """The nests of a product.

    Products of 16-bit floats are made by tensor cores where operands can be brought two elements at a time: their sums are f32 as
    well, but in an order of the hardware. All others are one chain of multiply-adds for each result.
    """
    sizes = (p.batch, p.left.lines, p.right.lines, p.depth)
    if uses_tensor_cores(p, gpu):
        return nests_of(p, mma_tilings_for(*sizes, gpu), gpu.multiprocessors, mma_tile)
    return nests_of(p, tilings_for(*sizes, p.wide, gpu.multiprocessors), gpu.multiprocessors, fma_tile)


def uses_tensor_cores(p: Product, gpu: Gpu) -> bool:
    """Whether tensor cores make a product."""
    sides = (p.left, p.right)
    if not gpu.has_async_copies or any(s.dtype not in (dt.f16, dt.bf16) for s in sides):
        return False
    large = all(type(s.lines) is not int or s.lines >= FEWEST for s in sides)
    return large and all(s.vector > 1 for s in sides)
