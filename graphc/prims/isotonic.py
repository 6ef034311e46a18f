"""Which neighbours an isotonic regression puts together: pool adjacent violators, on the host."""

from __future__ import annotations

import numpy as np

from graphc.prims.host import register_callback


def _pools(values: list[float]) -> list[int]:
    """The number of the pool of each value, such that means of pools do not increase."""
    sums: list[float] = []
    counts: list[int] = []
    for v in values:
        total, count = v, 1
        while sums and total * counts[-1] > sums[-1] * count:
            total, count = total + sums.pop(), count + counts.pop()
        sums.append(total)
        counts.append(count)
    return [k for k, count in enumerate(counts) for _ in range(count)]


def _segments(x):
    rows = x.astype(np.float64).reshape(x.size // max(x.shape[-1], 1), x.shape[-1])
    return np.array([_pools(row) for row in rows.tolist()], np.int32).reshape(x.shape)


register_callback("nn.isotonic_segments", _segments)
