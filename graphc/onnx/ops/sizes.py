"""What is known of sizes, and of numbers computed from them: how they compare, which of them a condition picks."""

from __future__ import annotations

from collections.abc import Sequence as Values

import numpy as np

from graphc.ir.node import Node, bounds
from graphc.lib.dims import DataDependent, as_dims, dim_node
from graphc.lib.shape import stack


def differ(a: Values, b: Values) -> bool:
    """Whether two shapes are known to differ, in the number of axes or in a size."""
    return len(a) != len(b) or any(type(m) is type(n) is int and m != n for m, n in zip(a, b))


def exceeds(m, n) -> bool:
    """Whether a size is known to be larger than another one."""
    return type(m) is type(n) is int and m > n


def sizes_in(x: Node) -> list | None:
    """The elements of an integer scalar or vector that is computed from sizes alone; None for anything else."""
    if not x.dtype.is_integer or len(x.shape) > 1 or any(type(d) is not int for d in x.shape):
        return None
    try:
        return as_dims(x)
    except DataDependent:
        return None


def is_at_least(x: Node, least: int) -> bool:
    """Whether all elements are sizes, none of which is below ``least``."""
    found = sizes_in(x)
    return found is not None and all(low is not None and low >= least for low, _ in map(bounds, found))


def decided(prim: str, x: Node, y: Node) -> np.ndarray | None:
    """What a comparison (``eq``, ``lt``, ``le``) of sizes answers whatever they are; None where it depends on them."""
    if len(x.shape) > 1 or len(y.shape) > 1 or x.dtype is not y.dtype:
        return None
    pair = sizes_in(x), sizes_in(y)
    if None in pair:
        return None
    count = max(map(len, pair)) if all(pair) else 0
    if any(len(found) not in (1, count) for found in pair):
        return None
    left, right = (found * count if len(found) == 1 else found for found in pair)
    answers = [_compared(prim, a, b) for a, b in zip(left, right)]
    return None if None in answers else np.array(answers, bool).reshape((count,) if x.shape or y.shape else ())


def _compared(prim: str, a, b) -> bool | None:
    """The answer for two sizes, if it is always the same."""
    if a is b:
        return prim != "lt"
    (low, high), (least, most) = bounds(a), bounds(b)
    below = high is not None and least is not None and high < least
    above = low is not None and most is not None and low > most
    if prim == "eq":
        same = low == high == least == most and low is not None
        return True if same else False if below or above else None
    if prim == "lt":
        return True if below else False if low is not None and most is not None and low >= most else None
    return True if high is not None and least is not None and high <= least else False if above else None


def picked(condition: np.ndarray | None, x: Node, y: Node) -> Node | None:
    """The elements of ``x`` where a known condition holds, else of ``y``, if all are sizes; None if not."""
    if condition is None or condition.ndim > 1 or len(x.shape) > 1 or len(y.shape) > 1 or x.dtype is not y.dtype:
        return None
    pair = sizes_in(x), sizes_in(y)
    if None in pair:
        return None
    parts = [condition.reshape(-1).tolist(), *pair]
    count = max(map(len, parts)) if all(parts) else 0
    if not count or any(len(p) not in (1, count) for p in parts):
        return None
    chosen = [a if c else b for c, a, b in zip(*(p * count if len(p) == 1 else p for p in parts))]
    if not (condition.ndim or x.shape or y.shape):
        return dim_node(chosen[0], x.dtype)
    return stack([dim_node(d, x.dtype) for d in chosen])
