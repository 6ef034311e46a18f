"""Recorded computations that compute nothing: constants, and arrays in another shape. NumPy answers, nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.ir.graph import Graph
from graphc.ir.node import Node


def moved(graph: Graph) -> Callable | None:
    """The graph as a function of arrays, where each result is a constant or an input in another shape; else None.

    Results are arrays of their own, like those of compiled programs.
    """
    makers = [_maker(out, graph.inputs) for out in graph.outputs]
    if None in makers:
        return None
    return lambda *arrays: [make(arrays) for make in makers]


def _maker(out: Node, inputs: tuple) -> Callable | None:
    """From the arrays of the inputs to one result."""
    source, shape = out, out.shape
    while source.op == "reshape":
        source = source.inputs[0]
    is_repeated = source.op == "broadcast" and source.inputs[0].shape == ()
    source = source.inputs[0] if is_repeated else source
    if any(type(d) is not int for d in shape):
        return None
    if source.op == "const":
        array = source.attr("value").array
        return lambda arrays: np.full(shape, array) if array.ndim == 0 else np.array(array).reshape(shape)
    if source.op != "input":
        return None
    place = inputs.index(source)
    if is_repeated:
        return lambda arrays: np.full(shape, arrays[place])
    return lambda arrays: np.array(arrays[place], order="C").reshape(shape)
