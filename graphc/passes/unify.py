"""Dimensions that must be equal become one: what ``ensure`` promises is put into the types of the inputs."""

from __future__ import annotations

from graphc.ir.graph import Graph, substitute_dims
from graphc.ir.node import Node
from graphc.passes.specialise import with_symbols


def unify_dims(graph: Graph) -> Graph:
    """Replace input symbols that ``ensure`` equates with a number or each other, so that entry checks them by binding.

    Of two symbols the one that appears first among the inputs stays. Promises inside bodies count for the body alone
    and are left; so are those about sizes that depend on data.
    """
    order = {s: k for k, s in enumerate(graph.symbols)}
    plain = {d for x in graph.inputs for d in x.shape if isinstance(d, Node) and d in order}
    values: dict[Node, object] = {}
    for node in graph.nodes:
        if node.op == "ensure":
            for a, b in zip(node.inputs[0].shape, node.shape):
                a, b = _settled(a, values), _settled(b, values)
                pair = _replacement(a, b, order, plain)
                if pair is not None:
                    values[pair[0]] = pair[1]
    if not values:
        return graph
    return with_symbols(graph, {s: _settled(v, values) for s, v in values.items()})


def _settled(dim, values: dict):
    """A dimension with everything put in that is known of it, to the end."""
    while True:
        new = substitute_dims(dim, values)
        if new is dim or new == dim:
            return new
        dim = new


def _replacement(a, b, order: dict, plain: set) -> tuple | None:
    """(symbol, what it is) told by ``a == b``, or None."""
    if a is b or (type(a) is int and type(b) is int):
        return None
    if a in plain and b in plain:
        return (b, a) if order[a] < order[b] else (a, b)
    if a in plain and type(b) is int and b >= 0:
        return a, b
    return (b, a) if b in plain and type(a) is int and a >= 0 else None
