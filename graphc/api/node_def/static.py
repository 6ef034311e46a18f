"""Numbers that follow from constants and sizes alone, as shapes and axes in graphs of gradients do."""

from __future__ import annotations

import numpy as np

from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib.dims import as_dims, dim_node
from graphc.lib.select import dynamic_stitch
from graphc.lib.shape import stack
from graphc.prims.interpret import interpret

_MOST = 256  # Nodes that are looked at
_OPEN = frozenset({"input", "symbol", "random_bits", "host", "python", "act", "read_file"})


def numbers(node: Node) -> np.ndarray | None:
    """The value of integers that are computed from constants; None where something else decides."""
    if not isinstance(node.type, Type) or not (node.dtype.is_integer or node.dtype is dt.b1) or len(node.shape) > 2:
        return None
    if any(type(d) is not int for d in node.shape):
        return None
    if node.op == "const":
        return np.broadcast_to(node.attr("value").array, node.shape)
    elements = sizes(node)
    if elements is not None and all(type(d) is int for d in elements):
        return np.array(elements, node.dtype.numpy).reshape(node.shape)
    seen, stack_ = {node}, [node]
    while stack_:
        n = stack_.pop()
        if n.op in _OPEN or len(seen) > _MOST or not isinstance(n.type, Type):
            return None
        new = [x for x in n.inputs if x not in seen]
        seen.update(new)
        stack_.extend(new)
    try:
        return np.asarray(interpret(Graph("numbers", (), (node,)))[0])
    except GraphcError:
        return None


def sizes(node: Node) -> list | None:
    """The elements of an integer scalar or vector as sizes; None where data decides."""
    try:
        return as_dims(node)
    except GraphcError:
        return None


def stitched(*nodes: Node) -> Node:
    """Rows put together by their places: ``nodes`` are the places, then as many values; shapes stay what they are."""
    half = len(nodes) // 2
    places, values = [numbers(n) for n in nodes[:half]], [sizes(n) for n in nodes[half:]]
    if any(v is None for v in (*places, *values)) or not nodes[half].dtype.is_integer:
        return dynamic_stitch(list(nodes[:half]), list(nodes[half:]))
    found: dict[int, object] = {}
    for at, some in zip(places, values):
        found.update(zip(np.ravel(at).tolist(), some))
    kind = nodes[half].dtype
    rows = [dim_node(found.get(k, 0), kind) for k in range(max(found, default=-1) + 1)]
    return stack(rows) if rows else const(0, Type(kind, (0,)))
