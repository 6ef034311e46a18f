"""Label sequences from the frames of a connectionist temporal classification: the best path, and beam search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import index, math, shape
from graphc.lib.ctc import compacted, longest_of, numbered
from graphc.lib.dims import dim_node, integer
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, broadcast_to
from graphc.prims.control import results_of
from graphc.prims.data import nonzero
from graphc.prims.host import host, register_callback
from graphc.prims.table import apply


class SparseParts(NamedTuple):
    """A sparse matrix: places i64[number, 2], values, and its shape i64[2]."""

    indices: Node
    values: Node
    dense_shape: Node


def _operands(op: str, inputs, sequence_length) -> tuple[Node, Node]:
    x, n = as_node(inputs), as_node(sequence_length)
    if x.dtype not in (dt.f32, dt.f64) or not n.dtype.is_integer:
        what = f"{op}: needs float32 or float64 logits and integer lengths, not {x.type} and {n.type}"
        raise DtypeError(explain(what, origins(inputs=x, sequence_length=n)))
    if len(x.shape) != 3 or len(n.shape) != 1:
        what = f"{op}: needs logits [frames, batch, classes] and lengths [batch], not {x.type} and {n.type}"
        raise ShapeError(explain(what, origins(inputs=x, sequence_length=n)))
    if type(n.shape[0]) is int:
        x = shape.ensure_shape(x, (None, n.shape[0], None))
    return x, shape.ensure_shape(n, (x.shape[1],))


def greedy(inputs, sequence_length, merge_repeated=True, blank_index=None) -> tuple[SparseParts, Node]:
    """The most likely class of every frame, without blanks; and minus the sum of their logits, [batch, 1].

    How many labels there are is found on the host.

    Args:
        inputs: logits [frames, batch, classes]. sequence_length: how many frames count, integers [batch].
        merge_repeated: whether a class that is repeated counts once, unless a blank lies between.
        blank_index: the class of the blank, the last one if None; negative numbers count from the last.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks. UsageError: the blank is no class.
    """
    op = "ctc_greedy_decoder"
    x, lengths = _operands(op, inputs, sequence_length)
    classes = x.shape[2]
    blank = -1 if blank_index is None else integer(op, "blank_index", blank_index)
    if type(classes) is int and not -classes <= blank < classes:
        raise UsageError(explain(f"{op}: blank_index {blank} is out of range for {classes} classes"))
    blank = blank if blank >= 0 else classes + blank
    best = apply("transpose", apply("argreduce", x, kind="max", axis=2, dtype=dt.i64), perm=(1, 0))
    place = apply("iota", shape=best.shape, axis=1, dtype=lengths.dtype)
    inside = apply("lt", place, apply("broadcast", lengths, shape=best.shape, axes=(0,)))
    top = apply("transpose", apply("reduce", x, kind="max", axes=(2,)), perm=(1, 0))
    score = apply("reduce", apply("select", inside, top, full_like(top, 0)), kind="sum", axes=(1,))
    kept = math.logical_and(inside, apply("ne", best, broadcast_to(dim_node(blank, best.dtype), best.shape)))
    if merge_repeated:
        before = index.picked("gather", best, math.maximum(math.subtract(place, 1), 0), batch_dims=1)
        kept = math.logical_and(kept, math.logical_or(math.equal(place, 0), math.not_equal(best, before)))
    found = _sparse(best, kept)
    return found, apply("neg", apply("reshape", score, shape=(*score.shape, 1)))


def _sparse(labels: Node, kept: Node) -> SparseParts:
    """What is kept of every row, moved to its front, as a sparse matrix."""
    _, places, counts = numbered(kept)
    return _front(compacted(labels, places), counts)


def _front(rows: Node, counts: Node) -> SparseParts:
    """The first elements of every row as a sparse matrix."""
    place = apply("iota", shape=rows.shape, axis=1, dtype=counts.dtype)
    indices = nonzero(apply("lt", place, apply("broadcast", counts, shape=rows.shape, axes=(0,))))
    sizes = shape.stack([dim_node(rows.shape[0]), dim_node(longest_of(counts))])
    return SparseParts(indices, apply("gather", rows, indices, batch=0), sizes)


def beams(inputs, sequence_length, beam_width=100, top_paths=1, merge_repeated=False) -> tuple[Node, Node, Node]:
    """The most likely label sequences, searched on the host.

    Args:
        inputs: logits [frames, batch, classes]; the last class is the blank.
        sequence_length: how many frames count, integers [batch].
        beam_width: how many beginnings are kept after every frame.
        top_paths: how many sequences are wanted.
        merge_repeated: whether a label that is repeated is shown once, even if blanks lie between.

    Returns:
        Labels i64[top_paths, batch, frames], how many of each row count, i64[top_paths, batch], and ``log`` of their
        probabilities, [batch, top_paths].

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks. UsageError: more paths than beginnings are kept.
    """
    op = "ctc_beam_search_decoder"
    x, lengths = _operands(op, inputs, sequence_length)
    width, paths = integer(op, "beam_width", beam_width), integer(op, "top_paths", top_paths)
    if not 0 < paths <= width:
        raise UsageError(explain(f"{op}: needs 0 < top_paths <= beam_width, got {paths} and {width}"))
    frames, batch, _ = x.shape
    limits = const(np.array([width, paths, bool(merge_repeated)], np.int64))
    types = (Type(dt.i64, (paths, batch, frames)), Type(dt.i64, (paths, batch)), Type(x.dtype, (batch, paths)))
    return results_of(host(x, lengths, limits, callback="graphc.ctc.beam_search", types=types))


def beam_search(
    inputs, sequence_length, beam_width=100, top_paths=1, merge_repeated=False
) -> tuple[list[SparseParts], Node]:  # fmt: skip
    """What ``beams`` finds, as a sparse matrix for each path; and ``log`` of the probabilities, [batch, top_paths]."""
    rows, counts, scores = beams(inputs, sequence_length, beam_width, top_paths, merge_repeated)
    found = [_front(*[_row(n, k) for n in (rows, counts)]) for k in range(rows.shape[0])]
    return found, scores


def _row(x: Node, k: int) -> Node:
    return apply("reshape", shape.part(x, 0, k, k + 1), shape=x.shape[1:])


class _Beginning:
    """A beginning of a label sequence, and the logs of its probabilities now and one frame before."""

    __slots__ = ("parent", "label", "children", "blank", "ending", "total", "old_blank", "old_total")

    def __init__(self, parent, label):
        self.parent, self.label, self.children = parent, label, {}
        self.old_blank = self.old_total = -np.inf
        self.forget()

    def forget(self):
        self.blank = self.ending = self.total = -np.inf

    def extended(self) -> float:
        """Of the parent, what a further label goes on from: after a repetition there must have been a blank."""
        return self.parent.old_blank if self.parent.label == self.label else self.parent.old_total

    def labels(self) -> list[int]:
        node, found = self, []
        while node.parent is not None:
            found.append(node.label)
            node = node.parent
        return found[::-1]


def _search(logp: np.ndarray, width: int) -> list[_Beginning]:
    """The likeliest label sequences for frames of log probabilities, best first."""
    root = _Beginning(None, -1)
    root.blank = root.total = 0.0
    beam = [root]
    for frame in logp.tolist():
        for node in beam:
            node.old_blank, node.old_total = node.blank, node.total
        for node in beam:
            if node.parent is not None:
                if node.parent.total > -np.inf:
                    node.ending = np.logaddexp(node.ending, node.extended())
                node.ending += frame[node.label]
            node.blank = node.old_total + frame[-1]
            node.total = np.logaddexp(node.blank, node.ending)
        beam = _grown(sorted(beam, key=_before, reverse=True), frame, width)
    return sorted(beam, key=_now, reverse=True)


def _before(node: _Beginning) -> float:
    return node.old_total


def _now(node: _Beginning) -> float:
    return node.total


def _grown(beam: list, frame: list, width: int) -> list:
    """The beginnings with one more label each, as far as they are among the best."""
    kept = list(beam)
    lowest = min(kept, key=_now)
    for node in beam:
        if not _fits(node.old_total, kept, lowest, width):
            continue
        for label in range(len(frame) - 1):
            child = node.children.get(label)
            if child is None:
                child = node.children[label] = _Beginning(node, label)
            if child.total > -np.inf:
                continue
            child.blank, child.ending = -np.inf, frame[label] + child.extended()
            child.total = child.ending
            if not _fits(child.total, kept, lowest, width):
                child.forget()
                child.old_blank = child.old_total = -np.inf
                continue
            if len(kept) == width:
                kept.remove(lowest)
                lowest.forget()
            kept.append(child)
            lowest = min(kept, key=_now)
    return kept


def _fits(total: float, kept: list, lowest: _Beginning, width: int) -> bool:
    return total > -np.inf and (len(kept) < width or total > lowest.total)


def _beam_search(x, lengths, limits):
    width, paths, merge = map(int, limits)
    frames, batch, _ = x.shape
    rows, counts = np.zeros((paths, batch, frames), np.int64), np.zeros((paths, batch), np.int64)
    scores = np.full((batch, paths), -np.inf, x.dtype)
    wide = x.astype(np.float64)
    top = wide.max(2, keepdims=True)
    logp = wide - top - np.log(np.exp(wide - top).sum(2, keepdims=True))
    for b in range(batch):
        for k, node in enumerate(_search(logp[: int(lengths[b]), b], width)[:paths]):
            labels = node.labels()
            if merge:
                labels = [label for label, before in zip(labels, [-1, *labels]) if label != before]
            rows[k, b, : len(labels)], counts[k, b], scores[b, k] = labels, len(labels), node.total
    return rows, counts, scores


register_callback("graphc.ctc.beam_search", _beam_search)
