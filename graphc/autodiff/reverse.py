"""Reverse mode: gradients of Nodes as Nodes, by walking back along the rows' vjp."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.errors import DtypeError, GraphError, ShapeError, UsageError, explain
from graphc.ir.graph import Graph
from graphc.ir.order import toposort
from graphc.ir.node import Node, origins
from graphc.ir.type import TupleType
from graphc.prims.dims import ones, zeros
from graphc.prims.pullback import fresh_inputs, pullback
from graphc.prims.table import row

# Flat almost everywhere, or stopped on purpose: like TensorFlow, no gradient flows and nothing is wrong.
_ENDS = frozenset({"floor", "ceil", "round", "trunc", "floordiv", "stop", "guard"})


def grad(outputs, wrt: Sequence[Node], seeds: Sequence[Node | None] | None = None,
         unconnected: str | None = "zero") -> list:  # fmt: skip
    """Gradients of ``outputs``, summed over all of them, by ``wrt``. Made of Nodes: apply it again for higher order.

    Args:
        outputs: a Node or several; those of integer or bool dtype contribute nothing.
        wrt: Nodes anywhere on the way, inputs or not.
        seeds: cotangent of each output, of exactly its type; None (for one or for all) means ones.
        unconnected: ``"zero"`` for zeros where no gradient flows, None for None there.

    Returns:
        One Node per ``wrt``, of its type.

    Raises:
        DtypeError, ShapeError: a seed is not of its output's type.
        GraphError: an operation without a derivative lies on the way to a floating ``wrt``.
        UsageError: ``unconnected`` is neither ``"zero"`` nor None.
    """
    outputs, wrt = _listed(outputs), list(wrt)
    if unconnected not in ("zero", None):
        raise UsageError(explain(f"grad: unconnected is {unconnected!r}; it can be 'zero' or None"))
    kept, seeds = _seeded(outputs, seeds)
    _refuse_gaps(kept, [x for x in wrt if _is_inexact(x)])
    found = pullback(kept, seeds, wrt)
    if unconnected is None:
        return found
    return [zeros(x.type) if g is None else g for x, g in zip(wrt, found)]


def connected(outputs, wrt: Sequence[Node]) -> list[bool]:
    """For each ``wrt``: does a gradient of any output flow to it?"""
    return [g is not None for g in grad(outputs, wrt, unconnected=None)]


def gradient_graph(graph: Graph, wrt: Sequence[int] | None = None) -> Graph:
    """The Graph that computes what ``graph`` does and then gradients of its outputs.

    Args:
        wrt: positions of inputs; None means every floating one.

    Returns:
        A Graph of (inputs, one cotangent per floating output) -> (outputs, gradients).
    """
    chosen = [x for x in graph.inputs if _is_inexact(x)] if wrt is None else [graph.inputs[k] for k in wrt]
    outputs = [y for y in graph.outputs if _is_inexact(y)]
    seeds = fresh_inputs([y.type for y in outputs], graph.inputs, "g")
    found = grad(outputs, chosen, seeds)
    names = graph.names + tuple(f"grad_{x.attr('name')}" for x in chosen)
    return Graph(f"{graph.name}_gradient", graph.inputs + seeds, graph.outputs + tuple(found), names)


def _listed(outputs) -> list[Node]:
    return [outputs] if isinstance(outputs, Node) else list(outputs)


def _is_inexact(node: Node) -> bool:
    types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    return any(t.dtype.is_inexact for t in types)


def _seeded(outputs: list[Node], seeds) -> tuple[list[Node], list[Node]]:
    """The inexact outputs and the cotangent of each."""
    seeds = [None] * len(outputs) if seeds is None else list(seeds)
    if len(seeds) != len(outputs):
        raise UsageError(explain(f"grad: {len(seeds)} seeds given for {len(outputs)} outputs"))
    kept = [(y, ones(y.type) if g is None else g) for y, g in zip(outputs, seeds) if _is_inexact(y)]
    for y, g in kept:
        if g.type != y.type:
            error = DtypeError if g.dtype is not y.dtype else ShapeError
            what = f"grad: a seed of type {g.type} given for an output of type {y.type}"
            raise error(explain(what, origins(y=y, seed=g)))
    return [y for y, _ in kept], [g for _, g in kept]


def _refuse_gaps(outputs: list[Node], wrt: list[Node]) -> list[bool]:
    """Raise where the only way to a ``wrt`` leads through a row that has no vjp though its values are floating.

    Returns:
        For each output whether a way leads from it to a ``wrt``.
    """
    reached: set = set(wrt)
    for node in toposort(outputs):
        if node in reached or node.op in _ENDS or not _is_inexact(node):
            continue
        if node.op == "item" and node.inputs[0] in reached and node.inputs[0].op in _BODIES:
            if (node.inputs[0], node.attr("index")) in reached:
                reached.add(node)
            continue
        if not any(x in reached for x in node.inputs if _is_inexact(x)):
            continue
        if node.op in _BODIES:  # depth is that of control flow
            results = _BODIES[node.op](node, [x in reached for x in node.inputs])
            if any(results):
                reached.add(node)
                reached.update((node, k) for k, found in enumerate(results) if found)
        elif row(node.op).vjp is not None:
            reached.add(node)
        else:
            operands = [n for n in node.inputs if n in reached]
            what = f"{node.op} of type {node.type} has no gradient, but lies on the way to what is differentiated by"
            raise GraphError(explain(what, origins(**{f"x{k}": n for k, n in enumerate(operands)}), node.location))
    return [y in reached for y in outputs]


# For each operation with bodies: (node, which operands are reached) -> which results are.


def _inside(graph: Graph, reached: list[bool]) -> list[bool]:
    return _refuse_gaps(list(graph.outputs), [x for x, yes in zip(graph.inputs, reached) if yes and _is_inexact(x)])


def _through_call(node: Node, reached: list[bool]) -> list[bool]:
    if node.attr("gradient") is not None:
        return [_is_inexact(y) for y in node.attr("graph").outputs]
    return _inside(node.attr("graph"), reached)


def _through_cond(node: Node, reached: list[bool]) -> list[bool]:
    then, orelse = (_inside(node.attr(name), reached[1:]) for name in ("then", "orelse"))
    return [a or b for a, b in zip(then, orelse)]


def _through_while(node: Node, reached: list[bool]) -> list[bool]:
    while True:
        after = [a or b for a, b in zip(reached, _inside(node.attr("body"), reached))]
        if after == reached:
            return reached
        reached = after


def _through_loop(node: Node, reached: list[bool]) -> list[bool]:
    carries = node.attr("carries")
    while True:
        results = _inside(node.attr("body"), [False, *reached])
        after = [a or b for a, b in zip(reached, results[:carries])]
        if after == reached[:carries]:
            return after + results[carries:]
        reached = after + reached[carries:]


_BODIES = {"call": _through_call, "cond": _through_cond, "while": _through_while, "loop": _through_loop}
