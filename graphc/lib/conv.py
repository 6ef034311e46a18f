"""Convolutions of any rank, their transposes and gradients under TensorFlow's names."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir.node import Node, origins, simplified
from graphc.lib import depthwise
from graphc.lib.dims import shape_of, size
from graphc.lib.promote import adopt
from graphc.lib.window import (
    channel_axis, ensured, extent, moved_axis, paddings, per_axis, require_windows, window_counts,
)  # fmt: skip
from graphc.prims import contract
from graphc.prims.table import apply


def convolution(input, filters, strides=None, padding="VALID", data_format=None, dilations=None) -> Node:  # noqa: A002
    """``input`` [..., *spatial, channels] convolved with ``filters`` [*window, channels / groups, outputs].

    Works for any number of spatial axes; ``NC...`` formats have the channels before them. Axes before the batch are
    kept.

    Raises:
        ShapeError: ranks or channels do not fit, or the window is larger than the padded input.
        DtypeError: the operands differ in dtype. UsageError: a wrong format, stride, padding or dilation.
    """
    return _convolve("convolution", input, filters, strides, padding, data_format, dilations)


def conv(input, filter, strides, padding, explicit_paddings=(), data_format="CHANNELS_LAST",  # noqa: A002
         dilations=(), batch_dims=1, groups=1) -> Node:  # fmt: skip
    """The operation behind ``conv2d`` and ``conv3d``: ``input`` [*batch, *spatial, channels], two or three spatial axes.

    Args:
        strides, dilations: numbers for the batch as one axis, the spatial axes and the channels.
        padding: SAME, VALID, or EXPLICIT: ``explicit_paddings`` holds two numbers for each of these axes.
        data_format: CHANNELS_LAST or CHANNELS_FIRST.
        batch_dims: how many axes the batch has. groups: how many groups of channels there are.

    Raises:
        ShapeError, DtypeError: as ``convolution``. UsageError: another format, or numbers that do not fit the operands.
    """
    op = "conv"
    x, w, count = _operands(op, input, filter, None)
    formats = {"CHANNELS_LAST": ("NHWC", "NDHWC"), "CHANNELS_FIRST": ("NCHW", "NCDHW")}
    if data_format not in formats or count not in (2, 3):
        what = f"{op}: data_format must be CHANNELS_LAST or CHANNELS_FIRST for 2 or 3 spatial axes"
        raise UsageError(explain(f"{what}, got {data_format!r} for {count}", origins(input=x, filter=w)))
    if batch_dims != len(x.shape) - count - 1:
        what = f"{op}: batch_dims is {batch_dims} for {x.type} with {count} spatial axes and channels"
        raise UsageError(explain(what, origins(input=x, filter=w)))
    amounts = list(explicit_paddings)
    if padding == "EXPLICIT":
        padding = [amounts[k : k + 2] for k in range(0, len(amounts), 2)]
    elif amounts:
        what = f"{op}: explicit_paddings needs padding='EXPLICIT', got {padding!r}"
        raise UsageError(explain(what, origins(input=x)))
    out = _convolve(op, x, w, strides, padding, formats[data_format][count - 2], dilations or None)
    channels = x.shape[channel_axis(op, formats[data_format][count - 2], count) - count - 2]
    if type(channels) is int and type(w.shape[-2]) is int and channels != groups * w.shape[-2]:
        what = f"{op}: {channels} channels are not {groups} groups of filters {w.type}"
        raise ShapeError(explain(what, origins(input=x, filter=w)))
    return out


def conv1d(input, filters, stride, padding, data_format="NWC", dilations=None) -> Node:  # noqa: A002
    """``input`` [batch, width, channels] convolved with ``filters`` [width, channels / groups, outputs]."""
    return _convolve("conv1d", input, filters, stride, padding, data_format or "NWC", dilations, 1)


def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None) -> Node:  # noqa: A002
    """``input`` [batch, height, width, channels] convolved with ``filters`` [h, w, channels / groups, outputs].

    ``padding`` is SAME, VALID or a list of four pairs; ``strides`` and ``dilations`` are ints or lists of 1, 2 or 4.
    """
    return _convolve("conv2d", input, filters, strides, padding, data_format, dilations, 2)


def conv3d(input, filters, strides, padding, data_format="NDHWC", dilations=None) -> Node:  # noqa: A002
    """``input`` [batch, d, h, w, channels] convolved with ``filters`` [d, h, w, channels / groups, outputs]."""
    return _convolve("conv3d", input, filters, strides, padding, data_format, dilations, 3)


def atrous_conv2d(value, filters, rate, padding) -> Node:
    """``conv2d`` with ``rate - 1`` holes between the elements of the filter."""
    return _convolve("atrous_conv2d", value, filters, 1, padding, "NHWC", rate, 2)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format=None,  # noqa: A002
                     dilations=None) -> Node:  # fmt: skip
    """``depthwise_conv2d`` and then a convolution with the window ``pointwise_filter`` [1, 1, inner, outputs]."""
    inner = depthwise.depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return _convolve("separable_conv2d", inner, pointwise_filter, 1, "VALID", data_format, 1, 2)


def conv1d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NWC",  # noqa: A002
                     dilations=None) -> Node:  # fmt: skip
    """The transpose of ``conv1d``: ``filters`` are [width, outputs, channels]."""
    return _transposed("conv1d_transpose", input, filters, output_shape, strides, padding, data_format, dilations, 1)


def conv2d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NHWC",  # noqa: A002
                     dilations=None) -> Node:  # fmt: skip
    """The transpose (gradient) of ``conv2d``: ``filters`` are [height, width, outputs, channels].

    ``output_shape`` is the whole shape of the result, or its spatial sizes.
    """
    return _transposed("conv2d_transpose", input, filters, output_shape, strides, padding, data_format, dilations, 2)


def conv3d_transpose(input, filters, output_shape, strides, padding="SAME", data_format="NDHWC",  # noqa: A002
                     dilations=None) -> Node:  # fmt: skip
    """The transpose of ``conv3d``: ``filters`` are [depth, height, width, outputs, channels]."""
    return _transposed("conv3d_transpose", input, filters, output_shape, strides, padding, data_format, dilations, 3)


def conv_transpose(input, filters, output_shape, strides, padding="SAME", data_format=None,  # noqa: A002
                   dilations=None) -> Node:  # fmt: skip
    """The transpose of ``convolution``: ``filters`` are [*window, outputs, channels]."""
    return _transposed("conv_transpose", input, filters, output_shape, strides, padding, data_format, dilations)


def atrous_conv2d_transpose(value, filters, output_shape, rate, padding) -> Node:
    """The transpose of ``atrous_conv2d``: ``filters`` are [height, width, outputs, channels]."""
    return _transposed("atrous_conv2d_transpose", value, filters, output_shape, 1, padding, "NHWC", rate, 2)


def conv2d_backprop_input(input_sizes, filter=None, out_backprop=None, strides=None, padding=None,  # noqa: A002
                          use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1), name=None,
                          filters=None) -> Node:  # fmt: skip
    """The gradient of ``conv2d`` for an input of shape ``input_sizes``; the filter may be grouped.

    ``filters`` is another name of ``filter``; ``use_cudnn_on_gpu`` and ``name`` have no effect.
    """
    filters = filter if filters is None else filters
    return _transposed("conv2d_backprop_input", out_backprop, filters, input_sizes, strides, padding, data_format,
                       dilations, 2)  # fmt: skip


def conv2d_backprop_filter(input, filter_sizes, out_backprop, strides, padding, use_cudnn_on_gpu=True,  # noqa: A002
                           data_format="NHWC", dilations=(1, 1, 1, 1)) -> Node:  # fmt: skip
    """The gradient of ``conv2d`` for a filter of shape ``filter_sizes``. ``use_cudnn_on_gpu`` has no effect."""
    return _filter_gradient("conv2d_backprop_filter", input, filter_sizes, out_backprop, strides, padding, data_format,
                            dilations, 2)  # fmt: skip


def conv3d_backprop_filter(input, filter_sizes, out_backprop, strides, padding, data_format="NDHWC",  # noqa: A002
                           dilations=(1, 1, 1, 1, 1)) -> Node:  # fmt: skip
    """The gradient of ``conv3d`` for a filter of shape ``filter_sizes``."""
    return _filter_gradient("conv3d_backprop_filter", input, filter_sizes, out_backprop, strides, padding, data_format,
                            dilations, 3)  # fmt: skip


# ------------------------------------------------------------------------------------------------ common ground


def _operands(op: str, x, w, count) -> tuple[Node, Node, int]:
    x, w = adopt(op, x, w)
    if x.dtype.kind not in "if":
        raise DtypeError(explain(f"{op}: not defined for {x.type}", origins(input=x, filters=w)))
    count = len(w.shape) - 2 if count is None else count
    if len(w.shape) != count + 2 or len(x.shape) < count + 2 or count < 1:
        what = f"{op}: filters of rank {count + 2} and an input of that rank or more are needed"
        raise ShapeError(explain(f"{what}, got {x.type} and {w.type}", origins(input=x, filters=w)))
    return x, w, count


def _lasting(x: Node, channel: int, count: int) -> Node:
    """Channels last."""
    return x if channel == count + 1 else moved_axis(x, channel, -1)


def _restored(x: Node, channel: int, count: int) -> Node:
    """Channels where the data format has them."""
    return x if channel == count + 1 else moved_axis(x, -1, channel)


def _convolve(op: str, x, w, strides, padding, data_format, dilations, count: int | None = None) -> Node:
    x, w, count = _operands(op, x, w, count)
    channel = channel_axis(op, data_format, count)
    lead = x.shape[: len(x.shape) - count - 1]
    if len(lead) > 1:
        x = apply("reshape", x, shape=(size(lead), *x.shape[len(lead) :]))
    stride = per_axis(op, "strides", strides, count, channel)
    dilation = per_axis(op, "dilations", dilations, count, channel)
    x = _lasting(x, channel, count)
    x, groups = _grouped(op, x, w)
    reaches = [extent(k, d) for k, d in zip(w.shape, dilation)]
    low, high = paddings(op, padding, x.shape[1:-1], reaches, stride, channel)
    counts = window_counts(x.shape[1:-1], reaches, stride, low, high, padding)
    require_windows(op, x, range(1, count + 1), counts)
    if groups > 1 and depthwise.suits(w, x.shape[-1]):
        out = depthwise.grouped(x, w, stride, low, high, dilation, counts)
    else:
        out = contract.conv(x, w, stride, low, high, dilation, None, groups)
    out = _restored(ensured(out, (x.shape[0], *counts, w.shape[-1])), channel, count)
    return out if len(lead) == 1 else apply("reshape", out, shape=(*lead, *out.shape[1:]))


def _grouped(op: str, x: Node, w: Node) -> tuple[Node, int]:
    """How many groups of channels the filter takes; the input's channels are promised to fit where that is unknown."""
    have, need = x.shape[-1], w.shape[-2]
    if have == need:
        return x, 1
    if type(have) is not int or type(need) is not int:
        return ensured(x, (*x.shape[:-1], need)), 1
    outputs = w.shape[-1]
    if need == 0 or have % need or (type(outputs) is int and outputs % (have // need)):
        what = f"{op}: {have} channels of {x.type} do not fit filters {w.type}"
        raise ShapeError(explain(what, origins(input=x, filters=w)))
    return x, have // need


def _window(op: str, shape: tuple, w_shape: tuple, strides, padding, dilations, channel: int) -> tuple:
    """Stride, low, high, dilation of the convolution from ``shape`` (channels last), and how many windows it has."""
    count = len(shape) - 2
    stride = per_axis(op, "strides", strides, count, channel)
    dilation = per_axis(op, "dilations", dilations, count, channel)
    reaches = [extent(k, d) for k, d in zip(w_shape, dilation)]
    low, high = paddings(op, padding, shape[1:-1], reaches, stride, channel)
    counts = window_counts(shape[1:-1], reaches, stride, low, high, padding)
    return stride, low, dilation, counts


def _same_sizes(op: str, g: Node, wanted: tuple, what: str) -> Node:
    """``g`` under the sizes that the convolution in question has.

    Raises:
        ShapeError: one surely differs.
    """
    if any(type(a) is int and type(b) is int and a != b for a, b in zip(g.shape, wanted)):
        sizes = ",".join(map(str, wanted))
        raise ShapeError(explain(f"{op}: {g.type} is not the [{sizes}] that {what}", origins(input=g)))
    return ensured(g, wanted)


def _transposed(op: str, g, w, output_shape, strides, padding, data_format, dilations,
                count: int | None = None) -> Node:  # fmt: skip
    g, w, count = _operands(op, g, w, count)
    if len(g.shape) != count + 2:
        what = f"{op}: needs an input of rank {count + 2}, got {g.type}"
        raise ShapeError(explain(what, origins(input=g, filters=w)))
    channel = channel_axis(op, data_format, count)
    g = _lasting(g, channel, count)
    wanted = shape_of(output_shape, op)
    if len(wanted) == count:
        wanted = (g.shape[0], *wanted, w.shape[-2])
    elif len(wanted) == count + 2:
        wanted = (wanted[0], *wanted[2:], wanted[1]) if channel == 1 else wanted
    else:
        raise UsageError(explain(f"{op}: output_shape needs {count} or {count + 2} sizes, got {list(wanted)}"))
    groups = 1
    if type(wanted[-1]) is int and type(w.shape[-2]) is int:
        if not w.shape[-2] or wanted[-1] % w.shape[-2]:
            what = f"{op}: {wanted[-1]} channels of the result do not fit filters {w.type}"
            raise ShapeError(explain(what, origins(input=g, filters=w)))
        groups = wanted[-1] // w.shape[-2]
    stride, low, dilation, counts = _window(op, wanted, w.shape, strides, padding, dilations, channel)
    need = (wanted[0], *counts, w.shape[-1])
    shape_text = ",".join(map(str, wanted))
    g = _same_sizes(op, g, need, f"an output_shape of [{shape_text}] (channels last) needs")
    out = contract.conv_input(g, w, wanted, stride, low, dilation, (1,) * count, groups)
    return _restored(ensured(out, wanted), channel, count)


def _filter_gradient(op: str, x, filter_sizes, g, strides, padding, data_format, dilations, count: int) -> Node:
    x, g = adopt(op, x, g)
    for value in (x, g):
        if len(value.shape) != count + 2:
            what = f"{op}: needs rank {count + 2}, got {value.type}"
            raise ShapeError(explain(what, origins(input=x, out_backprop=g)))
    channel = channel_axis(op, data_format, count)
    x, g = _lasting(x, channel, count), _lasting(g, channel, count)
    shape = shape_of(filter_sizes, op)
    if len(shape) != count + 2:
        raise UsageError(explain(f"{op}: filter_sizes needs {count + 2} sizes, got {list(shape)}"))
    groups = 1
    if type(x.shape[-1]) is int and type(shape[-2]) is int and shape[-2]:
        groups = x.shape[-1] // shape[-2]
    if simplified(shape[-2] * groups) != x.shape[-1]:
        what = f"{op}: filter_sizes {list(shape)} do not fit the channels of {x.type}"
        raise ShapeError(explain(what, origins(input=x)))
    stride, low, dilation, counts = _window(op, x.shape, shape, strides, padding, dilations, channel)
    g = _same_sizes(op, g, (x.shape[0], *counts, shape[-1]), "the convolution answers with")
    return contract.conv_filter(g, x, shape, stride, low, dilation, (1,) * count, groups)

