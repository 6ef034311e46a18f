"""Symbolic dimensions replaced by numbers or by other dimensions, through a whole Graph and its bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir.graph import Graph, Requirement, close, substitute_dims
from graphc.ir.order import toposort
from graphc.ir.node import INDEX, Node, const, is_index, make
from graphc.prims import TABLE, apply
from graphc.prims.interpret import interpret

_ARITHMETIC = ("add", "sub", "mul", "floordiv", "mod", "min", "max")


def specialise(graph: Graph, sizes: Mapping) -> Graph:
    """The Graph for particular sizes: {symbol Node or its name: int}. The types of its inputs change with them.

    Raises:
        UsageError: a name is no symbol of the inputs, or a size is negative.
        ShapeError: with these sizes, shapes do not fit together.
    """
    graph = close(graph)
    names = {s.attr("name"): s for s in graph.symbols}
    values = {}
    for key, size in sizes.items():
        found = key if isinstance(key, Node) else names.get(key)
        if found is None or size < 0:
            known = ", ".join(names) or "none"
            raise UsageError(explain(f"specialise: {key} = {size} for {graph.name}, whose symbols are: {known}"))
        values[found] = int(size)
    return with_symbols(graph, values) if values else graph


def with_symbols(graph: Graph, values: Mapping) -> Graph:
    """The Graph with {symbol: int or dimension} put in everywhere: types, attributes, values, bodies."""
    memo: dict[Graph, Graph] = {}

    def visit(one: Graph) -> Graph:  # depth is that of control flow
        if one not in memo:
            memo[one] = _replaced(one, values, visit)
        return memo[one]

    return visit(graph)


def _replaced(graph: Graph, values: Mapping, visit) -> Graph:
    new: dict[Node, Node] = {}
    for node in toposort((*graph.inputs, *graph.roots)):
        inputs = tuple([new[x] for x in node.inputs])
        new[node] = _with_dims(node, inputs, values, visit)
    requires = tuple([r for r in (_requirement(r, values) for r in graph.requires) if r is not None])
    return Graph(graph.name, tuple([new[x] for x in graph.inputs]), tuple([new[y] for y in graph.outputs]), graph.names,
                 graph.donated, requires, tuple([new[m] for m in graph.measures]))  # fmt: skip


def _requirement(r: Requirement, values: Mapping) -> Requirement | None:
    """What is left of a requirement; None where the sizes are known to satisfy it."""
    new: dict[Node, Node] = {}
    for node in toposort((r.condition,)):
        new[node] = _with_dims(node, tuple([new[x] for x in node.inputs]), values, None)
    condition = new[r.condition]
    if any(n.op == "symbol" for n in toposort((condition,))):
        return replace(r, condition=condition)
    (holds,) = interpret(Graph("condition", (), (condition,)))
    if not holds:
        raise ShapeError(explain(r.message, (), r.location))
    return None


def _with_dims(node: Node, inputs: tuple, values: Mapping, visit) -> Node:
    if node.op == "symbol":
        value = values.get(node, node)
        return value if isinstance(value, Node) else const(value, INDEX)
    attrs = tuple([(k, visit(v) if isinstance(v, Graph) else substitute_dims(v, values)) for k, v in node.attrs])
    type = substitute_dims(node.type, values)
    if inputs == node.inputs and attrs == node.attrs and type == node.type:
        return node
    if is_index(node) and node.op in _ARITHMETIC:
        return apply(node.op, *inputs)
    if node.op == "ensure" and inputs[0].type == type:
        return inputs[0]
    if node.op == "ensure":
        TABLE["ensure"].type(inputs[0].type, **dict(attrs))  # sizes that are known by now may contradict each other
    return make(node.op, inputs, attrs, type, node.location)
