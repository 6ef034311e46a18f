"""Cheap results of row kernels that others compute again, as that costs less than to keep them.

A row kernel often leaves something like ``x - mean`` for another kernel. The other one reads as much memory when it reads x and
the means instead, and the row kernel writes that much less.
"""

from __future__ import annotations

from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import Node
from graphc.lower.fuse import COLUMN, MAP, ROW, VIEWS, Region, is_inline_const, role
from graphc.prims.table import TABLE

CHEAP = 2  # flops of a value that is computed again


def recompute_cheap(regions: list[Region], outputs: tuple[Node, ...]) -> list[Region]:
    """The regions, with cheap results of row regions replaced by what they are computed from."""
    made = list(regions)
    wanted = {_base(node) for node in outputs}
    for k, region in enumerate(made):
        if region.kind != ROW:
            continue
        for value in region.outputs:
            readers = [r for r, other in enumerate(made) if value in other.sources]
            shaped = any(s is not value and _base(s) is value for other in made for s in other.sources)
            if value in wanted or shaped or any(made[r].kind not in (MAP, ROW, COLUMN) for r in readers):
                continue
            rows = _rows_needed(made[k], value)
            if rows is None or not readers:
                continue
            kept = dict.fromkeys(n for n in (*made[k].outputs, *rows) if n is not value)
            made[k] = _region(made[k].kind, made[k].sources, tuple(kept))
            for r in readers:
                operands = [n for x in value.inputs for n in _in_memory(x)]
                sources = dict.fromkeys((*[s for s in made[r].sources if s is not value], *operands))
                made[r] = _region(made[r].kind, tuple(sources), made[r].outputs)
    return made


def _base(node: Node) -> Node:
    while node.op in VIEWS:
        node = node.inputs[0]
    return node


def _rows_needed(region: Region, value: Node) -> tuple | None:
    """Values of one element a row, made by the region, that compute ``value`` with one operand of its size; None for no way."""
    if role(value) != "map" or TABLE[value.op].cost > CHEAP:
        return None
    rows, whole = [], 0
    for x in value.inputs:
        if x in region.sources and x.shape == value.shape:
            whole += 1
        elif x.op == "broadcast" and _is_made_of_rows(region, x.inputs[0], value):
            rows.append(x.inputs[0])
        elif not is_inline_const(x):
            return None
    return tuple(rows) if whole == 1 and rows else None


def _is_made_of_rows(region: Region, inner: Node, value: Node) -> bool:
    """True for what the region computes of its reductions, one element a row."""
    if inner in region.sources or inner.shape != value.shape[: inner.type.rank]:
        return False
    stack, seen = [inner], set()
    while stack:
        node = stack.pop()
        if node in seen or node in region.sources:
            continue
        if node.op == "reduce":
            return True
        seen.add(node)
        stack += node.inputs
    return False


def _in_memory(operand: Node) -> tuple:
    """What must lie in memory for an operand of a value that is computed again."""
    if operand.op == "broadcast":
        return operand.inputs
    return () if is_inline_const(operand) else (operand,)


def _region(kind: str, sources: tuple, outputs: tuple) -> Region:
    memo = {s: input_node(f"x{k}", s.type) for k, s in enumerate(sources)}
    results = rebuild(outputs, lambda node, inputs: None, memo)
    return Region(kind, sources, outputs, Graph(kind, tuple(memo[s] for s in sources), tuple(results)))
