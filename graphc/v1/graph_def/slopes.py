"""TensorFlow's nodes of gradients, as gradients of what they belong to."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.namespaces import PUBLIC
from graphc.api.node_def.attrs import value_of
from graphc.errors import GraphError, explain
from graphc.lib import math
from graphc.v1.gradients import gradients


def _named(graph, found: list, name: str):
    """The gradients as outputs of one operation."""
    missing = [g for g in found if g is None]
    if missing:
        raise GraphError(explain(f"{name}: there is no gradient"))
    return graph.create("IdentityN", graph.unique_name(name), tuple(found), lambda *nodes: math.identity_n(list(nodes)))


def _pool(function: str) -> Callable:
    """Gradient of pooling: from its input, its output and the gradient of that."""

    def make(graph, node, inputs, name):
        x, _, slope = inputs
        sizes = {k: value_of(node.attr[k]) for k in ("ksize", "strides")}
        words = {k: value_of(node.attr[k]).decode() for k in ("padding", "data_format") if k in node.attr}
        with graph.name_scope(f"{name}/"):
            return _named(graph, gradients([PUBLIC.get(function)(x, **sizes, **words)], [x], [slope]), name)

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
        return _named(graph, gradients([made[0]], [x, scale, offset], [slope]), name)


MAKERS: dict[str, Callable] = {
    "MaxPoolGrad": _pool("nn.max_pool2d"),
    "FusedBatchNormGrad": _batch_norm, "FusedBatchNormGradV2": _batch_norm, "FusedBatchNormGradV3": _batch_norm,
}  # fmt: skip
