"""Operations on Nodes that TensorFlow 2 no longer has, or has with other arguments."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib import embedding, linalg, math, morphology, nn, quantize, reduction, shape
from graphc.lib.promote import as_node


def clip_by_average_norm(t, clip_norm) -> Node:
    """``t`` shrunk so that its length, divided by the number of its elements, is at most ``clip_norm``."""
    t = as_node(t)
    count = math.cast(shape.size_of(t), t.dtype)
    return reduction.clip_by_norm(t, math.multiply(count, clip_norm))


def embedding_lookup(params, ids, partition_strategy="mod", max_norm=None) -> Node:
    """Rows of a table; row i of a table in parts is in part ``i % parts``, or the parts follow each other (``div``)."""
    return embedding.embedding_lookup(params, ids, max_norm, partition_strategy)


def xw_plus_b(x, weights, biases) -> Node:
    """``x @ weights + biases``."""
    return nn.bias_add(linalg.matmul(x, weights), biases)


def relu_layer(x, weights, biases) -> Node:
    """``relu(x @ weights + biases)``."""
    return nn.relu(xw_plus_b(x, weights, biases))


def dilation2d(input, filters, strides, padding, dilations) -> Node:  # noqa: A002
    """The largest of ``input + filters`` under each place of the filter; images [batch, height, width, channels]."""
    return morphology.dilation2d(input, filters, strides, padding, "NHWC", dilations)


def erosion2d(value, kernel, strides, rates, padding) -> Node:
    """The smallest of ``value - kernel`` under each place of the kernel; images [batch, height, width, channels]."""
    return morphology.erosion2d(value, kernel, strides, padding, "NHWC", rates)


def quantize_v2(input, min_range, max_range, T, mode="MIN_COMBINED",  # noqa: A002, N803  TensorFlow's names
                round_mode="HALF_AWAY_FROM_ZERO", narrow_range=False, axis=None,
                ensure_minimum_range=0.01) -> tuple:  # fmt: skip
    """Floats as integers of the type ``T``, and the range that these stand for."""
    return quantize.quantize(input, min_range, max_range, T, mode, round_mode, narrow_range, axis, ensure_minimum_range)
