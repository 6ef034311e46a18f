"""How wide sums are: the virtual lanes of a reduction and the dtype that carries it, whatever the machine."""

from __future__ import annotations

from graphc.ir import dtype as dt


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
