"""Data formats, strides and paddings of operations that slide windows over their input, as TensorFlow reckons them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir.node import Node, origins, simplified
from graphc.lib.dims import integer, larger, listed
from graphc.prims.dims import never_negative
from graphc.prims.table import apply


def channel_axis(op: str, data_format, count: int) -> int:
    """Where the channels lie among ``count`` spatial axes: 1 for ``NC...``, ``count + 1`` for ``N...C`` and None.

    Raises:
        UsageError: the format is neither, or has another number of axes.
    """
    if data_format is None:
        return count + 1
    form = data_format if isinstance(data_format, str) else ""
    if len(form) == count + 2 and form.startswith("N"):
        if form[1] == "C":
            return 1
        if form[-1] == "C":
            return count + 1
    letters = "DHW"[max(0, 3 - count) :] if count <= 3 else "..."
    raise UsageError(explain(f"{op}: data_format must be 'N{letters}C' or 'NC{letters}', got {data_format!r}"))


def per_axis(op: str, name: str, value, count: int, channel: int, default: int = 1) -> tuple[int, ...]:
    """One int per spatial axis from an int, a list of 1 or ``count`` ints, or of ``count + 2`` in the data format.

    Raises:
        UsageError: another number of ints, one below 1, or one other than 1 for batch or channels.
    """
    if value is None:
        return (default,) * count
    if isinstance(value, Node) or not isinstance(value, (Iterable, np.ndarray)):
        value = (integer(op, name, value),)
    found = tuple(integer(op, name, v) for v in value)
    if len(found) == count + 2:
        if found[0] != 1 or found[channel] != 1:
            raise UsageError(explain(f"{op}: {name} must be 1 for batch and channels, got {list(found)}"))
        found = found[2:] if channel == 1 else found[1:-1]
    elif len(found) == 1:
        found *= count
    if len(found) != count:
        raise UsageError(explain(f"{op}: {name} needs 1, {count} or {count + 2} ints, got {list(found)}"))
    if any(v < 1 for v in found):
        raise UsageError(explain(f"{op}: {name} must be at least 1, got {list(found)}"))
    return found


def extent(size, dilation: int):
    """How far a window of ``size`` elements reaches, ``dilation - 1`` holes between them."""
    return size if dilation == 1 else (size - 1) * dilation + 1


def paddings(op: str, padding, sizes, reaches, stride, channel: int) -> tuple[tuple, tuple]:
    """How many elements to add before and after each spatial axis.

    Args:
        padding: SAME, VALID, or pairs (before, after) for all axes or the spatial ones.
        sizes: of the spatial axes; reaches: of the window along them; stride: of the window.

    Raises:
        UsageError: something else.
    """
    count = len(stride)
    if isinstance(padding, str):
        if padding.upper() == "VALID":
            return (0,) * count, (0,) * count
        if padding.upper() != "SAME":
            raise UsageError(explain(f"{op}: padding must be 'SAME', 'VALID' or a list of pairs, got {padding!r}"))
        pairs = [same_padding(n, k, s) for n, k, s in zip(sizes, reaches, stride)]
        return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    pairs = [[integer(op, "padding", v) for v in listed(op, "padding", pair)]
             for pair in listed(op, "padding", padding)]  # fmt: skip
    if any(len(pair) != 2 for pair in pairs) or len(pairs) not in (count, count + 2):
        raise UsageError(explain(f"{op}: explicit padding needs {count + 2} pairs (before, after), got {padding!r}"))
    if len(pairs) == count + 2:
        around = [pairs[0], pairs[channel]]
        pairs = pairs[2:] if channel == 1 else pairs[1:-1]
        if any(around[0] + around[1]):
            raise UsageError(explain(f"{op}: padding of batch and channels must be 0, got {padding!r}"))
    if any(v < 0 for pair in pairs for v in pair):
        raise UsageError(explain(f"{op}: padding must not be negative, got {padding!r}"))
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def same_padding(n, reach, stride: int) -> tuple:
    """What SAME adds before and after ``n`` elements, so that there are ``ceil(n / stride)`` windows."""
    if stride == 1:
        total = simplified(reach - 1)
    else:
        total = larger((strides_in(n, stride) - 1) * stride + reach - n, 0)
    low = simplified(total // 2)
    return low, simplified(total - low)


def strides_in(n, stride: int):
    """``ceil(n / stride)``."""
    return simplified((n + (stride - 1)) // stride)


def windows_in(n, reach, stride: int):
    """How many windows fit into ``n`` elements."""
    return simplified((n - reach) // stride + 1)


def window_counts(sizes, reaches, stride, low, high, padding) -> tuple:
    """How many windows there are along each spatial axis; by SAME as many as strides."""
    if isinstance(padding, str) and padding.upper() == "SAME":
        return tuple(strides_in(n, s) for n, s in zip(sizes, stride))
    return tuple(windows_in(n + a + b, k, s) for n, a, b, k, s in zip(sizes, low, high, reaches, stride))


def require_windows(op: str, x: Node, axes, counts) -> None:
    """ShapeError if there is surely no whole window along an axis."""
    for a, count in zip(axes, counts):
        try:
            never_negative(count, f"{op}: the window does not fit into axis {a} of {x.type}")
        except ShapeError as error:
            raise ShapeError(explain(str(error), origins(x=x))) from None


def moved_axis(x: Node, source: int, target: int) -> Node:
    """``x`` with one axis put elsewhere."""
    rank = len(x.shape)
    source, target = source % rank, target % rank
    if source == target:
        return x
    perm = [a for a in range(rank) if a != source]
    perm.insert(target, source)
    return apply("transpose", x, perm=tuple(perm))


def ensured(x: Node, shape) -> Node:
    """``x`` under sizes that are known to equal its own; what cannot be proved is checked at entry."""
    shape = tuple(simplified(d) if isinstance(d, Node) else d for d in shape)
    return x if shape == x.shape else apply("ensure", x, shape=shape)
