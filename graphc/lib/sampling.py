"""Values between the elements of a tensor, at positions that are computed: taps around a position and their weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.dims import dim_node
from graphc.lib.promote import broadcast_to
from graphc.lib.resample import cubic_weight
from graphc.lib.shape import expand_dims, stack
from graphc.prims.table import apply


def corners(x: Node, positions: Sequence[Node], method: str = "linear", settle: Callable | None = None,
            batch: Node | None = None) -> list[tuple[Node, Node | None]]:  # fmt: skip
    """The elements around positions, with their weights.

    Args:
        x: [batch, *sizes, channels].
        positions: for each of the sizes, floats [batch, points].
        method: ``nearest`` (halves to even), ``linear`` or ``cubic``.
        settle: (axis, places as floats) -> places inside; by default what lies outside is 0.
        batch: integers [*], which element of the batch each row of positions is about; by default each its own.

    Returns:
        Pairs of elements [batch, points, channels] and weights [batch, points]; the weight None is 1.
    """
    taps = [_taps(p, method) for p in positions]
    sizes = x.shape[1:-1]
    settled = [[(_index(place if settle is None else settle(k, place), sizes[k]), w) for place, w in tap]
               for k, tap in enumerate(taps)]  # fmt: skip
    first = [] if batch is None else [broadcast_to(expand_dims(math.cast(batch, dt.i32), 1), positions[0].shape)]
    found = []
    for chosen in itertools.product(*settled):
        index = stack([*first, *[place for place, _ in chosen]], 2)
        weight = None
        for _, w in chosen:
            weight = w if weight is None else weight if w is None else math.multiply(weight, w)
        found.append((apply("gather", x, index, batch=0 if first else 1), weight))
    return found


def interpolated(x: Node, positions: Sequence[Node], method: str = "linear", settle: Callable | None = None) -> Node:
    """The weighted sums of ``corners``: [batch, points, channels]."""
    total = None
    for value, weight in corners(x, positions, method, settle):
        term = value if weight is None else math.multiply(value, expand_dims(math.cast(weight, value.dtype), 2))
        total = term if total is None else math.add(total, term)
    return total


def _taps(position: Node, method: str) -> list[tuple[Node, Node | None]]:
    """Places along one axis, as floats, and how much they count."""
    if method == "nearest":
        return [(math.round(position), None)]
    low = math.floor(position)
    t = math.subtract(position, low)
    if method == "linear":
        return [(low, math.subtract(1.0, t)), (math.add(low, 1.0), t)]
    distances = (math.add(t, 1.0), t, math.subtract(1.0, t), math.subtract(2.0, t))
    return [(math.add(low, float(k)), cubic_weight(d)) for k, d in zip((-1, 0, 1, 2), distances)]


def _index(place: Node, n) -> Node:
    """A place as an integer; all that lies outside remains so, and no number is too large."""
    limit = math.add(dim_node(n, place.dtype), 1.0)
    return math.cast(math.minimum(math.maximum(place, -2.0), limit), dt.i32)


def clamped(place: Node, n) -> Node:
    """The nearest place inside."""
    return math.minimum(math.maximum(place, 0.0), math.subtract(dim_node(n, place.dtype), 1.0))


def reflected(place: Node, n, reach: float) -> Node:
    """A place mirrored at ``-reach`` and ``n - 1 + reach`` until it lies between them; inside it stays as it is."""
    low, high = -reach, math.add(dim_node(n, place.dtype), reach - 1.0)
    span = math.maximum(math.subtract(high, low), 1e-6)
    around = math.floormod(math.subtract(place, low), math.multiply(span, 2.0))
    back = math.minimum(around, math.subtract(math.multiply(span, 2.0), around))
    is_inside = math.logical_and(math.less_equal(low, place), math.less_equal(place, high))
    return math.where(is_inside, place, math.add(back, low))
