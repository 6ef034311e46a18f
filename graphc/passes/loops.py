"""Control flow made smaller: equal loops become one, and results, carries and operands that nobody needs are dropped.

Constants among the operands move inside.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from graphc.ir.graph import Graph, rebuild, substitute
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.type import TupleType
from graphc.passes.nested import bodies, everywhere, same_or, with_bodies
from graphc.prims.control import results_of
from graphc.prims.table import apply


@everywhere
def merge_loops(graph: Graph) -> Graph:
    """Loops that carry the same values through the same steps become one with the results of all.

    So the loop that records carries for a gradient is the loop that computes the values.
    """
    groups: dict = {}
    for node in toposort(graph.roots):
        if node.op == "loop" and not node.attr("body").measures:
            body, carries = node.attr("body"), node.attr("carries")
            rest = tuple([(k, v) for k, v in node.attrs if k != "body"])
            key = (node.inputs, rest, carries, body.inputs, body.outputs[:carries])
            groups.setdefault(key, []).append(node)
    wider, places = {}, {}
    for (_, _, carries, inputs, states), nodes in groups.items():
        if len(nodes) > 1:
            ys = dict.fromkeys(y for node in nodes for y in node.attr("body").outputs[carries:])
            wide = Graph(nodes[0].attr("body").name, inputs, (*states, *ys))
            at = {y: carries + k for k, y in enumerate(ys)}
            for node in nodes:
                wider[node] = wide
                results = (*range(carries), *(at[y] for y in node.attr("body").outputs[carries:]))
                places[node] = dict(enumerate(results))
    if not wider:
        return graph

    def change(node: Node, inputs: tuple) -> Node:
        return apply(node.op, *inputs, **(dict(node.attrs) | {"body": wider[node]}))

    return same_or(graph, _replace(graph, wider, places, change))


def know_constants(graph: Graph) -> Graph:
    """Constants that control flow is given are constants inside of it, where they can be folded and packed."""

    def visit(node: Node, inputs: tuple) -> Node | None:  # depth is that of control flow
        if not bodies(node):
            return None
        attrs = dict(node.attrs)
        for name, body in node.attrs:
            if isinstance(body, Graph):
                known = {x: c for x, c in _given(node, body, inputs) if c.op == "const"}
                attrs[name] = know_constants(body.with_roots(substitute(body.roots, known)) if known else body)
        return apply(node.op, *inputs, **attrs) if attrs != dict(node.attrs) or inputs != node.inputs else None

    return same_or(graph, rebuild(graph.roots, visit))


def _given(node: Node, body: Graph, inputs: tuple) -> Iterable[tuple[Node, Node]]:
    """The inputs of a Graph in a Node that are one operand of it all the time, and these."""
    if node.op == "loop":
        first = node.attr("carries") + node.attr("scanned")
        return zip(body.inputs[1 + first :], inputs[first:])
    if node.op == "while":
        step = node.attr("body")
        return [(x, c) for x, c, a, b in zip(body.inputs, inputs, step.inputs, step.outputs) if a is b]
    return zip(body.inputs, inputs[1:]) if node.op == "cond" else ()


def drop_unused(graph: Graph) -> Graph:
    """Results of control flow that nobody reads, and what is carried along for them alone, are not computed."""
    memo: dict[Graph, Graph] = {}

    def visit(one: Graph) -> Graph:  # depth is that of control flow; now outer graphs first, as they decide what is wanted
        if one not in memo:
            memo[one] = with_bodies(_without_unused(one), visit)
        return memo[one]

    return visit(_operands_first(graph))


def _without_unused(graph: Graph) -> Graph:
    """The same for the nodes of one graph."""
    live, wanted, plans = set(graph.roots), {}, {}
    for node in reversed(toposort(graph.roots)):
        if node not in live:
            continue
        if node.op == "item":
            wanted.setdefault(node.inputs[0], set()).add(node.attr("index"))
        if not _is_divisible(node):
            live.update(node.inputs)
            continue
        count = len(node.type.items) if isinstance(node.type, TupleType) else 1
        used = sorted(wanted[node]) if node in wanted else list(range(count))
        results, operands, change = _KEEP[node.op](node, used)
        live.update(node.inputs[k] for k in operands)
        if len(results) < count or len(operands) < len(node.inputs):
            plans[node] = (operands, change, {k: place for place, k in enumerate(results)})
    if not plans:
        return graph

    def change(node: Node, inputs: tuple) -> Node:
        operands, attrs, _ = plans[node]
        return apply(node.op, *[inputs[k] for k in operands], **attrs)

    return same_or(graph, _replace(graph, plans, {n: plan[2] for n, plan in plans.items()}, change))


_operands_first = everywhere(_without_unused)  # inner graphs first: what they do not read is not read outside either


def _replace(graph: Graph, changed, places, change) -> list[Node]:
    """The outputs with ``change(node, new inputs)`` for every node in ``changed``, whose result k is now places[node][k]."""

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node in changed:
            new = change(node, inputs)
            return new if isinstance(node.type, TupleType) else results_of(new)[places[node][0]]
        if node.op == "item" and node.inputs[0] in changed:
            place = places[node.inputs[0]].get(node.attr("index"))
            return node if place is None else results_of(inputs[0])[place]  # dropped results are read by nothing that stays
        return None

    return rebuild(graph.roots, visit)


def _is_divisible(node: Node) -> bool:
    """True for control flow of which some results may be left out."""
    return node.op in _KEEP and not any(b.measures for b in bodies(node))


def _read(graph: Graph, positions: Iterable[int]) -> set[int]:
    """Positions of the inputs that some outputs depend on."""
    found, stack = set(), [graph.outputs[k] for k in positions]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            is_one_of_many = node.op == "item" and _is_divisible(node.inputs[0])
            stack.extend(_needed_for(node.inputs[0], node.attr("index")) if is_one_of_many else node.inputs)
    return {k for k, x in enumerate(graph.inputs) if x in found}


@functools.lru_cache(256)
def _needed_for(node: Node, result: int) -> tuple[Node, ...]:  # the depth is that of control flow
    """The operands of control flow that one of its results needs."""
    _, operands, _ = _KEEP[node.op](node, [result])
    return tuple([node.inputs[k] for k in operands])


def _part(graph: Graph, inputs: Iterable[int], outputs: Iterable[int]) -> Graph:
    """Some outputs of a graph, which need these inputs only."""
    kept = tuple([graph.inputs[k] for k in inputs]), tuple([graph.outputs[k] for k in outputs])
    return _without_unused(Graph(graph.name, *kept))


# For each operation: (node, positions of results that are read) -> the positions of results and of operands that stay, and
# the new attributes.


def _keep_cond(node: Node, used: list[int]) -> tuple:
    then, orelse = node.attr("then"), node.attr("orelse")
    inputs = sorted(_read(then, used) | _read(orelse, used))
    attrs = {"then": _part(then, inputs, used), "orelse": _part(orelse, inputs, used)}
    return used, [0, *(1 + k for k in inputs)], attrs


def _keep_while(node: Node, used: list[int]) -> tuple:
    test, body = node.attr("test"), node.attr("body")
    kept = set(used) | _read(test, [0])
    while not (found := _read(body, kept)) <= kept:
        kept |= found
    kept = sorted(kept)
    return kept, kept, {"test": _part(test, kept, [0]), "body": _part(body, kept, kept)}


def _keep_loop(node: Node, used: list[int]) -> tuple:
    carries, scanned, body = node.attr("carries"), node.attr("scanned"), node.attr("body")
    kept = set(used)
    while True:
        read = {k - 1 for k in _read(body, kept) if k}
        states = {k for k in read if k < carries}
        if states <= kept:
            break
        kept |= states
    results = sorted(kept)
    states = [k for k in results if k < carries]
    operands = states + sorted(k for k in read if k >= carries)
    left = {
        "carries": len(states), "scanned": sum(carries <= k < carries + scanned for k in operands),
        "body": _part(body, [0, *(1 + k for k in operands)], results),
    }  # fmt: skip
    return results, operands, dict(node.attrs) | left


_KEEP = {"cond": _keep_cond, "while": _keep_while, "loop": _keep_loop}
