"""Where shuffling puts an index, without shuffling all: a Simon block cipher that walks until it is in range.

The cipher is that of Beaulieu et al. (2013) with three key words, for blocks of an even number of bits from 16.
"""

from __future__ import annotations

import numpy as np

from graphc.errors import InvalidArgumentError
from graphc.prims.host import register_callback

_SMALLEST = 16
_ROUND_BITS = 0x7369F885192C0EF5
_ALL = 0xFFFFFFFC


def _turned(x: int, left: int, width: int, mask: int) -> int:
    return (x << left | x >> (width - left)) & mask


def _round_keys(key: list[int], rounds: int, width: int, mask: int) -> list[int]:
    keys = [k & mask for k in key]
    for i in range(3, rounds):
        bit = _ROUND_BITS >> (i - 3) & 1 if i - 3 < width else 0
        last = keys[-1]
        found = _ALL & mask ^ bit ^ keys[i - 3]
        keys.append(found ^ _turned(last, width - 3, width, mask) ^ _turned(last, width - 4, width, mask))
    return keys


def _shuffled(index: int, key: list[int], limit: int, rounds: int) -> int:
    """The place of ``index`` in a permutation of 0 to ``limit``."""
    if index < 0 or limit < 0 or index > limit:
        raise InvalidArgumentError(f"random_index_shuffle: index {index} is not between 0 and max_index {limit}")
    if not limit:
        return 0
    bits = (limit - 1).bit_length()
    width = max(bits + bits % 2, _SMALLEST) // 2
    mask = (1 << width) - 1
    keys = _round_keys(key, rounds, width, mask)
    while True:
        left, right = index >> width, index & mask
        for k in keys:
            turned = _turned(right, 1, width, mask) & _turned(right, 8, width, mask) ^ _turned(right, 2, width, mask)
            left, right = right, left ^ turned ^ k
        index = left << width | right
        if index <= limit:
            return index


def _each(index, seed, limit, rounds):
    shape = np.broadcast_shapes(index.shape, limit.shape, seed.shape[:-1])
    keys = np.broadcast_to(seed.astype(np.int64).astype(np.uint32), (*shape, 3)).reshape(-1, 3)
    both = [np.broadcast_to(v, shape).reshape(-1).tolist() for v in (index, limit)]
    found = [_shuffled(i, k, n, int(rounds)) for i, k, n in zip(both[0], keys.tolist(), both[1])]
    return np.array(found, index.dtype).reshape(shape)


register_callback("random.index_shuffle", _each)
