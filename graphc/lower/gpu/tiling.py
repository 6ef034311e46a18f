"""How a product is cut for a GPU: the tile of a block of threads and the part of it that each thread has in registers.

Nothing of it changes a result, as every result is one chain in the order of k, however it is cut. Costs are cycles of a
multiprocessor with four times 32 lanes, one access to shared memory a cycle, and its share of what the second-level cache gives.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.node import Node

LANES = 128  # multiply-adds of f32 in a cycle of a multiprocessor
LATENCY = 8  # cycles of a step of k in one thread, were it alone
L2_BYTES = 24  # bytes a cycle that the second-level cache gives a multiprocessor
FAR = 600  # cycles before a tile is there
IN_THE_WAY = 0.25  # of what else a step needs, beside what it needs most, is not done meanwhile
RESIDENT_THREADS = 1024  # of a multiprocessor that one can count on
MOST_SUMS = (64, 32)  # of a thread at the most; fewer where indices have 64 bits, as sizes are not known
MOST_WIDE = 16  # the same of sums of 64 bits
BIG_SUMS = 32  # sums of one thread from which on registers let two blocks share a multiprocessor


@dataclass(frozen=True)
class Tiling:
    """A block computes ``rows`` x ``columns`` results, ``depth`` steps of k at a time; a thread ``height`` x ``width`` of them.

    There may be more threads than that takes: these only bring operands to shared memory.
    """

    rows: int
    columns: int
    depth: int
    height: int
    width: int
    threads: int = 256

    @property
    def computing(self) -> int:
        """Threads that have results."""
        return (self.rows // self.height) * (self.columns // self.width)


TILINGS = (
    Tiling(128, 128, 16, 8, 8),
    Tiling(128, 64, 16, 8, 4),
    Tiling(64, 128, 16, 4, 8),
    Tiling(64, 64, 16, 4, 4),
    Tiling(32, 64, 32, 4, 4),
    Tiling(64, 32, 32, 4, 4),
    Tiling(128, 16, 32, 4, 4),
    Tiling(16, 128, 32, 4, 4),
    Tiling(128, 8, 32, 4, 2),
    Tiling(8, 128, 32, 2, 4),
    Tiling(32, 32, 32, 2, 4),
    Tiling(16, 64, 32, 2, 4),
    Tiling(16, 16, 64, 2, 2),
    Tiling(8, 32, 64, 2, 2),
    Tiling(32, 8, 64, 2, 2),
    Tiling(4, 64, 64, 2, 2),
    Tiling(64, 4, 64, 2, 2),
    Tiling(1, 32, 128, 1, 1),
    Tiling(32, 1, 128, 1, 1),
)
"""Tiles, large ones first; the last are for products with a vector."""

SMALL, LARGE = 48, 1 << 15  # what stands for a size that is not known, once as if it were small and once as if large


def choose(sizes: tuple, dtype: dt.DType, multiprocessors: int, most: int) -> Tiling:
    """The tiling that takes the fewest cycles.

    Args:
        sizes: batch, rows, columns and depth, all numbers.
        dtype: of the sums, of which a thread has ``most`` at the most.
    """
    fitting = [t for t in TILINGS if t.height * t.width <= most]
    return min(fitting, key=lambda t: _cycles(t, sizes, dtype, multiprocessors))


def tilings_for(batch, m, n, k, dtype: dt.DType, multiprocessors: int) -> tuple[Tiling, ...]:
    """The tiling of a product; where it is not known how many results there are one for large and one for small ones, unless they are the same."""
    dims = (batch, m, n, k)
    most = MOST_SUMS[1 if any(isinstance(d, Node) for d in dims) else 0] if dtype.size <= 4 else MOST_WIDE
    return tuple(dict.fromkeys([choose(sizes, dtype, multiprocessors, most) for sizes in numbers_for(dims)]))


def numbers_for(dims: tuple) -> list[tuple[int, ...]]:
    """Batch, rows, columns and depth as numbers to count with: twice where it is not known how many results there are, large ones first."""
    stand_ins = (LARGE, SMALL) if any(isinstance(d, Node) for d in dims[:3]) else (LARGE,)
    return [tuple([max(d, 1) if type(d) is int else s if place else 1 for place, d in enumerate(dims)]) for s in stand_ins]


def _cycles(tiling: Tiling, sizes: tuple, dtype: dt.DType, multiprocessors: int) -> float:
    batch, m, n, k = sizes
    blocks = batch * -(-m // tiling.rows) * -(-n // tiling.columns)
    resident = max(1, RESIDENT_THREADS // tiling.threads // (2 if tiling.height * tiling.width >= BIG_SUMS else 1))
    rounds = -(-blocks // (multiprocessors * resident))
    together = min(resident, -(-blocks // multiprocessors))
    lanes = LANES if dtype.size <= 4 else LANES // 2
    accesses = sum(-(-part // 4) * (2 if part >= 4 else 1) * -(-dtype.size // 4) for part in (tiling.height, tiling.width))
    needs = (
        tiling.computing * tiling.height * tiling.width / lanes,
        -(-tiling.computing // 32) * accesses,
        (tiling.rows + tiling.columns) * dtype.size / L2_BYTES,
    )
    step = max(needs) + IN_THE_WAY * (sum(needs) - max(needs))
    tile = max(tiling.depth * max(together * step, LATENCY), FAR)
    return rounds * (FAR + -(-k // tiling.depth) * tile)
