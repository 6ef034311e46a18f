"""The graph of a branch or a loop as a graph of its own, for control flow that Python drives."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, free_symbols, input_node, rebuild, symbols_of
from graphc.ir.node import Node, symbol
from graphc.ir.type import Type
from graphc.prims.shape import ensure


def standalone(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """The graph with inputs whose sizes are plain symbols, and the names of the sizes that it gets from outside.

    Each of these is the leading size of one more input, of type u8[size, 0].
    """
    names = {x.attr("name") for x in graph.inputs}
    taken = {s.attr("name") for n in (*graph.inputs, *graph.nodes) for s in symbols_of(n)}
    plain = {d for x in graph.inputs for d in x.shape if isinstance(d, Node) and d.op == "symbol"}
    wanted = dict.fromkeys([*free_symbols(graph), *(s for s in graph.symbols if s not in plain)])
    number = iter(range(1 << 30))

    def fresh(prefix: str, used: set) -> str:
        name = next(n for k in number if (n := f"{prefix}{k}") not in used)
        used.add(name)
        return name

    inputs, values = [], {}
    for x in graph.inputs:
        shape = tuple([symbol(fresh("m", taken)) if isinstance(d, Node) and d.op != "symbol" else d for d in x.shape])
        inputs.append(x if shape == x.shape else input_node(x.attr("name"), Type(x.dtype, shape)))
        values[x] = inputs[-1] if shape == x.shape else ensure(inputs[-1], x.shape)
    sizes = [input_node(fresh("size", names), Type(dt.u8, (s, 0))) for s in wanted]
    roots = tuple(rebuild(graph.roots, lambda node, operands: None, values))
    count = len(graph.measures)
    made = Graph(graph.name, (*inputs, *sizes), roots[count:], graph.names, (), (), roots[:count])
    return made, tuple([s.attr("name") for s in wanted])
