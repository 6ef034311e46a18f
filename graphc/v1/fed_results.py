"""Derivatives of operations in terms of their results, as TensorFlow writes them: a result may be fed."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.node import Node
from graphc.lib import math, reduction
from graphc.lib.nn import SELU_ALPHA, SELU_SCALE
from graphc.v1.tensor import Operation, Tensor


def _over(upstream: Node, condition: Node) -> Node:
    return math.multiply(upstream, math.cast(condition, upstream.dtype))


def _selu(g: Node, y: Node) -> Node:
    below = math.add(y, SELU_SCALE * SELU_ALPHA)
    return math.multiply(g, math.where(math.less(y, 0.0), below, math.full_like(y, SELU_SCALE)))


def _softmax(g: Node, y: Node) -> Node:
    mean = reduction.reduce_sum(math.multiply(g, y), -1, True)
    return math.multiply(math.subtract(g, mean), y)


def _log_softmax(g: Node, y: Node) -> Node:
    return math.subtract(g, math.multiply(math.exp(y), reduction.reduce_sum(g, -1, True)))


_RULES: dict[str, Callable[[Node, Node], Node]] = {
    "Elu": lambda g, y: math.multiply(g, math.where(math.less(y, 0.0), math.add(y, 1.0), math.full_like(y, 1.0))),
    "Exp": lambda g, y: math.multiply(g, y),
    "LogSoftmax": _log_softmax,
    "Reciprocal": lambda g, y: math.negative(math.multiply(g, math.square(y))),
    "Relu": lambda g, y: _over(g, math.greater(y, 0.0)),
    "Relu6": lambda g, y: _over(g, math.logical_and(math.greater(y, 0.0), math.less(y, 6.0))),
    "Rsqrt": lambda g, y: math.multiply(math.multiply(g, -0.5), math.multiply(math.square(y), y)),
    "Selu": _selu,
    "Sigmoid": lambda g, y: math.multiply(g, math.multiply(y, math.subtract(1.0, y))),
    "Softmax": _softmax,
    "Sqrt": lambda g, y: math.divide(math.multiply(g, 0.5), y),
    "Tanh": lambda g, y: math.multiply(g, math.subtract(1.0, math.square(y))),
}


def rule(op: Operation) -> Callable[[Node, Node], Node] | None:
    """The function of the derivative by the result (perhaps with more axes in front) and the result, or None.

    It answers with the derivative by the only operand.
    """
    found = _RULES.get(op.type)
    return found if found is not None and len(op.operands) == 1 and _is_alike(*op.operands, *op.outputs) else None


def _is_alike(x: Tensor, y: Tensor) -> bool:
    return x.node is None or y.node is None or len(x.node.shape) == len(y.node.shape)
