"""Philox 4x32-10 at blocks that may lie anywhere: element-wise arithmetic on 64-bit integers."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib.draw import columns, full_counter, wide_fraction
from graphc.prims.random import MULTIPLIERS, WEYL
from graphc.prims.table import apply

ROUNDS = 10


def _scalars(vector: Node) -> list[Node]:
    return [apply("cast", x, dtype=dt.u64) for x in columns(apply("reshape", vector, shape=(1, 2)))]


def philox(key: Node, counter: Node, block: Node) -> list[Node]:
    """The four words, as u64, of block ``counter + block`` for every element of the u64 tensor ``block``."""
    shape = block.shape

    def full(value: int) -> Node:
        return const(np.uint64(value), Type(dt.u64, shape))

    def everywhere(x: Node) -> Node:
        return apply("broadcast", apply("reshape", x, shape=()), shape=shape, axes=())

    low_half, width = full(0xFFFFFFFF), full(32)
    start, high = (everywhere(x) for x in _scalars(full_counter(counter)))
    low = apply("add", start, block)
    high = apply("add", high, apply("cast", apply("lt", low, start), dtype=dt.u64))
    words = [apply(op, x, other) for x in (low, high) for op, other in (("and", low_half), ("shr", width))]
    keys = [everywhere(x) for x in _scalars(key)]
    for _ in range(ROUNDS):
        p, q = (apply("mul", words[2 * k], full(m)) for k, m in enumerate(MULTIPLIERS))
        first = apply("xor", apply("xor", apply("shr", q, width), words[1]), keys[0])
        third = apply("xor", apply("xor", apply("shr", p, width), words[3]), keys[1])
        words = [first, apply("and", q, low_half), third, apply("and", p, low_half)]
        keys = [apply("and", apply("add", k, full(w)), low_half) for k, w in zip(keys, WEYL)]
    return words


def two_fractions(key: Node, counter: Node, block: Node) -> tuple[Node, Node]:
    """The two f64 fractions of each block."""
    w = philox(key, counter, block)
    return wide_fraction(w[0], w[1]), wide_fraction(w[2], w[3])
