"""Patches of images as columns, and columns added up to images again."""

from __future__ import annotations

from graphc.errors import ShapeError, explain
from graphc.ir.node import Node, origins, simplified
from graphc.lib.dims import size
from graphc.lib.promote import as_node
from graphc.lib.shape import part, reshape
from graphc.lib.sliding import padded
from graphc.lib.window import extent, require_windows, windows_in
from graphc.prims.table import apply


def unfold(x, window, stride, dilation, low, high) -> Node:
    """Windows over the axes after the first two as columns: [n, c * elements of a window, number of windows].

    Args:
        x: [n, c, *spatial].
        window, stride, dilation: one int for each spatial axis. low, high: how many zeros lie before and after.

    Raises:
        ShapeError: another rank, or a window that does not fit.
    """
    x = as_node(x)
    axes = tuple(range(2, len(window) + 2))
    if len(x.shape) != len(window) + 2:
        what = f"unfold: needs rank {len(window) + 2} for windows {list(window)}, not {x.type}"
        raise ShapeError(explain(what, origins(x=x)))
    x = padded(x, axes, low, high, 0)
    counts = _counts(x.shape[2:], window, stride, dilation)
    require_windows("unfold", x, axes, counts)
    found = apply("window", x, axes=axes, size=window, stride=stride, dilation=dilation)
    inner = tuple(a + len(axes) for a in axes)
    found = apply("transpose", found, perm=(0, 1, *inner, *axes))
    return reshape(found, (x.shape[0], simplified(x.shape[1] * size(window)), size(counts)))


def fold(x, shape, window, stride, dilation, low, high) -> Node:
    """The transpose of ``unfold``: columns added at their places in images of spatial ``shape``.

    Args:
        x: [n, c * elements of a window, number of windows]. The others: as of ``unfold``.

    Raises:
        ShapeError: another rank, or columns that are not those of such images.
    """
    x = as_node(x)
    whole = tuple(simplified(n + a + b) for n, a, b in zip(shape, low, high))
    counts, elements = _counts(whole, window, stride, dilation), size(window)
    if len(x.shape) != 3:
        raise ShapeError(explain(f"fold: needs columns of rank 3, not {x.type}", origins(x=x)))
    batch, depth, number = x.shape
    wrong = type(depth) is int and depth % elements
    wrong = wrong or (type(number) is type(size(counts)) is int and number != size(counts))
    if wrong or any(type(n) is int and n < 1 for n in counts):
        what = f"fold: {x.type} are not columns of windows {list(window)}, of which {list(counts)} lie in {list(shape)}"
        raise ShapeError(explain(what, origins(x=x)))
    channels = simplified(depth // elements)
    x = reshape(x, (batch, channels, *window, *counts))
    axes = tuple(range(2, len(window) + 2))
    x = apply("transpose", x, perm=(0, 1, *(a + len(axes) for a in axes), *axes))
    x = apply("unwindow", x, shape=(batch, channels, *whole), axes=axes, size=window, stride=stride, dilation=dilation)
    for a, n, before in zip(axes, shape, low):
        x = part(x, a, before, simplified(before + n))
    return x


def _counts(shape, window, stride, dilation) -> tuple:
    return tuple(windows_in(n, extent(k, d), s) for n, k, s, d in zip(shape, window, stride, dilation))
