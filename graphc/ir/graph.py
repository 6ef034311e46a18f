"""Graphs: a name, inputs, and the outputs that are wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from graphc.errors import GraphError, Location, located
from graphc.ir.node import INDEX, Node, binary, const, is_index, make, simplified
from graphc.ir.order import toposort
from graphc.ir.printer import graph_text
from graphc.ir.type import TupleType, Type


@dataclass(frozen=True)
class Requirement:
    """What the sizes of the inputs must satisfy: a b1 scalar over symbols, checked before anything runs."""

    condition: Node
    message: str
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Graph:
    """A pure function from ``inputs`` to ``outputs``.

    Attributes:
        inputs: Nodes of op ``input``, in the order of the arguments.
        names: names of the outputs.
        donated: pairs ``(output, input)`` of positions: the output may be written over the input's memory.
        requires: what the input sizes must satisfy beyond the types, see ``passes.require``.
    """

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    names: tuple[str, ...] = ()
    donated: tuple[tuple[int, int], ...] = ()
    requires: tuple[Requirement, ...] = ()

    def __post_init__(self):
        if not self.names:
            object.__setattr__(self, "names", tuple(f"out{k}" for k in range(len(self.outputs))))

    @property
    def nodes(self) -> list[Node]:
        """Every Node the outputs need, operands first."""
        return toposort(self.outputs)

    @property
    def symbols(self) -> tuple[Node, ...]:
        """The symbolic dimensions of the inputs, in order of first appearance."""
        seen = {}
        for x in self.inputs:
            for d in x.shape:
                if isinstance(d, Node):
                    for s in toposort((d,)):
                        if s.op == "symbol":
                            seen.setdefault(s)
        return tuple(seen)

    def with_outputs(self, outputs) -> "Graph":
        """The same graph with other output values, in the same places."""
        return Graph(self.name, self.inputs, tuple(outputs), self.names, self.donated, self.requires)

    def __str__(self) -> str:
        return graph_text(self)

    __repr__ = object.__repr__


def input_node(name: str, type: Type) -> Node:
    """An argument of a Graph."""
    return make("input", (), (("name", name),), type)


def rebuild(outputs: Iterable[Node], visit: Callable[[Node, tuple], Node | None], memo: dict | None = None) -> list[Node]:
    """New outputs from the leaves up.

    ``visit(node, new inputs)`` answers with a replacement, or None to keep the node over its new inputs. The replacement of
    a Node takes over its location.
    """
    outputs = tuple(outputs)
    memo = {} if memo is None else memo
    for node in toposort(outputs, memo):
        inputs = tuple([memo[x] for x in node.inputs])
        with located(node.location):
            new = visit(node, inputs)
            if new is None:
                new = node if inputs == node.inputs else make(node.op, inputs, node.attrs, node.type)
        memo[node] = new
    return [memo[n] for n in outputs]


def substitute(outputs: Iterable[Node], replacements: dict) -> list[Node]:
    """The outputs with some Nodes replaced by others of the same type."""
    return rebuild(outputs, lambda node, inputs: None, dict(replacements))


def substitute_dims(value, values: dict):
    """A dimension, attribute, Type or tuple of them with symbols replaced: {symbol Node: int or Node}."""
    if isinstance(value, Node) and is_index(value):
        if value.op == "symbol":
            return values.get(value, value)
        if not value.inputs:
            return value
        parts = [substitute_dims(x, values) for x in value.inputs]
        if all(p is x for p, x in zip(parts, value.inputs)):
            return value
        if len(parts) == 2:
            if not any(isinstance(p, Node) for p in parts):
                parts[0] = const(parts[0], INDEX)
            return simplified(binary(value.op, *parts))
        raise GraphError(f"a dimension cannot use {value.op}")
    if isinstance(value, tuple):
        return tuple([substitute_dims(v, values) for v in value])
    if isinstance(value, Type):
        return Type(value.dtype, substitute_dims(value.shape, values))
    if isinstance(value, TupleType):
        return TupleType(tuple(substitute_dims(t, values) for t in value.items))
    return value
