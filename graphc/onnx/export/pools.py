"""Pooling and depthwise convolutions, which the library writes element by element of a window, as one operator each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const_value, simplified
from graphc.lib import depthwise as lib_depthwise
from graphc.lib.pooling import pooled
from graphc.lib.sliding import lowest
from graphc.lib.window import strides_in
from graphc.onnx.export.control import called
from graphc.onnx.export.emitter import Emitter, Form, Value, as_itself, same
from graphc.onnx.export.kinds import carrier
from graphc.onnx.export.products import same_border
from graphc.prims.contract import conv


@dataclass(frozen=True)
class Windows:
    """Windows that slide over a tensor: what one element for each of them was made of.

    Attributes:
        x: the tensor. axes: along which they slide; the following have one number for each.
        low, high: what was added to the tensor before. filler: its value, None where nothing was added.
    """

    x: Node
    axes: tuple
    size: tuple
    stride: tuple
    dilation: tuple
    low: tuple
    high: tuple
    filler: float | None


def windows_of(node: Node, opcode: str) -> Windows | None:
    """The windows whose elements ``opcode`` combines; None where these are no windows."""
    leaves = _leaves(node, opcode)
    if leaves is None or len(leaves) < 2:
        return None
    sources = {x.inputs[0] if x.op == "slice" else x for x in leaves}
    if len(sources) != 1:
        return None
    (source,) = sources
    rank = len(source.shape)
    starts = [x.attr("start") if x.op == "slice" else (0,) * rank for x in leaves]
    steps = {x.attr("step") for x in leaves if x.op == "slice"}
    if len(steps) != 1 or any(type(v) is not int for start in starts for v in start):
        return None
    (step,) = steps
    low, high, x, filler = (0,) * rank, (0,) * rank, source, None
    if source.op == "pad" and const_value(source.inputs[1]) is not None:
        low, high, x, filler = source.attr("low"), source.attr("high"), source.inputs[0], const_value(source.inputs[1])
    places = [sorted({start[a] for start in starts}) for a in range(rank)]
    axes = tuple([a for a in range(rank) if len(places[a]) > 1 or step[a] > 1 or low[a] != 0 or high[a] != 0])
    gaps = [{b - a for a, b in zip(p, p[1:])} or {1} for p in places]
    if any(p[0] != 0 for p in places) or any(len(g) != 1 for g in gaps) or len(set(starts)) != len(starts):
        return None
    if math.prod(map(len, places)) != len(starts):
        return None
    size, dilation = tuple(len(places[a]) for a in axes), tuple(next(iter(gaps[a])) for a in axes)
    found = Windows(x, axes, size, tuple(step[a] for a in axes), dilation, tuple(low[a] for a in axes),
                    tuple(high[a] for a in axes), filler)  # fmt: skip
    return found if _counts_fit(found, node) else None


def _leaves(node: Node, opcode: str) -> list[Node] | None:
    """What a chain of one operation combines, in order."""
    found = []
    while node.op == opcode:
        node, last = node.inputs
        found.append(last)
    found.append(node)
    return found[::-1] if all(x.op == "slice" or x is found[-1] for x in found) else None


def _counts_fit(w: Windows, node: Node) -> bool:
    """Whether there are as many windows as ONNX makes of these numbers."""
    along = dict(zip(w.axes, zip(w.size, w.stride, w.dilation, w.low, w.high)))
    for a, n in enumerate(w.x.shape):
        if a not in along:
            if not same(n, node.shape[a]):
                return False
            continue
        k, s, d, before, after = along[a]
        if same_border((n,), (k,), (s,), (d,), (before,), (after,)) and same(strides_in(n, s), node.shape[a]):
            continue
        if not same(simplified((n + before + after - (k - 1) * d - 1) // s + 1), node.shape[a]):
            return False
    return True


def _images(w: Windows) -> tuple | None:
    """The order of axes in which ONNX wants the tensor: one of a batch, one of channels, then those of the windows."""
    rank = len(w.x.shape)
    others = [a for a in range(rank) if a not in w.axes]
    if rank < 3 or len(w.axes) > rank - 2:
        return None
    extra = others[2:]  # axes along which windows are of size 1
    return (*others[:2], *sorted([*w.axes, *extra]))


def _attributes(w: Windows, perm: tuple) -> dict | None:
    """Kernel, strides and so on along the axes after the first two; None where ONNX cannot have them."""
    along = dict(zip(w.axes, zip(w.size, w.stride, w.dilation, w.low, w.high)))
    spatial = [along.get(a, (1, 1, 1, 0, 0)) for a in perm[2:]]
    border = {"pads": [p[3] for p in spatial] + [p[4] for p in spatial]}
    if any(type(v) is not int for part in spatial for v in part):
        parts = tuple(zip(*spatial))
        border = same_border(tuple(w.x.shape[a] for a in perm[2:]), *parts)
        if not border:
            return None
    elif any(before >= (k - 1) * d + 1 or after >= (k - 1) * d + 1 for k, _, d, before, after in spatial):
        return None
    return {"kernel_shape": [p[0] for p in spatial], "strides": [p[1] for p in spatial],
            "dilations": [p[2] for p in spatial] if any(p[2] != 1 for p in spatial) else None, **border}  # fmt: skip


def pooled_maximum(e: Emitter, node: Node) -> Form | None:
    """``MaxPool``."""
    if node.dtype not in (dt.f16, dt.bf16, dt.f32, dt.f64, dt.i8, dt.u8):
        return None
    w = windows_of(node, "max")
    if w is None or w.filler not in (None, lowest(node.dtype)):
        return None
    return _pool_form(w, "MaxPool")


def _pool_form(w: Windows, kind: str, **more) -> Form | None:
    perm = _images(w)
    attrs = _attributes(w, perm) if perm is not None else None
    if attrs is None:
        return None
    x = w.x

    def write(e: Emitter, node: Node) -> Value:
        wide = carrier(kind, x.dtype, e.opset)
        made = e.op(kind, [e.cast(e.laid(x, perm), x.dtype, wide)], **attrs, **more)
        sizes = tuple([node.shape[p] for p in perm])
        return Value(e.cast(made, wide, x.dtype), sizes, perm if perm != tuple(range(len(perm))) else None)

    return Form((x,), write)


def averaged(e: Emitter, node: Node) -> Form | None:
    """``AveragePool``: sums of windows divided by the number of their elements."""
    total = node.inputs[0]
    if not node.dtype.is_float or node.dtype.bits < 32:
        return None
    inner = called(total)[0] if _is_pool(total) else total
    w = windows_of(inner, "add")
    if w is None or w.filler not in (None, 0) or any(d != 1 for d in w.dilation):
        return None
    for counts in (False, True):
        whole = pooled(
            "avg_pool", w.x, "avg", w.axes, w.size, w.stride, w.low, w.high, w.dilation, count_padding=counts
        )
        if whole is node:
            return _pool_form(w, "AveragePool", count_include_pad=int(counts))
    return None


def _is_pool(node: Node) -> bool:
    return node.op == "call" and node.attr("graph").name == "pool" and len(node.inputs) == 1


# -------------------------------------------------------------------------------------- depthwise convolutions


def depthwise(e: Emitter, node: Node) -> Form | None:
    """A convolution of each channel by itself, from the call that the library keeps it in."""
    if node.attr("graph").name != "depthwise" or len(node.inputs) != 2:
        return None
    x, w = node.inputs
    body = node.attr("graph")
    inside = body.inputs[0]
    parts = [n for n in body.nodes if n.op == "slice" and _is_of(n.inputs[0], inside)]
    pads = [n for n in body.nodes if n.op == "pad" and n.inputs[0] is inside]
    rank = len(x.shape)
    low, high = (pads[0].attr(k)[1:-1] if pads else (0,) * (rank - 2) for k in ("low", "high"))
    sizes = w.shape[:-2]
    steps = {n.attr("step")[1:-1] for n in parts} or {(1,) * (rank - 2)}
    if len(steps) != 1:
        return None
    (stride,) = steps
    dilation = tuple([_gap(parts, a + 1, k) for a, k in enumerate(sizes)])
    counts = node.shape[1:-1]
    if lib_depthwise.grouped(x, w, stride, low, high, dilation, counts) is not node:
        return None
    return as_itself(conv(x, w, stride, low, high, dilation, None, x.shape[-1]))


def _is_of(node: Node, x: Node) -> bool:
    return node is x or (node.op == "pad" and node.inputs[0] is x)


def _gap(parts: list[Node], axis: int, size: int) -> int:
    """How far the elements of a window are apart."""
    starts = {n.attr("start")[axis] for n in parts}
    return max(starts) // (size - 1) if size > 1 and starts and max(starts) % (size - 1) == 0 and max(starts) else 1
