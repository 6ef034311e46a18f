"""Convolution by register tiles: neighbouring output pixels x neighbouring output channels, sums in registers."""

from __future__ import annotations

from dataclasses import dataclass, fields

from graphc.ir.kernel import UNROLLED, VECTOR, Alloc, Array, For, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_shape import Shape, flattened
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    all_of, as_index, cast, even_pieces, index, inside, let, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply

UNROLL = 4  # steps of the innermost sum that are written out


@dataclass(frozen=True)
class Padded(Shape):
    """The sizes of a convolution; all are known but the batch and the channels."""

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial shape with padding and holes, as the sums read it."""
        return tuple(a + (n - 1) * s + 1 + b for a, n, s, b in zip(self.low, self.space, self.spread, self.high))

    @property
    def has_padding(self) -> bool:
        return any(self.low) or any(self.high) or self.spread != (1, 1, 1)

    def offset(self, position: tuple) -> object:
        """The flat position, within one padded image, of a place (d, h, w)."""
        d, h, w = position
        _, height, width = self.padded
        return ((d * height + h) * width + w) * self.channels


@dataclass(frozen=True)
class Tile:
    """One kind of register tile: ``rows`` x ``pixels`` output pixels by ``width`` channels."""

    name: str
    rows: int
    pixels: int
    width: int


def can_tile(node: Node) -> bool:
    """Whether sizes (but batch and input channels) are known and there are no groups."""
    x, w = node.inputs
    sizes = (*x.shape[1:-1], *w.shape[:-2], w.shape[-1], *node.shape[1:])
    return (
        all(type(d) is int and d > 0 for d in sizes)
        and all(type(d) is int for d in (*node.attr("low"), *node.attr("high")))
        and 3 <= len(x.shape) <= 5
        and node.attr("groups") == 1
    )


def tiled(site: Site, target: Target) -> tuple[tuple, tuple]:
    """The statements, a copy with padding where there is any and then the tiles, and the types of scratch arrays."""
    flat = flattened(site.shape)
    flat = flat if type(flat.out[2]) is int else site.shape  # tiles are cut from a line of known length
    shape = Padded(**{f.name: getattr(flat, f.name) for f in fields(Shape)})
    lanes = target.lanes(site.wide)
    body, scratch, source = [], (), site.source
    if shape.has_padding:
        padded = product((shape.batch, *shape.padded, shape.channels))
        body.append(_pad(site, shape))
        scratch, source = (Type(site.node.dtype, (padded,)),), "scratch0"
    for first, width, count in whole_pieces(shape.outputs, 2 * lanes):
        limit = tile_pixels(target.registers, -(-width // lanes))
        rows, columns = tiles(shape.out, limit)
        for top, height, row_tiles in rows:
            panels = (first, width, count)
            body.append(_tasks(site, shape, source, panels, (top, height, row_tiles), columns, len(body)))
    return tuple(body), scratch


def tile_pixels(registers: int, vectors: int) -> int:
    """Pixels of a tile: the sums, the weights and one input value have to leave one register free."""
    return max(1, (registers - 2 - vectors) // vectors)


def whole_pieces(extent: int, limit: int) -> list[tuple[int, int, int]]:
    """Pieces of ``limit`` and what is left: (first, size, count) for each size."""
    whole, left = divmod(extent, limit)
    pieces = [(0, limit, whole), (whole * limit, left, 1)]
    return [p for p in pieces if p[1] and p[2]]


def tiles(out: tuple, limit: int) -> tuple[list, list]:
    """Pieces of the rows and of the columns: several short rows make one tile, a long row makes several."""
    _, height, width = out
    if 2 * width <= limit:
        return even_pieces(height, limit // width), [(0, width, 1)]
    return [(0, 1, height)], even_pieces(width, limit)


def _pad(site: Site, shape: Padded) -> For:
    """Copy the input into scratch memory, zeros around every image and between its elements."""
    dtype, channels = site.node.dtype, shape.channels
    depth, height, width = shape.padded
    low, spread, columns = shape.low[2], shape.spread[2], shape.space[2]
    first = -(-max(0, -low) // spread)  # the input columns that are not cropped away
    count = max(0, min(columns, -(-(width - low) // spread)) - first)

    def row(t: Node) -> tuple:
        n, *place = unravel(t, (shape.batch, depth, height))
        conditions, source = [], n
        for k, position in enumerate(place):
            position = position - shape.low[k]
            if shape.spread[k] != 1:
                conditions.append(apply("eq", position % shape.spread[k], as_index(0)))
                position = position // shape.spread[k]
            conditions += inside(position, shape.space[k])
            source = source * shape.space[k] + position
        guard = all_of(conditions)
        start, base = t * (width * channels), source * (columns * channels)

        def copy(name: str, size, step, old: Node) -> For:
            def lane(j: Node) -> tuple:
                return (Store("scratch0", (step + j,), load(site.source, (old + j,), dtype, guard)),)

            return vector(name, size, lane)

        def column(c: Node) -> tuple:
            c = c + first
            return (copy("j_one", channels, start + (low + c * spread) * channels, base + c * channels),)

        zeros = vector("j_zero", width * channels, lambda j: (Store("scratch0", (start + j,), scalar(0, dtype)),))
        if spread != 1:
            return (zeros, loop("column", count, column))
        filled = () if count == width else (zeros,)
        return (*filled, copy("j_copy", count * channels, start + (low + first) * channels, base + first * channels))

    return parallel("pad", product((shape.batch, depth, height)), channels * (width * 2), row)


def _tasks(site: Site, shape: Padded, source: str, panels: tuple, rows: tuple, columns: list, number: int) -> For:
    """Tiles of one height and width of channels; panels are the outermost loop, so that weights stay in cache."""
    first, width, panel_count = panels
    top, height, row_tiles = rows
    extents = (panel_count, shape.batch, shape.out[0], row_tiles)
    work = product((*shape.kernel, shape.channels)) * width * height * shape.out[2] * 2 // 16

    def task(t: Node) -> tuple:
        panel, n, d, r = unravel(t, extents)
        h = r * height + top
        out = []
        for k, (left, pixels, count) in enumerate(columns):
            tile = Tile(f"{number}_{k}", height, pixels, width)

            def place(c: Node, left: int = left, tile: Tile = tile) -> tuple:
                w = c * tile.pixels + left
                image = n * product((*shape.padded, shape.channels))
                corner = shape.offset((d * shape.stride[0], h * shape.stride[1], w * shape.stride[2]))
                start, base = let(f"base{tile.name}", image + corner)
                pixel = ((n * shape.out[0] + d) * shape.out[1] + h) * shape.out[2] + w
                return (base, *_micro(site, shape, source, tile, start, panel * width + first, pixel))

            out.append(loop(f"column{tile.name}", count, place))
        return tuple(out)

    return parallel(f"tile{number}", product(extents), work, task)


def _micro(site: Site, shape: Padded, source: str, tile: Tile, start: Node, channel: Node, pixel: Node) -> tuple:
    """The sums of one tile, in registers over the whole kernel, then stored."""
    wide = site.wide
    sums = Array(f"sums{tile.name}", Type(wide, (tile.rows * tile.pixels, tile.width)), "register")

    def at(r: Node, p: Node, o: Node) -> tuple:
        return (r * tile.pixels + p, o)

    def clear(r: Node, p: Node, o: Node) -> tuple:
        return (Store(sums.name, at(r, p, o), scalar(0, wide)),)

    def step(position: Node, weight_row: Node, suffix: str) -> tuple:
        weights = Array(f"weights{suffix}", Type(wide, (tile.width,)), "register")

        def fetch(o: Node) -> tuple:
            return (Store(weights.name, (o,), cast(load(site.weights, (weight_row, channel + o), site.node.dtype), wide)),)

        def add(r: Node, p: Node, o: Node) -> tuple:
            where = position + shape.offset((0, r * shape.stride[1], p * shape.stride[2]))
            value = cast(load(source, (where,), site.node.dtype), wide)
            weight, old = load(weights.name, (o,), wide), load(sums.name, at(r, p, o), wide)
            return (Store(sums.name, at(r, p, o), apply("fma", value, weight, old)),)

        return (Alloc(weights), vector(f"w{suffix}", tile.width, fetch), _pixels(tile, suffix, add))

    def store(r: Node, p: Node, o: Node) -> tuple:
        return site.finish(pixel + r * shape.out[2] + p, channel + o, load(sums.name, at(r, p, o), wide))

    return (Alloc(sums), _pixels(tile, f"{tile.name}_clear", clear), *_sum(shape, tile, start, step),
            _pixels(tile, f"{tile.name}_store", store))  # fmt: skip


def _pixels(tile: Tile, suffix: str, statement) -> For:
    """``statement``s for every pixel of the tile, written out, and every channel, in lanes."""
    r, p, o = index(f"r{suffix}", tile.rows), index(f"p{suffix}", tile.pixels), index(f"o{suffix}", tile.width)
    channels = For(o, tile.width, statement(r, p, o), VECTOR)
    return For(r, tile.rows, (For(p, tile.pixels, (channels,), UNROLLED),), UNROLLED)


def _sum(shape: Padded, tile: Tile, start: Node, step) -> tuple:
    """Loops over the kernel; where its last axis is dense, (kernel width, channel) is one contiguous run."""
    depth, height, width = shape.kernel
    dense = shape.dilation[2] == 1
    run, turns = (simplified(shape.channels * width), 1) if dense else (shape.channels, width)

    def taps(d: Node, h: Node, w: Node) -> tuple:
        tap = (d * shape.dilation[0], h * shape.dilation[1], w * shape.dilation[2])
        base = start + shape.offset(tap)
        row = ((d * height + h) * turns + w) * run
        main = simplified(run // UNROLL)
        rest = simplified(run - main * UNROLL)

        def several(t: Node) -> tuple:
            u = index(f"u{tile.name}", UNROLL)
            k = t * UNROLL + u
            return (For(u, UNROLL, step(base + k, row + k, f"{tile.name}_m"), UNROLLED),)

        def one(t: Node) -> tuple:
            k = t + main * UNROLL
            return step(base + k, row + k, f"{tile.name}_e")

        return (loop(f"t{tile.name}", main, several), loop(f"e{tile.name}", rest, one))

    return (loop(f"kd{tile.name}", depth, lambda d: (
        loop(f"kh{tile.name}", height, lambda h: (
            loop(f"kw{tile.name}", turns, lambda w: taps(d, h, w)),)),)),)  # fmt: skip
