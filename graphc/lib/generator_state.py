"""The state of a generator, i64[3]: a counter of 128 bits (low half first) and a key of 64."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, origins
from graphc.lib import math
from graphc.lib.dims import dim_node, shape_of, size
from graphc.lib.draw import RESERVED, advanced, full_integers
from graphc.lib.promote import as_node
from graphc.prims.table import apply


def state_vector(state) -> Node:
    """A state as i64[3].

    Raises:
        ShapeError: it has another shape.
    """
    x = math.cast(as_node(state), dt.i64)
    if x.shape != (3,):
        raise ShapeError(explain(f"Generator: a state has shape [3], not {x.type}", origins(state=x)))
    return x


def _cut(x: Node, start: int, stop: int) -> Node:
    return apply("slice", x, start=(start,), stop=(stop,), step=(1,))


def place_of_state(state: Node) -> tuple[Node, Node]:
    """The key u32[2] and counter u64[2] of a state."""
    wide = apply("bitcast", state, dtype=dt.u64)
    key = _cut(wide, 2, 3)
    low = apply("and", key, _like(0xFFFFFFFF, key))
    high = apply("shr", key, _like(32, key))
    halves = apply("concat", low, high, axis=0)
    return apply("cast", halves, dtype=dt.u32), _cut(wide, 0, 2)


def _like(value: int, x: Node) -> Node:
    """A constant of the dtype and shape of ``x``."""
    return math.full_like(x, value)


def skipped(state, delta) -> Node:
    """The state after ``delta`` numbers were drawn."""
    x = state_vector(state)
    blocks = math.multiply(math.cast(as_node(delta), dt.u64), as_node(RESERVED, dt.u64))
    counter = advanced(place_of_state(x)[1], blocks)
    return apply("concat", apply("bitcast", counter, dtype=dt.i64), _cut(x, 2, 3), axis=0)


def drawn(function, state, shape, **arguments) -> tuple[Node, Node]:
    """What ``function(key, counter, shape, ...)`` draws at a state, and the state after it."""
    x, sizes = state_vector(state), shape_of(shape, "Generator")
    out = function(*place_of_state(x), sizes, **arguments)
    return out, skipped(x, apply("cast", dim_node(size(sizes)), dtype=dt.u64))


def full_int(key: Node, counter: Node, shape, dtype=dt.u64) -> Node:
    """Any value of an integer dtype."""
    return full_integers(key, counter, shape, dt.as_dtype(dtype))
