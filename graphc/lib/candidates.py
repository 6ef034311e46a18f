"""Samples of classes for losses over many classes, with the counts to be expected; they run on the host.

The samplers, their order of drawing and their streams are TensorFlow's. Classes are drawn one after the other until
there are enough different ones, which is no work for vectors.
"""

from __future__ import annotations

import math as python_math
from collections import namedtuple
from collections.abc import Callable

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib.dims import integer
from graphc.lib.draw import full_counter
from graphc.lib.promote import as_node
from graphc.prims.control import results_of
from graphc.prims.host import host, register_callback
from graphc.prims.random import philox

Candidates = namedtuple("Candidates", "sampled_candidates true_expected_count sampled_expected_count")
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


def _checked(op: str, true_classes, num_true, num_sampled, unique, limit: int | None) -> tuple[Node, int]:
    x = as_node(true_classes, None if isinstance(true_classes, Node) else dt.i64)
    wanted = integer(op, "num_true", num_true)
    if len(x.shape) != 2 or (type(x.shape[1]) is int and x.shape[1] != wanted):
        raise ShapeError(explain(f"{op}: true_classes must be [batch, {wanted}], not {x.type}", origins(x=x)))
    count = integer(op, "num_sampled", num_sampled)
    if count < 1 or (limit is not None and limit < 1):
        raise UsageError(explain(f"{op}: num_sampled and range_max must be positive, got {count} and {limit}"))
    if unique and limit is not None and count > limit:
        raise UsageError(explain(f"{op}: there are no {count} different classes among {limit}"))
    return x, count


def _sampled(op: str, kind: str, key, counter, true_classes, num_true, num_sampled, unique, limit, table) -> Candidates:
    x, count = _checked(op, true_classes, num_true, num_sampled, unique, limit)
    types = (Type(dt.i64, (count,)), Type(dt.f32, x.shape), Type(dt.f32, (count,)))
    found = host(key, full_counter(counter), x, const(np.int64(count)), const(np.bool_(unique)), table,
                 callback=f"graphc.candidates.{kind}", types=types)  # fmt: skip
    return Candidates(*results_of(found))


def uniform_candidate_sampler(key, counter, true_classes, num_true, num_sampled, unique, range_max) -> Candidates:
    """Classes below ``range_max``, all equally likely."""
    n = integer("uniform_candidate_sampler", "range_max", range_max)
    return _sampled("uniform_candidate_sampler", "uniform", key, counter, true_classes, num_true, num_sampled, unique,
                    n, const(np.int64(n)))  # fmt: skip


def log_uniform_candidate_sampler(key, counter, true_classes, num_true, num_sampled, unique, range_max) -> Candidates:
    """Classes below ``range_max`` by Zipf's law: frequent classes have small numbers."""
    n = integer("log_uniform_candidate_sampler", "range_max", range_max)
    return _sampled("log_uniform_candidate_sampler", "log_uniform", key, counter, true_classes, num_true, num_sampled,
                    unique, n, const(np.int64(n)))  # fmt: skip


def learned_unigram_candidate_sampler(key, counter, true_classes, num_true, num_sampled, unique,
                                      range_max) -> Candidates:  # fmt: skip
    """Classes below ``range_max`` by how often they were seen; nothing is remembered, so all are equally likely."""
    n = integer("learned_unigram_candidate_sampler", "range_max", range_max)
    return _sampled("learned_unigram_candidate_sampler", "uniform", key, counter, true_classes, num_true, num_sampled,
                    unique, n, const(np.int64(n)))  # fmt: skip


def fixed_unigram_candidate_sampler(
    key, counter, true_classes, num_true, num_sampled, unique, range_max, vocab_file="", distortion=1.0,
    num_reserved_ids=0, num_shards=1, shard=0, unigrams=(),
) -> Candidates:  # fmt: skip
    """Classes by given weights, each to the power ``distortion``, after ``num_reserved_ids`` that are never drawn.

    Args:
        vocab_file: a text file whose lines end in a comma and a weight, if ``unigrams`` are not given.

    Raises:
        UsageError: no weights, both kinds of them, or shards, which exist in TensorFlow only.
    """
    op = "fixed_unigram_candidate_sampler"
    if (num_shards, shard) != (1, 0):
        raise UsageError(explain(f"{op}: only one shard exists here"))
    if bool(vocab_file) == bool(len(unigrams)):
        raise UsageError(explain(f"{op}: pass either vocab_file or unigrams"))
    if vocab_file:
        with open(vocab_file) as lines:
            unigrams = [float(line.rsplit(",", 1)[1]) for line in lines if line.strip()]
    weights = [0.0] * num_reserved_ids + [float(w) ** distortion for w in unigrams]
    n = integer(op, "range_max", range_max)
    if len(weights) != n:
        raise UsageError(explain(f"{op}: {len(weights)} weights for {n} classes"))
    return _sampled(op, "fixed_unigram", key, counter, true_classes, num_true, num_sampled, unique, n,
                    const(np.array(weights, np.float32)))  # fmt: skip


def all_candidate_sampler(key, counter, true_classes, num_true, num_sampled, unique) -> Candidates:
    """All classes below ``num_sampled``, each once."""
    x, count = _checked("all_candidate_sampler", true_classes, num_true, num_sampled, unique, None)
    ones = const(np.float32(1), Type(dt.f32, x.shape))
    return Candidates(const(np.arange(count)), ones, const(np.float32(1), Type(dt.f32, (count,))))
