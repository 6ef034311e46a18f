"""Histograms: TensorFlow 1's with limits that grow by a tenth, and TensorBoard's with buckets of equal width."""

from __future__ import annotations

import functools
import sys

import numpy as np

_LARGEST = sys.float_info.max


@functools.lru_cache(maxsize=1)
def limits() -> np.ndarray:
    """The upper limits of all buckets, from the least number to the largest."""
    found, value = [], 1.0e-12
    while value < 1.0e20:
        found.append(value)
        value *= 1.1
    found.append(_LARGEST)
    return np.array([-v for v in reversed(found)] + [0.0] + found)


def exponential(values: np.ndarray) -> tuple:
    """Least and largest value, how many, their sum, that of the squares, limits and counts of buckets.

    Of empty buckets that follow each other only the last is kept. All values must be finite.
    """
    if not values.size:
        return _LARGEST, -_LARGEST, 0.0, 0.0, 0.0, [_LARGEST], [0.0]
    flat, bounds = values.reshape(-1).astype(np.float64), limits()
    small = values.dtype == np.float32  # sorts faster, and is exact
    ordered = np.sort(values.reshape(-1) if small else flat).astype(np.float64)
    below = np.searchsorted(ordered, bounds)  # how many values are less than each limit
    below[-1] = flat.size
    counts = np.diff(below, prepend=0).astype(np.float64)
    kept = counts > 0
    kept[:-1] |= counts[1:] > 0  # the last of a run of empty ones
    kept[-1] = True
    with np.errstate(over="ignore"):
        sums = [float(np.add.accumulate(v)[-1]) for v in (flat, flat * flat)]  # one after the other, as TensorFlow adds
    return float(ordered[0]), float(ordered[-1]), float(flat.size), *sums, bounds[kept], counts[kept]


def equal(values: np.ndarray, count: int = 30) -> np.ndarray:
    """Left edge, right edge and number of values of ``count`` buckets, f64[count, 3]."""
    flat = np.asarray(values).astype(np.float64).reshape(-1)
    if not flat.size or count <= 0:
        return np.zeros((max(count, 0), 3))
    low, high = flat.min(), flat.max()
    if low == high:
        counts = np.zeros(count)
        counts[-1] = flat.size
        return np.stack([np.full(count, high), np.full(count, high), counts], 1)
    with np.errstate(invalid="ignore"):
        places = np.floor((flat - low) / ((high - low) / count))
    places = np.clip(np.nan_to_num(places), 0, count - 1).astype(np.int64)
    edges = np.linspace(low, high, count + 1)
    edges[-1] = high
    return np.stack([edges[:-1], edges[1:], np.bincount(places, minlength=count)], 1)
