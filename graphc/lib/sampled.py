"""Losses over many classes from a few sampled ones, and which of the samples are right by accident."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import linalg, math, nn, reduction, segment, shape
from graphc.lib.dims import dim, integer
from graphc.lib.embedding import embedding_lookup
from graphc.lib.math import full_like
from graphc.lib.promote import as_node
from graphc.prims.data import nonzero
from graphc.prims.table import apply

_LOWEST = float(np.finfo(np.float32).min)


class AccidentalHits(NamedTuple):
    indices: Node
    ids: Node
    weights: Node


def _classes(op: str, labels, num_true) -> Node:
    """Right classes, i64[batch, num_true].

    Raises:
        DtypeError, ShapeError: they are something else.
    """
    t, count = as_node(labels), integer(op, "num_true", num_true)
    if not t.dtype.is_integer:
        raise DtypeError(explain(f"{op}: labels must be integers, not {t.type}", origins(labels=t)))
    if len(t.shape) != 2 or (type(t.shape[1]) is int and t.shape[1] != count):
        raise ShapeError(explain(f"{op}: labels must be [batch, {count}], not {t.type}", origins(labels=t)))
    return math.cast(t, dt.i64)


def _hits(t: Node, sampled: Node) -> Node:
    """Which sample is which right class: bools [batch, num_true, samples]."""
    full = (*t.shape, sampled.shape[0])
    return apply(
        "eq", apply("broadcast", t, shape=full, axes=(0, 1)), apply("broadcast", sampled, shape=full, axes=(2,))
    )


def compute_accidental_hits(true_classes, sampled_candidates, num_true) -> AccidentalHits:
    """Samples that are right classes: number of the example, place among the samples, and a weight that removes them.

    How many there are is found on the host.

    Args:
        true_classes: integers [batch, num_true]. sampled_candidates: integers [samples].
    """
    op = "compute_accidental_hits"
    t, sampled = _classes(op, true_classes, num_true), math.cast(sampled_candidates, dt.i64)
    if len(sampled.shape) != 1:
        raise ShapeError(explain(f"{op}: sampled_candidates must be a vector, not {sampled.type}"))
    hits = _hits(t, sampled)
    place = apply("iota", shape=hits.shape, axis=2, dtype=dt.i64)
    last = apply("reduce", apply("select", hits, place, full_like(place, -1)), kind="max", axes=(2,))
    found = nonzero(apply("lt", full_like(last, -1), last))
    ids = apply("gather", last, found, batch=0)
    rows = apply("reshape", apply("slice", found, start=(0, 0), stop=(found.shape[0], 1), step=(1, 1)), shape=ids.shape)
    return AccidentalHits(math.cast(rows, dt.i32), ids, const(_LOWEST, Type(dt.f32, ids.shape)))


def sampled_logits(op: str, weights, biases, labels, inputs, sampled, true_often, sampled_often, num_true,
                   remove_accidental_hits) -> tuple[Node, Node]:  # fmt: skip
    """Logits of the right classes and of the sampled ones, less the logs of how often they are to be expected.

    Args:
        weights: [classes, size], or a list of parts of it. biases: [classes].
        labels: right classes, integers [batch, num_true]. inputs: [batch, size].
        sampled, true_often, sampled_often: what a candidate sampler answered with.
        remove_accidental_hits: whether right classes among the samples do not count.
    """
    x, t = as_node(inputs), _classes(op, labels, num_true)
    if len(x.shape) != 2:
        raise ShapeError(explain(f"{op}: inputs must be [batch, size], not {x.type}", origins(inputs=x)))
    if type(x.shape[0]) is int and type(t.shape[0]) is int and x.shape[0] != t.shape[0]:
        what = f"{op}: inputs {x.type} and labels {t.type} differ in their number of examples"
        raise ShapeError(explain(what, origins(inputs=x, labels=t)))
    batch = t.shape[0] if type(t.shape[0]) is int else x.shape[0]
    x, t = (shape.ensure_shape(v, (batch, None)) for v in (x, t))
    sampled, wanted_often, sampled_often = (apply("stop", as_node(v)) for v in (sampled, true_often, sampled_often))
    sampled = math.cast(sampled, dt.i64)
    right_w, other_w = (math.cast(embedding_lookup(weights, i), x.dtype) for i in (t, sampled))
    right_b, other_b = (math.cast(embedding_lookup(biases, i), x.dtype) for i in (t, sampled))
    spread = apply("reshape", x, shape=(batch, 1, x.shape[1]))
    right = math.add(reduction.reduce_sum(math.multiply(spread, right_w), 2), right_b)
    other = math.add(linalg.matmul(x, other_w, transpose_b=True), other_b)
    if remove_accidental_hits:
        hit = apply("reduce", _hits(t, sampled), kind="any", axes=(1,))
        other = apply("select", hit, math.add(other, _LOWEST if x.dtype is not dt.f16 else float("-inf")), other)
    right = math.subtract(right, apply("log", math.cast(wanted_often, x.dtype)))
    return right, math.subtract(other, apply("log", math.cast(sampled_often, x.dtype)))


def nce_loss(weights, biases, labels, inputs, sampled, true_often, sampled_often, num_true=1,
             remove_accidental_hits=False) -> Node:  # fmt: skip
    """Noise-contrastive estimation: telling right classes from sampled ones; [batch]. See ``sampled_logits``."""
    op = "nce_loss"
    right, other = sampled_logits(op, weights, biases, labels, inputs, sampled, true_often, sampled_often, num_true,
                                  remove_accidental_hits)  # fmt: skip
    share = 1.0 / integer(op, "num_true", num_true)
    losses = [
        nn.sigmoid_cross_entropy_with_logits(full_like(x, wanted), x) for x, wanted in ((right, share), (other, 0))
    ]
    return math.add(*[reduction.reduce_sum(x, 1) for x in losses])


def sampled_softmax_loss(weights, biases, labels, inputs, sampled, true_often, sampled_often, num_true=1,
                         remove_accidental_hits=True) -> Node:  # fmt: skip
    """The cross entropy of a softmax over right and sampled classes alone, one per example; see ``sampled_logits``."""
    op = "sampled_softmax_loss"
    right, other = sampled_logits(op, weights, biases, labels, inputs, sampled, true_often, sampled_often, num_true,
                                  remove_accidental_hits)  # fmt: skip
    wanted = [full_like(right, 1.0 / integer(op, "num_true", num_true)), full_like(other, 0)]
    return nn.softmax_cross_entropy_with_logits(apply("concat", *wanted, axis=1), apply("concat", right, other, axis=1))


COMBINERS = ("mean", "sum", "sqrtn")


def combined(params, rows, ids, count, weights=None, combiner=None, max_norm=None, partition_strategy="div") -> Node:
    """Rows of a table, summed or averaged per group.

    Args:
        params: a table [classes, ...], or a list of its parts.
        rows: of which group each id is, integers [n]. ids: rows of the table, integers [n].
        count: how many groups there are.
        weights: [n], or None for 1.
        combiner: ``mean`` (the default), ``sum``, or ``sqrtn``, divided by the root of the sum of squared weights.
        max_norm: the length to which longer rows of the table are shrunk.

    Returns:
        [count, ...].

    Raises:
        UsageError: unknown combiner.
    """
    combiner = combiner or "mean"
    if combiner not in COMBINERS:
        raise UsageError(explain(f"embedding_lookup_sparse: combiner {combiner!r} is none of {', '.join(COMBINERS)}"))
    found = embedding_lookup(params, ids, max_norm, partition_strategy)
    kind = found.dtype
    wide = math.cast(found, dt.f32) if kind in (dt.f16, dt.bf16) else found
    number = dim(count)
    share = (
        full_like(apply("cast", as_node(ids), dtype=wide.dtype), 1)
        if weights is None
        else math.cast(weights, wide.dtype)
    )
    spread = apply("broadcast", share, shape=wide.shape, axes=(0,))
    total = segment.unsorted_segment_sum(wide if weights is None else apply("mul", wide, spread), rows, number)
    if combiner != "sum":
        parts = share if combiner == "mean" else math.square(share)
        over = segment.unsorted_segment_sum(parts, rows, number)
        over = apply("sqrt", over) if combiner == "sqrtn" else over
        total = math.divide_no_nan(total, apply("broadcast", over, shape=total.shape, axes=(0,)))
    return math.cast(total, kind)


def safely_combined(params, rows, ids, count, weights=None, combiner="mean", default_id=None, max_norm=None,
                    partition_strategy="div") -> Node:  # fmt: skip
    """``combined`` without negative ids and, but for sums, without weights that are not positive.

    Args:
        default_id: the id of groups without others; None for zeros.
    """
    i = as_node(ids)
    valid = math.greater_equal(i, 0)
    if weights is not None and combiner != "sum":
        valid = math.logical_and(valid, math.greater(weights, 0.0))
    kind = dt.f32 if weights is None else as_node(weights).dtype
    share = math.cast(valid, kind)
    if weights is not None:
        share = math.where(valid, as_node(weights), full_like(as_node(weights), 0))
    found = combined(
        params, rows, math.where(valid, i, full_like(i, 0)), count, share, combiner, max_norm, partition_strategy
    )
    present = math.greater(segment.unsorted_segment_sum(math.cast(valid, dt.i32), rows, dim(count)), 0)
    present = apply("broadcast", present, shape=found.shape, axes=(0,))
    if default_id is None:
        return apply("select", present, found, full_like(found, 0))
    one = embedding_lookup(params, math.cast(default_id, dt.i64), max_norm, partition_strategy)
    axes = tuple(range(1, len(found.shape)))
    return apply("select", present, found, apply("broadcast", one, shape=found.shape, axes=axes))
