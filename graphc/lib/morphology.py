"""Grey-scale dilation and erosion under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib.promote import adopt
from graphc.lib.sliding import lowest, offsets, padded, part
from graphc.lib.window import channel_axis, ensured, extent, paddings, per_axis, require_windows, window_counts
from graphc.prims.table import apply


def dilation2d(input, filters, strides, padding, data_format, dilations) -> Node:  # noqa: A002
    """The largest of ``input`` plus ``filters`` [height, width, channels] over every window, channel by channel.

    What padding adds takes no part. Of equal sums the first receives the gradient.

    Raises:
        ShapeError: ranks or channels do not fit. DtypeError: the operands differ in dtype or are no real numbers.
        UsageError: another format than NHWC, a wrong stride, padding or dilation.
    """
    return _dilation("dilation2d", input, filters, strides, padding, data_format, dilations)


def erosion2d(value, filters, strides, padding, data_format, dilations) -> Node:
    """The smallest of ``value`` minus the flipped ``filters`` over every window; see ``dilation2d``."""
    x, w = _operands("erosion2d", value, filters)
    turned = apply("reverse", w, axes=(0, 1))
    out = _dilation("erosion2d", apply("neg", x), turned, strides, padding, data_format, dilations)
    return apply("neg", out)


def _operands(op: str, x, w) -> tuple[Node, Node]:
    x, w = adopt(op, x, w)
    if x.dtype.kind not in "iuf":
        raise DtypeError(explain(f"{op}: not defined for {x.type}", origins(input=x, filters=w)))
    fits = len(x.shape) == 4 and len(w.shape) == 3
    if not fits or (type(x.shape[3]) is int and type(w.shape[2]) is int and x.shape[3] != w.shape[2]):
        what = f"{op}: needs an input [batch, height, width, channels] and filters [height, width, channels]"
        raise ShapeError(explain(f"{what}, got {x.type} and {w.type}", origins(input=x, filters=w)))
    return x, ensured(w, (*w.shape[:2], x.shape[3]))


def _dilation(op: str, x, w, strides, padding, data_format, dilations) -> Node:
    x, w = _operands(op, x, w)
    if channel_axis(op, data_format, 2) != 3:
        raise UsageError(explain(f"{op}: data_format must be 'NHWC', got {data_format!r}"))
    stride, dilation = per_axis(op, "strides", strides, 2, 3), per_axis(op, "dilations", dilations, 2, 3)
    size = w.shape[:2]
    if any(type(k) is not int for k in size):
        raise ShapeError(explain(f"{op}: the window of {w.type} must have known sizes", origins(filters=w)))
    reaches = [extent(k, d) for k, d in zip(size, dilation)]
    low, high = paddings(op, padding, x.shape[1:3], reaches, stride, 3)
    counts = window_counts(x.shape[1:3], reaches, stride, low, high, padding)
    require_windows(op, x, (1, 2), counts)
    shape = (x.shape[0], *counts, x.shape[3])
    wide = padded(x, (1, 2), low, high, lowest(x.dtype))
    real = padded(const(True, Type(dt.b1, x.shape)), (1, 2), low, high, False)
    floor = const(lowest(x.dtype), Type(x.dtype, shape))
    best = None
    for place, element in zip(offsets(size, dilation), offsets(size, (1, 1))):
        value = apply("add", ensured(part(wide, (1, 2), place, stride, counts), shape), _spread(w, element, shape))
        if not x.dtype.is_float and wide is not x:  # the lowest integer plus an element might wrap around
            value = apply("select", ensured(part(real, (1, 2), place, stride, counts), shape), value, floor)
        best = value if best is None else apply("max", best, value)
    return best


def _spread(w: Node, element, shape: tuple) -> Node:
    """The filter's elements at one place of the window, for every window."""
    one = apply("slice", w, start=(*element, 0), stop=(*(k + 1 for k in element), w.shape[2]), step=(1, 1, 1))
    return apply("broadcast", apply("reshape", one, shape=(w.shape[2],)), shape=shape, axes=(3,))
