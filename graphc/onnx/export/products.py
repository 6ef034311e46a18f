"""Matrix products and convolutions as ONNX's nodes: channels-last here, channels-first there."""

from __future__ import annotations

import math

from graphc.ir import dtype as dt
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lib.window import same_padding
from graphc.onnx.export.emitter import Emitter, Form, NoForm, Value, as_itself, same
from graphc.onnx.export.kinds import carrier
from graphc.prims.contract import conv, dilated
from graphc.prims.dims import size_of, zeros
from graphc.prims.shape import concat, pad, reshape, reverse, slice_, transpose
from graphc.prims.table import apply
from graphc.prims.window import window


def matrix(e: Emitter, node: Node, turned: bool) -> str:
    """An operand of a product, its last two axes swapped if it is ``turned``."""
    rank = len(node.shape)
    swap = (*range(rank - 2), rank - 1, rank - 2)
    return e.laid(node, swap) if turned else e.full(node)


def write_dot(e: Emitter, node: Node) -> Value:
    """``MatMul``, or ``Gemm`` where a matrix is to be turned."""
    x, y = node.inputs
    flags = node.attr("transpose_x"), node.attr("transpose_y")
    if len(node.shape) == 2 and any(flags) and node.dtype in (dt.f16, dt.f32, dt.f64):
        parameters = [e.writer.array(e.full(v)) is not None for v in (x, y)]
        if not all(p or not f for p, f in zip(parameters, flags)):  # a parameter is turned here
            attrs = {f"trans{k}": 1 for k, flag in zip("AB", flags) if flag}
            return Value(e.op("Gemm", [e.full(x), e.full(y)], **attrs), node.shape)
    names = [matrix(e, v, flag) for v, flag in zip((x, y), flags)]
    return Value(e.typed("MatMul", names, node.dtype), node.shape)


# ------------------------------------------------------------------------------------------- convolutions


def channels_first(rank: int) -> tuple:
    """The order of the axes in which ONNX wants an image."""
    return (0, rank - 1, *range(1, rank - 1))


def plan_conv(e: Emitter, node: Node, bias: Node | None = None) -> Form | None:
    """``Conv`` or ``ConvTranspose``; borders and holes that these have no attribute for are written before them.

    With a ``bias`` None where that has no place in the operator.
    """
    if bias is not None:
        found = plan_conv(e, node)
        return (
            Form((*found.needs, bias), lambda e, _: found.write(e, node, bias)) if found.needs == node.inputs else None
        )
    if node.dtype.is_integer:
        return as_itself(_as_product(node))
    if len(node.shape) == 2:
        return as_itself(_pointwise(node))
    x, w = node.inputs
    attrs = {k: node.attr(k) for k in ("stride", "low", "high", "dilation", "x_dilation", "groups")}
    if any(d > 1 for d in attrs["x_dilation"]):
        turned = _transposed(node, attrs)
        if turned is not None:
            return turned
        wide = _spread(x, attrs["x_dilation"])
        return as_itself(conv(wide, w, attrs["stride"], attrs["low"], attrs["high"], attrs["dilation"], None,
                              attrs["groups"]))  # fmt: skip
    bordered = _bordered(x, attrs["low"], attrs["high"])
    if bordered is not x and not _border(node):
        return as_itself(conv(bordered, w, attrs["stride"], None, None, attrs["dilation"], None, attrs["groups"]))
    return Form(node.inputs, _conv)


def _conv(e: Emitter, node: Node, bias: Node | None = None) -> Value:
    x, w = node.inputs
    names = [e.laid(x, channels_first(len(node.shape))), kernel_of(e, w), *([e.full(bias)] if bias is not None else [])]
    return _convolved(e, node, "Conv", names, {
        "kernel_shape": _kernel_sizes(w), "strides": list(node.attr("stride")), **_border(node),
        "dilations": list(node.attr("dilation")), "group": node.attr("groups"),
    })  # fmt: skip


def _border(node: Node) -> dict:
    """The attribute that says how much is added around the image; empty where there is none that does."""
    low, high = node.attr("low"), node.attr("high")
    x, w = node.inputs
    if all(type(v) is int for v in (*low, *high)):
        return {"pads": [*low, *high]} if min((*low, *high), default=0) >= 0 else {}
    return same_border(x.shape[1:-1], w.shape[:-2], node.attr("stride"), node.attr("dilation"), low, high)


def same_border(sizes: tuple, kernel: tuple, stride: tuple, dilation: tuple, low: tuple, high: tuple) -> dict:
    """The attribute for a border that makes as many windows as strides fit in; empty where the border is another."""
    if any(d != 1 for d in dilation):
        return {}
    wanted = [same_padding(n, k, s) for n, k, s in zip(sizes, kernel, stride)]
    fits = all(same(a, b) and same(c, d) for (a, c), b, d in zip(wanted, low, high))
    return {"auto_pad": "SAME_UPPER"} if fits else {}


def _kernel_sizes(w: Node) -> list | None:
    sizes = list(w.shape[:-2])
    return sizes if all(type(k) is int for k in sizes) else None


def kernel_of(e: Emitter, w: Node) -> str:
    """A kernel [*k, channels, filters] as [filters, channels, *k]."""
    rank = len(w.shape)
    return e.laid(w, (rank - 1, rank - 2, *range(rank - 2)))


def _convolved(e: Emitter, node: Node, kind: str, names: list[str], attrs: dict) -> Value:
    wide = carrier(kind, node.dtype, e.opset)
    made = e.op(kind, [e.cast(name, node.dtype, wide) for name in names], **attrs)
    perm = channels_first(len(node.shape))
    return Value(e.cast(made, wide, node.dtype), tuple([node.shape[p] for p in perm]), perm)


def _bordered(x: Node, low: tuple, high: tuple) -> Node:
    """The image where the borders must be made first: some are cut off, or known only while running."""
    if all(type(v) is int and v >= 0 for v in (*low, *high)):
        return x
    return _widened(x, low, high)


def _widened(x: Node, low: tuple, high: tuple) -> Node:
    """The image with zeros around it; cut off where an amount is negative."""
    if all(type(v) is int for v in (*low, *high)):
        start = [0, *[max(0, -v) for v in low], 0]
        stop = [x.shape[0], *[simplified(n - max(0, -v)) for n, v in zip(x.shape[1:-1], high)], x.shape[-1]]
        x = slice_(x, start, stop)
        low, high = ([max(0, v) for v in side] for side in (low, high))
    return pad(x, zeros(Type(x.dtype, ())), [0, *low, 0], [0, *high, 0])


def _spread(x: Node, holes: tuple) -> Node:
    """The image with zeros between its elements."""
    for axis, d in enumerate(holes, 1):
        if d == 1:
            continue
        shape = x.shape
        wide = reshape(x, (*shape[: axis + 1], 1, *shape[axis + 1 :]))
        after = [0] * len(wide.shape)
        after[axis + 1] = d - 1
        wide = pad(wide, zeros(Type(x.dtype, ())), [0] * len(after), after)
        wide = reshape(wide, (*shape[:axis], simplified(shape[axis] * d), *shape[axis + 1 :]))
        stop = list(wide.shape)
        stop[axis] = dilated(shape[axis], d)
        x = slice_(wide, [0] * len(stop), stop)
    return x


def _transposed(node: Node, attrs: dict) -> Form | None:
    """A convolution of an image with holes as ``ConvTranspose`` with the kernel turned round."""
    x, w = node.inputs
    spatial, groups = tuple(range(len(attrs["stride"]))), attrs["groups"]
    sizes = w.shape[:-2]
    known = all(type(v) is int for v in (*attrs["low"], *attrs["high"], *w.shape))
    if not known or any(s != 1 for s in attrs["stride"]):
        return None
    reach = [d * (k - 1) for d, k in zip(attrs["dilation"], sizes)]
    before = [r - v for r, v in zip(reach, attrs["low"])]
    after = [r - v for r, v in zip(reach, attrs["high"])]
    more = [max(0, -v) for v in after]
    if min(before) < 0 or any(m >= s for m, s in zip(more, attrs["x_dilation"])):
        return None
    kernel = reverse(w, spatial) if w.op != "reverse" or w.attr("axes") != spatial else w.inputs[0]
    if w.op == "transpose" and w.inputs[0].op == "reverse" and w.inputs[0].attr("axes") == spatial \
            and w.attr("perm")[: len(spatial)] == spatial:  # fmt: skip
        kernel = transpose(w.inputs[0].inputs[0], w.attr("perm"))
    channels, filters = w.shape[-2:]
    wide = reshape(kernel, (*sizes, channels, groups, filters // groups))
    count = len(spatial)
    wide = transpose(wide, (count + 1, count, count + 2, *spatial))
    wide = reshape(wide, (groups * channels, filters // groups, *sizes))

    def write(e: Emitter, _: Node) -> Value:
        names = [e.laid(x, channels_first(len(node.shape))), e.full(wide)]
        return _convolved(e, node, "ConvTranspose", names, {
            "kernel_shape": list(sizes), "strides": list(attrs["x_dilation"]),
            "pads": [*before, *[max(0, v) for v in after]],
            "dilations": list(attrs["dilation"]), "group": groups, "output_padding": more if any(more) else None,
        })  # fmt: skip

    return Form((x, wide), write)


def _pointwise(node: Node) -> Node:
    """A convolution without axes to slide along: a product."""
    x, w = node.inputs
    if node.attr("groups") == 1:
        return apply("dot", x, w, transpose_x=False, transpose_y=False)
    image, kernel = reshape(x, (x.shape[0], 1, x.shape[1])), reshape(w, (1, *w.shape))
    return reshape(conv(image, kernel, groups=node.attr("groups")), node.shape)


def _as_product(node: Node) -> Node:
    """A convolution of integers: windows as the rows of a matrix."""
    x, w = node.inputs
    groups, spatial = node.attr("groups"), tuple(range(1, len(node.shape) - 1))
    x = _widened(_spread(x, node.attr("x_dilation")), node.attr("low"), node.attr("high"))
    sizes = w.shape[:-2]
    if any(type(v) is not int for v in (*w.shape, x.shape[-1])):
        raise NoForm("a convolution of integers with a kernel whose size is not known")
    if len(node.shape) > 2:
        lines = window(x, spatial, sizes, node.attr("stride"), node.attr("dilation"))
    else:
        lines = x
    many, channels, filters = size_of(node.shape[:-1]), w.shape[-2], w.shape[-1] // groups
    rank = len(node.shape)
    lines = transpose(lines, (0, *spatial, *range(rank, len(lines.shape)), rank - 1)) if len(node.shape) > 2 else lines
    parts = []
    for g in range(groups):
        start = [0] * (len(lines.shape) - 1)
        own = slice_(lines, [*start, g * channels], [*lines.shape[:-1], (g + 1) * channels])
        filter_ = slice_(w, [0] * (len(w.shape) - 1) + [g * filters], [*w.shape[:-1], (g + 1) * filters])
        inner = math.prod(sizes) * channels
        parts.append(apply("dot", reshape(own, (many, inner)), reshape(filter_, (inner, filters)), transpose_x=False,
                           transpose_y=False))  # fmt: skip
    return reshape(parts[0] if groups == 1 else concat(*parts, axis=1), node.shape)
