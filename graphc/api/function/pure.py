"""The trace of a function as a Graph that stands alone, for files: what it captures and reads is in it or goes into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.trace import Traced, distinct
from graphc.errors import UsageError, explain, located
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import Node, const
from graphc.ir.type import Type


def pure_graph(concrete: ConcreteFunction, name: str, inputs: Sequence[str], outputs: Sequence[str], *,
               keeps_state: bool = False, sizes: Mapping = {}) -> Graph:  # fmt: skip
    """A Graph of the arguments that answers with the results.

    Variables that it assigns are inputs, and their new values outputs of the same names that are written over them.

    Args:
        inputs, outputs: names for the arguments and the results, in order.
        keeps_state: variables that are only read are inputs too; else they are constants, as the tensors are that it
            captures.
        sizes: {symbol of an argument: another symbol, or an int}, such as one batch size for all arguments.

    Raises:
        UsageError: it has effects besides assigning, or uses tensors of a function around it.
    """
    traced = concrete.traced
    if traced.acts:
        what = f"{concrete.name} has effects (printing, queues, tables), which no graph that stands alone can have"
        raise UsageError(explain(f"{what}; take them out of the function"))
    graph, many = traced.graph, traced.arguments
    constants = dict(zip(graph.inputs[many:], [_value(t, concrete.name) for t in traced.captured]))
    first = many + len(traced.captured)
    written, places = set(traced.written), list(zip(graph.inputs[first:], traced.variables))
    stays = [x for x, v in places if keeps_state or v in written]
    constants |= {x: np.asarray(v.numpy()) for x, v in places if not (keeps_state or v in written)}
    open_inputs = [*graph.inputs[:many], *stays, *graph.inputs[first + len(traced.variables) :]]
    names = distinct([*inputs, *[x.attr("name") for x in open_inputs[many:]]])
    made = {x: _input(own, x, sizes) for x, own in zip(open_inputs, names)}
    replaced = made | {x: _constant(x, array) for x, array in constants.items()}
    roots = substitute(graph.outputs, replaced, sizes=dict(sizes) or None)
    return _graph(name, traced, made, roots, distinct(outputs))


def _graph(name: str, traced: Traced, made: Mapping[Node, Node], roots: Sequence[Node], outputs: list[str]) -> Graph:
    """The graph with the names of what is written over inputs taken from these."""
    places = {x: k for k, x in enumerate(made.values())}
    donated = [(k, places[made[traced.graph.inputs[at]]]) for k, at in traced.graph.donated]
    names = outputs + [list(made.values())[at].attr("name") for _, at in donated]
    return Graph(name, tuple(made.values()), tuple(roots), tuple(names), tuple(donated))


def _input(name: str, x: Node, sizes: Mapping) -> Node:
    shape = tuple([sizes.get(d, d) if isinstance(d, Node) else d for d in x.shape])
    with located(x.location):
        return input_node(name, Type(x.dtype, shape))


def _constant(x: Node, array: np.ndarray) -> Node:
    with located(x.location):
        return const(array, x.type)


def _value(tensor, function: str) -> np.ndarray:
    if not tensor.graph.is_eager:
        raise UsageError(explain(f"{function} uses a tensor of a function around it, which has no value"))
    return np.asarray(tensor.numpy())
