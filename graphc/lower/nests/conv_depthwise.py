"""Depthwise convolution: channels in lanes, neighbouring pixels in registers, the taps of a row written out.

Tiles inside the image read it where it lies; those that touch a border read a patch that is padded with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir.kernel import SERIAL, UNROLLED, Alloc, Array, For, If, Prefetch, Store, load
from graphc.ir.node import Node, binary, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_finish import finish_kept, finish_now, is_short, keep
from graphc.lower.nests.conv_patch import PATCH, Place, Tile, copy, may_miss, patch_of
from graphc.lower.nests.conv_shape import Shape, taps_of
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, index, least, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply

PIXELS = 8  # of a tile
STRIP = 8  # tiles of one task along a line
LONG_ROW = 9  # taps of a row from which on they are a loop


def can_run(shape: Shape, target: Target) -> bool:
    """Whether every group is one input and one output channel, and sizes and target allow tiles."""
    sizes = (*shape.kernel, shape.groups)
    return (
        target.vector_bits > 0
        and shape.channels == shape.outputs == 1
        and shape.groups > 1
        and all(type(d) is int and d > 0 for d in sizes)
        and shape.spread == (1, 1, 1)
        and patch_of(_together(shape), Tile("", 1, PIXELS, False)).size <= PATCH
    )


def _together(shape: Shape) -> Shape:
    """The sizes as a patch sees them: all channels side by side."""
    return replace(shape, groups=1, channels=shape.groups)


def depthwise(site: Site, target: Target) -> tuple:
    """The statements of the kernel."""
    shape = _together(site.shape)
    site = replace(site, shape=shape)
    span = _channels_of_block(shape.channels, site.lanes, 2 if target.registers < 32 else 3)
    width = shape.out[2]
    strip, rows = PIXELS * STRIP, target.machine.conv_lines
    strips = ceil_divide(width, strip)
    height = shape.out[1]
    extents = (shape.batch, shape.out[0], ceil_divide(height, rows), strips)
    apart = shape.channels % span == 0

    def task(t: Node) -> tuple:
        image, d, h, s = unravel(t, extents)
        taps = tuple([taps_of(shape, a, 0) for a in range(3)])
        left = least(strip, width - s * strip)
        pixels = _even(left) if type(left) is int else PIXELS
        tile = Tile("0", 1, pixels, type(left) is int and left % pixels == 0)
        many = least(rows, height - h * rows)

        def tiles(c: Node, b: Node | None) -> tuple:
            def row(r: Node) -> tuple:
                where = Place(image, as_index(0) if b is None else b, taps, (d, h * rows + r, s * strip), (0, 0, 0))
                return _tile(site, tile, where, c, left, span, b)

            return (loop("line", many, row),)

        def column(c: Node) -> tuple:
            return (loop("block", shape.channels // span, lambda b: tiles(c, b)),) if apart else tiles(c, None)

        return (loop("column", ceil_divide(left, pixels), column),)

    pixels = least(width, strip) * least(height, rows)
    return (parallel("task0", product(extents), product((*shape.kernel, shape.channels, pixels)) // 2, task),)


def _channels_of_block(channels: int, lanes: int, most: int) -> int:
    """Channels that are summed together: all, where they are few, else whole registers."""
    chunks = -(-channels // lanes)
    if chunks <= most:
        return channels
    return lanes * (3 if most == 3 and chunks % 3 == 0 and chunks % 2 else 2)


def _even(extent: int) -> int:
    """Pixels of tiles that cover an extent with little left over."""
    return max(1, -(-extent // max(1, -(-extent // PIXELS))))


def _tile(site: Site, tile: Tile, where: Place, c: Node, left, span: int, one: Node | None) -> tuple:
    """One tile, and one block of its channels or all."""
    shape = site.shape
    blocks = ceil_divide(shape.channels, span)
    padding = site if one is None else replace(site, shape=replace(shape, groups=blocks, channels=span))
    patch = patch_of(padding.shape, tile)
    column = simplified(where.first[2] + c * tile.pixels)
    where = replace(where, first=(*where.first[:2], column))
    valid = tile.pixels if tile.whole else least(tile.pixels, left - c * tile.pixels)

    def sums(tag: str, read, whole: bool) -> tuple:
        def block(b: Node) -> tuple:
            return _micro(Work(site, tile, where, b * span, span), read, tile.pixels if whole else valid, whole, tag)

        return block(one) if one is not None else (loop(f"b{tag}", blocks, block),)

    starts = [as_index(p * t.stride + t.offset) for p, t in zip(where.first, where.taps)]

    def source(u: Node, v: Node, w: Node, p: Node, channel: Node, guard: Node | None) -> Node:
        places = (u, v, w)
        z, y, x = (s + k * t.dilation for s, k, t in zip(starts, places, where.taps))
        pixel = ((where.image * shape.space[0] + z) * shape.space[1] + y) * shape.space[2] + x + p * shape.stride[2]
        return site.read((pixel * shape.channels + channel,), guard)

    def padded(u: Node, v: Node, w: Node, p: Node, channel: Node, guard: Node | None) -> Node:
        place = (u * patch.rows + v) * patch.columns + w * patch.tap + p * patch.pixel
        start = 0 if one is None else one * span
        return load(patch.name, (place * patch.pitch + channel - start,), site.wide, guard)

    array = Array(patch.name, Type(site.wide, (patch.size,)), "stack")
    border = (Alloc(array), *copy(padding, tile, patch, where), *sums("z", padded, False))
    ends = [as_index(s + (t.count - 1) * t.dilation) for s, t in zip(starts, where.taps)]
    ends[2] = ends[2] + (tile.pixels - 1) * shape.stride[2]
    conditions = [] if tile.whole else [apply("eq", as_index(valid), as_index(tile.pixels))]
    for axis in range(3):
        if may_miss(shape, axis):
            conditions += [as_index(0) <= starts[axis], ends[axis] < shape.space[axis]]
    inner = sums("a", source, True)
    return (If(all_of(conditions), inner, border),) if conditions else inner


@dataclass(frozen=True)
class Work:
    """One tile and ``width`` channels from ``first`` on."""

    site: Site
    tile: Tile
    where: Place
    first: object
    width: int

    @property
    def overlaps(self) -> bool:
        """Whether the last block may repeat channels of the one before: all it reads is still there."""
        return self.site.epilogue.is_repeatable

    def channel(self, o: Node) -> tuple:
        """The channel of a lane, and its guard."""
        channels = self.site.shape.channels
        if channels % self.width == 0:
            return self.first + o, None
        if self.overlaps:
            return simplified(binary("min", self.first, channels - self.width)) + o, None
        return self.first + o, self.first + o < channels

    def pixel(self, q: Node) -> Node:
        """The number in the output of a pixel of the tile."""
        out, (d, h, w) = self.site.shape.out, self.where.first
        return ((self.where.image * out[0] + d) * out[1] + h) * out[2] + w + q


def _micro(work: Work, read, valid, whole: bool, tag: str) -> tuple:
    """The sums of some pixels and channels over all taps, finished and stored."""
    site, tile, width = work.site, work.tile, work.width
    shape, wide = site.shape, site.wide
    deep, high, row = work.where.taps
    total = Array(f"sums{tag}", Type(wide, (tile.pixels, width)), "register")

    def each(suffix: str, statement) -> For:
        p = index(f"p{suffix}", tile.pixels)
        return For(p, tile.pixels, (vector(f"o{suffix}", width, lambda o: (statement(p, o),)),), UNROLLED)

    def tap(u: Node, v: Node, w: Node) -> tuple:
        weights = Array(f"w{tag}", Type(wide, (width,)), "register")
        at = (u * shape.kernel[1] + v) * shape.kernel[2] + w

        def fetch(o: Node) -> tuple:
            channel, guard = work.channel(o)
            return (Store(weights.name, (o,), cast(load(site.weights, (at, channel), site.node.dtype, guard), wide)),)

        def add(p: Node, o: Node) -> Store:
            value, weight = read(u, v, w, p, *work.channel(o)), load(weights.name, (o,), wide)
            return Store(total.name, (p, o), apply("fma", value, weight, load(total.name, (p, o), wide)))

        return (Alloc(weights), vector(f"f{tag}", width, fetch), each(f"{tag}_m", add))

    w = index(f"kw{tag}", row.count)
    kind = UNROLLED if row.count < LONG_ROW else SERIAL
    taps = loop(f"ku{tag}", deep.count, lambda u: (
        loop(f"kv{tag}", high.count, lambda v: (For(w, row.count, tap(u, v, w), kind),)),))  # fmt: skip
    clear = each(f"{tag}_0", lambda p, o: Store(total.name, (p, o), scalar(0, wide)))
    ahead = _ahead(work) if whole else ()
    if whole and is_short(site, tile.pixels, width):
        return (*ahead, Alloc(total), clear, taps, finish_now(site, total, width, work.pixel, work.channel, tag))
    kept = Array(f"kept{tag}", total.type, "stack")
    end = finish_kept(site, kept, width, valid, work.pixel, work.channel, f"{tag}_l")
    return (*ahead, Alloc(total), clear, taps, Alloc(kept), keep(site, total, kept, (0, 0), tag), end)


def _ahead(work: Work) -> tuple:
    """Ask for the pixels that the tile below is the first to read."""
    site, tile, where = work.site, work.tile, work.where
    shape = site.shape
    z, y, x = (f * t.stride + t.offset for f, t in zip(where.first, where.taps))
    z, y = (p + (t.count - 1) * t.dilation for p, t in zip((z, y), where.taps))
    columns = (tile.pixels - 1) * shape.stride[2] + (shape.kernel[2] - 1) * shape.dilation[2] + 1
    r, p = index("below", shape.stride[1]), index("ahead", columns)
    pixel = ((where.image * shape.space[0] + z) * shape.space[1] + y + 1 + r) * shape.space[2] + x + p
    channel, _ = work.channel(as_index(0))
    lines = range(0, work.width, site.lanes)
    body = tuple([Prefetch(site.source, (pixel * shape.channels + channel + k,)) for k in lines])
    return (For(r, shape.stride[1], (For(p, columns, body, UNROLLED),), UNROLLED),)
