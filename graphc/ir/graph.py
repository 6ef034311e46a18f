"""Graphs: a name, inputs, and the outputs that are wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from graphc.errors import Location, here, located
from graphc.ir.node import INDEX, Node, const, make
from graphc.ir.order import toposort
from graphc.ir.picture import bundle, picture
from graphc.ir.printer import graph_text
from graphc.ir.sizes import any_sizes, made_by, maker, remade, substitute_dims, symbols_in
from graphc.ir.type import Type

__all__ = ["Graph", "Requirement", "input_node", "rebuild", "substitute", "substitute_dims"]


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
        measures: Nodes that make sizes known while running (see ``ir.sizes``), each after those whose sizes it needs; all
            there are, once the graph is closed.
    """

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    names: tuple[str, ...] = ()
    donated: tuple[tuple[int, int], ...] = ()
    requires: tuple[Requirement, ...] = ()
    measures: tuple[Node, ...] = ()

    def __post_init__(self):
        if not self.names:
            object.__setattr__(self, "names", tuple(f"out{k}" for k in range(len(self.outputs))))

    @property
    def nodes(self) -> list[Node]:
        """Every Node the outputs need, operands first; what makes a size before what uses it."""
        return toposort(self.roots)

    @property
    def roots(self) -> tuple[Node, ...]:
        """What must be computed: the Nodes that make sizes, then the outputs."""
        return self.measures + self.outputs

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

    @property
    def measured(self) -> tuple[Node, ...]:
        """The symbols that get their values while running, in the order in which they do."""
        return tuple(dict.fromkeys(s for m in self.measures for s in made_by(m)))

    def with_roots(self, roots) -> "Graph":
        """The same graph with other Nodes in the places of ``roots``."""
        roots, count = tuple(roots), len(self.measures)
        return Graph(self.name, self.inputs, roots[count:], self.names, self.donated, self.requires, roots[:count])

    def __str__(self) -> str:
        return graph_text(self)

    __repr__ = object.__repr__

    def _repr_html_(self) -> str:
        return picture(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return bundle(str(self), self._repr_html_())


def input_node(name: str, type: Type) -> Node:
    """An argument of a Graph. Arguments of one name and type are one Node: the line that asked last is the one it knows."""
    line = here()
    node = make("input", (), (("name", name),), type, line)
    node.location = line or node.location
    return node


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


def substitute(outputs: Iterable[Node], replacements: dict, visit: Callable | None = None,
               sizes: dict | None = None) -> list[Node]:  # fmt: skip
    """The outputs with some Nodes replaced by others of the same type.

    What makes a size known while running makes another size from other operands.

    Args:
        visit: replaces further Nodes, see ``rebuild``.
        sizes: {symbol: int or dimension} for symbolic sizes of replaced Nodes that are others in what replaces them.
    """
    outputs = tuple(outputs)
    visit = visit or (lambda node, inputs: None)
    order, makers = with_makers(outputs, replacements) if any_sizes() else ([], [])
    if not makers and not sizes:
        return rebuild(outputs, visit, dict(replacements))
    memo, sizes = dict(replacements), dict(sizes or {})
    for node in order or toposort(outputs, memo):
        inputs = tuple([memo[x] for x in node.inputs])
        new = visit(node, inputs)
        memo[node] = _substituted(node, inputs, sizes) if new is None else new
    return [memo[n] for n in outputs]


def _substituted(node: Node, inputs: tuple, sizes: dict) -> Node:
    """``node`` over new inputs, with other sizes {symbol: symbol} in its type and attributes."""
    if node.op == "symbol":
        size = sizes.get(node, node)
        return size if isinstance(size, Node) else const(size, INDEX)
    changed = sizes and any(s in sizes for x in (node, *node.inputs) for s in symbols_of(x))
    if not changed and inputs == node.inputs:
        return node
    attrs, type = (with_dims(node.attrs, sizes), with_dims(node.type, sizes)) if changed else (node.attrs, node.type)
    if not made_by(node):
        return make(node.op, inputs, attrs, type, node.location)
    new = remade(node, inputs, attrs, type)
    sizes.update(zip(made_by(node), made_by(new)))
    return new


def with_dims(value, values: dict):
    """``substitute_dims`` for attributes that may hold Graphs: these get the sizes that they have from outside."""
    if isinstance(value, tuple):
        return tuple([with_dims(v, values) for v in value])
    if not isinstance(value, Graph):
        return substitute_dims(value, values)
    known = free_symbols(value) | dict.fromkeys(value.symbols)  # a body's arguments have the sizes of the operands
    sizes = {s: v for s, v in values.items() if s in known}
    if not sizes:
        return value
    memo: dict[Node, Node] = {}
    everything = (*value.inputs, *value.roots)
    if any_sizes():  # what makes its own sizes may depend on those from outside
        order, _ = with_makers(everything, [m for m in map(maker, known) if m is not None])
    else:
        order = toposort(everything)
    for node in order:
        memo[node] = _substituted(node, tuple([memo[x] for x in node.inputs]), sizes)
    roots, count = [memo[x] for x in value.roots], len(value.measures)
    inputs = tuple([memo[x] for x in value.inputs])
    return Graph(value.name, inputs, tuple(roots[count:]), value.names, value.donated, value.requires, tuple(roots[:count]))


def symbols_of(node: Node) -> dict[Node, None]:
    """The symbols in the type and the attributes of a Node, graphs inside them included as far as they do not bind them."""
    if not node.attrs:
        return symbols_in(node.type)
    found = symbols_in((node.attrs, node.type))
    for _, value in node.attrs:
        if isinstance(value, Graph):
            found.update(free_symbols(value))
    return found


def free_symbols(graph: Graph) -> dict[Node, None]:
    """The symbols that a graph uses and that neither the shapes of its inputs nor its own Nodes tell."""
    bound, used = set(graph.symbols), {}
    if any_sizes():
        bound.update(s for m in _own_makers(graph) for s in made_by(m))
    for node in (*graph.inputs, *graph.nodes):
        used.update(symbols_of(node) if node.op != "symbol" else {node: None})
        bound.update(made_by(node))
    return {s: None for s in used if s not in bound}


def with_makers(roots: tuple, known=()) -> tuple[list[Node], list[Node]]:
    """Everything the roots need and what makes the sizes in it, which comes before what uses them.

    Returns:
        All these Nodes in order, and those of them that make sizes.
    """
    order, done, makers = [], set(known), {}
    stack = [iter(toposort(roots, done))]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            continue
        if node in done:
            continue
        missing = _missing_maker(node, done)
        if missing is not None:
            stack.append(iter([*toposort((missing,), done), node]))
            continue
        done.add(node)
        order.append(node)
        if made_by(node):
            makers[node] = None
    return order, list(makers)


def needed(outputs: Iterable[Node]) -> list[Node]:
    """Everything the outputs need, operands before users, with what makes the sizes that they use."""
    outputs = tuple(outputs)
    return with_makers(outputs)[0] if any_sizes() else toposort(outputs)


def _missing_maker(node: Node, done: set) -> Node | None:
    """What makes a size that a Node uses, if it has not been come to."""
    for s in symbols_of(node) if node.op != "symbol" else (node,):
        found = maker(s)
        if found is not None and found is not node and found not in done:
            return found
    return None


def instantiate(graph: Graph, arguments, sizes: dict | None = None) -> list[Node]:
    """The roots of a closed graph for these arguments; sizes known while running get symbols of their own.

    Args:
        sizes: {symbol: int or dimension} for symbolic sizes of the inputs that are others in ``arguments``.
    """
    memo, sizes = dict(zip(graph.inputs, arguments)), dict(sizes or {})
    if not graph.measures and not sizes:
        return rebuild(graph.outputs, lambda node, inputs: None, memo)
    for node in toposort(graph.roots, memo):
        memo[node] = _substituted(node, tuple([memo[x] for x in node.inputs]), sizes)
    return [memo[x] for x in graph.roots]


def close(graph: Graph) -> Graph:
    """The graph, and every graph inside it, with all Nodes in ``measures`` that make sizes it uses.

    A size that a graph inside another has from there is left to the outer one.
    """
    if not any_sizes():
        return graph
    memo: dict[Graph, Graph] = {}

    def visit(one: Graph) -> Graph:  # the depth is that of control flow
        if one not in memo:
            memo[one] = _closed(one, visit)
        return memo[one]

    return visit(graph)


def _own_makers(graph: Graph) -> list[Node]:
    """What makes sizes that a graph uses from its own inputs, whether it is closed yet or not."""
    inputs = set(graph.inputs)
    return [m for m in with_makers(graph.roots)[1] if all(x in inputs for x in toposort((m,)) if x.op == "input")]


def _closed(graph: Graph, visit: Callable) -> Graph:
    makers = _own_makers(graph)
    if tuple(makers) != graph.measures:
        graph = replace(graph, measures=tuple(makers))

    def change(node: Node, operands: tuple) -> Node | None:
        if not any(isinstance(value, Graph) for _, value in node.attrs):
            return None
        attrs = tuple([(key, visit(value) if isinstance(value, Graph) else value) for key, value in node.attrs])
        return make(node.op, operands, attrs, node.type)

    roots = tuple(rebuild(graph.roots, change))
    return graph if roots == graph.roots else graph.with_roots(roots)


def in_order(measures: Iterable[Node]) -> tuple[Node, ...]:
    """Nodes that make sizes, each after those whose sizes it needs."""
    left = list(dict.fromkeys(measures))
    made = {s: m for m in reversed(left) for s in made_by(m)}
    needs = {m: {made[s] for n in toposort((m,)) for s in symbols_of(n) if s in made} - {m} for m in left}
    found: dict[Node, None] = {}
    while left:
        ready = [m for m in left if needs[m] <= found.keys()] or left  # where they need each other, the check at run time tells
        found.update(dict.fromkeys(ready))
        left = [m for m in left if m not in found]
    return tuple(found)
