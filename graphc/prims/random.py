"""Random bits: the counter-based generator Philox 4x32-10, and the permutation that a list of swaps makes."""

from __future__ import annotations

import math

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.dims import dims
from graphc.prims.table import Prim, apply, declare

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)


def philox(counter, key):
    """Ten rounds on four counter words and two key words, given as uint64 arrays below 2**32; four uint32 arrays."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ k0, p1 & _LOW, (p0 >> np.uint64(32)) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + np.uint64(WEYL[0])) & _LOW, (k1 + np.uint64(WEYL[1])) & _LOW
    return tuple([c.astype(np.uint32) for c in (c0, c1, c2, c3)])


def _type(key: Type, counter: Type, shape: tuple) -> Type:
    if key != Type(dt.u32, (2,)):
        kind = DtypeError if key.dtype is not dt.u32 else ShapeError
        raise kind(f"random_bits: the key is {key} instead of u32[2]")
    if counter not in (Type(dt.u64, ()), Type(dt.u64, (2,))):
        raise DtypeError(f"random_bits: the counter is {counter} instead of u64[] or u64[2]")
    return Type(dt.u32, shape)


def _array(key, counter, shape):
    size = math.prod(shape)
    low, high = counter if counter.shape else (np.uint64(0), counter[()])
    block = np.arange((size + 3) // 4, dtype=np.uint64) + np.uint64(low)
    high = np.uint64(high) + (block < np.uint64(low)).astype(np.uint64)
    words = [block & _LOW, block >> np.uint64(32), high & _LOW, high >> np.uint64(32)]
    return np.stack(philox(words, key.astype(np.uint64)), -1).reshape(-1)[:size].reshape(shape)


declare(Prim("random_bits", _type, _array, nest="random_bits"))


def random_bits(key: Node, counter: Node, shape) -> Node:
    """u32[shape] of uniform bits from a u32[2] key and a counter.

    The counter is a 128-bit number: u64[2] (its low and high half), or u64[] (its high half; the low one is 0).
    Element i (row-major) is word ``i % 4`` of block ``counter + i // 4``.
    """
    return apply("random_bits", key, counter, shape=dims(shape))


def _swaps_type(targets: Type) -> Type:
    if targets.dtype is not dt.i64 or targets.rank != 1:
        raise DtypeError(f"swaps: the targets are {targets} instead of i64[n]")
    return targets


def _swaps_array(targets):
    order = list(range(len(targets)))
    for k, j in enumerate(targets.tolist()):
        if 0 <= j < len(order):
            order[k], order[j] = order[j], order[k]
    return np.array(order, np.int64)


declare(Prim("swaps", _swaps_type, _swaps_array, nest="swaps"))


def swaps(targets: Node) -> Node:
    """0, 1, ... n-1 after place ``k`` was swapped with place ``targets[k]``, for k from 0 on; out of range: no swap."""
    return apply("swaps", targets)
