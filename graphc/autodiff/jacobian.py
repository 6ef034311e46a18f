"""Whole matrices of derivatives: one loop that runs the reverse mode once for each element of the output."""

from __future__ import annotations

from collections.abc import Callable

from graphc.autodiff.reverse import grad
from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import INDEX, Node, const, origins, simplified
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.prims.control import loop
from graphc.prims.dims import zeros
from graphc.prims.pullback import fresh_inputs
from graphc.prims.shape import broadcast, reshape, transpose
from graphc.prims.table import apply


def jacobian(y: Node, x: Node) -> Node | None:
    """``[*y.shape, *x.shape]``: the derivative of each element of ``y`` by each of ``x``; None if nothing connects them.

    What does not depend on the element is computed once, outside the loop.

    Raises:
        DtypeError: ``y`` is not floating.
    """
    _require_float("jacobian", y)
    count = _size(y.shape)
    rows = _rows(y, x, count, lambda step: reshape(_unit(count, step, y.dtype), y.shape))
    return None if rows is None else reshape(rows, (*y.shape, *x.shape))


def batch_jacobian(y: Node, x: Node) -> Node | None:
    """``[b, *y.shape[1:], *x.shape[1:]]`` where row ``i`` of ``y`` depends on row ``i`` of ``x`` only.

    Raises:
        ShapeError: the batch sizes differ.
    """
    _require_float("batch_jacobian", y)
    if not y.shape or not x.shape or y.shape[0] != x.shape[0]:
        what = f"batch_jacobian: the first sizes must be the same batch, {y.type} and {x.type}"
        raise ShapeError(explain(what, origins(target=y, source=x)))
    batch, count = y.shape[0], _size(y.shape[1:])

    def seed(step):
        return reshape(broadcast(_unit(count, step, y.dtype), (batch, count), (1,)), y.shape)

    rows = _rows(y, x, count, seed)  # [count, b, *x.shape[1:]]
    if rows is None:
        return None
    turned = transpose(rows, (1, 0, *range(2, len(rows.shape))))
    return reshape(turned, (batch, *y.shape[1:], *x.shape[1:]))


def hessian(y: Node, x: Node) -> Node | None:
    """``[*x.shape, *x.shape]``: second derivatives of the sum of ``y`` by ``x``; None if nothing connects them."""
    (slope,) = grad([y], [x], unconnected=None)
    if slope is None:
        return None
    found = jacobian(slope, x)
    return zeros(Type(y.dtype, (*x.shape, *x.shape))) if found is None else found


def _require_float(op: str, y: Node) -> None:
    if not y.dtype.is_float:
        raise DtypeError(explain(f"{op}: the target must be floating, not {y.type}", origins(target=y)))


def _size(shape):
    total = 1
    for d in shape:
        total = total * d
    return simplified(total)


def _unit(count, step: Node, dtype) -> Node:
    """1 at ``step``, 0 elsewhere."""
    places = apply("iota", shape=(count,), axis=0, dtype=dt.i64)
    is_step = apply("eq", places, broadcast(step, (count,)))
    kind = Type(dtype, (count,))
    return apply("select", is_step, const(1, kind), const(0, kind))


def _rows(y: Node, x: Node, count, seed_of: Callable) -> Node | None:
    """The cotangents of ``x`` for ``count`` seeds of ``y``, stacked."""
    (seed,) = fresh_inputs([y.type], [n for n in toposort([y]) if n.op == "input"], "seed of jacobian ")
    (found,) = grad([y], [x], [seed], unconnected=None)
    if found is None:
        return None
    inside: set[Node] = {seed}
    outside: dict[Node, None] = {}
    for node in toposort([found]):
        if any(operand in inside for operand in node.inputs):
            inside.add(node)
            outside.update((o, None) for o in node.inputs if o not in inside and o.op != "const")
    if found not in inside:  # the derivative does not depend on the seed: it is zero
        outside = {found: None}
    step = input_node("step", INDEX)
    stand_ins = tuple(input_node(f"known{k}", o.type) for k, o in enumerate(outside))
    (row,) = substitute([found], {**dict(zip(outside, stand_ins)), seed: seed_of(step)})
    return loop(*outside, count=count, carries=0, scanned=0, body=Graph("row", (step, *stand_ins), (row,)))
