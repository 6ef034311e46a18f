"""The graph of a function for other sizes, and inside another graph."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.effect import first_token
from graphc.api.function.trace import BLOCKS, COUNT, Traced
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, close, input_node, instantiate
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib import index
from graphc.prims.control import call, results_of
from graphc.prims.table import apply

_FAR = 0x9E3779B97F4A7C15  # apart from each other's numbers are places of a random stream multiplied by it


def sizes_between(inputs: Sequence[Node], types: Sequence[Type]) -> dict:
    """{symbol of an input: size, or dimension, of the type at its place}."""
    found: dict = {}
    for x, type in zip(inputs, types):
        for inner, outer in zip(x.shape, type.shape):
            if isinstance(inner, Node) and inner.op == "symbol":
                found.setdefault(inner, outer)
    return found


def exact_graph(traced: Traced, sizes: dict) -> Graph:
    """The results and the new values of variables for known sizes, as a graph without effects.

    Its inputs are those of ``traced.taped()``, or of ``traced.graph``, without the token.
    """
    graph = close(traced.graph if traced.taped is None else traced.taped())
    inputs = [input_node(x.attr("name"), _sized(x.type, sizes)) for x in graph.inputs]
    first = len(graph.measures)
    roots = instantiate(graph, [*inputs[:-1], first_token()] if traced.acts else inputs, sizes)
    outputs = roots[first + traced.acts :][: traced.results + len(traced.written)]
    given = inputs[:-1] if traced.acts else inputs
    return Graph(graph.name, tuple(given), tuple(outputs), measures=tuple(roots[:first]))


def called(graph: Graph, nodes: Sequence[Node]) -> list[Node]:
    """The results of a graph as those of one operation; as the operations themselves where data decides sizes."""
    if graph.measures:
        return instantiate(graph, nodes)[len(graph.measures) :]
    return list(results_of(call(*nodes, graph=graph))) if graph.outputs else []


def _sized(type: Type, sizes: dict) -> Type:
    return type.with_shape(tuple([sizes.get(d, d) if isinstance(d, Node) else d for d in type.shape]))


def inlined(traced: Traced, nodes: Sequence[Node], place) -> list[Node]:
    """The token (if there is one), the results and the new values of variables for these arguments.

    Args:
        nodes: the token first, if there is one; then arguments, what is captured, values of variables.
        place: the key and counter of a random operation of the graph around, if random numbers are drawn.
    """
    graph = close(traced.graph)
    token, nodes = (list(nodes[:1]), nodes[1:]) if traced.acts else ([], nodes)
    sizes = sizes_between(graph.inputs, [n.type for n in nodes])
    random = [] if place is None else _random(*place)
    roots = instantiate(graph, [*nodes, *random, *token], sizes)
    outputs = roots[len(graph.measures) :]
    return outputs[: traced.acts + traced.results + len(traced.written)]


def _random(key: Node, counter: Node) -> list[Node]:
    """A key of its own for this place, and a count of runs."""
    low, place = (index.getitem(counter, (k,)) for k in (0, 1))
    far = apply("mul", place, const(_FAR, COUNT))
    mixed = apply("add", key, apply("broadcast", apply("cast", far, dtype=dt.u32), shape=(2,), axes=()))
    return [mixed, apply("add", apply("floordiv", low, const(BLOCKS, COUNT)), far)]
