"""Pooling over windows of random, nearly equal sizes under TensorFlow's names."""

from __future__ import annotations

from typing import NamedTuple

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib import math, random
from graphc.lib.index import picked
from graphc.lib.order import argsort
from graphc.lib.promote import as_node
from graphc.lib.shape import part
from graphc.lib.sliding import lowest
from graphc.prims.table import apply


class FractionalPool(NamedTuple):
    """What was pooled, and where the windows of rows and columns begin and end."""

    output: Node
    row_pooling_sequence: Node
    col_pooling_sequence: Node


def fractional_max_pool(key: Node, counter: Node, value, pooling_ratio, pseudo_random=False, overlapping=False,
                        seed=0) -> FractionalPool:  # fmt: skip
    """Maxima of ``value`` [batch, height, width, channels] over ``floor(size / pooling_ratio)`` windows along an axis.

    The sizes of windows differ by at most one; their order is random, or follows from one random number if
    ``pseudo_random``. ``overlapping`` windows share their border. The numbers drawn are not TensorFlow's.

    Raises:
        ShapeError: the rank is not 4, or height or width is not known.
        DtypeError: ``value`` is not f32, f64, i32 or i64.
        UsageError: ``pooling_ratio`` is not 1 for batch and channels, or below 1.
    """
    return _pool("fractional_max_pool", "max", key, counter, value, pooling_ratio, pseudo_random, overlapping)


def fractional_avg_pool(key: Node, counter: Node, value, pooling_ratio, pseudo_random=False, overlapping=False,
                        seed=0) -> FractionalPool:  # fmt: skip
    """Means over windows of random sizes; see ``fractional_max_pool``."""
    return _pool("fractional_avg_pool", "add", key, counter, value, pooling_ratio, pseudo_random, overlapping)


def _pool(op: str, kind: str, key, counter, value, pooling_ratio, pseudo_random, overlapping) -> FractionalPool:
    x = as_node(value)
    if len(x.shape) != 4 or any(type(n) is not int for n in x.shape[1:3]):
        raise ShapeError(explain(f"{op}: needs rank 4 with known height and width, got {x.type}", origins(value=x)))
    if x.dtype not in (dt.f32, dt.f64, dt.i32, dt.i64):
        raise DtypeError(explain(f"{op}: not defined for {x.type}", origins(value=x)))
    ratios = _ratios(op, pooling_ratio)
    sizes = [int(n / r) for n, r in zip(x.shape[1:3], ratios)]
    if min(sizes) < 1:
        raise ShapeError(explain(f"{op}: ratios {ratios} leave nothing of {x.type}", origins(value=x)))
    numbers = random.uniform(key, counter, (sum(sizes),), 0.0, 1.0, dt.f64)
    draws = part(numbers, 0, 0, sizes[0]), part(numbers, 0, sizes[0], sum(sizes))
    sequence = _pseudo_random if pseudo_random else _shuffled
    borders = [sequence(n, m, draw) for n, m, draw in zip(x.shape[1:3], sizes, draws)]
    out = x
    for axis, border in zip((1, 2), borders):
        out = _pool_axis(out, axis, border, kind, overlapping)
    return FractionalPool(out, *borders)


def _ratios(op: str, ratio) -> tuple[float, float]:
    found = [float(r) for r in ratio] if isinstance(ratio, (list, tuple)) else [float(ratio)]
    if len(found) == 4 and found[0] == found[3] == 1:
        found = found[1:3]
    found = found * 2 if len(found) == 1 else found
    if len(found) != 2 or min(found) < 1:
        what = f"{op}: pooling_ratio must be 1, 2 or 4 numbers of at least 1, and 1 for batch and channels"
        raise UsageError(explain(f"{what}, got {ratio!r}"))
    return tuple(found)


def _pseudo_random(n: int, count: int, draw: Node) -> Node:
    """Borders ``ceil(alpha * (i + u)) - 1``, one random ``u`` so bounded that window sizes differ by one at most."""
    alpha, k = n / count, n // count
    most = min((k + 2) / alpha - 1, (n + 1 - k) / alpha - (count - 1))
    u = math.multiply(part(draw, 0, 0, 1), most)
    inner = apply("cast", apply("iota", shape=(count - 1,), axis=0, dtype=dt.i64), dtype=dt.f64)
    inner = apply("ceil", math.multiply(math.add(math.add(inner, 1.0), u), alpha))
    inner = math.subtract(apply("cast", inner, dtype=dt.i64), 1)
    first, last = (const(v, Type(dt.i64, (1,))) for v in (0, n))
    return apply("concat", first, inner, last, axis=0)


def _shuffled(n: int, count: int, draw: Node) -> Node:
    """Borders of windows of ``n // count`` elements or one more, in random order."""
    order = apply("cast", argsort(draw), dtype=dt.i64)
    wide = apply("cast", math.less(order, n % count), dtype=dt.i64)
    ends = apply("cumulate", math.add(wide, n // count), kind="sum", axis=0, exclusive=False, reverse=False)
    return apply("concat", const(0, Type(dt.i64, (1,))), ends, axis=0)


def _pool_axis(x: Node, axis: int, border: Node, kind: str, overlapping) -> Node:
    n, count = x.shape[axis], border.shape[0] - 1
    start, end = part(border, 0, 0, count), part(border, 0, 1, count + 1)
    if overlapping:
        end = math.minimum(math.add(end, 1), n)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    nothing = const(lowest(x.dtype) if kind == "max" else 0, Type(x.dtype, shape))
    result = None
    for k in range(n // count + 1 + bool(overlapping)):
        place = math.add(start, k)
        taken = apply("broadcast", math.less(place, end), shape=shape, axes=(axis,))
        value = picked("gather", x, math.minimum(place, n - 1), axis=axis)
        value = apply("select", taken, value, nothing)
        result = value if result is None else apply(kind, result, value)
    if kind == "max":
        return result
    members = apply("broadcast", apply("cast", math.subtract(end, start), dtype=x.dtype), shape=shape, axes=(axis,))
    return apply("div", result, members) if x.dtype.is_float else math.truncatediv(result, members)
