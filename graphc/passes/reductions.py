"""Reductions over less: rules that drop, merge and reorder reduced axes. All exact, so a float sum keeps its order."""

from __future__ import annotations

from math import prod

from graphc.ir.node import Node, const
from graphc.prims import TABLE, add, apply, broadcast, mul, reduce, reshape
from graphc.prims.dims import lowest
from graphc.rewrite.rule import Rules, on

_ORDERLESS = ("max", "min", "all", "any")


def _is_orderless(node: Node) -> bool:
    """Does the order in which elements are combined leave no trace?"""
    return node.attr("kind") in _ORDERLESS or node.dtype.is_integer


@on("reduce")
def reduce_single(node: Node) -> Node | None:
    """An axis of size 1 has nothing to combine."""
    x, axes, kind = node.inputs[0], node.attr("axes"), node.attr("kind")
    single = [a for a in axes if x.shape[a] == 1]
    if not axes:
        return x
    if not single:
        return None
    rest = [a - sum(s < a for s in single) for a in axes if a not in single]
    line = reshape(x, [d for a, d in enumerate(x.shape) if a not in single])
    if rest:
        return reduce(line, kind, rest)
    # A sum starts from +0, which turns -0 into +0.
    return add(line, const(0, line.type)) if kind == "sum" and not node.dtype.is_integer else line


@on("reduce")
def reduce_of_reduce(node: Node) -> Node | None:
    """Two reductions of one kind are one."""
    x = node.inputs[0]
    if x.op != "reduce" or x.attr("kind") != node.attr("kind") or not _is_orderless(node):
        return None
    kept = [a for a in range(x.inputs[0].type.rank) if a not in x.attr("axes")]
    return reduce(x.inputs[0], node.attr("kind"), (*x.attr("axes"), *[kept[a] for a in node.attr("axes")]))


@on("reduce")
def reduce_of_broadcast(node: Node) -> Node | None:
    """Equal elements: their maximum is one of them, their integer sum a multiple."""
    x, axes, kind = node.inputs[0], node.attr("axes"), node.attr("kind")
    if x.op != "broadcast" or not _is_orderless(node):
        return None
    repeated = [a for a in axes if a not in x.attr("axes")]
    sizes = [x.shape[a] for a in repeated]
    if not repeated or not all((lowest(d) or 0) > 0 for d in sizes):
        return None
    if kind == "prod" or (kind == "sum" and not all(type(d) is int for d in sizes)):
        return None
    left = [a for a in range(x.type.rank) if a not in repeated]
    place = {a: k for k, a in enumerate(left)}
    line = broadcast(x.inputs[0], [x.shape[a] for a in left], [place[a] for a in x.attr("axes")])
    result = reduce(line, kind, [place[a] for a in axes if a in place])
    return mul(result, const(prod(sizes), result.type)) if kind == "sum" else result


@on("reduce")
def reduce_of_transpose(node: Node) -> Node | None:
    """Where order leaves no trace, the axes are reduced where they were."""
    x, axes = node.inputs[0], node.attr("axes")
    if x.op != "transpose" or not _is_orderless(node):
        return None
    perm = x.attr("perm")
    source = [perm[a] for a in axes]
    kept = [perm[a] for a in range(len(perm)) if a not in axes]
    place = {a: k for k, a in enumerate(sorted(kept))}
    line = reduce(x.inputs[0], node.attr("kind"), source)
    order = tuple([place[a] for a in kept])
    return line if order == tuple(range(len(order))) else apply("transpose", line, perm=order)


REDUCTIONS = Rules(reduce_single, reduce_of_reduce, reduce_of_broadcast, reduce_of_transpose, rows=TABLE, build=apply)
