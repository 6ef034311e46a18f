"""Truncated normal values: TensorFlow's stream, in which every group of values has blocks of its own to reject from."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, simplified
from graphc.lib.dims import size
from graphc.lib.draw import RESERVED, box_muller, first_of, interleaved, narrow_fraction, narrowed, splat, wide_fraction
from graphc.lib.philox import philox
from graphc.prims.table import apply

_GROUP = {False: (4, 4), True: (2, 6)}  # f64 or not: values of a group, blocks of candidates for them


def truncated_normals(key: Node, counter: Node, shape: tuple, dtype: DType) -> Node:
    """Normal values of mean 0 and deviation 1 without those beyond two deviations.

    A group of four (two in f64) values takes the first accepted ones of 16 (12) candidates. Too few are accepted with
    a probability of 2e-15 (2e-14); the values that are missing then are 0.
    """
    total = size(shape)
    group, blocks = _GROUP[dtype is dt.f64]
    groups = simplified((total + (group - 1)) // group)
    candidates = _candidates(key, counter, groups, group, blocks, dtype)
    found = interleaved(*_first_accepted(candidates, group))
    return narrowed(first_of(found, simplified(groups * group), total, shape), dtype)


def _candidates(key: Node, counter: Node, groups, group: int, blocks: int, dtype: DType) -> list[Node]:
    """Normal values one after the other, each for all groups."""
    number = apply("iota", shape=(groups,), axis=0, dtype=dt.u64)
    first = apply("mul", number, splat(RESERVED * group // 4, dt.u64, (groups,)))
    found: list[Node] = []
    for k in range(blocks):
        w = philox(key, counter, apply("add", first, splat(k, dt.u64, (groups,))))
        if dtype is dt.f64:
            found += box_muller(wide_fraction(w[0], w[1]), wide_fraction(w[2], w[3]))
        else:
            u = [narrow_fraction(apply("cast", x, dtype=dt.u32)) for x in w]
            found += (*box_muller(u[0], u[1]), *box_muller(u[2], u[3]))
    return found


def _first_accepted(candidates: list[Node], group: int) -> list[Node]:
    """The first ``group`` candidates within two deviations, of every group of values."""
    like = candidates[0]
    chosen = [splat(0, like.dtype, like.shape)] * group
    rank = splat(0, dt.i32, like.shape)
    for x in candidates:
        accepted = apply("lt", apply("abs", x), splat(2, x.dtype, x.shape))
        for k in range(group):
            mine = apply("and", accepted, apply("eq", rank, splat(k, dt.i32, rank.shape)))
            chosen[k] = apply("select", mine, x, chosen[k])
        rank = apply("add", rank, apply("cast", accepted, dtype=dt.i32))
    return chosen
