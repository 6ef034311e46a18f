"""Primitives that move elements, as ONNX's nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.onnx.export.emitter import Emitter, Value
from graphc.onnx.export.kinds import carrier
from graphc.prims.shape import inverse

_END = np.iinfo(np.int64).max


def _alias(e: Emitter, node: Node) -> Value:
    value = e.found[node.inputs[0]]
    if not value.covers(node.shape):
        return value
    return Value(
        value.name, node.shape if value.perm is None else tuple([node.shape[p] for p in value.perm]), value.perm
    )


def _reshape(e: Emitter, node: Node) -> Value:
    x = node.inputs[0]
    value = e.found[x]
    if value.perm is None and not value.sizes:  # one number everywhere stays one
        return value
    loose = _with_ones(e, value, x.shape, node.shape)
    return loose or Value(e.reshaped(e.full(x), x.shape, node.shape), node.shape)


def _with_ones(e: Emitter, value: Value, old: tuple, new: tuple) -> Value | None:
    """A stretched value under a shape that only has axes of size 1 more or less."""
    if value.perm is not None or value.covers(old):
        return None
    kept = [k for k, d in enumerate(old) if d != 1]
    if [old[k] for k in kept] != [d for d in new if d != 1]:
        return None
    sizes = (1,) * (len(old) - len(value.sizes)) + value.sizes
    left = iter([sizes[k] for k in kept])
    wanted = tuple([1 if type(d) is int and d == 1 else next(left) for d in new])
    while wanted and type(wanted[0]) is int and wanted[0] == 1:
        wanted = wanted[1:]
    return Value(e.reshaped(value.name, value.sizes, wanted), wanted)


def _broadcast(e: Emitter, node: Node) -> Value:
    x, axes, rank = node.inputs[0], node.attr("axes"), len(node.shape)
    value = e.loose(x)
    own = (1,) * (len(x.shape) - len(value.sizes)) + value.sizes
    if not axes or all(type(d) is int and d == 1 for d in own):
        return Value(e.reshaped(value.name, value.sizes, ()), ())
    sizes = [1] * rank
    for a, d in zip(axes, own):
        sizes[a] = d
    while sizes and type(sizes[0]) is int and sizes[0] == 1:
        sizes = sizes[1:]
    return Value(e.reshaped(value.name, value.sizes, tuple(sizes)), tuple(sizes))


def _transpose(e: Emitter, node: Node) -> Value:
    x, perm = node.inputs[0], node.attr("perm")
    value = e.found[x]
    if value.perm is None:
        return value if not value.sizes else Value(e.transposed(e.full(x), perm), node.shape)
    return turned(e, value, perm)


def turned(e: Emitter, value: Value, perm: tuple) -> Value:
    """What lies in an order of its own with its axes moved: they are counted otherwise, not moved."""
    place = inverse(perm)
    stored = tuple([place[p] for p in value.perm])
    if stored == tuple(range(len(stored))):
        return Value(value.name, value.sizes)
    if value.perm == tuple(range(len(stored))):
        return Value(value.name, value.sizes, stored)
    return e.in_order(Value(value.name, value.sizes, stored))


def _slice(e: Emitter, node: Node) -> Value:
    x, start, stop, step = node.inputs[0], node.attr("start"), node.attr("stop"), node.attr("step")
    value = e.found[x]
    if value.perm is None and not value.sizes:
        return value
    kept = value.perm is not None and value.covers(x.shape)
    name, perm = (value.name, value.perm) if kept else (e.full(x), None)
    axes = [a for a in range(len(start)) if not _whole(x.shape[a], start[a], stop[a], step[a])]
    if not axes:
        return Value(name, tuple([node.shape[p] for p in perm]) if perm else node.shape, perm)
    stored = [perm.index(a) if perm else a for a in axes]
    ends = [_END if stop[a] is x.shape[a] or stop[a] == x.shape[a] else stop[a] for a in axes]
    parts = [e.shape(tuple(start[a] for a in axes)), e.shape(tuple(ends)), e.ints(*stored)]
    if any(step[a] != 1 for a in axes):
        parts.append(e.ints(*[step[a] for a in axes]))
    made = e.op("Slice", [name, *parts])
    return Value(made, tuple([node.shape[p] for p in perm]) if perm else node.shape, perm)


def _whole(n, start, stop, step) -> bool:
    return type(start) is int and start == 0 and (stop is n or stop == n) and step == 1


def _pad(e: Emitter, node: Node) -> Value:
    x, filler = node.inputs
    if not x.shape:
        return e.found[x]
    low, high, kind = node.attr("low"), node.attr("high"), node.dtype
    value = e.found[x]
    kept = value.perm is not None and value.covers(x.shape)
    name, perm = (value.name, value.perm) if kept else (e.full(x), None)
    order = perm or tuple(range(len(low)))
    amounts = e.shape(tuple([low[k] for k in order] + [high[k] for k in order]))
    wide = carrier("Pad", kind, e.opset)
    made = e.op("Pad", [e.cast(name, kind, wide), amounts, e.cast(e.full(filler), kind, wide)], mode="constant")
    return Value(e.cast(made, wide, kind), tuple([node.shape[k] for k in order]), perm)


def _reverse(e: Emitter, node: Node) -> Value:
    axes = node.attr("axes")
    many = len(axes)
    parts = [e.ints(*[-1] * many), e.ints(*[-_END] * many), e.ints(*axes), e.ints(*[-1] * many)]
    return Value(e.op("Slice", [e.full(node.inputs[0]), *parts]), node.shape)


def _concat(e: Emitter, node: Node) -> Value:
    axis, values = node.attr("axis"), [e.found[x] for x in node.inputs]
    perm = values[0].perm
    whole = [v.perm == perm and perm is not None and v.covers(x.shape) for v, x in zip(values, node.inputs)]
    if all(whole):
        made = e.op("Concat", [v.name for v in values], axis=perm.index(axis))
        return Value(made, tuple([node.shape[p] for p in perm]), perm)
    names = [e.full(x) for x in node.inputs]
    return Value(names[0] if len(names) == 1 else e.op("Concat", names, axis=axis), node.shape)


def _window(e: Emitter, node: Node) -> Value:
    """Along every axis the elements are looked up at first place of the window + place in the window."""
    x = node.inputs[0]
    name, rank = e.full(x), len(x.shape)
    axes, size = node.attr("axes"), node.attr("size")
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    for done, k in enumerate(order):
        a, s, d = axes[k], node.attr("stride")[k], node.attr("dilation")[k]
        inner = np.arange(size[k]) * d
        count = node.shape[a]
        if type(count) is int:
            places = e.const(np.arange(count)[:, None] * s + inner, dt.i64)
        else:
            line = e.op("Range", [e.const(0, dt.i64), e.size(count), e.const(1, dt.i64)])
            first = e.op("Unsqueeze", [e.op("Mul", [line, e.const(s, dt.i64)]) if s > 1 else line, e.ints(1)])
            places = e.op("Add", [first, e.const(inner, dt.i64)])
        name = e.op("Gather", [name, places], axis=a + done)
    # after Gather along the axes in order, each window axis stands behind its own
    perm, extra, position = [], {}, 0
    for a in range(rank):
        perm.append(position)
        position += 1
        if a in axes:
            extra[axes.index(a)] = position
            position += 1
    return Value(e.transposed(name, tuple(perm + [extra[k] for k in range(len(axes))])), node.shape)


MOVEMENT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    "reshape": _reshape, "broadcast": _broadcast, "transpose": _transpose, "slice": _slice, "pad": _pad,
    "reverse": _reverse,
    "concat": _concat, "ensure": _alias, "stop": _alias, "transfer": _alias, "guard": _alias, "window": _window,
}  # fmt: skip
