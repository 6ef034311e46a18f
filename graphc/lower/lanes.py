"""How wide sums are: the virtual lanes of a reduction and the dtype that carries it, whatever the machine."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.node import Node, binary, simplified

BLOCK = 1 << 15
"""Elements of a block: a longer sum is the sum, one after the other, of those of its blocks."""


def virtual_lanes(dtype: dt.DType, extent) -> int:
    """Lanes of a reduction over ``extent`` elements: 64 of up to four bytes, 32 of eight, fewer for short rows."""
    lanes = 64 if dtype.bits <= 32 else 32
    if type(extent) is int:
        while lanes > 1 and lanes // 2 >= extent:
            lanes //= 2
    return lanes


def accumulator(dtype: dt.DType, kind: str) -> dt.DType:
    """The dtype in which a reduction of this kind is carried."""
    return dt.accumulator(dtype) if kind in ("sum", "prod") else dtype


def block_count(extent):
    """Blocks of a reduction over ``extent`` elements: one if none is given more, and unknown where the extent is."""
    return 1 if type(extent) is int and extent <= BLOCK else simplified((extent + (BLOCK - 1)) // BLOCK)


def block_span(extent, block: Node) -> tuple:
    """The first element of a block and how many it has: a number where all blocks have as many."""
    begin = block * BLOCK
    whole = type(extent) is int and extent % BLOCK == 0
    return begin, BLOCK if whole else simplified(binary("min", extent - begin, BLOCK))
