"""Choosing among boxes: non-maximum suppression in all its forms, under TensorFlow's names.

One step picks the best score that is left in every group and takes out (or weakens) what overlaps it; all steps run in
one native loop, so that the answer has a known size. Forms without padding cut it to the number of boxes found.
"""

from __future__ import annotations

import math as python_math

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, Node, binary, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.dims import dim, dim_node
from graphc.lib.dims import size as size_of
from graphc.lib.promote import as_node, broadcast_to
from graphc.lib.shape import ensure_shape, part, reshape, transpose
from graphc.prims.control import loop, results_of
from graphc.prims.data import measured
from graphc.prims.table import apply

_LOWEST = -python_math.inf


# ------------------------------------------------------------------------------------------- operands


def _operands(op: str, boxes, scores) -> tuple[Node, Node]:
    """Boxes [..., n, 4] and scores [..., n] in float32."""
    b, s = math.cast(as_node(boxes), dt.f32), math.cast(as_node(scores), dt.f32)
    if len(b.shape) < 2 or len(s.shape) != len(b.shape) - 1 or (type(b.shape[-1]) is int and b.shape[-1] != 4):
        what = f"{op}: needs boxes [n,4] and scores [n], not {b.type} and {s.type}"
        raise ShapeError(explain(what, origins(boxes=b, scores=s)))
    sizes = []
    for m, n in zip(b.shape[:-1], s.shape):
        if type(m) is int and type(n) is int and m != n:
            what = f"{op}: boxes {b.type} and scores {s.type} differ in number"
            raise ShapeError(explain(what, origins(boxes=b, scores=s)))
        sizes.append(m if type(m) is int else n)
    return ensure_shape(b, (*sizes, 4)), ensure_shape(s, tuple(sizes))


def _single(op: str, boxes, scores) -> tuple[Node, Node]:
    b, s = _operands(op, boxes, scores)
    if len(s.shape) != 1:
        raise ShapeError(explain(f"{op}: needs boxes [n,4], not {b.type}", origins(boxes=b)))
    return apply("reshape", b, shape=(1, *b.shape)), apply("reshape", s, shape=(1, *s.shape))


def _scalar(value, dtype=dt.f32) -> Node:
    return math.cast(value, dtype) if isinstance(value, Node) else as_node(value, dtype)


def _count(op: str, value):
    n = dim(value, op)
    if type(n) is int and n < 0:
        raise UsageError(explain(f"{op}: max_output_size must not be negative, got {n}"))
    return n


def _sides(boxes: Node) -> list[Node]:
    """The four coordinates of boxes [groups, n, 4], each [groups, n]."""
    return [apply("reshape", part(boxes, 2, k, k + 1), shape=boxes.shape[:2]) for k in range(4)]


def _corners(boxes: Node) -> list[Node]:
    """ymin, xmin, ymax, xmax of boxes given by any two opposite corners."""
    a, b, c, d = _sides(boxes)
    return [apply("min", a, c), apply("min", b, d), apply("max", a, c), apply("max", b, d)]


def _turned(boxes: Node) -> list[Node]:
    """ymin, xmin, ymax, xmax of boxes that all give their corners in the order of the very first box."""
    a, b, c, d = _sides(boxes)
    out = []
    for low, high in ((a, c), (b, d)):
        first = [part(part(v, 0, 0, 1), 1, 0, 1) for v in (low, high)]
        ordered = broadcast_to(apply("le", *first), low.shape)
        out.append((apply("select", ordered, low, high), apply("select", ordered, high, low)))
    return [out[0][0], out[1][0], out[0][1], out[1][1]]


# ---------------------------------------------------------------------------------------------- the loop


def _overlap(corners: list[Node], own: list[Node], epsilon: float) -> Node:
    """Intersection over union of every box [groups, n] with one box of its group [groups]."""
    ymin, xmin, ymax, xmax = corners
    full = ymin.shape
    a, b, c, d = (apply("broadcast", v, shape=full, axes=(0,)) for v in own)
    height = math.maximum(apply("sub", apply("min", ymax, c), apply("max", ymin, a)), 0.0)
    width = math.maximum(apply("sub", apply("min", xmax, d), apply("max", xmin, b)), 0.0)
    shared = apply("mul", height, width)
    mine = apply("mul", apply("sub", c, a), apply("sub", d, b))
    other = apply("mul", apply("sub", ymax, ymin), apply("sub", xmax, xmin))
    union = apply("sub", apply("add", mine, other), shared)
    if epsilon:
        return apply("div", shared, union + epsilon)
    solid = apply("and", _above(mine, 0.0), _above(other, 0.0))
    safe = apply("select", solid, union, math.full_like(union, 1))
    return apply("select", solid, apply("div", shared, safe), math.full_like(union, 0))


def _above(x: Node, low: float) -> Node:
    return apply("lt", math.full_like(x, low), x)


def _own(x: Node, best: Node) -> Node:
    """The element of each group [groups, n, ...] at the group's place [groups]."""
    index = apply("reshape", best, shape=(best.shape[0], 1, 1))
    out = apply("gather", x, index, batch=1)
    return apply("reshape", out, shape=(x.shape[0], *x.shape[2:]))


def _chosen(scores: Node, similar: list[Node], count, limits: list[Node], similarity, keep) -> tuple[Node, Node, Node]:
    """The best boxes of every group in turn.

    Args:
        scores: float32 [groups, n].
        similar: what ``similarity`` needs of the boxes; ``limits``: scalars, the first one the lowest score.
        similarity: (inputs for ``similar``, place [groups]) -> [groups, n].
        keep: (similarity, limits) -> the factor of the scores, 0 for what is taken out.

    Returns:
        places i32, scores f32 and b1 whether there was one, all [groups, count].
    """
    operands = [*similar, *limits]
    names = ["step", "scores", *[f"c{k}" for k in range(len(operands))]]
    types = [INDEX, scores.type, *[x.type for x in operands]]
    inputs = tuple(input_node(n, t) for n, t in zip(names, types))
    left, mine, bounds = inputs[1], list(inputs[2 : 2 + len(similar)]), list(inputs[2 + len(similar) :])
    n = left.shape[1]
    wide = left if type(n) is int and n else _filled(left, n + 1, _LOWEST)  # there may be no box
    best = apply("argreduce", wide, kind="max", axis=1, dtype=dt.i32)
    top = _own(wide, best)
    found = apply("lt", broadcast_to(bounds[0], top.shape), top)
    alike = similarity(mine, best)
    factor = keep(alike, bounds)
    out = math.full_like(left, _LOWEST)
    taken = apply("eq", apply("iota", shape=left.shape, axis=1, dtype=dt.i32),
                  apply("broadcast", best, shape=left.shape, axes=(0,)))  # fmt: skip
    gone = apply("or", taken, apply("eq", factor, math.full_like(factor, 0)))
    weaker = apply("select", apply("eq", factor, math.full_like(factor, 1)), left, apply("mul", left, factor))
    after = apply("select", gone, out, weaker)
    kept = apply("select", apply("broadcast", found, shape=left.shape, axes=(0,)), after, left)
    body = Graph("suppress", inputs, (kept, best, top, found))
    results = results_of(loop(scores, *operands, count=count, carries=1, scanned=0, body=body))[1:]
    return tuple(transpose(r, (1, 0)) for r in results)


def _greedy(corners: list[Node], scores: Node, count, iou_threshold, score_threshold, sigma=None, epsilon=0.0,
            inclusive=False):  # fmt: skip
    """``_chosen`` for boxes; ``sigma``: scores fade with overlap; ``inclusive``: the limit itself suppresses."""
    limits = [_scalar(score_threshold), _scalar(iou_threshold)]
    if sigma is not None:
        limits.append(_scalar(sigma))

    def similarity(corners: list[Node], best: Node) -> Node:
        return _overlap(corners, [_own(c, best) for c in corners], epsilon)

    def keep(alike: Node, bounds: list[Node]) -> Node:
        limit = broadcast_to(bounds[1], alike.shape)
        inside = apply("lt" if inclusive else "le", alike, limit)
        one, zero = math.full_like(alike, 1), math.full_like(alike, 0)
        if sigma is None:
            return apply("select", inside, one, zero)
        soft = apply("lt", math.full_like(bounds[2], 0), bounds[2])
        safe = apply("select", soft, bounds[2], math.full_like(bounds[2], 1))
        rate = broadcast_to(apply("div", math.full_like(safe, -0.5), safe), alike.shape)
        faded = apply("exp", apply("mul", rate, math.square(alike)))
        fading = apply("select", broadcast_to(soft, alike.shape), faded, one)
        return apply("select", inside, fading, zero)

    return _chosen(scores, corners, _most(count, scores.shape[1]), limits, similarity, keep)


def _most(count, n):
    """At most as many steps as boxes, where both are known; the rest is padding."""
    return min(count, n) if type(count) is int and type(n) is int else count


def _filled(x: Node, count, value) -> Node:
    """[groups, steps] continued to [groups, count]."""
    if x.shape[1] is count or x.shape[1] == count:
        return x
    fill = as_node(x.dtype.numpy.type(value), x.dtype)
    return apply("pad", x, fill, low=(0, 0), high=(0, simplified(count - x.shape[1])))


def _masked(x: Node, valid: Node) -> Node:
    return apply("select", valid, x, math.full_like(x, 0))


def _cut(places: Node, valid: Node, *others: Node):
    """What is found in the only group, without the padding behind it, of a size known while running."""
    count = measured(apply("reshape", math.cast(_number(valid), dt.i64), shape=()))
    found = [apply("reshape", part(x, 1, 0, count), shape=(count,)) for x in (places, *others)]
    return tuple(found)


def _number(valid: Node) -> Node:
    """How many are valid in each group, i32 [groups]."""
    return apply("reduce", math.cast(valid, dt.i32), kind="sum", axes=(1,))


def _suppressed(corners: list[Node], scores: Node, count, *limits, **how) -> tuple[Node, Node, Node]:
    """Places, scores and validity [groups, count]; what is not valid is 0."""
    if type(scores.shape[1]) is int and scores.shape[1] == 0:
        full = (scores.shape[0], count)
        return tuple(const(0, Type(d, full)) for d in (dt.i32, dt.f32, dt.b1))
    places, values, valid = _greedy(corners, scores, count, *limits, **how)
    return tuple(_filled(x, count, 0) for x in (_masked(places, valid), _masked(values, valid), valid))


# ------------------------------------------------------------------------------------------ the operations


def non_max_suppression(boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_LOWEST) -> Node:
    """The places of the best boxes that do not overlap a better one, best first, int32 of a size known while running.

    Args:
        boxes: [n, 4], any two opposite corners (y1, x1, y2, x2). scores: [n].
        max_output_size: at most as many boxes.
        iou_threshold: boxes whose intersection over union exceeds it overlap.
        score_threshold: boxes that do not score more are left out.

    Raises:
        ShapeError: other ranks or numbers.
    """
    op = "non_max_suppression"
    b, s = _single(op, boxes, scores)
    places, _, valid = _suppressed(_corners(b), s, _count(op, max_output_size), iou_threshold, score_threshold)
    return _cut(places, valid)[0]


def non_max_suppression_with_scores(boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_LOWEST,
                                    soft_nms_sigma=0.0) -> tuple[Node, Node]:  # fmt: skip
    """Like ``non_max_suppression``, with the scores; a positive ``soft_nms_sigma`` lets scores fade with overlap."""
    op = "non_max_suppression_with_scores"
    b, s = _single(op, boxes, scores)
    n = _count(op, max_output_size)
    places, values, valid = _suppressed(_corners(b), s, n, iou_threshold, score_threshold, sigma=soft_nms_sigma)
    return _cut(places, valid, values)


def non_max_suppression_overlaps(overlaps, scores, max_output_size, overlap_threshold=0.5,
                                 score_threshold=_LOWEST) -> Node:  # fmt: skip
    """Like ``non_max_suppression`` for a matrix [n, n] of how much every two things overlap."""
    op = "non_max_suppression_overlaps"
    o, s = math.cast(as_node(overlaps), dt.f32), math.cast(as_node(scores), dt.f32)
    if len(o.shape) != 2 or len(s.shape) != 1:
        what = f"{op}: needs overlaps [n,n] and scores [n], not {o.type} and {s.type}"
        raise ShapeError(explain(what, origins(overlaps=o, scores=s)))
    n = next((d for d in (*o.shape, *s.shape) if type(d) is int), s.shape[0])
    o, s = ensure_shape(o, (n, n)), ensure_shape(s, (n,))
    count, limits = _count(op, max_output_size), [_scalar(score_threshold), _scalar(overlap_threshold)]
    rows = apply("reshape", transpose(o, (1, 0)), shape=(1, n, n))

    def keep(alike: Node, bounds: list[Node]) -> Node:
        inside = apply("le", alike, broadcast_to(bounds[1], alike.shape))
        return math.cast(inside, dt.f32)

    if type(n) is int and n == 0:
        return const(0, Type(dt.i32, (0,)))
    groups = apply("reshape", s, shape=(1, n))
    places, _, valid = _chosen(groups, [rows], _most(count, n), limits, lambda x, best: _own(x[0], best), keep)
    return _cut(places, valid)[0]


def non_max_suppression_padded(boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=_LOWEST,
                               pad_to_max_output_size=False, name=None, sorted_input=False,
                               canonicalized_coordinates=False, tile_size=512) -> tuple[Node, Node]:  # fmt: skip
    """Places of the best boxes of each group of boxes, followed by zeros, and how many there are, int32.

    Args:
        boxes: [..., n, 4]; a box without a positive coordinate never counts. scores: [..., n].
        iou_threshold: boxes whose intersection over union reaches it overlap.
        pad_to_max_output_size: False (only without leading axes): the places without zeros.
        sorted_input: the boxes come best first, whatever their scores.
        canonicalized_coordinates: boxes are (ymin, xmin, ymax, xmax); else all are given as the very first one is.
        tile_size: changes nothing.

    Raises:
        ShapeError: other ranks. UsageError: leading axes without ``pad_to_max_output_size``.
    """
    op = "non_max_suppression_padded"
    b, s = _operands(op, boxes, scores)
    lead, n = s.shape[:-1], s.shape[-1]
    if lead and not pad_to_max_output_size:
        raise UsageError(explain(f"{op}: {b.type} has leading axes, which need pad_to_max_output_size=True",
                                 origins(boxes=b)))  # fmt: skip
    count = _count(op, max_output_size)
    b, s = reshape(b, (size_of(lead), n, 4)), reshape(s, (size_of(lead), n))
    enough = math.greater(s, _scalar(score_threshold))
    solid = apply("reduce", _above(b, 0.0), kind="any", axes=(2,))
    rank = apply("neg", apply("iota", shape=s.shape, axis=1, dtype=dt.f32)) if sorted_input else s
    ranked = apply("select", apply("and", enough, solid), rank, math.full_like(s, _LOWEST))
    corners = _sides(b) if canonicalized_coordinates else _turned(b)
    found, _, valid = _suppressed(corners, ranked, count, iou_threshold, _LOWEST, epsilon=1e-8, inclusive=True)
    if not pad_to_max_output_size:
        return _cut(found, valid)[0], reshape(_number(valid), ())
    return reshape(found, (*lead, count)), reshape(_number(valid), lead)


def combined_non_max_suppression(boxes, scores, max_output_size_per_class, max_total_size, iou_threshold=0.5,
                                 score_threshold=_LOWEST, pad_per_class=False,
                                 clip_boxes=True) -> tuple[Node, Node, Node, Node]:  # fmt: skip
    """The best boxes of all classes of each image, each class suppressed for itself; best first, zeros behind.

    Args:
        boxes: [batch, n, classes or 1, 4]. scores: [batch, n, classes].
        pad_per_class: the answers have ``min(max_total_size, max_output_size_per_class * classes)`` places instead of
            ``max_total_size``.
        clip_boxes: coordinates are limited to [0, 1].

    Returns:
        boxes [batch, k, 4], scores [batch, k], classes [batch, k] (float32), and how many are valid [batch] (int32).

    Raises:
        ShapeError: other ranks or sizes.
    """
    op = "combined_non_max_suppression"
    b, s = math.cast(as_node(boxes), dt.f32), math.cast(as_node(scores), dt.f32)
    if len(b.shape) != 4 or len(s.shape) != 3 or type(b.shape[2]) is not int or type(s.shape[2]) is not int:
        what = f"{op}: needs boxes [batch,n,q,4] and scores [batch,n,classes], not {b.type} and {s.type}"
        raise ShapeError(explain(what, origins(boxes=b, scores=s)))
    batch, n = (x if type(x) is int else y for x, y in zip(s.shape[:2], b.shape))
    classes, q = s.shape[2], b.shape[2]
    if q not in (1, classes):
        raise ShapeError(explain(f"{op}: {b.type} must have 1 or {classes} boxes in axis 2", origins(boxes=b)))
    b, s = ensure_shape(b, (batch, n, q, 4)), ensure_shape(s, (batch, n, classes))
    each, total = _count(op, max_output_size_per_class), _count(op, max_total_size)
    if pad_per_class:
        total = _smaller(total, simplified(each * classes))
    wide = transpose(b, (0, 2, 1, 3))
    wide = broadcast_to(wide, (batch, classes, n, 4))
    groups = simplified(batch * classes)
    flat, ranked = reshape(wide, (groups, n, 4)), reshape(transpose(s, (0, 2, 1)), (groups, n))
    places, values, valid = _suppressed(_corners(flat), ranked, each, iou_threshold, score_threshold)
    picked = apply("gather", flat, apply("reshape", places, shape=(*places.shape, 1)), batch=1)
    return _best(picked, values, valid, batch, simplified(classes * each), each, total, clip_boxes)


def _best(picked: Node, values: Node, valid: Node, batch, many, each, total, clip: bool) -> tuple:
    """The ``total`` best of all classes together."""
    scores = reshape(apply("select", valid, values, math.full_like(values, _LOWEST)), (batch, many))
    order = apply("sort", scores, axis=1, descending=True)
    kept = _smaller(total, many)
    top, where = (part(apply("item", order, index=k), 1, 0, kept) for k in (0, 1))
    index = apply("reshape", where, shape=(*where.shape, 1))
    sure = apply("gather", reshape(valid, (batch, many)), index, batch=1)
    boxes = apply("gather", reshape(picked, (batch, many, 4)), index, batch=1)
    if clip:
        boxes = math.clip_by_value(boxes, 0.0, 1.0)
    each_node = broadcast_to(dim_node(each, dt.i32), where.shape)
    number = math.cast(apply("floordiv", where, each_node), dt.f32)
    boxes = _masked(boxes, apply("broadcast", sure, shape=boxes.shape, axes=(0, 1)))
    low, high = (0, 0, 0), (0, simplified(total - kept), 0)
    if high[1] != 0:
        boxes = apply("pad", boxes, as_node(0.0, dt.f32), low=low, high=high)
    return boxes, _filled(_masked(top, sure), total, 0), _filled(_masked(number, sure), total, 0), _number(sure)


def _smaller(a, b):
    return min(a, b) if type(a) is int and type(b) is int else simplified(binary("min", a, b))


def best_of_groups(corners: list[Node], scores: Node, max_output_size, iou_threshold,
                   score_threshold) -> tuple[Node, Node]:  # fmt: skip
    """The places of the best boxes of every group that do not overlap a better one of it, best first.

    Args:
        corners: ymin, xmin, ymax, xmax, each f32 [groups, n]. scores: f32 [groups, n].
        max_output_size: at most as many boxes of a group: an int or a size.

    Returns:
        places i32 and b1 whether there is a box, [groups, at most ``max_output_size``].
    """
    count = _most(max_output_size, scores.shape[1])
    places, _, valid = _suppressed(corners, scores, count, iou_threshold, score_threshold)
    return places, valid
