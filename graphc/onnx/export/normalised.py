"""Layer and batch normalisation, found by building what they are."""

from __future__ import annotations

from graphc.ir.node import Node, const_value
from graphc.lib import math, normalization, reduction
from graphc.onnx.export.emitter import Emitter, Form, Value
from graphc.onnx.export.nearby import near
from graphc.onnx.export.products import channels_first
from graphc.prims.table import apply

_LAYER_NORM = 17  # the opset that has it
_NEAR = 40  # Nodes that are looked at below an operation


def _moments(x: Node, axes: tuple) -> list[tuple[Node, Node]]:
    """Mean and variance as programs take them, the axes kept."""
    mean = reduction.reduce_mean(x, axes, True)
    away = math.subtract(x, mean)
    return [
        normalization.moments(x, axes, keepdims=True),
        (mean, reduction.reduce_mean(math.square(away), axes, True)),
        (mean, reduction.reduce_mean(math.multiply(away, away), axes, True)),
        (mean, reduction.reduce_variance(x, axes, True)),
    ]


def _scaled(normal: Node, gamma: Node, beta: Node) -> list[Node]:
    both = [math.multiply(normal, gamma), math.multiply(gamma, normal)]
    return [y for z in both for y in (math.add(z, beta), math.add(beta, z))]


def _whole(x: Node, mean: Node, variance: Node, epsilon: float, gamma: Node, beta: Node) -> list[Node]:
    """Layer normalisation as programs write it."""
    wide = math.add(variance, epsilon)
    away = math.subtract(x, mean)
    normal = [math.multiply(away, apply("rsqrt", wide)), math.divide(away, apply("sqrt", wide))]
    found = [normalization.batch_normalization(x, mean, variance, beta, gamma, epsilon)]
    return found + [y for n in normal for y in _scaled(n, gamma, beta)]


def layer_normalised(e: Emitter, node: Node) -> Form | None:
    """``LayerNormalization``."""
    if e.opset < _LAYER_NORM or not node.dtype.is_float or node.op != "add":
        return None
    below = near(node, _NEAR)
    sums = [n for n in below if n.op == "reduce" and n.attr("kind") == "sum" and n.inputs[0].shape == node.shape]
    epsilons = [
        v for n in below if n.op == "add" for v in map(const_value, n.inputs) if isinstance(v, float) and 0 < v < 1
    ]
    for total in sums:
        x, axes = total.inputs[0], total.attr("axes")
        if axes != tuple(range(len(x.shape) - len(axes), len(x.shape))) or not epsilons:
            continue
        inner = tuple([x.shape[a] for a in axes])
        vectors = [n for n in below if getattr(n.type, "shape", None) == inner and n.dtype is x.dtype and n is not x]
        for epsilon in dict.fromkeys(epsilons):
            found = _parameters(node, below, x, axes, epsilon, vectors)
            if found is not None:
                return _layer_form(x, axes[0], epsilon, *found)
    return None


def _parameters(node: Node, below: list[Node], x: Node, axes: tuple, epsilon: float,
                vectors: list[Node]) -> tuple[Node, Node] | None:  # fmt: skip
    """The scale and the offset with which a Node is a layer normalisation of ``x``."""
    moments = [pair for pair in _moments(x, axes) if pair[1] in below]
    for mean, variance in moments:
        for gamma in vectors:
            for beta in vectors:
                if node in _whole(x, mean, variance, epsilon, gamma, beta):
                    return gamma, beta
    return None


def _layer_form(x: Node, axis: int, epsilon: float, gamma: Node, beta: Node) -> Form:
    def write(e: Emitter, node: Node) -> Value:
        names = [e.full(v) for v in (x, gamma, beta)]
        return Value(e.typed("LayerNormalization", names, node.dtype, axis=axis, epsilon=float(epsilon)), node.shape)

    return Form((x, gamma, beta), write)


def batch_normalised(e: Emitter, node: Node) -> Form | None:
    """``BatchNormalization`` of a convolution by known statistics, as the library writes it."""
    product, shift = node.inputs
    if product.op != "mul" or product.inputs[0].op != "conv" or shift.op != "broadcast" or not node.dtype.is_float:
        return None
    x, factor, shift = product.inputs[0], product.inputs[1], shift.inputs[0]
    if factor.op != "broadcast" or shift.op != "sub" or factor.inputs[0].op != "mul":
        return None
    factor = factor.inputs[0]
    rsqrt, scale = factor.inputs
    if rsqrt.op != "rsqrt" or rsqrt.inputs[0].op != "add" or shift.inputs[1].op != "mul":
        return None
    offset, mean = shift.inputs[0], shift.inputs[1].inputs[0]
    variance, epsilon = rsqrt.inputs[0].inputs[0], const_value(rsqrt.inputs[0].inputs[1])
    if epsilon is None or normalization.batch_normalization(x, mean, variance, offset, scale, epsilon) is not node:
        return None
    parameters = (scale, offset, mean, variance)

    def write(e: Emitter, node: Node) -> Value:
        perm = channels_first(len(node.shape))
        names = [e.laid(x, perm), *[e.full(v) for v in parameters]]
        made = e.typed("BatchNormalization", names, node.dtype, epsilon=float(epsilon))
        return Value(made, tuple([node.shape[p] for p in perm]), perm)

    return Form((x, *parameters), write)
