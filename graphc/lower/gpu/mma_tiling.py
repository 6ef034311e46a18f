"""How a product is cut for the tensor cores of warps: the tile of a block, and the part of it that each warp has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir.gpu import Gpu
from graphc.lower.gpu.tiling import FAR, L2_BYTES, numbers_for

ROWS, COLUMNS, STEP = 16, 8, 16  # of one instruction
STEP_TF32 = 8
PRODUCTS = 512  # multiply-adds in a cycle of a multiprocessor
PADDING = 8  # elements beside each row of lines in shared memory, so that neighbouring rows lie in other banks


@dataclass(frozen=True)
class MmaTiling:
    """A block computes ``rows`` x ``columns`` results, ``depth`` steps of k at a time, of which ``stages`` are on their way;
    ``down`` x ``across`` warps share them."""

    rows: int
    columns: int
    depth: int
    down: int
    across: int
    stages: int = 4

    @property
    def threads(self) -> int:
        return self.down * self.across * 32

    @property
    def height(self) -> int:
        """Tiles of 16 rows of a warp."""
        return self.rows // self.down // ROWS

    @property
    def width(self) -> int:
        """Tiles of 8 columns of a warp."""
        return self.columns // self.across // COLUMNS


TILINGS = (
    MmaTiling(128, 128, 32, 2, 4),
    MmaTiling(128, 64, 32, 4, 2),
    MmaTiling(64, 128, 32, 2, 4),
    MmaTiling(64, 64, 64, 4, 2, 3),
    MmaTiling(64, 32, 64, 4, 2, 3),
    MmaTiling(32, 64, 64, 2, 4, 3),
)
BESIDE_WARPGROUPS = MmaTiling(64, 96, 64, 4, 3, 3)  # for small products in a kernel whose blocks have three warpgroups


def mma_tilings_for(batch, m, n, k, size: int, gpu: Gpu) -> tuple[MmaTiling, ...]:
    """The tiling of a product of elements of ``size`` bytes; where it is not known how many results there are one for large and one for small ones."""
    found = [min(TILINGS, key=lambda t: _cycles(t, sizes, gpu.multiprocessors)) for sizes in numbers_for((batch, m, n, k))]
    return tuple([replace(t, depth=t.depth * 2 // size) for t in dict.fromkeys(found)])


def _cycles(tiling: MmaTiling, sizes: tuple, multiprocessors: int) -> float:
    batch, m, n, k = sizes
    blocks = batch * -(-m // tiling.rows) * -(-n // tiling.columns)
    resident = 2
    rounds = -(-blocks // (multiprocessors * resident))
    together = min(resident, -(-blocks // multiprocessors))
    products = tiling.rows * tiling.columns * tiling.depth / PRODUCTS
    bytes_ = (tiling.rows + tiling.columns) * tiling.depth * 2 / L2_BYTES
    tile = max(together * max(products, bytes_), FAR / (tiling.stages - 1))
    return rounds * (2 * FAR + -(-k // tiling.depth) * tile)
