"""Convolutions and their transposes; channels are moved last, where the compiler has them."""

from __future__ import annotations

from graphc.errors import FormatError
from graphc.ir.node import Node, simplified
from graphc.lib import nn, shape
from graphc.lib.dims import larger
from graphc.lib.sliding import padded
from graphc.lib.window import ensured, extent, moved_axis, require_windows, windows_in
from graphc.onnx.call import Call
from graphc.onnx.ops.sizes import differ
from graphc.onnx.ops.windows import AUTOMATIC, numbers, paddings, pads_of, strides_of
from graphc.onnx.registry import operator
from graphc.prims import contract
from graphc.prims.table import apply


def _operands(call: Call) -> tuple[Node, Node, int, int]:
    """The input, the filter, the number of spatial axes and of groups."""
    x, w, groups = call[0], call[1], call.int("group", 1)
    count = len(w.shape) - 2
    if count < 1 or len(x.shape) != len(w.shape):
        raise call.wrong("the input and the filter must have one rank, from 3 on")
    if groups < 1:
        raise FormatError(f"{call.op}: attribute 'group' is {groups}")
    kernel = call.ints("kernel_shape", [])
    if kernel and any(type(d) is int and d != k for d, k in zip(w.shape[2:], kernel)) or len(kernel) not in (0, count):
        raise call.wrong(f"kernel_shape {kernel} is not that of the filter")
    return x, w, count, groups


def _with_bias(call: Call, out: Node) -> Node:
    """A result, channels last, plus the third input."""
    bias = call.get(2)
    if bias is None:
        return out
    if len(bias.shape) != 1:
        raise call.wrong("the bias must be a vector")
    return nn.bias_add(out, bias)


@operator("Conv")
def convolution(call: Call):
    """[n, c, *spatial] convolved with [filters, c / groups, *window]."""
    x, w, count, groups = _operands(call)
    stride, dilation = strides_of(call, count)
    channels = simplified(w.shape[1] * groups)
    if type(x.shape[1]) is int and type(channels) is int and x.shape[1] != channels:
        raise call.wrong(f"{x.shape[1]} channels are not {groups} groups of {w.shape[1]}")
    if groups > 1 and type(w.shape[0]) is not int:
        raise call.refuse("the number of filters in groups must be known before running")
    if groups > 1 and w.shape[0] % groups:
        raise call.wrong(f"{w.shape[0]} filters are not {groups} equal groups")
    x = moved_axis(ensured(x, (x.shape[0], channels, *x.shape[2:])), 1, -1)
    kernel = apply("transpose", w, perm=(*range(2, count + 2), 1, 0))
    reaches = [extent(k, d) for k, d in zip(w.shape[2:], dilation)]
    low, high = paddings(call, x.shape[1:-1], reaches, stride)
    counts = [windows_in(n + a + b, k, s) for n, a, b, k, s in zip(x.shape[1:-1], low, high, reaches, stride)]
    require_windows("Conv", x, range(1, count + 1), counts)
    out = contract.conv(x, kernel, stride, low, high, dilation, None, groups)
    return moved_axis(_with_bias(call, out), -1, 1)


@operator("ConvTranspose")
def transposed(call: Call):
    """The transpose of a convolution: [n, c, *spatial] spread with [c, filters / groups, *window]."""
    x, w, count, groups = _operands(call)
    stride, dilation = strides_of(call, count)
    if differ(x.shape[1:2], w.shape[:1]):
        raise call.wrong(f"{x.shape[1]} channels are not those of the filter")
    if type(w.shape[0]) is int and w.shape[0] % groups:
        raise call.wrong(f"{w.shape[0]} channels are not {groups} equal groups")
    x = moved_axis(ensured(x, (x.shape[0], w.shape[0], *x.shape[2:])), 1, -1)
    low, sizes = _spread(call, x.shape[1:-1], w.shape[2:], stride, dilation)
    kernel = apply("transpose", w, perm=(*range(2, count + 2), 1, 0))
    wanted = (x.shape[0], *sizes, simplified(w.shape[1] * groups))
    out = contract.conv_input(x, kernel, wanted, stride, tuple(low), dilation, (1,) * count, groups)
    return moved_axis(_with_bias(call, ensured(out, wanted)), -1, 1)


def _spread(call: Call, sizes, window, stride, dilation) -> tuple[list, list]:
    """What the transpose cuts off before each spatial axis, and the sizes of the result."""
    count = len(stride)
    more = numbers(call, "output_padding", count, 0, 0)
    way = call.choice("auto_pad", *AUTOMATIC)
    natural = [simplified((n - 1) * s + m + extent(k, d))
               for n, k, s, d, m in zip(sizes, window, stride, dilation, more)]  # fmt: skip
    given = call.ints("output_shape", [])
    if len(given) == count + 2:
        given = given[2:]
    if len(given) not in (0, count):
        raise FormatError(f"ConvTranspose: attribute 'output_shape' must be {count} sizes, it is {given}")
    if not given and way in ("NOTSET", "VALID"):
        pads = pads_of(call, count) if way == "NOTSET" else (0,) * (2 * count)
        return list(pads[:count]), [simplified(n - a - b) for n, a, b in zip(natural, pads, pads[count:])]
    wanted = given or [simplified(n * s) for n, s in zip(sizes, stride)]
    cut = [larger(simplified(n - d), 0) for n, d in zip(natural, wanted)]
    halves = [simplified(c // 2) for c in cut]
    return (halves if way == "SAME_UPPER" else [simplified(c - h) for c, h in zip(cut, halves)]), list(wanted)


@operator("CausalConvWithState")
def causal(call: Call):
    """A convolution of each channel with what came before, and the last elements for the next call."""
    x, w = call[0], call[1]
    if len(x.shape) != 3 or len(w.shape) != 3 or w.shape[1] != 1 or type(w.shape[2]) is not int:
        raise call.wrong("needs an input [n, channels, length] and a filter [channels, 1, k]")
    past = w.shape[2] - 1
    if call.has(3):
        whole = shape.concat([shape.ensure_shape(call[3], (x.shape[0], x.shape[1], past)), x], 2)
    else:
        whole = padded(x, (2,), (past,), (0,), 0)
    if type(w.shape[0]) is not int:
        raise call.refuse("the number of channels must be known before running")
    channels = moved_axis(ensured(whole, (whole.shape[0], w.shape[0], whole.shape[2])), 1, -1)
    out = contract.conv(channels, apply("transpose", w, perm=(2, 1, 0)), groups=w.shape[0])
    out = moved_axis(_with_bias(call, out), -1, 1)
    if call.choice("activation", "none", "silu", "swish") != "none":
        out = nn.silu(out)
    length = whole.shape[2]
    return [out, shape.part(whole, 2, simplified(length - past), length)]
