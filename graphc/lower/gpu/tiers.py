"""Which units of a GPU multiply: arithmetic one multiply-add at a time, with the CPU's bits, or tensor cores."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import For
from graphc.ir.node import Node
from graphc.lower.gpu.fma_tile import fma_tile
from graphc.lower.gpu.mma_tile import mma_tile
from graphc.lower.gpu.mma_tiling import BESIDE_WARPGROUPS, mma_tilings_for
from graphc.lower.gpu.tiles import Product, nests_of, tile_nest, tiles_of
from graphc.lower.gpu.tiling import tilings_for
from graphc.lower.gpu.wgmma_tile import CHUNK, LINE, WgmmaTiling, boxes, wgmma_nest
from graphc.lower.reasons import MULTIPLY_ADDS, TENSOR_CORES

FEWEST = 5  # rows and columns from which on tensor cores are worth filling
LEAST_COPY = 4  # bytes of an asynchronous copy
SHALLOW = 2  # stages of k from which on blocks that stay are worth starting


def product_nests(p: Product, gpu: Gpu) -> tuple[tuple[For, ...], str]:
    """The nests of a product, and why they are so.

    Products of 16-bit floats are made by tensor cores where operands can be brought two elements at a time, those of f32 where the
    target allows tf32: their sums are f32, in an order of the hardware. All others are one chain of multiply-adds for each result.
    """
    sizes = (p.batch, p.left.lines, p.right.lines, p.depth)
    why = TENSOR_CORES if uses_tensor_cores(p, gpu) else MULTIPLY_ADDS
    if why is MULTIPLY_ADDS:
        turned = not p.left.along and p.right.along  # both come to shared memory element by element
        is_crowded = turned and gpu.capability < (9, 0)  # for which the compiler finds too few registers
        tilings = [(t, _fma) for t in tilings_for(*sizes, p.wide, gpu.multiprocessors, is_crowded)]
    else:
        tilings = _warpgroups(p, gpu) or [(t, _mma) for t in mma_tilings_for(*sizes, p.left.dtype.size, gpu)]
    return nests_of(p, tuple(tilings), gpu.multiprocessors), why


def boxes_of(p: Product, gpu: Gpu) -> dict[str, tuple[int, ...]]:
    """What copies of the copy engine take of operands that nests of a product know by tensor maps, by the names of their arrays."""
    tilings = _warpgroups(p, gpu) if uses_tensor_cores(p, gpu) else []
    return dict(zip((p.left.array, p.right.array), boxes(p, tilings[0][0]))) if len(tilings) == 1 else {}


def _fma(p: Product, tiling, tag: str, wanted) -> For:
    return tile_nest(p, tiling, tag, wanted, fma_tile)


def _mma(p: Product, tiling, tag: str, wanted) -> For:
    return tile_nest(p, tiling, tag, wanted, mma_tile)


def uses_tensor_cores(p: Product, gpu: Gpu) -> bool:
    """Whether tensor cores make a product."""
    sides = (p.left, p.right)
    if not gpu.has_async_copies or any(s.dtype not in (dt.f16, dt.bf16, *((dt.f32,) if gpu.tf32 else ())) for s in sides):
        return False
    large = all(type(s.lines) is not int or s.lines >= FEWEST for s in sides)
    return large and all(s.vector * s.dtype.size >= LEAST_COPY for s in sides)


def _warpgroups(p: Product, gpu: Gpu) -> list:
    """Tilings for the tensor cores of warpgroups, where a product has a tile for most multiprocessors; else none."""
    deep = type(p.depth) is not int or p.depth >= SHALLOW * LINE
    if not (gpu.has_warpgroups and deep and all(s.vector == CHUNK and s.dtype is not dt.f32 for s in (p.left, p.right))):
        return []
    wide, narrow = WgmmaTiling(128, 256, 4, gpu.multiprocessors), WgmmaTiling(128, 128, 6, gpu.multiprocessors)
    counts = [tiles_of(p, t)[0] for t in (wide, narrow)]
    if any(isinstance(c, Node) for c in counts):
        columns = p.right.lines
        large = wide if type(columns) is int and columns % wide.columns == 0 else narrow
        return [(large, wgmma_nest), (BESIDE_WARPGROUPS, _mma)]
    if counts[1] < gpu.multiprocessors // 2:
        return []
    return [(wide if counts[0] >= gpu.multiprocessors and _fits(p, wide) else narrow, wgmma_nest)]


def _fits(p: Product, tiling: WgmmaTiling) -> bool:
    """Whether few columns of a tile are none of the product's."""
    columns = p.right.lines
    return -(-columns // tiling.columns) * tiling.columns <= columns + columns // 8
