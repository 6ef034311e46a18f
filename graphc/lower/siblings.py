"""Column sums over one domain that read the same large value become one kernel, which reads it once.

The gradients of what normalises (of its scale and its offset) are two sums over the same rows, as are mean and greatest of
one value. ``fuse`` makes a region of each; here those that can run at the same time are united.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.graph import free_symbols
from graphc.ir.node import Node
from graphc.ir.notes import Fusion
from graphc.lower import reasons
from graphc.lower.region import COLUMN, Region, region_of
from graphc.lower.role import VIEWS

MOST = 4  # sums of one kernel: each has its part of the strip and of the registers
LARGE = 1 << 12  # elements below which to read a value again costs nothing


@dataclass(frozen=True)
class _Places:
    """Positions of regions that make and that read Nodes."""

    maker: dict

    def of(self, node: Node) -> int:
        """The position of the region whose memory a Node lies in; -1 for inputs and constants."""
        while node not in self.maker and node.op in VIEWS:
            node = node.inputs[0]
        return self.maker.get(node, -1)


def unite_sums(regions: list[Region], notes: Fusion) -> list[Region]:
    """The regions, in an order in which they can run, with sums that share what they read united; the notes say which cannot be."""
    made = list(regions)
    columns = [k for k, r in enumerate(regions) if r.kind == COLUMN]
    if len(columns) < 2:
        return made
    places = _Places({n: k for k, r in enumerate(regions) for n in r.outputs})
    for turn, first in enumerate(columns):
        for second in columns[turn + 1 :]:
            one, two = made[first], made[second]
            if one is None:
                break
            if two is None or not _share(one, two):
                continue
            few = len(_sums(one)) + len(_sums(two)) <= MOST
            at = _meeting(made, places, first, second) if few else None
            if at is None:
                notes.apart[one.outputs[0], two.outputs[0]] = reasons.ORDER_OF_SUMS if few else reasons.MANY_SUMS
            else:
                united = region_of(COLUMN, (*one.sources, *two.sources), (*one.outputs, *two.outputs))
                made[at], made[first + second - at] = united, None
                places.maker.update({n: at for n in made[at].outputs})
    return [r for r in made if r is not None]


def _sums(region: Region) -> tuple[Node, ...]:
    return region.graph.outputs


def _share(one: Region, two: Region) -> bool:
    """True where two regions reduce the same axes of one shape and share something large."""
    a, b = _sums(one), _sums(two)
    if any(n.op != "reduce" for n in (*a, *b)):
        return False
    domain = a[0].inputs[0].shape
    if domain != b[0].inputs[0].shape or sorted(a[0].attr("axes")) != sorted(b[0].attr("axes")):
        return False
    return any(_is_large(s, domain) for s in set(one.sources).intersection(two.sources))


def _is_large(source: Node, domain: tuple) -> bool:
    size = source.type.size
    return source.type.rank == len(domain) and (type(size) is not int or size >= LARGE)


def _meeting(made: list, places: _Places, first: int, second: int) -> int | None:
    """Where both can run: at the first if the second needs nothing later, at the second if nobody waits."""
    sizes = free_symbols(made[second].graph).keys() <= free_symbols(made[first].graph).keys()
    if sizes and all(places.of(s) < first for s in made[second].sources):
        return first
    waiting = any(made[k] and any(places.of(s) == first for s in made[k].sources) for k in range(first + 1, second + 1))
    return None if waiting else second
