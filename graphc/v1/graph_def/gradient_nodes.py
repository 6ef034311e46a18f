"""TensorFlow's nodes of gradients, as gradients of what they belong to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.namespaces import PUBLIC
from graphc.api.node_def.attrs import value_of
from graphc.api.node_def.make import known
from graphc.errors import GraphError, explain
from graphc.lib import math
from graphc.lib.shape import ensure_shape
from graphc.v1.gradients import gradients


def _named(graph, found: list, name: str):
    """The gradients as outputs of one operation."""
    missing = [g for g in found if g is None]
    if missing:
        raise GraphError(explain(f"{name}: there is no gradient"))
    return graph.create("IdentityN", graph.unique_name(name), tuple(found), lambda *nodes: math.identity_n(list(nodes)))


def _fitted(graph, slope, y):
    """A gradient with the sizes of what it is the gradient of, where these have other names."""
    if slope.node is None or y.node is None or slope.node.shape == y.node.shape:
        return slope
    fit = (slope, y), lambda g, like: ensure_shape(g, like.shape)
    return graph.create("EnsureShape", graph.unique_name("fitted"), *fit).outputs[0]


def _pool(function: str) -> Callable:
    """Gradient of pooling: from its input, its output and the gradient of that."""

    def make(graph, node, inputs, name):
        x, _, slope = inputs
        sizes = {k: value_of(node.attr[k]) for k in ("ksize", "strides")}
        words = {k: value_of(node.attr[k]).decode() for k in ("padding", "data_format") if k in node.attr}
        with graph.name_scope(f"{name}/"):
            y = PUBLIC.get(function)(x, **sizes, **words)
            return _named(graph, gradients([y], [x], [_fitted(graph, slope, y)]), name)

    return make


def _batch_norm(graph, node, inputs, name):
    """Gradients of a batch normalization with respect to input, scale and offset."""
    slope, x, scale, mean, variance = inputs[:5]
    training = value_of(node.attr["is_training"]) if "is_training" in node.attr else True
    data_format = value_of(node.attr["data_format"]).decode() if "data_format" in node.attr else "NHWC"
    moments = (None, None) if training else (mean, variance)
    with graph.name_scope(f"{name}/"):
        offset = PUBLIC.get("zeros_like")(scale)
        made = PUBLIC.get("compat.v1.nn.fused_batch_norm")(
            x, scale, offset, *moments, value_of(node.attr["epsilon"]), data_format, training
        )
        slope = _fitted(graph, slope, made[0])
        return _named(graph, gradients([made[0]], [x, scale, offset], [slope]), name)


def _of_call(function: Callable) -> Callable:
    """A gradient by differentiating a call: ``function(node, inputs)`` answers with result, operand and slope."""

    def make(graph, node, inputs, name):
        with graph.name_scope(f"{name}/"):
            y, x, slope = function(node, inputs)
            return _named(graph, gradients([y], [x], [_fitted(graph, slope, y)]), name)

    return make


def _attrs(node, *names: str) -> dict:
    found = {k: value_of(node.attr[k]) for k in names if k in node.attr}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in found.items()}


def _zeros(sizes, kind):
    return PUBLIC.get("zeros")(known(sizes), kind)


def _pool_from_shape(function: str) -> Callable:
    def call(node, inputs):
        sizes, slope = inputs
        x = _zeros(sizes, slope.dtype)
        return PUBLIC.get(function)(x, **_attrs(node, "ksize", "strides", "padding", "data_format")), x, slope

    return call


def _lrn(node, inputs):
    slope, x, _ = inputs
    numbers = _attrs(node, "depth_radius", "bias", "alpha", "beta")
    return PUBLIC.get("nn.local_response_normalization")(x, **numbers), x, slope


def _strided(node, inputs):
    sizes, begin, end, strides, slope = inputs
    x = _zeros(sizes, slope.dtype)
    masks = _attrs(node, "begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    return PUBLIC.get("strided_slice")(x, known(begin), known(end), known(strides), **masks), x, slope


def _mirrored(node, inputs):
    slope, pads = inputs
    pairs = np.array(known(pads, "MirrorPadGrad"))
    x = PUBLIC.get("slice")(slope, pairs[:, 0], PUBLIC.get("shape")(slope) - pairs.sum(1).astype(np.int32))
    x = PUBLIC.get("stop_gradient")(x)
    return PUBLIC.get("pad")(x, pairs, mode=value_of(node.attr["mode"]).decode()), x, slope


def _bilinear(node, inputs):
    slope, x = inputs
    ways = _attrs(node, "align_corners", "half_pixel_centers")
    return PUBLIC.get("compat.v1.image.resize_bilinear")(x, PUBLIC.get("shape")(slope)[1:3], **ways), x, slope


def _nearest(node, inputs):
    slope, size = inputs
    shape = PUBLIC.get("shape")(slope)
    x = PUBLIC.get("zeros")(PUBLIC.get("concat")([shape[:1], size, shape[3:]], 0), slope.dtype)
    ways = _attrs(node, "align_corners", "half_pixel_centers")
    return PUBLIC.get("compat.v1.image.resize_nearest_neighbor")(x, shape[1:3], **ways), x, slope


def _conv_input(function: str) -> Callable:
    def call(node, inputs):
        sizes, filters, slope = inputs
        x = _zeros(sizes, slope.dtype)
        return PUBLIC.get(function)(x, filters, **_conv_attrs(node)), x, slope

    return call


def _conv_filter(function: str) -> Callable:
    def call(node, inputs):
        x, sizes, slope = inputs
        filters = _zeros(sizes, slope.dtype)
        return PUBLIC.get(function)(x, filters, **_conv_attrs(node)), filters, slope

    return call


def _conv_attrs(node) -> dict:
    found = _attrs(node, "strides", "padding", "data_format", "dilations")
    if node.op.startswith("Depthwise") and "dilations" in found:
        channels_last = found.get("data_format", "NHWC")[-1] == "C"
        found["dilations"] = found["dilations"][1:-1] if channels_last else found["dilations"][2:]
    return found


MAKERS: dict[str, Callable] = {
    "MaxPoolGrad": _pool("nn.max_pool2d"), "MaxPool3DGrad": _pool("nn.max_pool3d"),
    "AvgPoolGrad": _of_call(_pool_from_shape("nn.avg_pool2d")),
    "AvgPool3DGrad": _of_call(_pool_from_shape("nn.avg_pool3d")), "LRNGrad": _of_call(_lrn),
    "StridedSliceGrad": _of_call(_strided), "MirrorPadGrad": _of_call(_mirrored),
    "ResizeBilinearGrad": _of_call(_bilinear), "ResizeNearestNeighborGrad": _of_call(_nearest),
    "DepthwiseConv2dNativeBackpropInput": _of_call(_conv_input("nn.depthwise_conv2d")),
    "Conv3DBackpropInputV2": _of_call(_conv_input("nn.conv3d")),
    "Conv3DBackpropFilterV2": _of_call(_conv_filter("nn.conv3d")),
    "FusedBatchNormGrad": _batch_norm, "FusedBatchNormGradV2": _batch_norm, "FusedBatchNormGradV3": _batch_norm,
}  # fmt: skip
