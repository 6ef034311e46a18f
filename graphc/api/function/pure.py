"""The trace of a function as a Graph that stands alone, for files: what it reads is in it or goes into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.trace import distinct
from graphc.api.structure import leaves
from graphc.errors import UsageError, explain, located
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import Node, const
from graphc.ir.order import toposort
from graphc.ir.type import Type


def pure_graph(concrete: ConcreteFunction, name: str, inputs: Sequence[str], outputs: Sequence[str], *,
               keeps_state: bool = False, drops_unseen: bool = False, sizes: Mapping = {}) -> Graph:  # fmt: skip
    """A Graph of the arguments that answers with the results.

    Variables that it assigns are inputs, and their new values outputs of the same names that are written over them.

    Args:
        inputs, outputs: names for the arguments and the results, in order.
        keeps_state: variables that are only read are inputs too; else they are constants, as the tensors are that it
            captures.
        drops_unseen: variables that it assigns but that no result depends on are left out.
        sizes: {symbol of an argument: another symbol, or an int}, such as one batch size for all arguments.

    Raises:
        UsageError: it has effects besides assigning, or uses tensors of a function around it.
    """
    traced = concrete.traced
    if traced.acts:
        what = f"{concrete.name} has effects (printing, queues, tables), which no graph that stands alone can have"
        raise UsageError(explain(f"{what}; take them out of the function"))
    graph, many, results = traced.graph, traced.arguments, traced.graph.outputs[: traced.results]
    first = many + len(traced.captured)
    variables = dict(zip(graph.inputs[first:], traced.variables))
    random = graph.inputs[first + len(variables) :]
    new = {graph.inputs[at]: graph.outputs[k] for k, at in graph.donated}
    if drops_unseen:
        seen = _seen(results, new)
        new, random = {x: new[x] for x in new if x in seen}, [x for x in random if x in seen]
    stays = [x for x in variables if x in new or keeps_state]
    constants = dict(zip(graph.inputs[many:first], [_value(t, concrete.name) for t in traced.captured]))
    constants |= {x: np.asarray(v.numpy()) for x, v in variables.items() if x not in stays}
    names = distinct([*inputs, *[x.attr("name") for x in (*stays, *random)]])
    made = {x: _input(own, x, sizes) for x, own in zip((*graph.inputs[:many], *stays, *random), names)}
    replaced = made | {x: _constant(x, array) for x, array in constants.items()}
    roots = substitute([*results, *new.values()], replaced, sizes=dict(sizes) or None)
    places = {x: k for k, x in enumerate(made)}
    donated = tuple([(k, places[x]) for k, x in enumerate(new, len(results))])
    given = distinct(outputs) + [made[x].attr("name") for x in new]
    return Graph(name, tuple(made.values()), tuple(roots), tuple(given), donated)


def result_names(concrete: ConcreteFunction) -> list[str]:
    """Names of the results: the keys of a dict, or output_0 ..."""
    answer = concrete.structured_outputs
    if isinstance(answer, Mapping) and all(isinstance(k, str) for k in answer):
        flat = [(k, v) for k in sorted(answer) for v in leaves(answer[k]) if v is not None]
        if len(flat) == concrete.traced.results and len({k for k, _ in flat}) == len(flat):
            return [k for k, _ in flat]
    return [f"output_{k}" for k in range(concrete.traced.results)]


def _seen(results: Sequence[Node], new: Mapping[Node, Node]) -> set[Node]:
    """All that results depend on, now or in a later call."""
    roots, many = list(results), -1
    while len(roots) > many:
        many, seen = len(roots), set(toposort(roots))
        roots = [*results, *[value for x, value in new.items() if x in seen]]
    return seen


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
