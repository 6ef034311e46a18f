"""Pooling over sliding windows: maxima, averages and places of maxima under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins, simplified
from graphc.ir.type import Type
from graphc.lib.promote import as_node
from graphc.lib.pooling import pooled
from graphc.lib.sliding import lowest, offsets, padded, part
from graphc.lib.window import channel_axis, ensured, extent, paddings, per_axis, require_windows, window_counts
from graphc.prims.table import apply

KINDS = {"MAX": "max", "AVG": "avg"}


def max_pool(input, ksize, strides, padding, data_format=None) -> Node:  # noqa: A002
    """The largest element of every window of ``input`` [batch, *spatial, channels], of any rank from 3.

    ``ksize`` and ``strides`` are ints or lists of 1, of one per spatial axis, or of one per axis; windows of 1 along
    the spatial axes may lie across channels. ``padding`` is SAME, VALID or a list of pairs. Of equal elements the first
    receives the gradient.

    Raises:
        ShapeError: the rank is below 3, or no window fits. UsageError: a wrong format, size, stride or padding.
    """
    return _pool("max_pool", "max", input, ksize, strides, padding, data_format)


def avg_pool(input, ksize, strides, padding, data_format=None) -> Node:  # noqa: A002
    """The mean of every window of ``input``; what SAME adds is not counted. See ``max_pool``."""
    return _pool("avg_pool", "avg", input, ksize, strides, padding, data_format)


def _fixed(name: str, kind: str, count: int, form: str):
    def op(input, ksize, strides, padding, data_format=form) -> Node:  # noqa: A002
        return _pool(name, kind, input, ksize, strides, padding, data_format or form, count)

    op.__name__ = op.__qualname__ = name
    what = "largest element" if kind == "max" else "mean"
    op.__doc__ = f"The {what} of every window of ``input`` with {count} spatial axes; see ``{kind}_pool``."
    return op


max_pool1d, avg_pool1d = _fixed("max_pool1d", "max", 1, "NWC"), _fixed("avg_pool1d", "avg", 1, "NWC")
max_pool2d, avg_pool2d = _fixed("max_pool2d", "max", 2, "NHWC"), _fixed("avg_pool2d", "avg", 2, "NHWC")
max_pool3d, avg_pool3d = _fixed("max_pool3d", "max", 3, "NDHWC"), _fixed("avg_pool3d", "avg", 3, "NDHWC")


def pool(input, window_shape, pooling_type, strides=None, padding="VALID", data_format=None,  # noqa: A002
         dilations=None) -> Node:  # fmt: skip
    """MAX or AVG pooling of any number of spatial axes, with ``dilations - 1`` holes between the elements of a window.

    Raises:
        UsageError: ``pooling_type`` is neither.
    """
    if pooling_type not in KINDS:
        raise UsageError(explain(f"pool: pooling_type must be 'MAX' or 'AVG', got {pooling_type!r}"))
    return _pool("pool", KINDS[pooling_type], input, window_shape, strides, padding, data_format, None, dilations)


def max_pool_with_argmax(input, ksize, strides, padding, data_format="NHWC", output_dtype=dt.i64,  # noqa: A002
                         include_batch_in_index=False) -> tuple[Node, Node]:  # fmt: skip
    """The largest element of every window, and its place in the flattened input (of one image, or of the batch).

    Raises:
        ShapeError: the rank is not 4. UsageError: another format than NHWC, a wrong size, stride or padding.
    """
    op = "max_pool_with_argmax"
    x = _operand(op, input, 2)
    if channel_axis(op, data_format, 2) != 3:
        raise UsageError(explain(f"{op}: data_format must be 'NHWC', got {data_format!r}"))
    k, stride = per_axis(op, "ksize", ksize, 2, 3), per_axis(op, "strides", strides, 2, 3)
    low, high, counts = _frame(op, x, (1, 2), k, stride, (1, 1), padding, 3)
    wide = padded(x, (1, 2), low, high, lowest(x.dtype))
    shape = (x.shape[0], *counts, x.shape[3])
    first = _first_place(x, shape, stride, low, bool(include_batch_in_index))
    best = where = None
    for dy, dx in offsets(k, (1, 1)):
        value = ensured(part(wide, (1, 2), (dy, dx), stride, counts), shape)
        place = apply("add", first, _full(simplified((x.shape[2] * dy + dx) * x.shape[3]), shape))
        if best is None:
            best, where = value, place
        else:
            larger = apply("lt", best, value)
            best, where = apply("select", larger, value, best), apply("select", larger, place, where)
    dtype = dt.as_dtype(output_dtype)
    return best, where if dtype is dt.i64 else apply("cast", where, dtype=dtype)


def _full(value, shape: tuple) -> Node:
    """An i64 tensor with one dimension (or number) everywhere."""
    if isinstance(value, Node):
        return apply("broadcast", value, shape=shape, axes=())
    return const(value, Type(dt.i64, shape))


def _first_place(x: Node, shape: tuple, stride, low, batch: bool) -> Node:
    """The flat index of the first element of every window, channel by channel."""

    def line(axis: int) -> Node:
        return apply("iota", shape=shape, axis=axis, dtype=dt.i64)

    def corner(axis: int) -> Node:
        steps = apply("mul", line(axis), _full(stride[axis - 1], shape))
        return apply("sub", steps, _full(low[axis - 1], shape))

    row = corner(1)
    if batch:
        row = apply("add", row, apply("mul", line(0), _full(x.shape[1], shape)))
    place = apply("add", apply("mul", row, _full(x.shape[2], shape)), corner(2))
    return apply("add", apply("mul", place, _full(x.shape[3], shape)), line(3))


# ------------------------------------------------------------------------------------------------ common ground


def _operand(op: str, value, count: int | None) -> Node:
    x = as_node(value)
    rank = None if count is None else count + 2
    if len(x.shape) != rank if rank else len(x.shape) < 3:
        raise ShapeError(explain(f"{op}: needs rank {rank or '3 or more'}, got {x.type}", origins(input=x)))
    if x.dtype.kind not in "iuf":
        raise DtypeError(explain(f"{op}: not defined for {x.type}", origins(input=x)))
    return x


def _pool(op: str, kind: str, value, ksize, strides, padding, data_format, count: int | None = None,
          dilations=None) -> Node:  # fmt: skip
    x = _operand(op, value, count)
    if kind == "avg" and not x.dtype.is_float:
        raise DtypeError(explain(f"{op}: needs floating elements, got {x.type}", origins(input=x)))
    count = len(x.shape) - 2
    channel = channel_axis(op, data_format, count)
    if _across_channels(ksize, count, channel):
        return _pool_channels(op, kind, x, ksize, strides, channel)
    axes = tuple(a for a in range(1, count + 2) if a != channel)
    k, stride = per_axis(op, "ksize", ksize, count, channel), per_axis(op, "strides", strides, count, channel)
    dilation = per_axis(op, "dilations", dilations, count, channel)
    low, high, counts = _frame(op, x, axes, k, stride, dilation, padding, channel)
    out = pooled(op, x, kind, axes, k, stride, low, high, dilation)
    shape = list(x.shape)
    for a, n in zip(axes, counts):
        shape[a] = n
    return ensured(out, shape)


def _frame(op: str, x: Node, axes, k, stride, dilation, padding, channel: int) -> tuple:
    """What padding adds before and after each axis, and how many windows there are."""
    sizes = [x.shape[a] for a in axes]
    reaches = [extent(n, d) for n, d in zip(k, dilation)]
    low, high = paddings(op, padding, sizes, reaches, stride, channel)
    for before, after, reach in zip(low, high, reaches):
        if not isinstance(padding, str) and (before >= reach or after >= reach):
            what = f"{op}: padding {padding!r} must be smaller than the window {list(k)}"
            raise UsageError(explain(what, origins(input=x)))
    counts = window_counts(sizes, reaches, stride, low, high, padding)
    require_windows(op, x, axes, counts)
    return low, high, counts


def _across_channels(ksize, count: int, channel: int) -> bool:
    return isinstance(ksize, (list, tuple)) and len(ksize) == count + 2 and ksize[channel] != 1


def _pool_channels(op: str, kind: str, x: Node, ksize, strides, channel: int) -> Node:
    """Windows of neighbouring channels, side by side."""
    k, step = int(ksize[channel]), int(strides[channel]) if isinstance(strides, (list, tuple)) else int(strides)
    others = [v for a, v in enumerate(ksize) if a != channel]
    depth = x.shape[channel]
    if any(v != 1 for v in others) or k != step or k < 1 or (type(depth) is int and depth % k):
        what = f"{op}: windows {list(ksize)} across channels must be 1 elsewhere, lie side by side and divide"
        raise UsageError(explain(f"{what} the channels of {x.type}, strides {strides!r}", origins(input=x)))
    return pooled(op, x, kind, (channel,), (k,), (step,))
