"""The connectionist temporal classification loss: one loop over time, in the log domain."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import control, index, math, nn, reduction, shape
from graphc.lib.dims import dim_node, integer, measured
from graphc.lib.math import full_like
from graphc.lib.promote import as_node, broadcast_to
from graphc.prims.table import apply

_NEVER = -1e30  # stands for log(0): finite, so that differences of it are 0 and no slope becomes NaN
_IMPOSSIBLE = -1e29


def _integers(op: str, name: str, value, rank: int) -> Node:
    x = as_node(value)
    if not x.dtype.is_integer:
        raise DtypeError(explain(f"{op}: {name} must be integers, not {x.type}", origins(**{name: x})))
    if len(x.shape) != rank:
        raise ShapeError(explain(f"{op}: {name} must have rank {rank}, not {x.type}", origins(**{name: x})))
    return x


def _logits(op: str, value, time_major: bool) -> Node:
    x = as_node(value)
    if not x.dtype.is_float:
        raise DtypeError(explain(f"{op}: logits must be real numbers, not {x.type}", origins(logits=x)))
    if len(x.shape) != 3:
        raise ShapeError(explain(f"{op}: logits must have rank 3, not {x.type}", origins(logits=x)))
    return x if time_major else apply("transpose", x, perm=(1, 0, 2))


def _blank(op: str, value, classes) -> Node | int:
    blank = integer(op, "blank_index", value)
    if type(classes) is int and not -classes <= blank < classes:
        raise UsageError(explain(f"{op}: blank_index {blank} is out of range for {classes} classes"))
    if blank >= 0:
        return blank
    return classes + blank


def ctc_loss(labels, logits, label_length, logit_length, logits_time_major=True, unique=None, blank_index=None) -> Node:
    """``-log`` of the probability of the labels, summed over all their alignments with the frames; [batch].

    An alignment puts blanks between labels and repeats both. Where there is none, because the frames are too few, the
    loss is infinite and has no gradient.

    Args:
        labels: integers [batch, labels], of which the first ``label_length`` count.
        logits: [frames, batch, classes], or [batch, frames, classes] if not ``logits_time_major``.
        label_length, logit_length: integers [batch].
        unique: what ``ctc_unique_labels`` answers; not needed.
        blank_index: the class of the blank, 0 if None; negative numbers count from the last class.

    Raises:
        DtypeError, ShapeError: operands of other dtypes or ranks. UsageError: the blank is no class.
    """
    op = "ctc_loss"
    x = _logits(op, logits, logits_time_major)
    if x.dtype in (dt.f16, dt.bf16):
        return math.cast(
            ctc_loss(labels, math.cast(x, dt.f32), label_length, logit_length, True, None, blank_index), x.dtype
        )
    lengths = _integers(op, "logit_length", logit_length, 1)
    wanted = _integers(op, "labels", labels, 2)
    if label_length is None:
        raise UsageError(explain("ctc_loss: label_length is needed for labels that are not sparse"))
    counts = _integers(op, "label_length", label_length, 1)
    batch = _batch(op, x, labels=wanted, label_length=counts, logit_length=lengths)
    blank = _blank(op, 0 if blank_index is None else blank_index, x.shape[2])
    states = _extended(shape.ensure_shape(math.cast(wanted, dt.i32), (batch, None)), blank)
    x = shape.ensure_shape(x, (None, batch, None))
    lengths, counts = (shape.ensure_shape(math.cast(n, dt.i32), (batch,)) for n in (lengths, counts))
    final = _forward(nn.log_softmax(x), states, lengths)
    return _total(final, counts)


def _batch(op: str, x: Node, **others):
    """The common number of examples, an int if that is known anywhere."""
    sizes = [n.shape[0] for n in others.values()] + [x.shape[1]]
    known = [d for d in sizes if type(d) is int]
    if len(set(known)) > 1:
        kinds = ", ".join(f"{name} {n.type}" for name, n in others.items())
        raise ShapeError(explain(f"{op}: logits {x.type}, {kinds} differ in their number of examples",
                                 origins(logits=x, **others)))  # fmt: skip
    return known[0] if known else x.shape[1]


def _extended(labels: Node, blank) -> Node:
    """Labels with a blank before, between and after them."""
    batch, count = labels.shape
    blanks = broadcast_to(dim_node(blank, dt.i32), labels.shape)
    pairs = apply("reshape", shape.stack([blanks, labels], 2), shape=(batch, count * 2))
    return apply("concat", pairs, broadcast_to(dim_node(blank, dt.i32), (batch, 1)), axis=1)


def _forward(logp: Node, states: Node, lengths: Node) -> Node:
    """For every state after the last frame, ``log`` of the probability to be in it: [batch, states]."""
    frames, (batch, count) = logp.shape[0], states.shape
    places = apply("broadcast", states, shape=(frames, batch, count), axes=(1, 2))
    emitted = index.picked("gather", logp, places, batch_dims=2)
    never = const(_NEVER, Type(logp.dtype, states.shape))
    place = apply("iota", shape=states.shape, axis=1, dtype=dt.i32)
    before = _shifted(states, 2, const(-1, states.type))
    labels = math.equal(math.floormod(place, 2), 1)  # by place: a label may be the blank, which TensorFlow counts as one
    may_skip = apply("and", labels, apply("ne", states, before))
    start = apply("select", apply("eq", place, full_like(place, 0)), full_like(never, 0), never)

    def step(number, carries, rows, operands):
        (alpha,), (frame,), (skips, known, none) = carries, rows, operands
        two = apply("select", skips, _shifted(alpha, 2, none), none)
        new = apply("add", _log_sum(alpha, _shifted(alpha, 1, none), two), frame)
        going = apply("lt", broadcast_to(math.cast(number, dt.i32), known.shape), known)
        going = apply("broadcast", going, shape=alpha.shape, axes=(0,))
        return [apply("select", going, new, alpha)], []

    (last,), _ = control.steps(step, [start], [emitted], [may_skip, lengths, never], op="ctc_loss")
    return last


def _shifted(x: Node, by: int, filler: Node) -> Node:
    """``x`` moved to the right along its second axis, filled from ``filler``."""
    batch, count = x.shape
    wide = apply("concat", shape.part(filler, 1, 0, 1), x, axis=1)
    if by == 2:
        wide = apply("concat", shape.part(filler, 1, 0, 1), wide, axis=1)
    return shape.part(wide, 1, 0, count)


def _log_sum(*terms: Node) -> Node:
    top = terms[0]
    for x in terms[1:]:
        top = apply("max", top, x)
    top = apply("stop", top)
    total = None
    for x in terms:
        part = apply("exp", apply("sub", x, top))
        total = part if total is None else apply("add", total, part)
    return apply("add", top, apply("log", total))


def _total(alpha: Node, counts: Node) -> Node:
    """The loss: in the end the last label or the blank after it is read."""
    place = apply("iota", shape=alpha.shape, axis=1, dtype=dt.i32)
    last = apply("broadcast", math.multiply(counts, 2), shape=alpha.shape, axes=(0,))
    ends = math.logical_and(math.less_equal(place, last), math.greater_equal(place, math.subtract(last, 1)))
    final = apply("select", ends, alpha, full_like(alpha, _NEVER))
    top = apply("stop", reduction.reduce("ctc_loss", "max", final, 1, True))
    total = reduction.reduce_sum(apply("exp", math.subtract(final, top)), 1)
    found = math.add(apply("log", total), apply("reshape", top, shape=total.shape))
    possible = apply("lt", full_like(found, _IMPOSSIBLE), found)
    return apply("select", possible, apply("neg", found), full_like(found, float("inf")))


def ctc(y_true, y_pred) -> Node:
    """``ctc_loss`` of integer labels [batch, labels], padded with the blank 0, and logits [batch, frames, classes]."""
    p, t = as_node(y_pred), math.cast(y_true, dt.i32)
    if len(t.shape) != 2 or len(p.shape) != 3:
        what = f"ctc: labels must be [batch, labels] and logits [batch, frames, classes], not {t.type} and {p.type}"
        raise ShapeError(explain(what, origins(y_true=t, y_pred=p)))
    counts = reduction.reduce_sum(math.cast(math.not_equal(t, 0), dt.i32), 1)
    frames = broadcast_to(dim_node(p.shape[1], dt.i32), counts.shape)
    return ctc_loss(t, p, counts, frames, logits_time_major=False, blank_index=0)


def ctc_unique_labels(labels) -> tuple[Node, Node]:
    """The different labels of every row, i64 padded with 0, and which of them each one is; both [batch, labels]."""
    x = _integers("ctc_unique_labels", "labels", labels, 2)
    batch, count = x.shape
    full = (batch, count, count)
    same = apply("eq", apply("broadcast", x, shape=full, axes=(0, 1)), apply("broadcast", x, shape=full, axes=(0, 2)))
    earlier = apply("iota", shape=full, axis=2, dtype=dt.i32)
    most = broadcast_to(dim_node(count, dt.i32), full)
    first = apply("reduce", apply("select", same, earlier, most), kind="min", axes=(2,))
    new = apply("eq", first, apply("iota", shape=x.shape, axis=1, dtype=dt.i32))
    number = math.subtract(_running(new), 1)
    kept = apply("select", new, number, full_like(number, -1))
    return compacted(math.cast(x, dt.i64), kept), index.picked("gather", number, first, batch_dims=1)


def _running(mask: Node) -> Node:
    """How many are true up to each place of a row."""
    return apply("cumulate", math.cast(mask, dt.i32), kind="sum", axis=1, exclusive=False, reverse=False)


def compacted(x: Node, places: Node) -> Node:
    """Every row's elements at their new places in it (none for -1), the rest 0."""
    line = apply("reshape", places, shape=(*places.shape, 1))
    return apply("scatter", full_like(x, 0), line, x, kind="set", batch=1)


def collapsed(labels: Node, lengths: Node) -> tuple[Node, Node, Node]:
    """Which labels stay when repetitions go, their new places in the row (-1 for the others), and how many stay."""
    batch, count = labels.shape
    place = apply("iota", shape=labels.shape, axis=1, dtype=dt.i32)
    before = index.picked("gather", labels, math.maximum(math.subtract(place, 1), 0), batch_dims=1)
    new = math.logical_or(math.equal(place, 0), math.not_equal(labels, before))
    inside = apply("lt", place, apply("broadcast", math.cast(lengths, dt.i32), shape=place.shape, axes=(0,)))
    return numbered(math.logical_and(new, inside))


def numbered(kept: Node) -> tuple[Node, Node, Node]:
    """What is kept, its numbers in its row (-1 for the rest), and how many there are."""
    total = _running(kept)
    places = apply("select", kept, math.subtract(total, 1), full_like(total, -1))
    return kept, places, reduction.reduce_sum(math.cast(kept, dt.i32), 1)


def longest_of(counts: Node):
    """The largest of some counts, as a size."""
    top = apply("reduce", apply("cast", counts, dtype=dt.i64), kind="max", axes=(0,))
    return measured(apply("max", top, dim_node(0)), "ctc")


def collapse_repeated(labels, seq_length) -> tuple[Node, Node]:
    """The labels without repetitions, padded with 0 to the longest row, and their new lengths.

    Args:
        labels: integers [batch, labels], of which the first ``seq_length`` of every row count.
    """
    x = _integers("collapse_repeated", "labels", labels, 2)
    n = _integers("collapse_repeated", "seq_length", seq_length, 1)
    _, places, counts = collapsed(x, n)
    rows = compacted(x, places)
    return shape.part(rows, 1, 0, longest_of(counts)), math.cast(counts, n.dtype)
