"""Attention as one region: a product, what is computed of its rows (softmax, masks), and a product with the result.

``fuse`` leaves three regions, with scores and weights in memory between them, and often copies that bring heads to the front
and back. Where nobody else reads those, one region computes them block by block, and they never leave the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.node import Node
from graphc.ir.notes import Fusion
from graphc.ir.order import toposort
from graphc.lower import reasons
from graphc.lower.region import DOT, MAP, ROW, Region, region_of
from graphc.lower.role import VIEWS

ATTENTION = "attention"

LONGEST = 8192  # scores of one row: a block of rows stays in the second-level cache
WIDEST = 512  # columns of a head: its rows stay in the first-level cache


@dataclass(frozen=True)
class _Readers:
    """Who reads what: positions of regions, -1 for the caller of the program."""

    of: dict
    maker: dict  # Node -> position of the region that computes it

    def only(self, node: Node, regions: set) -> bool:
        """True if none but these regions read the memory of a value."""
        return self.of.get(node, set()) <= regions


def unite_attention(regions: list[Region], outputs: tuple[Node, ...], notes: Fusion) -> list[Region]:
    """The regions, those of each attention united at the place of its last product; the notes say what is in memory no more."""
    if sum(r.kind == DOT for r in regions) < 2:
        return regions
    readers = _readers(regions, outputs)
    made = list(regions)
    for last, region in enumerate(regions):
        chain = _chain(regions, readers, last, notes) if region.kind == DOT else None
        if chain is None or any(made[k] is not regions[k] for k in chain):
            continue
        first, middle, last = chain
        before = _before(regions, readers, chain)
        after = _after(regions, readers, last)
        gone = {*before, *chain, *([] if after is None else [after])}
        if any(made[k] is not regions[k] for k in gone):
            continue
        for k in gone:
            made[k] = None
        made[last] = _united(regions, sorted(gone), regions[last if after is None else after], regions[first].outputs[0])
        for node in (n for k in gone for n in regions[k].outputs if n not in made[last].outputs):
            del notes.arrays[node]
            notes.inline[node] = reasons.IN_PRODUCT_OPERAND if any(node in regions[k].outputs for k in before) else reasons.IN_ATTENTION
    return [r for r in made if r is not None]


def _readers(regions: list[Region], outputs: tuple[Node, ...]) -> _Readers:
    maker = {node: k for k, region in enumerate(regions) for node in region.outputs}
    of: dict[Node, set] = {}
    for k, nodes in (*((k, r.sources) for k, r in enumerate(regions)), (-1, outputs)):
        for node in nodes:
            of.setdefault(node, set()).add(k)
            while node not in maker and node.op in VIEWS:  # another shape of that memory, which a united region has not
                node = node.inputs[0]
                of.setdefault(node, set()).add(-1 if node in maker else k)
    return _Readers(of, maker)


def _dot(region: Region) -> Node:
    return next(n for n in toposort(region.graph.outputs) if n.op == "dot")


def _source(region: Region, operand: Node) -> Node | None:
    """The Node of the whole graph that an operand of a region's product is."""
    inputs = region.graph.inputs
    return region.sources[inputs.index(operand)] if operand in inputs else None


def _chain(regions: list[Region], readers: _Readers, last: int, notes: Fusion) -> tuple[int, int, int] | None:
    """Positions of product, rows and product, if that is what ends with the region ``last``; where it is not quite, a note why."""
    product = _dot(regions[last]) if _is_product(regions[last]) else None
    weights = None if product is None else _source(regions[last], product.inputs[0])
    middle = readers.maker.get(weights, -1)
    if middle < 0 or regions[middle].kind != ROW or regions[middle].outputs != (weights,):
        return None
    if product.attr("transpose_x") or product.inputs[0] is product.inputs[1]:
        return None
    for scores in regions[middle].sources:
        first = readers.maker.get(scores, -1)
        if first < 0 or not _is_product(regions[first]) or regions[first].outputs != (scores,):
            continue
        why = None
        if not (scores.shape == weights.shape == _dot(regions[first]).shape and _has_rows(regions[middle])):
            why = reasons.NO_ROWS
        elif not (readers.only(scores, {middle}) and readers.only(weights, {last})):
            why = reasons.WEIGHTS_READ
        elif not _is_small(regions[first], product):
            why = reasons.HEAD_TOO_LARGE
        if why is None:
            return first, middle, last
        notes.apart[weights, regions[last].outputs[0]] = why
    return None


def _is_product(region: Region) -> bool:
    """True for a matrix product with floating-point operands."""
    if region.kind != DOT:
        return False
    product = next((n for n in toposort(region.graph.outputs) if n.op == "dot"), None)
    return product is not None and product.dtype.is_float and not product.attr("transpose_x")


def _has_rows(region: Region) -> bool:
    """True where every value is of the full shape, of one row, or comes from elsewhere by movement."""
    reduces = [n for n in toposort(region.graph.outputs) if n.op == "reduce"]
    whole = region.outputs[0].shape
    return all(n.inputs[0].shape == whole and n.attr("axes") == (len(whole) - 1,) for n in reduces)


def _is_small(first: Region, product: Node) -> bool:
    inner = _dot(first).inputs[0].shape[-1]
    row, width = product.inputs[0].shape[-1], product.shape[-1]
    known = all(type(d) is int and 0 < d <= WIDEST for d in (inner, width))
    return known and (type(row) is not int or 0 < row <= LONGEST)


def _before(regions: list[Region], readers: _Readers, chain: tuple) -> list[int]:
    """Element-wise regions and copies that make nothing but operands of the two products."""
    first, _, last = chain
    found = []
    for region, operands in ((regions[first], _dot(regions[first]).inputs), (regions[last], _dot(regions[last]).inputs[1:])):
        for operand in operands:
            source = _source(region, operand)
            maker = readers.maker.get(source, -1)
            if maker < 0 or regions[maker].kind != MAP or maker in found:
                continue
            if regions[maker].outputs == (source,) and readers.only(source, {first, last}):
                found.append(maker)
    return found


def _after(regions: list[Region], readers: _Readers, last: int) -> int | None:
    """The region that only brings the result's axes into another order."""
    if len(regions[last].outputs) != 1:
        return None
    (result,) = regions[last].outputs
    users = readers.of.get(result, set())
    if len(users) != 1 or -1 in users:
        return None
    (after,) = users
    region = regions[after]
    if region.kind != MAP or len(region.outputs) != 1 or region.sources != (result,):
        return None
    (moved,) = region.graph.outputs
    is_copy = moved.op == "transpose" and moved.inputs[0] in region.graph.inputs
    return after if is_copy and moved.attr("perm")[-1] == moved.type.rank - 1 else None


def _united(regions: list[Region], parts: list[int], last: Region, scores: Node) -> Region:
    """One region of several."""
    inside = {node for k in parts for node in regions[k].outputs}
    sources = (s for k in parts for s in regions[k].sources if s not in inside)
    return region_of(ATTENTION, sources, last.outputs, scores)
