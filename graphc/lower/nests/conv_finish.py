"""How the sums of a register tile become results: at once, written out, or kept on the stack and finished by a loop."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.kernel import UNROLLED, Array, For, Store, load
from graphc.ir.node import Node
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import index, loop, vector

WRITTEN_OUT = 192  # instructions of what follows the sums of a tile, if they are to be written once for every vector
LONG_SUMS, AFTER_LONG = 128, 72  # products of a sum from which on its way over the stack is not felt; then so many instructions


def is_short(site: Site, pixels: int, width: int) -> bool:
    """Whether what follows the sums is short enough to be written for every vector of a tile: shorter, if sums are long."""
    depth = site.shape.depth
    limit = AFTER_LONG if type(depth) is int and depth >= LONG_SUMS else WRITTEN_OUT
    return pixels * -(-width // site.lanes) * (site.epilogue.cost + 1) <= limit


def finish_now(site: Site, sums: Array, width: int, pixel: Callable, channel: Callable, tag: str) -> For:
    """Finish and store every pixel of a tile.

    Args:
        sums: the register array, [pixels, ...], of which ``width`` lanes are results.
        pixel: of the number of a pixel in the tile, its number in the output.
        channel: of a lane, its channel and its guard.
    """
    q = index(f"q{tag}", sums.type.shape[0])
    return For(q, sums.type.shape[0], (_finished(site, sums, width, q, pixel, channel, tag),), UNROLLED)


def keep(site: Site, sums: Array, kept: Array, place: tuple, tag: str) -> For:
    """Copy a tile to ``place``, a row and a column, of ``kept``."""
    pixels, width = sums.type.shape
    row, column = place
    p = index(f"kp{tag}", pixels)

    def lane(o: Node) -> tuple:
        return (Store(kept.name, (row + p, column + o), load(sums.name, (p, o), site.wide)),)

    return For(p, pixels, (vector(f"ko{tag}", width, lane),), UNROLLED)


def finish_kept(site: Site, kept: Array, width: int, valid, pixel: Callable, channel: Callable, tag: str) -> For:
    """The same as ``finish_now`` for the first ``valid`` pixels of an array in memory."""
    return loop(f"q{tag}", valid, lambda q: (_finished(site, kept, width, q, pixel, channel, tag),))


def _finished(site: Site, sums: Array, width: int, q: Node, pixel: Callable, channel: Callable, tag: str) -> For:
    def lane(o: Node) -> tuple:
        where, guard = channel(o)
        return site.finish(pixel(q), where, load(sums.name, (q, o), site.wide), guard)

    return vector(f"e{tag}", width, lane)
