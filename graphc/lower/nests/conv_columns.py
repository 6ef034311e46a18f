"""Depthwise convolution of an input that is read where it lies: every column is loaded once for each row of the kernel.

A tile is some neighbouring pixels of one line and a few registers of channels. A column of the input is multiplied with
all taps of a row that use it while it is in registers; taps in the padding are left out, as ``conv_clip`` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, Alloc, Array, For, Let, Store, load
from graphc.ir.node import Node, binary, simplified, var
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_clip import KINDS, Piece, inside_range, pieces
from graphc.lower.nests.conv_finish import finish_kept, finish_now, is_short, keep
from graphc.lower.nests.conv_shape import Shape, is_finite
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    as_index, cast, ceil_divide, index, least, let, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply

PIXELS = 14  # of the longest tile


def can_run(weights: Node, shape: Shape, target: Target) -> bool:
    """Whether every group is one input and one output channel, sizes (but the batch) are known, weights are finite."""
    sizes = (*shape.kernel, shape.groups, *shape.space, *shape.out)
    if target.vector_bits == 0 or not shape.channels == shape.outputs == 1 or shape.groups == 1:
        return False
    if not all(type(d) is int and d > 0 for d in sizes) or shape.spread != (1, 1, 1):
        return False
    if not all(type(d) is int for d in (*shape.low, *shape.high)) or not is_finite(weights):
        return False
    lanes = target.lanes(dt.accumulator(weights.dtype))
    pixels = _pixels(shape, target, _vectors(shape.groups, lanes))
    return pixels >= 4 and len(pieces(shape, pixels)) <= KINDS


def _vectors(channels: int, lanes: int) -> int:
    """Registers of channels: two, where that leaves nothing over."""
    return 1 if ceil_divide(channels, lanes) % 2 else 2


def _pixels(shape: Shape, target: Target, vectors: int) -> int:
    """Pixels of a tile: their sums, the weights of a row and a column are in registers."""
    return min(PIXELS, (target.registers - 1 - vectors * (shape.kernel[2] + 1)) // vectors)


def columns(site: Site, target: Target) -> tuple:
    """The statements of the kernel."""
    channels = site.shape.groups
    shape = replace(site.shape, groups=1, channels=channels)
    vectors = _vectors(channels, site.lanes)
    width = min(channels, vectors * site.lanes)
    line = pieces(shape, _pixels(shape, target, vectors))
    height = shape.out[1]
    lines = ceil_divide(height, ceil_divide(height, target.machine.conv_lines))
    extents = (shape.batch, shape.out[0], ceil_divide(height, lines), ceil_divide(channels, width))

    def task(t: Node) -> tuple:
        image, d, part, block = unravel(t, extents)

        def row(r: Node) -> tuple:
            h = part * lines + r
            deep, high = inside_range(shape, 0, d, "deep"), inside_range(shape, 1, h, "high")
            number, named = let("number", as_index(((image * shape.out[0] + d) * height + h) * shape.out[2]))
            z, y = d * shape.stride[0] - shape.low[0], h * shape.stride[1] - shape.low[1]
            pixel = ((image * shape.space[0] + z) * shape.space[1] + y) * shape.space[2] - shape.low[2]
            work = _Line(replace(site, shape=shape), width, block, (deep[0], high[0]), number, pixel)
            return (*deep[1], *high[1], named, *[_tiles(work, k, piece) for k, piece in enumerate(line)])

        return (loop("line", least(lines, height - part * lines), row),)

    work = product((*shape.kernel, width, shape.out[2], lines, 3))
    return (parallel("task0", product(extents), work, task),)


@dataclass(frozen=True)
class _Line:
    """One line of the output and one block of its channels.

    ``ranges``: (first tap, how many) along depth and height. ``number``: of its first pixel in the output. ``corner``:
    the pixel under the first tap of that one, inside or not.
    """

    site: Site
    width: int
    block: object
    ranges: tuple
    number: object
    corner: object

    def channel(self, o: Node) -> tuple:
        """The channel of a lane, and its guard. The last block may repeat channels if all it reads is still there."""
        channels, first = self.site.shape.channels, self.block * self.width
        if channels % self.width == 0:
            return first + o, None
        if self.site.epilogue.is_repeatable:
            return simplified(binary("min", as_index(first), channels - self.width)) + o, None
        return first + o, first + o < channels


def _tiles(line: _Line, number: int, piece: Piece) -> For:
    return loop(f"c{number}c", piece.count, lambda c: _tile(line, f"{number}c", piece, c))


def _tile(line: _Line, tag: str, piece: Piece, c: Node) -> tuple:
    """The sums of one tile over all taps that are inside, finished and stored."""
    site, _shape, wide = line.site, line.site.shape, line.site.wide
    column = simplified(c * piece.pixels + piece.first)
    total = Array(f"sums{tag}", Type(wide, (piece.pixels, line.width)), "register")
    (first_deep, deep), (first_high, high) = line.ranges
    p = index(f"p{tag}", piece.pixels)
    zero = vector(f"o{tag}", line.width, lambda o: (Store(total.name, (p, o), scalar(0, wide)),))

    def taps(u: Node, v: Node) -> tuple:
        return _row(line, piece, total, column, (u + first_deep, v + first_high), tag)

    sums = (Alloc(total), For(p, piece.pixels, (zero,), UNROLLED),
            loop(f"ku{tag}", deep, lambda u: (loop(f"kv{tag}", high, lambda v: taps(u, v)),)))  # fmt: skip

    def pixel(q: Node) -> Node:
        return line.number + column + q

    if is_short(site, piece.pixels, line.width):
        return (*sums, finish_now(site, total, line.width, pixel, line.channel, tag))
    kept = Array(f"kept{tag}", total.type, "stack")
    rest = finish_kept(site, kept, line.width, piece.pixels, pixel, line.channel, f"{tag}_l")
    return (Alloc(kept), *sums, keep(site, total, kept, (0, 0), tag), rest)


def _row(line: _Line, piece: Piece, total: Array, column: Node, place: tuple, tag: str) -> tuple:
    """Add the products of one row of the kernel, column by column of the input."""
    site, shape, wide = line.site, line.site.shape, line.site.wide
    u, v = place
    width = shape.kernel[2]
    near = Array(f"w{tag}", Type(wide, (width, line.width)), "register")
    out: list = [Alloc(near)]

    def fetch(tap: int, o: Node) -> tuple:
        channel, guard = line.channel(o)
        at = ((u * shape.kernel[1] + v) * width + tap, channel)
        return (Store(near.name, (as_index(tap), o), cast(load(site.weights, at, site.node.dtype, guard), wide)),)

    for tap, (first, stop) in enumerate(piece.taps):
        if first < stop:
            out.append(vector(f"f{tag}_{tap}", line.width, lambda o, tap=tap: fetch(tap, o)))
    plane = (u * shape.dilation[0] * shape.space[1] + v * shape.dilation[1]) * shape.space[2]
    base, named = let(f"base{tag}", as_index((line.corner + plane + column * shape.stride[2]) * shape.channels))
    out.append(named)
    for at, users in sorted(_users(shape, piece).items()):
        out.append(vector(f"x{tag}_{at}", line.width, lambda o, at=at, users=users: _products(
            line, total, near, base + at * shape.channels, users, f"{tag}_{at}", o)))  # fmt: skip
    return tuple(out)


def _users(shape: Shape, piece: Piece) -> dict[int, list[tuple[int, int]]]:
    """For each column of the input, counted from that under the tile's first tap, the (pixel, tap) that use it."""
    users: dict[int, list[tuple[int, int]]] = {}
    for tap, (first, stop) in enumerate(piece.taps):
        for p in range(first, stop):
            users.setdefault(p * shape.stride[2] + tap * shape.dilation[2], []).append((p, tap))
    return users


def _products(line: _Line, total: Array, near: Array, base: Node, users: list, name: str, o: Node) -> tuple:
    """One element of a column with every tap that uses it."""
    wide = line.site.wide
    channel, guard = line.channel(o)
    value = var(f"v{name}", Type(wide, ()))
    stores = []
    for p, tap in users:
        at = (as_index(p), o)
        new = apply("fma", value, load(near.name, (as_index(tap), o), wide), load(total.name, at, wide))
        stores.append(Store(total.name, at, new))
    return (Let(value, line.site.read((base + channel,), guard)), *stores)
