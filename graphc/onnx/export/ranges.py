"""What is known of the values of a Node: a lower and an upper limit, each None where there is none."""

from __future__ import annotations

import math

import numpy as np

from graphc.ir.node import INDEX, Node, bounds

_DEPTH = 12  # operations that are looked at below a Node
_SAME = frozenset("reshape broadcast transpose slice reverse stop ensure concat window".split())
_UP = {"floor": math.floor, "ceil": math.ceil, "round": round, "trunc": math.trunc}


def interval(node: Node, depth: int = _DEPTH) -> tuple:
    """Limits that no value of a Node lies beyond; both None where a value may be NaN."""
    low, high = _found(node, depth)
    kind = getattr(node.type, "dtype", None)
    if kind is None or not kind.is_integer:
        return low, high
    limits = np.iinfo(kind.numpy)
    return (limits.min if low is None else low), (limits.max if high is None else high)


def _found(node: Node, depth: int) -> tuple:
    if node.type == INDEX and node.op != "const":
        low, high = bounds(node)
        if low is not None:
            return low, high
    if depth == 0:
        return None, None
    match node.op:
        case "const":
            return _of_constant(node.attr("value").array)
        case "iota":
            n = node.shape[node.attr("axis")]
            return 0, (n - 1 if type(n) is int else None)
        case "argreduce":
            return 0, None
        case "item":
            return (0, None) if node.inputs[0].op == "sort" and node.attr("index") == 1 else (None, None)
        case "guard":
            return _of_guard(node)
        case "cast":
            return _of_cast(node, depth)
        case "select":
            return _around([interval(x, depth - 1) for x in node.inputs[1:]])
    if node.op in _SAME:
        return _around([interval(x, depth - 1) for x in node.inputs])
    if node.op in _UP or node.op in ("max", "min", "add", "mod", "floordiv"):
        return _computed(node, [interval(x, depth - 1) for x in node.inputs])
    return (-1, 1) if node.op == "sign" and node.dtype.is_integer else (None, None)


def _of_constant(array: np.ndarray) -> tuple:
    if array.dtype.kind not in "iufb" or not array.size or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        return None, None
    return array.min().item(), array.max().item()


def _of_guard(node: Node) -> tuple:
    limits = node.attr("limits")
    if node.attr("kind") != "index":
        return interval(node.inputs[0])
    tops = [n - 1 for n in limits if type(n) is int]
    return 0, (max(tops) if len(tops) == len(limits) else None)


def _of_cast(node: Node, depth: int) -> tuple:
    source, target = node.inputs[0].dtype, node.dtype
    low, high = interval(node.inputs[0], depth - 1)
    if source.kind == "b":
        return 0, 1
    if low is None or high is None:
        return None, None
    if target.is_integer:
        limits = np.iinfo(target.numpy)
        return (math.trunc(low), math.trunc(high)) if low >= limits.min and high <= limits.max else (None, None)
    if not target.is_float:
        return None, None
    ends = [float(np.asarray(v).astype(target.numpy)) for v in (low, high)]  # what is rounded may lie further out
    return tuple(ends) if all(map(math.isfinite, ends)) else (None, None)


def _around(parts: list[tuple]) -> tuple:
    lows, highs = [p[0] for p in parts], [p[1] for p in parts]
    return (None if None in lows else min(lows), None if None in highs else max(highs))


def _computed(node: Node, parts: list[tuple]) -> tuple:
    if node.op in _UP:
        low, high = parts[0]
        return (None, None) if low is None or high is None else (_UP[node.op](low), _UP[node.op](high))
    (a, b), (c, d) = parts
    if node.dtype.is_float:  # NaN comes through the greater and the smaller as well
        if None in (a, b, c, d):
            return None, None
    match node.op:
        case "max":
            lows = [v for v in (a, c) if v is not None]
            return (max(lows) if lows else None), (None if None in (b, d) else max(b, d))
        case "min":
            highs = [v for v in (b, d) if v is not None]
            return (None if None in (a, c) else min(a, c)), (min(highs) if highs else None)
        case "add":
            found = (None if None in (a, c) else a + c), (None if None in (b, d) else b + d)
            return found if node.dtype.is_float or _holds(node, found) else (None, None)
        case "mod":
            return (
                (0, None if d is None else d - 1)
                if c is not None and c > 0 and not node.dtype.is_float
                else (None, None)
            )
    return (0, b) if a is not None and a >= 0 and c is not None and c > 0 else (None, None)


def _holds(node: Node, found: tuple) -> bool:
    limits = np.iinfo(node.dtype.numpy)
    return None not in found and limits.min <= found[0] and found[1] <= limits.max
