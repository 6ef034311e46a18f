"""Convolution by patches and panels: the input of a few neighbouring pixels is copied into a small patch, padded with
zeros, from which a register tile of these pixels and a panel of neighbouring channels is summed.

Sizes may be symbolic, all but the kernel and the channels. Where the input has holes (a transposed convolution), the
outputs that meet the same taps are a phase, and only these taps are summed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, Alloc, Array, For, If, Prefetch, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_coming import Coming, asks, coming
from graphc.lower.nests.conv_finish import finish_kept, finish_now, is_short, keep
from graphc.lower.nests.conv_patch import PATCH, Patch, Place, Tile, copy, patch_of
from graphc.lower.nests.conv_shape import Shape, flattened, is_finite, taps_of
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, even_pieces, index, least, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.lower.panels import Panels
from graphc.prims.table import apply

PIXELS = {32: {1: 24, 2: 12, 3: 8}, 16: {1: 12, 2: 6}}  # registers -> vectors of a panel -> pixels of a tile
FEW = 4  # pixels of the tile for what is left of a line
STRIP = 8  # tiles of one task
SHARED_PATCH = 1 << 12  # elements of a patch that several tiles share
AHEAD = 16  # products of one sum from which on the next patch is asked for while they are added


def can_panel(weights: Node, shape: Shape, target: Target) -> bool:
    """Whether kernel and channels are known and fit, and products with the zeros in holes may be left out."""
    sizes = (*shape.kernel, shape.channels, shape.outputs)
    if target.vector_bits == 0 or not all(type(d) is int and d > 0 for d in sizes):
        return False
    for axis in range(3):
        if shape.spread[axis] > 1 and (
            shape.stride[axis] > 1 or shape.dilation[axis] > 1 or not is_finite(weights)
        ):
            return False
    flat = flattened(shape)
    lanes = target.lanes(dt.accumulator(weights.dtype))
    pixels = _pixels_for(flat, target, vectors_for(flat, target, lanes))
    return patch_of(flat, Tile("", 1, pixels, False)).size <= PATCH


def vectors_for(shape: Shape, target: Target, lanes: int) -> int:
    """Vectors of a panel: as few lanes as possible are left over, and two vectors are best."""
    choices = [v for v in PIXELS[32 if target.registers >= 32 else 16] if v <= target.machine.conv_vectors]
    return min(choices, key=lambda v: (ceil_divide(shape.outputs, v * lanes) * v, (2, 3, 1).index(v)))


def tile_pixels(target: Target, vectors: int) -> int:
    """Pixels of a tile whose panel has so many vectors."""
    return PIXELS[32 if target.registers >= 32 else 16][vectors]


def _pixels_for(shape: Shape, target: Target, vectors: int) -> int:
    """Pixels of a tile; fewer where the patch would be too large."""
    pixels = tile_pixels(target, vectors)
    while pixels > FEW and patch_of(shape, Tile("", 1, pixels, False)).size > PATCH:
        pixels //= 2
    return pixels


def panel_width(site_dtype, shape: Shape, target: Target) -> int:
    """Channels of one panel."""
    lanes = target.lanes(site_dtype)
    return vectors_for(shape, target, lanes) * lanes


def pack(weights: np.ndarray, groups: int, width: int, dtype: np.dtype) -> Panels:
    """Weights [*kernel, channels, outputs] as panels [groups, panels, depth, width], zero beyond the last output."""
    outputs = weights.shape[-1] // groups
    return Panels(weights.reshape(-1, groups, outputs).transpose(1, 0, 2), width, dtype)


def panels(site: Site, target: Target) -> tuple:
    """The statements of the kernel."""
    shape = flattened(site.shape)
    width = panel_width(site.wide, shape, target)
    site = replace(site, shape=shape)
    limit, weights = _pixels_for(shape, target, width // site.lanes), target.machine.conv_block
    return tuple([_tasks(site, width, rows, k, weights) for k, rows in enumerate(_kinds_of_rows(shape, limit))])


@dataclass(frozen=True)
class Rows:
    """``count`` tasks along the height, each ``height`` rows from ``top`` on, in lines that are cut into ``columns``:
    (first, pixels, count) each, or, where the width is not known or large, tiles of ``pixels``; where all pixels are in
    one line, a task is a strip of it."""

    top: int
    height: int
    count: object
    columns: tuple
    pixels: int
    strip: int = 0


def _kinds_of_rows(shape: Shape, limit: int) -> list[Rows]:
    _, height, width = shape.out
    plain = shape.spread == (1, 1, 1) and type(width) is int and not shape.is_pointwise
    if plain and 2 * width <= limit and type(height) is int and shape.dilation[1] == 1 and height > 0 < width:
        pieces = even_pieces(height, limit // width)
        return [Rows(top, size, count, ((0, width, 1),), limit) for top, size, count in pieces]
    if plain and 0 < width <= 2 * limit:
        return [Rows(0, 1, height, tuple(even_pieces(width, limit)), limit)]
    strip = limit * STRIP if shape.is_pointwise else 0
    if strip and type(width) is int and width > 0:  # strips as even as whole tiles allow
        strip = -(-(-(-width // limit)) // -(-width // strip)) * limit
    return [Rows(0, 1, ceil_divide(height, shape.spread[1]), (), limit, strip)]


# --------------------------------------------------------------------------------------------- tasks


def _tasks(site: Site, width: int, rows: Rows, number: int, weights: int) -> For:
    """A loop over blocks of channels (outermost, so that their ``weights`` stay in the cache), images and lines."""
    shape = site.shape
    count = ceil_divide(shape.outputs, width)
    blocks = ceil_divide(count, max(1, weights // (shape.depth * width)))
    per_block = ceil_divide(count, blocks)
    line = ceil_divide(shape.out[2], shape.spread[2])
    strips = ceil_divide(line, rows.strip) if rows.strip else 1
    depth = ceil_divide(shape.out[0], shape.spread[0])
    extents = (blocks, shape.groups, *shape.spread, shape.batch, depth, rows.count, strips)
    each = sum(c for _, _, c in rows.columns) or ceil_divide(rows.strip or line, rows.pixels)

    def task(t: Node) -> tuple:
        block, group, *phase, image, d, r, s = unravel(t, extents)
        taps = tuple([taps_of(shape, a, phase[a]) for a in range(3)])
        where = Place(image, group, taps, (d, r * rows.height + rows.top, s * rows.strip), tuple(phase))
        start = block * per_block
        many = least(per_block, count - start) if count % per_block else per_block
        start = start if blocks > 1 else as_index(0)
        place = ((image * depth + d) * rows.count + r) * strips + s
        block = _Block(start, many, place * each, simplified(depth * rows.count * strips * each))
        return tuple(_line(site, width, rows, number, where, block))

    pixels = least(line, rows.strip) if rows.strip else line * rows.height
    return parallel(f"task{number}", product(extents), product((shape.depth, per_block * width, pixels)), task)


@dataclass(frozen=True)
class _Block:
    """``many`` panels from ``start`` on, for tiles of which the first is number ``tile`` in the batch, and an image has
    ``tiles``."""

    start: object
    many: object
    tile: object
    tiles: object

    def coming(self, site: Site, width: int, group: object, tile: object, panel: Node, name: str) -> tuple:
        """What a tile asks for while it sums a panel of the block, and the statement that this needs; or nothing."""
        if site.shape.spread != (1, 1, 1) or type(self.tiles) is not int or not asks(site, site.shape):
            return None, ()
        block, place = (group, self.start, self.many, panel), (self.tile + tile, self.tiles)
        new, named = coming(site, site.shape, width, block, place, name)
        return new, (named,)


def _line(site: Site, width: int, rows: Rows, number: int, where: Place, block: _Block) -> list:
    """The tiles of one line, or of a strip of it."""
    shape, out = site.shape, []
    first = where.first[2]
    if rows.columns:
        for k, (left, pixels, count) in enumerate(rows.columns):
            tile = Tile(f"{number}_{k}", rows.height, pixels, True)
            out.append(_tiles(site, width, tile, count, where, as_index(left), block, pixels))
            block = replace(block, tile=block.tile + count)
        return _guarded(site, where, out)
    phase, spread = where.phase[2], shape.spread[2]
    line = ceil_divide(shape.out[2] - phase, spread) if spread > 1 else shape.out[2]
    left = least(rows.strip, line - first) if rows.strip else line - first
    pixels = min(left, rows.pixels) if type(left) is int else rows.pixels
    tile = Tile(f"{number}_a", 1, max(1, pixels), type(left) is int and left % max(1, pixels) == 0)
    count = ceil_divide(left, tile.pixels)
    return _guarded(site, where, [_tiles(site, width, tile, count, where, as_index(first), block, left)])


def _guarded(site: Site, where: Place, body: list) -> list:
    """Statements that run only where the phase has a position so far down."""
    conditions = []
    for axis in (0, 1):
        if site.shape.spread[axis] > 1:
            position = where.first[axis] * site.shape.spread[axis] + where.phase[axis]
            conditions.append(as_index(position) < site.shape.out[axis])
    return [If(all_of(conditions), tuple(body))] if conditions else body


def _tiles(site: Site, width: int, tile: Tile, count: object, where: Place, first: Node, block: _Block, left) -> For:
    """``count`` neighbouring tiles: for some of them together a patch, from it the sums for the panels of the block."""
    together = _together(site.shape, tile, count)
    piece = replace(tile, pixels=tile.pixels * together)
    patch = patch_of(site.shape, piece)

    def one(c: Node) -> tuple:
        column = simplified(first + c * piece.pixels)
        here = replace(where, first=(*where.first[:2], column))
        spare = -tile.pixels % FEW * patch.pixel * patch.pitch  # small tiles may read beyond the last pixel
        array = Array(patch.name, Type(site.wide, (patch.size + spare,)), "stack")
        inside = piece.pixels if tile.whole else least(piece.pixels, left - c * piece.pixels)

        def part(t: Node) -> tuple:
            offset = simplified(t * tile.pixels)
            valid = tile.pixels if tile.whole else least(tile.pixels, inside - offset)
            place = replace(here, first=(*where.first[:2], simplified(column + offset)))

            def panel(p: Node) -> tuple:
                new, named = block.coming(site, width, where.group, c * together + t, p, f"next{tile.name}")
                work = Work(site, width, tile, patch, place, offset, simplified(block.start + p), new)
                return (*named, *_panel(work, valid))

            return panel(as_index(0)) if block.many == 1 else (loop(f"n{tile.name}", block.many, panel),)

        parts = part(as_index(0)) if together == 1 else (loop(f"i{tile.name}", ceil_divide(inside, tile.pixels), part),)
        return (Alloc(array), *copy(site, piece, patch, here), *parts)

    return loop(f"c{tile.name}", ceil_divide(count, together), one)


def _together(shape: Shape, tile: Tile, count: object) -> int:
    """How many tiles share a patch: many where it is small. Of a number that is known, it is a divisor."""
    if tile.rows > 1:
        return 1
    numbers = [n for n in range(2, STRIP + 1) if type(count) is not int or (n <= count and count % n == 0)]
    return max([1, *[n for n in numbers if patch_of(shape, replace(tile, pixels=n * tile.pixels)).size <= SHARED_PATCH]])


# --------------------------------------------------------------------------------------------- tiles


@dataclass(frozen=True)
class Work:
    """One tile, ``offset`` pixels from the start of its patch, a panel of ``width`` channels, and what is asked for."""

    site: Site
    width: int
    tile: Tile
    patch: Patch
    where: Place
    offset: object
    panel: object
    coming: Coming | None = None

    def pixel(self, q: Node) -> Node:
        """The number in the output of a pixel of the tile."""
        shape, where, tile = self.site.shape, self.where, self.tile
        r, p = (q // tile.pixels, q % tile.pixels) if tile.rows > 1 else (0, q)
        d, h, w = (f * s + a for f, s, a in zip(where.first, shape.spread, where.phase))
        row = ((where.image * shape.out[0] + d) * shape.out[1] + h + r) * shape.out[2]
        return row + w + p * shape.spread[2]

    def channel(self, o: Node) -> tuple:
        """The output channel of a lane, and its guard."""
        return self.site.channel(self.where.group, self.panel, self.width, o)


def _panel(work: Work, valid: object) -> tuple:
    """The sums of one tile and panel, finished and stored; of a tile that is only partly inside, by smaller ones."""
    site, tile, name = work.site, work.tile, work.tile.name
    pixels, results = tile.rows * tile.pixels, site.results(work.width)
    short = is_short(site, pixels, results)
    end = (results, work.pixel, work.channel)
    sums, steps = sums_of(work, pixels, 0, name)
    if short and tile.whole:
        return (*steps, finish_now(site, sums, *end, name))
    kept = Array(f"kept{name}", Type(site.wide, (-(-pixels // FEW) * FEW, work.width)), "stack")
    rest = finish_kept(site, kept, results, valid * tile.rows, work.pixel, work.channel, f"{name}_l")
    if tile.whole:
        return (Alloc(kept), *steps, keep(site, sums, kept, (0, 0), name), rest)

    def few(f: Node) -> tuple:
        part, body = sums_of(work, FEW, f * FEW, f"{name}_z")
        return (*body, keep(site, part, kept, (f * FEW, 0), f"{name}_z"))

    partly = loop(f"f{name}", ceil_divide(valid, FEW), few)
    full = apply("eq", as_index(valid), as_index(tile.pixels))
    if short:
        return (Alloc(kept), If(full, (*steps, finish_now(site, sums, *end, name)), (partly, rest)))
    return (Alloc(kept), If(full, (*steps, keep(site, sums, kept, (0, 0), name)), (partly,)), rest)


def sums_of(work: Work, pixels: int, first: object, tag: str) -> tuple[Array, tuple]:
    """A register array, and the statements that sum in it ``pixels`` of the tile from ``first`` on."""
    site, shape, tile, patch, wide = work.site, work.site.shape, work.tile, work.patch, work.site.wide
    first = simplified(work.offset + first)
    sums = Array(f"sums{tag}", Type(wide, (pixels, work.width)), "register")

    def each(suffix: str, statement) -> For:
        q = index(f"p{suffix}", pixels)
        return For(q, pixels, (vector(f"o{suffix}", work.width, lambda o: (statement(q, o),)),), UNROLLED)

    def clear(q: Node, o: Node) -> Store:
        return Store(sums.name, (q, o), scalar(0, wide))

    def step(position: Node, row: Node, tap: tuple) -> tuple:
        weights = Array(f"w{tag}", Type(wide, (work.width,)), "register")

        def add(q: Node, o: Node) -> Store:
            r, p = (q // tile.pixels, q % tile.pixels) if tile.rows > 1 else (0, q + first)
            at = position + (r * shape.stride[1] * patch.columns + p * patch.pixel) * patch.pitch
            value, weight = load(patch.name, (at,), wide), load(weights.name, (o,), wide)
            return Store(sums.name, (q, o), site.multiply_add(value, weight, load(sums.name, (q, o), wide)))

        width = work.width if site.packed else site.results(work.width)
        fetch = vector(f"f{tag}", width, lambda o: (Store(weights.name, (o,), _weight(work, row, o)),))
        ahead = _ahead(work, tap) if pixels == tile.pixels else ()
        ahead = (*ahead, *work.coming.ask(row)) if work.coming else ahead
        return (Alloc(weights), *ahead, fetch, each(f"{tag}_m", add))

    return sums, (Alloc(sums), each(f"{tag}_0", clear), *_kernel(shape, patch, work.where, step, tag))


def _ahead(work: Work, tap: tuple) -> tuple:
    """Ask for a piece of the next patch, so that all of it is near when these sums are done."""
    shape, patch, where = work.site.shape, work.patch, work.where
    if not (shape.depth >= AHEAD and patch.step == 1 and patch.pitch == shape.channels and shape.groups == 1):
        return ()
    place = [f * t.stride + t.offset for f, t in zip(where.first, where.taps)]
    z, y = (p + k * t.dilation for p, k, t in zip(place[:2], tap, where.taps))
    line = ((where.image * shape.space[0] + z) * shape.space[1] + y) * shape.space[2]
    new = work.tile.pixels * patch.pixel  # columns
    steps = shape.kernel[2] * shape.channels
    at = (line + place[2] + patch.columns) * shape.channels + tap[2] * -(-new * shape.channels // steps)
    return (Prefetch(work.site.source, (at,)),)


def _weight(work: Work, row: Node, o: Node) -> Node:
    site = work.site
    if site.packed:
        return load(site.weights, (work.where.group, work.panel, row, o), site.wide)
    channel, guard = work.channel(o)
    return cast(load(site.weights, (row, channel), site.node.dtype, guard), site.wide)


def _kernel(shape: Shape, patch: Patch, where: Place, step, tag: str) -> tuple:
    """Loops over the taps; where those along the width are neighbours in the patch, they and the channels are one run."""
    deep, high, wide = where.taps
    _, height, width = shape.kernel
    dense = wide.spread == 1 and (width == 1 or (shape.dilation[2] == 1 and patch.pitch == shape.channels))
    run, turns = (shape.channels * width, 1) if dense else (shape.channels, wide.count)

    def taps(u: Node, v: Node, w: Node) -> tuple:
        position = ((u * patch.rows + v) * patch.columns + w * patch.tap) * patch.pitch
        at = (deep.first + u * deep.spread) * height + high.first + v * high.spread
        row = at * (width * shape.channels) if dense else (at * width + wide.first + w * wide.spread) * run
        return (loop(f"t{tag}", run, lambda t: step(position + t, row + t, (u, v, t))),)

    return (loop(f"ku{tag}", deep.count, lambda u: (
        loop(f"kv{tag}", high.count, lambda v: (
            loop(f"kw{tag}", turns, lambda w: taps(u, v, w)),)),)),)  # fmt: skip
