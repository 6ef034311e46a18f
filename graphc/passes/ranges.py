"""Between which values the elements of an integer array surely lie."""

from __future__ import annotations

import numpy as np

from graphc.ir.node import Node, bounds
from graphc.ir.order import toposort
from graphc.ir.type import Type

_MOST = 1 << 14  # Nodes that are looked at for one


class Ranges:
    """(lowest, highest) of integer Nodes, None where nothing is known; the highest may be a dimension.

    Args:
        known: those of inputs.
    """

    def __init__(self, known: dict | None = None):
        self._found: dict[Node, tuple] = dict(known or {})

    def __call__(self, x: Node) -> tuple:
        """What is known of ``x``."""
        order = toposort((x,), {n: None for n in self._found}) if x not in self._found else []
        if len(order) > _MOST:
            return None, None
        for node in order:
            self._found[node] = self._of(node)
        return self._found[x]

    def _of(self, node: Node) -> tuple:
        if not isinstance(node.type, Type) or not (node.dtype.is_integer or node.dtype.kind == "b"):
            return None, None
        low, high = (0, None) if node.dtype.kind in "ub" else (None, None)
        rule = _RULES.get(node.op)
        operands = [self._found.get(x, (None, None)) for x in node.inputs]
        found = rule(node, operands) if rule is not None else (None, None)
        return low if found[0] is None else found[0], high if found[1] is None else found[1]


def is_below(high, size) -> bool:
    """Whether ``high < size`` surely holds; either may be a dimension."""
    if high is None:
        return False
    low, _ = bounds(size - high)
    return low is not None and low >= 1


def _const(node: Node, operands: list) -> tuple:
    array = node.attr("value").array
    return (int(np.min(array)), int(np.max(array))) if array.size else (None, None)


def _iota(node: Node, operands: list) -> tuple:
    size = node.shape[node.attr("axis")]
    return 0, size - 1


def _argreduce(node: Node, operands: list) -> tuple:
    return 0, node.inputs[0].shape[node.attr("axis")] - 1


def _same(node: Node, operands: list) -> tuple:
    return operands[0]


def _cast(node: Node, operands: list) -> tuple:
    """What fits is not changed."""
    x, (low, high) = node.inputs[0], operands[0]
    if x.dtype.kind == "b":
        return 0, 1
    if not x.dtype.is_integer or not node.dtype.is_integer:
        return None, None
    mine, its = (np.iinfo(d.numpy) for d in (node.dtype, x.dtype))
    least = its.min if low is None else low
    most = high if type(high) is int else its.max
    if least < mine.min or most > mine.max:
        return None, None
    return low, its.max if high is None and its.max < mine.max else high


def _joined(node: Node, operands: list) -> tuple:
    lows, highs = zip(*operands)
    if None in lows or any(type(h) is not int for h in highs):
        same = highs[0] if all(h is highs[0] for h in highs) else None
        return (None if None in lows else min(lows)), same
    return min(lows), max(highs)


def _select(node: Node, operands: list) -> tuple:
    return _joined(node, operands[1:])


def _max(node: Node, operands: list) -> tuple:
    (a, b), (c, d) = operands
    low = max((v for v in (a, c) if v is not None), default=None)
    return low, max(b, d) if type(b) is int and type(d) is int else None


def _min(node: Node, operands: list) -> tuple:
    (a, b), (c, d) = operands
    low = min(a, c) if a is not None and c is not None else None
    numbers = [v for v in (b, d) if type(v) is int]
    return low, min(numbers) if numbers else b if b is not None else d


def _mod(node: Node, operands: list) -> tuple:
    low, high = operands[1]
    return (0, high - 1) if low is not None and low >= 1 and high is not None else (None, None)


_RULES = {
    "const": _const, "iota": _iota, "argreduce": _argreduce, "cast": _cast, "select": _select, "concat": _joined,
    "max": _max, "min": _min, "mod": _mod,
    **dict.fromkeys(("reshape", "broadcast", "transpose", "slice", "reverse", "ensure", "stop", "guard"), _same),
}  # fmt: skip
