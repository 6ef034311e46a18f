"""Control flow over whole graphs: call, cond and the counted loop."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir.graph import Graph, substitute
from graphc.ir.node import BOOL, INDEX, Node, const_value
from graphc.ir.order import toposort, users
from graphc.ir.type import TupleType, Type
from graphc.prims.dims import dim, integer, zeros
from graphc.prims.late_sums import is_product_of_rows, is_sum_of, over_all_steps, terms_of, varying
from graphc.prims.order import item
from graphc.prims.pullback import fresh_inputs, pullback, pullback_graph
from graphc.prims.table import Prim, apply, declare


def result_type(types):
    types = tuple(types)
    return types[0] if len(types) == 1 else TupleType(types)


def one_or_all(values: tuple):
    return values[0] if len(values) == 1 else tuple(values)


def expect(op: str, what: str, given, wanted) -> None:
    given, wanted = tuple(given), tuple(wanted)
    if len(given) != len(wanted):
        raise ShapeError(f"{op}: {what}: {len(given)} values instead of {len(wanted)}")
    for k, (a, b) in enumerate(zip(given, wanted)):
        if a != b:
            kind = DtypeError if getattr(a, "dtype", None) is not getattr(b, "dtype", None) else ShapeError
            raise kind(f"{op}: {what}: value {k} is {a} instead of {b}")


def types_of(nodes):
    return tuple([n.type for n in nodes])


def results_of(node: Node) -> tuple[Node, ...]:
    """The results of an operation as Nodes, however many there are."""
    if isinstance(node.type, TupleType):
        return tuple([item(node, k) for k in range(len(node.type.items))])
    return (node,)


def _cotangents_of(g, out: Node) -> list:
    """``g`` as a list with one entry per result."""
    return list(g) if isinstance(out.type, TupleType) else [g]


def seeds_of(g, out: Node) -> tuple:
    """Cotangents of the inexact results, 0 where none arrived."""
    types = out.type.items if isinstance(out.type, TupleType) else (out.type,)
    return tuple([zeros(t) if c is None else c for c, t in zip(_cotangents_of(g, out), types) if t.dtype.is_inexact])


def back_to(args, found) -> tuple:
    """One entry per argument: the cotangents ``found`` for the inexact ones, None for the others."""
    found = iter(found)
    return tuple([next(found) if x.dtype.is_inexact else None for x in args])


# ------------------------------------------------------------------------------------------------- call


def _call_type(*args: Type, graph: Graph, gradient: Graph | None):
    expect("call", f"arguments of {graph.name}", args, types_of(graph.inputs))
    if gradient is not None:
        outputs = types_of(graph.outputs)
        expect("call", f"inputs of {gradient.name}", types_of(gradient.inputs), outputs + outputs + args)
        expect("call", f"results of {gradient.name}", types_of(gradient.outputs), args)
    return result_type(types_of(graph.outputs))


def _call_vjp(g, out, *args, graph, gradient):
    if gradient is None:
        wrt = [x for x in args if x.dtype.is_inexact]
        return back_to(args, results_of(call(*seeds_of(g, out), *args, graph=pullback_graph(graph))) if wrt else ())
    outputs = results_of(out)
    seeds = [zeros(y.type) if c is None else c for c, y in zip(_cotangents_of(g, out), outputs)]
    found = results_of(call(*seeds, *outputs, *args, graph=gradient))
    return tuple([c if x.dtype.is_inexact else None for c, x in zip(found, args)])


declare(Prim("call", _call_type, lambda *arrays, graph, gradient: one_or_all(graph(*arrays)), _call_vjp, nest="call"))


def call(*args: Node, graph: Graph, gradient: Graph | None = None) -> Node:
    """The results of a Graph for these arguments.

    ``gradient``, if given, maps (cotangents of outputs, outputs, arguments) to cotangents of the arguments.
    """
    return apply("call", *args, graph=graph, gradient=gradient)


# ------------------------------------------------------------------------------------------------- cond


def _cond_type(p: Type, *args: Type, then: Graph, orelse: Graph):
    expect("cond", "predicate", (p,), (BOOL,))
    for branch in (then, orelse):
        expect("cond", f"arguments of {branch.name}", args, types_of(branch.inputs))
    expect("cond", f"results of {orelse.name}", types_of(orelse.outputs), types_of(then.outputs))
    return result_type(types_of(then.outputs))


def _cond_vjp(g, out, p, *args, then, orelse):
    if not any(x.dtype.is_inexact for x in args):
        return (None,) * (1 + len(args))
    back = cond(p, *seeds_of(g, out), *args, then=pullback_graph(then), orelse=pullback_graph(orelse))
    return (None,) + back_to(args, results_of(back))


def _cond_array(p, *arrays, then, orelse):
    return one_or_all((then if p else orelse)(*arrays))


declare(Prim("cond", _cond_type, _cond_array, _cond_vjp, nest="cond"))


def cond(p: Node, *args: Node, then: Graph, orelse: Graph) -> Node:
    """``then(*args)`` if the b1 scalar ``p`` is true, else ``orelse(*args)``; only one of them runs."""
    return apply("cond", p, *args, then=then, orelse=orelse)


# ------------------------------------------------------------------------------------------------- loop


def _loop_type(*operands: Type, count, carries: int, scanned: int, body: Graph, backwards: bool = False):
    if not (0 <= carries and 0 <= scanned and carries + scanned <= len(operands)):
        raise ShapeError(f"loop: {carries} carries and {scanned} scanned operands of {len(operands)}")
    first, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    for x in xs:
        if not x.rank or x.shape[0] != count:
            raise ShapeError(f"loop: scanned operand {x} has not the leading size {count}")
    slices = tuple([x.with_shape(x.shape[1:]) for x in xs])
    expect("loop", f"arguments of {body.name}", (INDEX, *first, *slices, *constants), types_of(body.inputs))
    expect("loop", f"carries from {body.name}", types_of(body.outputs[:carries]), first)
    return result_type(first + tuple([y.type.with_shape((count, *y.shape)) for y in body.outputs[carries:]]))


def _loop_array(*operands, count, carries, scanned, body, backwards=False):
    state, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    ys = [np.empty((count, *map(int, shape)), dtype.numpy) for shape, dtype in body.outputs[carries:]]
    for step in range(count)[:: -1 if backwards else 1]:
        results = body(np.int64(step), *state, *[x[step] for x in xs], *constants)
        state = results[:carries]
        for y, result in zip(ys, results[carries:]):
            y[step, ...] = result
    return one_or_all((*state, *ys))


def _recorded(operands, count, carries: int, scanned: int, body: Graph, backwards: bool, kept: list[Node]) -> tuple:
    """What the carries were before every step, and the values ``kept`` of its body."""
    more = body.inputs[1 : 1 + carries] + tuple(kept)
    if not more:
        return ()
    wider = Graph(f"{body.name}_recorded", body.inputs, body.outputs + more)
    again = loop(*operands, count=count, carries=carries, scanned=scanned, body=wider, backwards=backwards)
    return results_of(again)[-len(more) :]


def _total(total: Node, part: Node) -> Node:
    """The sum of two cotangents; rows that are picked from a constant add to its total in place."""
    if part.op == "scatter" and part.attr("kind") == "add" and const_value(part.inputs[0]) == 0:
        return apply("scatter", total, *part.inputs[1:], **dict(part.attrs))
    return total + part


def _worth_keeping(body: Graph, outputs: list[Node]) -> list[Node]:
    """Values of the body that ``outputs`` read and that cost more to compute again than to keep: sums of contractions."""
    inside, read = set(toposort(body.outputs)), set(toposort(outputs))
    uses = users((*body.outputs, *outputs))
    found: dict[Node, None] = {}
    for node in toposort(outputs):
        if node.op not in _COSTLY or node not in inside or not node.dtype.is_inexact:
            continue
        while len(uses[node]) == 1:
            (user,) = uses[node]
            if user.op not in ("add", "sub") or user not in inside or user not in read or user.inputs[0] is user.inputs[1]:
                break
            node = user
        found[node] = None
    return list(found)


_COSTLY = ("dot", "conv")


class _Back(NamedTuple):
    """The loop that runs back.

    Attributes:
        body: inputs: step; cotangents of inexact carries; sums; then, per step, carries before it, values kept, xs,
            cotangents of the results that have one; constants. Outputs: the first two renewed, and per step cotangents
            of inexact xs and what ``late`` reads besides.
        kept: the values of the forward body that it reads.
        rows: the inputs that are there for each step.
        sums: for each inexact constant whether its cotangent is summed up in the loop.
        late: for each of them the terms of its cotangent that are summed up after it.
    """

    body: Graph
    kept: list[Node]
    rows: tuple[Node, ...]
    sums: list[bool]
    late: list[list[Node]]


def _split_terms(totals: list, xs: list, constants) -> tuple[list, list[list[Node]]]:
    """What is summed up in the loop for each cotangent (or None), and the terms that are after it."""
    changing = varying([c for c in totals if c is not None], constants)
    terms = [[] if c is None else terms_of(c) for c in totals]
    products = [[t for t in own if is_product_of_rows(t, changing)] for own in terms]
    stacked = {*xs, *[x for own in products for t in own for x in t.inputs]} & changing
    inside, late = [], []
    for own in terms:
        after = [t for t in own if is_product_of_rows(t, changing) or is_sum_of(t, stacked)]
        rest = [t for t in own if t not in after]
        inside.append(functools.reduce(lambda a, b: a + b, rest) if rest else None)
        late.append(after)
    return inside, late


def _loop_pullback(body: Graph, carries: int, scanned: int, seeded: list[int]) -> _Back:
    before, constants = body.inputs[1 : 1 + carries], body.inputs[1 + carries + scanned :]
    xs = body.inputs[1 + carries : 1 + carries + scanned]
    inexact = [[x for x in group if x.dtype.is_inexact] for group in (before, xs, constants)]
    finals = [y for y in body.outputs[:carries] if y.dtype.is_inexact]
    ys = [body.outputs[k] for k in seeded]
    g_carries = fresh_inputs(types_of(finals), body.inputs, "g_carry")
    g_ys = fresh_inputs(types_of(ys), body.inputs, "g_y")
    found = pullback(finals + ys, g_carries + g_ys, sum(inexact, []))
    a, b = len(inexact[0]), len(inexact[0]) + len(inexact[1])
    direct = [zeros(x.type) if c is None else c for c, x in zip(found[:b], inexact[0] + inexact[1])]
    inside, late = _split_terms(found[b:], direct[a:], constants)
    sums = fresh_inputs([x.type for x, c in zip(inexact[2], inside) if c is not None], body.inputs, "g_constant")
    totals = [_total(s, c) for s, c in zip(sums, [c for c in inside if c is not None])]
    operands = list(dict.fromkeys(x for own in late for term in own for x in term.inputs))
    outputs = [*direct[:a], *totals, *direct[a:], *operands]
    kept = _worth_keeping(body, outputs)
    stand_ins = fresh_inputs(types_of(kept), body.inputs, "kept")
    after = dict(zip(outputs, substitute(outputs, dict(zip(kept, stand_ins)))))
    late = [[apply(t.op, *[after[x] for x in t.inputs], **dict(t.attrs)) for t in own] for own in late]
    rows = (*before, *stand_ins, *xs, *g_ys)
    outputs = [after[y] for y in outputs[: len(outputs) - len(operands)]]
    there = {*rows, *outputs[a + len(totals) :]}
    outputs += [x for x in dict.fromkeys(after[x] for x in operands) if x not in there]
    inputs = (body.inputs[0], *g_carries, *sums, *rows, *constants)
    graph = Graph(f"{body.name}_pullback", inputs, tuple(outputs))
    return _Back(graph, kept, rows, [c is not None for c in inside], late)


def _loop_vjp(g, out, *operands, count, carries, scanned, body, backwards=False):
    first, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    inexact = [[x for x in group if x.dtype.is_inexact] for group in (first, xs, constants)]
    if not any(inexact):
        return (None,) * len(operands)
    results, g = results_of(out), _cotangents_of(g, out)
    g_carries = [zeros(y.type) if c is None else c for c, y in zip(g, results[:carries]) if y.dtype.is_inexact]
    seeded = [k for k in range(carries, len(results)) if g[k] is not None and results[k].dtype.is_inexact]
    plan = _loop_pullback(body, carries, scanned, seeded)
    recorded = _recorded(operands, count, carries, scanned, body, backwards, plan.kept)
    rows = [*recorded, *xs, *[g[k] for k in seeded]]
    sums = [zeros(x.type) for x, summed in zip(inexact[2], plan.sums) if summed]
    a, b = len(g_carries), len(g_carries) + len(sums)
    back = loop(*g_carries, *sums, *rows, *constants, count=count, carries=b, scanned=len(rows), body=plan.body,
                backwards=not backwards)  # fmt: skip
    found = results_of(back)
    whole = dict(zip((*plan.rows, *plan.body.outputs[b:]), (*rows, *found[b:])))
    inside, totals = iter(found[a:b]), []
    for x, summed, late in zip(inexact[2], plan.sums, plan.late):
        parts = ([next(inside)] if summed else []) + [over_all_steps(term, whole.__getitem__) for term in late]
        totals.append(functools.reduce(lambda p, q: p + q, parts) if parts else zeros(x.type))
    return back_to(operands, (*found[:a], *found[b : b + len(inexact[1])], *totals))


declare(Prim("loop", _loop_type, _loop_array, _loop_vjp, nest="loop"))


def loop(*operands: Node, count, carries: int, scanned: int, body: Graph, backwards: bool = False) -> Node:
    """``count`` steps of ``body(i, *carries, *x slices, *constants) -> (*carries, *ys)``; ``backwards``: the last row first.

    The operands are the first carries, then the scanned xs (leading size ``count``), then the constants; the results
    are the last carries, then the ys stacked on a new leading axis: row i is that of step i. The gradient is a loop in
    the other direction over the carries before each step and the contractions in it, which a second loop like this one
    records; ``merge_loops`` makes one of both. Cotangents of constants are summed over the steps in the loop, or after it
    where they are products of rows (see ``late_sums``).
    """
    turned = {"backwards": True} if backwards else {}
    return apply("loop", *operands, count=dim(count, "loop: count"), carries=integer(carries, "loop: carries"),
                 scanned=integer(scanned, "loop: scanned"), body=body, **turned)  # fmt: skip
