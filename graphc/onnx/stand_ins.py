"""What stands for the inputs of a model while it is traced: Nodes, or constants where values must be known."""

from __future__ import annotations

import numpy as np

from graphc.errors import UsageError
from graphc.ir.graph import input_node
from graphc.ir.node import Node
from graphc.onnx.feeds import Feed
from graphc.onnx.signature import Declared, type_of
from graphc.onnx.values import Optional, Sequence, constant, typed


def any_value(model: str, item: Declared) -> Feed:
    """A feed for an input whose value is not there yet: a tensor of the declared type.

    Args:
        model: its name, for messages.

    Raises:
        UsageError: the type of the input does not say what a value is.
    """
    if item.kind != "tensor" or item.shape is None or item.element is None:
        raise UsageError(f"{model}: input {item} has no type that a graph could be made for; give a value to trace")
    empty = np.broadcast_to(np.zeros((), item.element.carrier.numpy), (0,) * len(item.shape))
    return Feed("tensor", (empty,), item.element, False)


def node_names(name: str, feed: Feed) -> list[str]:
    """The names of the Nodes that stand for an input."""
    return [name] if feed.kind == "tensor" else [f"{name}.{k}" for k in range(len(feed.arrays))]


def declared_shape(item: Declared, feed: Feed) -> tuple:
    """The sizes that an input declares; where it declares no rank, unknown ones, as many as the tensor has."""
    return item.shape if item.shape is not None else (None,) * feed.arrays[0].ndim


def stand_in(item: Declared, feed: Feed, by_value: bool, by_shape: bool = False) -> tuple[object, list[Node]]:
    """What stands for an input while tracing, and the Nodes that are fed.

    Args:
        by_value: whether the values of the feed are constants. by_shape: whether its sizes are.
    """
    if feed.kind == "nothing":
        return (Optional(None, item.element) if item.kind == "optional" else None), []
    if by_value:
        nodes = []
        values = [typed(constant(a), feed.element) for a in feed.arrays]
    elif feed.kind == "tensor":
        shape = feed.arrays[0].shape if by_shape else declared_shape(item, feed)
        nodes = [input_node(item.name, type_of(item, feed.element, shape))]
        values = [typed(nodes[0], feed.element)]
    else:
        names = node_names(item.name, feed)
        nodes = [input_node(name, type_of(item, feed.element, a.shape)) for name, a in zip(names, feed.arrays)]
        values = [typed(n, feed.element) for n in nodes]
    value = values[0] if feed.kind == "tensor" else Sequence(tuple(values), feed.element)
    return (Optional(value, feed.element) if feed.wrapped else value), nodes
