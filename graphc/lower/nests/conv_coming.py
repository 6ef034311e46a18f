"""Weights that a convolution reads next are asked for while it sums, a few with every row of a panel.

The weights of a block of channels come from memory for the first tile of the block, and for all others from the cache.
So memory would be busy for the first tile alone, which waits for it, and idle then. What the next block reads is spread
over the tiles of this one instead; behind the last block, the weights of the next convolution are likely to lie.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.kernel import Let, Prefetch
from graphc.ir.node import Node, simplified
from graphc.lower.nests.conv_shape import Shape
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import as_index, let, product
from graphc.prims.table import apply

LINE = 16  # weights that are brought near together
FEW = 1 << 15  # weights that need not be asked for: what their first tiles wait is little


@dataclass(frozen=True)
class Coming:
    """What one tile asks for: ``step`` weights with each row, from ``start`` on, counted from panel ``panel``."""

    weights: str
    group: object
    panel: object
    start: Node
    step: int

    def ask(self, row: object) -> tuple[Prefetch, ...]:
        first = self.start + row * self.step
        panel = (as_index(self.group), as_index(self.panel), as_index(0))
        return tuple([Prefetch(self.weights, (*panel, simplified(first + k))) for k in range(0, self.step, LINE)])


def asks(site: Site, shape: Shape) -> bool:
    """Whether weights lie in panels and are many."""
    return site.packed and product((shape.groups, shape.depth, shape.outputs)) >= FEW


def coming(site: Site, shape: Shape, width: int, block: tuple, tile: tuple, name: str) -> tuple[Coming, Let]:
    """The requests of one tile while it sums one panel, and what names their start.

    Args:
        width: channels of a panel.
        block: the group, its first panel of the block, how many panels the block has, and the number of this one in it.
        tile: the number of the tile in the batch, and how many tiles an image has.
    """
    group, first, many, panel = block
    number, tiles = tile
    total = tiles * shape.batch if type(shape.batch) is int else tiles
    step = -(-width // max(1, total))
    start = (as_index(number) * many + panel) * (shape.depth * step) + as_index(many) * (shape.depth * width)
    if total > width or type(shape.batch) is not int:  # the others ask for what is near
        start = apply("select", as_index(number) < min(width, total), start, as_index(0))
    variable, named = let(name, as_index(simplified(start)))
    return Coming(site.weights, group, first, variable, step), named
