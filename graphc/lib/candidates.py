"""Samples of classes for losses over many classes, with the counts to be expected; they run on the host.

The samplers, their order of drawing and their streams are TensorFlow's. Classes are drawn one after the other until
there are enough different ones, which is no work for vectors.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib.dims import integer
from graphc.lib.draw import full_counter
from graphc.lib.promote import as_node
from graphc.prims.control import results_of
from graphc.prims.host import host

Candidates = namedtuple("Candidates", "sampled_candidates true_expected_count sampled_expected_count")


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
