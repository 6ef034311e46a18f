"""Control flow over whole graphs: call, cond, while, loop."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, GraphError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, substitute
from graphc.ir.node import INDEX, Node
from graphc.ir.type import TupleType, Type
from graphc.prims.dims import dim, integer, zeros
from graphc.prims.order import item
from graphc.prims.pullback import fresh_inputs, pullback, pullback_graph
from graphc.prims.shape import reverse
from graphc.prims.table import Prim, apply, declare

_B1 = Type(dt.b1, ())


def _result(types):
    types = tuple(types)
    return types[0] if len(types) == 1 else TupleType(types)


def _one_or_all(values: tuple):
    return values[0] if len(values) == 1 else tuple(values)


def _expect(op: str, what: str, given, wanted) -> None:
    given, wanted = tuple(given), tuple(wanted)
    if len(given) != len(wanted):
        raise ShapeError(f"{op}: {what}: {len(given)} values instead of {len(wanted)}")
    for k, (a, b) in enumerate(zip(given, wanted)):
        if a != b:
            kind = DtypeError if getattr(a, "dtype", None) is not getattr(b, "dtype", None) else ShapeError
            raise kind(f"{op}: {what}: value {k} is {a} instead of {b}")


def _types(nodes):
    return tuple([n.type for n in nodes])


def results_of(node: Node) -> tuple[Node, ...]:
    """The results of an operation as Nodes, however many there are."""
    if isinstance(node.type, TupleType):
        return tuple([item(node, k) for k in range(len(node.type.items))])
    return (node,)


def _cotangents_of(g, out: Node) -> list:
    """``g`` as a list with one entry per result."""
    return list(g) if isinstance(out.type, TupleType) else [g]


def _seeds(g, out: Node) -> tuple:
    """Cotangents of the inexact results, 0 where none arrived."""
    types = out.type.items if isinstance(out.type, TupleType) else (out.type,)
    return tuple([zeros(t) if c is None else c for c, t in zip(_cotangents_of(g, out), types) if t.dtype.is_inexact])


def _back_to(args, found) -> tuple:
    """One entry per argument: the cotangents ``found`` for the inexact ones, None for the others."""
    found = iter(found)
    return tuple([next(found) if x.dtype.is_inexact else None for x in args])


# ------------------------------------------------------------------------------------------------- call


def _call_type(*args: Type, graph: Graph, gradient: Graph | None):
    _expect("call", f"arguments of {graph.name}", args, _types(graph.inputs))
    if gradient is not None:
        outputs = _types(graph.outputs)
        _expect("call", f"inputs of {gradient.name}", _types(gradient.inputs), outputs + outputs + args)
        _expect("call", f"results of {gradient.name}", _types(gradient.outputs), args)
    return _result(_types(graph.outputs))


def _call_vjp(g, out, *args, graph, gradient):
    if gradient is None:
        wrt = [x for x in args if x.dtype.is_inexact]
        return _back_to(args, results_of(call(*_seeds(g, out), *args, graph=pullback_graph(graph))) if wrt else ())
    outputs = results_of(out)
    seeds = [zeros(y.type) if c is None else c for c, y in zip(_cotangents_of(g, out), outputs)]
    found = results_of(call(*seeds, *outputs, *args, graph=gradient))
    return tuple([c if x.dtype.is_inexact else None for c, x in zip(found, args)])


declare(Prim("call", _call_type, lambda *arrays, graph, gradient: _one_or_all(graph(*arrays)), _call_vjp, nest="call"))


def call(*args: Node, graph: Graph, gradient: Graph | None = None) -> Node:
    """The results of a Graph for these arguments.

    ``gradient``, if given, maps (cotangents of outputs, outputs, arguments) to cotangents of the arguments.
    """
    return apply("call", *args, graph=graph, gradient=gradient)


# ------------------------------------------------------------------------------------------------- cond


def _cond_type(p: Type, *args: Type, then: Graph, orelse: Graph):
    _expect("cond", "predicate", (p,), (_B1,))
    for branch in (then, orelse):
        _expect("cond", f"arguments of {branch.name}", args, _types(branch.inputs))
    _expect("cond", f"results of {orelse.name}", _types(orelse.outputs), _types(then.outputs))
    return _result(_types(then.outputs))


def _cond_vjp(g, out, p, *args, then, orelse):
    if not any(x.dtype.is_inexact for x in args):
        return (None,) * (1 + len(args))
    back = cond(p, *_seeds(g, out), *args, then=pullback_graph(then), orelse=pullback_graph(orelse))
    return (None,) + _back_to(args, results_of(back))


def _cond_array(p, *arrays, then, orelse):
    return _one_or_all((then if p else orelse)(*arrays))


declare(Prim("cond", _cond_type, _cond_array, _cond_vjp, nest="cond"))


def cond(p: Node, *args: Node, then: Graph, orelse: Graph) -> Node:
    """``then(*args)`` if the b1 scalar ``p`` is true, else ``orelse(*args)``; only one of them runs."""
    return apply("cond", p, *args, then=then, orelse=orelse)


# ------------------------------------------------------------------------------------------------ while


def _while_type(*carries: Type, test: Graph, body: Graph):
    for graph in (test, body):
        _expect("while", f"arguments of {graph.name}", carries, _types(graph.inputs))
    _expect("while", f"result of {test.name}", _types(test.outputs), (_B1,))
    _expect("while", f"results of {body.name}", _types(body.outputs), carries)
    return _result(carries)


def _while_array(*carries, test, body):
    while test(*carries)[0]:
        carries = body(*carries)
    return _one_or_all(carries)


def _while_vjp(g, out, *carries, test, body):
    what = "while: no gradient, as the number of steps is not known; use loop"
    raise GraphError(explain(what, location=out.location))


declare(Prim("while", _while_type, _while_array, _while_vjp, nest="while"))


def while_(*carries: Node, test: Graph, body: Graph) -> Node:
    """``carries = body(*carries)`` again and again while ``test(*carries)`` is true."""
    return apply("while", *carries, test=test, body=body)


# ------------------------------------------------------------------------------------------------- loop


def _loop_type(*operands: Type, count, carries: int, scanned: int, body: Graph):
    if not (0 <= carries and 0 <= scanned and carries + scanned <= len(operands)):
        raise ShapeError(f"loop: {carries} carries and {scanned} scanned operands of {len(operands)}")
    first, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    for x in xs:
        if not x.rank or x.shape[0] != count:
            raise ShapeError(f"loop: scanned operand {x} has not the leading size {count}")
    slices = tuple([x.with_shape(x.shape[1:]) for x in xs])
    _expect("loop", f"arguments of {body.name}", (INDEX, *first, *slices, *constants), _types(body.inputs))
    _expect("loop", f"carries from {body.name}", _types(body.outputs[:carries]), first)
    return _result(first + tuple([y.type.with_shape((count, *y.shape)) for y in body.outputs[carries:]]))


def _loop_array(*operands, count, carries, scanned, body):
    state, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    ys = [np.empty((count, *map(int, shape)), dtype.numpy) for shape, dtype in body.outputs[carries:]]
    for step in range(count):
        results = body(np.int64(step), *state, *[x[step] for x in xs], *constants)
        state = results[:carries]
        for y, result in zip(ys, results[carries:]):
            y[step] = result
    return _one_or_all((*state, *ys))


def _recorded(out: Node, operands, count, carries: int, scanned: int, body: Graph) -> tuple:
    """What the carries were before every step."""
    if not carries:
        return ()
    names = body.names + tuple(f"before{k}" for k in range(carries))
    wider = Graph(f"{body.name}_recorded", body.inputs, body.outputs + body.inputs[1 : 1 + carries], names)
    again = loop(*operands, count=count, carries=carries, scanned=scanned, body=wider)
    return results_of(again)[-carries:]


def _loop_pullback(body: Graph, count, carries: int, scanned: int):
    """The body of the loop that runs back.

    Inputs: step; cotangents of inexact carries; sums of cotangents of inexact constants; then, per step, carries before
    it, xs, cotangents of inexact ys; constants. Outputs: the first two renewed, and cotangents of inexact xs.
    """
    before, constants = body.inputs[1 : 1 + carries], body.inputs[1 + carries + scanned :]
    xs = body.inputs[1 + carries : 1 + carries + scanned]
    inexact = [[x for x in group if x.dtype.is_inexact] for group in (before, xs, constants)]
    finals = [y for y in body.outputs[:carries] if y.dtype.is_inexact]
    ys = [y for y in body.outputs[carries:] if y.dtype.is_inexact]
    g_carries = fresh_inputs(_types(finals), body.inputs, "g_carry")
    g_ys = fresh_inputs(_types(ys), body.inputs, "g_y")
    sums = fresh_inputs(_types(inexact[2]), body.inputs, "g_constant")
    (step,) = fresh_inputs([INDEX], body.inputs, "back")
    found = pullback(finals + ys, g_carries + g_ys, sum(inexact, []))
    found = [zeros(x.type) if c is None else c for c, x in zip(found, sum(inexact, []))]
    a, b = len(inexact[0]), len(inexact[0]) + len(inexact[1])
    totals = [s + c for s, c in zip(sums, found[b:])]
    outputs = substitute(found[:a] + totals + found[a:b], {body.inputs[0]: count - 1 - step})
    return Graph(f"{body.name}_pullback", (step, *g_carries, *sums, *before, *xs, *g_ys, *constants), tuple(outputs))


def _loop_vjp(g, out, *operands, count, carries, scanned, body):
    first, xs, constants = operands[:carries], operands[carries : carries + scanned], operands[carries + scanned :]
    inexact = [[x for x in group if x.dtype.is_inexact] for group in (first, xs, constants)]
    if not any(inexact):
        return (None,) * len(operands)
    results = out.type.items if isinstance(out.type, TupleType) else (out.type,)
    seeds = _seeds(g, out)
    split = sum(t.dtype.is_inexact for t in results[:carries])
    g_carries, g_ys = seeds[:split], seeds[split:]
    before = _recorded(out, operands, count, carries, scanned, body)
    rows = [reverse(x, (0,)) for x in (*before, *xs, *g_ys)]
    sums = [zeros(x.type) for x in inexact[2]]
    a, b = len(g_carries), len(g_carries) + len(sums)
    step = _loop_pullback(body, count, carries, scanned)
    back = loop(*g_carries, *sums, *rows, *constants, count=count, carries=b, scanned=len(rows), body=step)
    found = results_of(back)
    g_xs = [reverse(x, (0,)) for x in found[b:]]
    return _back_to(operands, (*found[:a], *g_xs, *found[a:b]))


declare(Prim("loop", _loop_type, _loop_array, _loop_vjp, nest="loop"))


def loop(*operands: Node, count, carries: int, scanned: int, body: Graph) -> Node:
    """``count`` steps of ``body(i, *carries, *x slices, *constants) -> (*carries, *ys)``.

    The operands are the first carries, then the scanned xs (leading size ``count``), then the constants; the results
    are the last carries, then the ys stacked on a new leading axis. The gradient runs the loop once more, to record the
    carries.
    """
    return apply("loop", *operands, count=dim(count, "loop: count"), carries=integer(carries, "loop: carries"),
                 scanned=integer(scanned, "loop: scanned"), body=body)  # fmt: skip
