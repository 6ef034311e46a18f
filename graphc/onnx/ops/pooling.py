"""Pooling over sliding windows and over all of the spatial axes."""

from __future__ import annotations

from math import prod

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, simplified
from graphc.ir.type import Type
from graphc.lib import math, reduction, shape
from graphc.lib.dims import dim_node, larger
from graphc.lib.dims import size as size_of
from graphc.lib.pooling import pooled
from graphc.lib.sliding import lowest, offsets, padded, part
from graphc.lib.window import ensured, extent
from graphc.onnx.call import Call
from graphc.onnx.ops.precision import widened
from graphc.onnx.ops.sizes import exceeds
from graphc.onnx.ops.windows import kernel_shape, numbers, paddings, pads_of, strides_of
from graphc.onnx.registry import operator
from graphc.prims.table import apply

_MOST = 1024  # elements of a window whose largest is looked for place by place


def _window(call: Call, x: Node) -> dict:
    """The window of a call as arguments of ``pooled``."""
    count = len(x.shape) - 2
    if count < 1:
        raise call.wrong("needs [n, channels, *spatial]")
    window, (stride, dilation) = kernel_shape(call, count), strides_of(call, count)
    low, high = paddings(call, x.shape[2:], [extent(k, d) for k, d in zip(window, dilation)], stride)
    return {"axes": tuple(range(2, count + 2)), "size": window, "stride": stride, "low": tuple(low),
            "high": tuple(high), "dilation": dilation, "ceil": bool(call.int("ceil_mode", 0))}  # fmt: skip


@operator("MaxPool")
def max_pool(call: Call):
    """The largest element of every window, and where in the flattened input it lies."""
    x = call[0]
    window = _window(call, x)
    best = pooled("MaxPool", x, "max", **window)
    return [best, _places(call, x, best, window, bool(call.int("storage_order", 0)))] if call.wants(1) else [best, None]


def _places(call: Call, x: Node, best: Node, window: dict, columns_first: bool) -> Node:
    """The flat index of the first largest element of every window of a tensor, of those that are no padding."""
    axes, stride, low, dilation = (window[name] for name in ("axes", "stride", "low", "dilation"))
    counts = best.shape[2:]
    if prod(window["size"]) > _MOST:
        raise call.refuse(f"places of maxima in windows of more than {_MOST} elements")
    reach = [simplified((n - 1) * s + extent(k, d)) for n, s, k, d in zip(counts, stride, window["size"], dilation)]
    high = [larger(simplified(r - n - a), 0) for r, n, a in zip(reach, x.shape[2:], low)]
    wide = padded(x, axes, low, high, lowest(x.dtype))

    def full(value) -> Node:
        return apply("broadcast", dim_node(value), shape=best.shape, axes=())

    def line(axis: int) -> Node:
        return apply("iota", shape=best.shape, axis=axis, dtype=dt.i64)

    found = place = inside = None
    for offset in offsets(window["size"], dilation):
        value = ensured(part(wide, axes, offset, stride, counts), best.shape)
        index = apply("add", apply("mul", line(0), full(x.shape[1])), line(1))
        index = apply("mul", index, full(size_of(x.shape[2:])))
        weight, valid = 1, None
        for a in axes if columns_first else reversed(axes):
            k = a - 2
            at = apply("add", apply("mul", line(a), full(stride[k])), full(simplified(offset[k] - low[k])))
            index = apply("add", index, apply("mul", at, full(weight)))
            weight = simplified(weight * x.shape[a])
            within = apply("and", apply("le", full(0), at), apply("lt", at, full(x.shape[a])))
            valid = within if valid is None else apply("and", valid, within)
        if found is None:
            found, place, inside = value, index, valid
            continue
        better = apply("or", apply("lt", found, value), apply("not", inside))
        better = apply("and", better, valid)
        found, place = apply("select", better, value, found), apply("select", better, index, place)
        inside = apply("or", inside, valid)
    return place


@operator("AveragePool")
def average_pool(call: Call):
    """The mean of every window; padding counts only with ``count_include_pad``."""
    x = call[0]
    return pooled("AveragePool", x, "avg", count_padding=bool(call.int("count_include_pad", 0)), **_window(call, x))


def _power_sum(call: Call, x: Node, total) -> Node:
    """The root of a sum of powers of sizes."""
    p = call.int("p", 2)
    if p < 1:
        raise FormatError(f"{call.op}: attribute 'p' must be positive, it is {p}")
    wide = widened(x)
    if p == 1:
        found = total(math.abs(wide))
    elif p == 2:
        found = apply("sqrt", total(math.square(wide)))
    else:
        found = math.pow(total(math.pow(math.abs(wide), float(p))), 1 / p)
    return math.cast(found, x.dtype)


@operator("LpPool")
def lp_pool(call: Call):
    """The p-norm of every window."""
    x = call[0]
    window = _window(call, x)
    return _power_sum(call, x, lambda powers: pooled("LpPool", powers, "sum", **window))


def _spatial(call: Call, x: Node) -> tuple[int, ...]:
    if len(x.shape) < 3:
        raise call.wrong("needs [n, channels, *spatial]")
    return tuple(range(2, len(x.shape)))


@operator("GlobalAveragePool")
def global_average_pool(call: Call):
    """The mean over all spatial axes."""
    return reduction.reduce_mean(call[0], _spatial(call, call[0]), True)


@operator("GlobalMaxPool")
def global_max_pool(call: Call):
    """The largest element over all spatial axes."""
    return reduction.reduce_max(call[0], _spatial(call, call[0]), True)


@operator("GlobalLpPool")
def global_lp_pool(call: Call):
    """The p-norm over all spatial axes."""
    axes = _spatial(call, call[0])
    return _power_sum(call, call[0], lambda powers: reduction.reduce_sum(powers, axes, True))


@operator("MaxUnpool")
def max_unpool(call: Call):
    """Elements put where ``MaxPool`` took them from, zeros elsewhere."""
    x, places = call[0], call[1]
    count = len(_spatial(call, x))
    window, stride, pads = kernel_shape(call, count), numbers(call, "strides", count, 1, 1), pads_of(call, count)
    sizes = [simplified((n - 1) * s + k - a - b)
             for n, s, k, a, b in zip(x.shape[2:], stride, window, pads, pads[count:])]  # fmt: skip
    full = (*x.shape[:2], *sizes)
    places = shape.ensure_shape(places, x.shape)
    total = size_of(x.shape)
    flat, where = shape.reshape(x, (total,)), shape.reshape(places, (total, 1))
    empty = const(0, Type(x.dtype, (size_of(full),)))
    out = shape.reshape(apply("scatter", empty, where, flat, kind="set", batch=0), full)
    if not call.has(2):
        return out
    wanted = tuple(call.sizes(2))
    if len(wanted) != len(full):
        raise call.wrong(f"output_shape needs {len(full)} sizes, got {len(wanted)}")
    if any(exceeds(n, m) for n, m in zip(full, wanted)):
        raise call.wrong("output_shape is smaller than what the windows cover")
    more = tuple([simplified(m - n) for n, m in zip(full, wanted)])
    return ensured(padded(out, range(len(full)), (0,) * len(full), more, 0), wanted)
