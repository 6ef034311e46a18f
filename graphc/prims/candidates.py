"""Drawing classes one after the other, on the host: the samplers behind ``lib.candidates``, registered under names."""

from __future__ import annotations

import math as python_math
from collections.abc import Callable

import numpy as np

from graphc.prims.host import register_callback
from graphc.prims.random import philox

_BATCH = 64  # blocks computed at a time


class _Stream:
    """Words of a stream, one after the other."""

    def __init__(self, key: np.ndarray, counter: np.ndarray):
        self._key, self._start, self._words = key.astype(np.uint64), (int(counter[1]) << 64) + int(counter[0]), []

    def word(self) -> int:
        if not self._words:
            numbers = [(self._start + k) % 2**128 for k in range(_BATCH)]
            self._start += _BATCH
            columns = [np.array([n >> 32 * k & 0xFFFFFFFF for n in numbers], np.uint64) for k in range(4)]
            self._words = np.stack(philox(columns, self._key), -1).reshape(-1)[::-1].tolist()
        return self._words.pop()

    def double(self) -> float:
        high = self.word() & 0xFFFFF
        return ((high << 32) | self.word()) * 2.0**-52

    def fraction(self) -> float:
        return (self.word() & 0x7FFFFF) * 2.0**-23

    def below(self, n: int, bits: int) -> int:
        """An integer below ``n`` without bias."""
        while True:
            value = self.word() | (self.word() << 32 if bits == 64 else 0)
            if not n & (n - 1):
                return value & (n - 1)
            if value >= 2**bits - 2**bits // n * n:
                return value % n


def _drawn(stream: _Stream, sample: Callable, count: int, unique: bool) -> tuple[list, int]:
    """Classes, and how many were tried for them."""
    if not unique:
        return [sample(stream) for _ in range(count)], count
    found: dict[int, None] = {}
    tries = 0
    while len(found) < count:
        tries += 1
        found.setdefault(sample(stream))
    return list(found), tries


def _expected(probability, count: int, tries: int):
    p = np.asarray(probability, np.float32).astype(np.float64)
    with np.errstate(divide="ignore"):
        expected = p * count if tries == count else -np.expm1(tries * np.log1p(-p))
    return expected.astype(np.float32)


def _answer(key, counter, true_classes, count, unique, sample, probability):
    classes, tries = _drawn(_Stream(key, counter), sample, int(count), bool(unique))
    classes = np.array(classes, np.int64)
    known = [_expected(probability(c), int(count), tries) for c in (true_classes, classes)]
    return classes, known[0], known[1]


def _uniform(key, counter, true_classes, count, unique, limit):
    n = int(limit)
    return _answer(key, counter, true_classes, count, unique, lambda s: s.below(n, 64),
                   lambda c: np.full(c.shape, 1.0 / n))  # fmt: skip


def _log_probability(n: int) -> Callable:
    return lambda c: np.log((c + 2.0) / (c + 1.0)) / python_math.log1p(n)


def _log_uniform(key, counter, true_classes, count, unique, limit):
    n, width = int(limit), python_math.log1p(int(limit))
    return _answer(key, counter, true_classes, count, unique,
                   lambda s: (int(python_math.exp(s.double() * width)) - 1) % n, _log_probability(n))  # fmt: skip


def _fixed_unigram(key, counter, true_classes, count, unique, weights):
    """Walker's alias method over the weights."""
    weights = np.asarray(weights, np.float32).astype(np.float64)
    n, total = len(weights), weights.sum()
    keep, other = weights * n / total, np.arange(n)
    poor, rich = [k for k in range(n) if keep[k] < 1], [k for k in range(n) if keep[k] >= 1]
    while poor and rich:
        low, high = poor.pop(), rich.pop()
        other[low] = high
        keep[high] -= 1 - keep[low]
        (poor if keep[high] < 1 else rich).append(high)
    keep[[*poor, *rich]] = 1.0

    def sample(stream: _Stream) -> int:
        share, k = stream.fraction(), stream.below(n, 32)
        return k if share < keep[k] else int(other[k])

    return _answer(key, counter, true_classes, count, unique, sample, lambda c: weights[c] / total)


_SAMPLERS = {"uniform": _uniform, "log_uniform": _log_uniform, "fixed_unigram": _fixed_unigram}
for _name, _sampler in _SAMPLERS.items():
    register_callback(f"graphc.candidates.{_name}", _sampler)
