"""Convolution by register tiles: neighbouring output pixels x neighbouring output channels, sums in registers."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.kernel import UNROLLED, Alloc, Array, For, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    accumulator, all_of, cast, finish, index, inside, let, loop, multiply_add, parallel, product, scalar, unravel,
    vector,
)  # fmt: skip

UNROLL = 4  # steps of the innermost sum that are written out


@dataclass(frozen=True)
class Shape:
    """A convolution in three spatial axes (depth, height, width); missing ones have size 1. Only ``batch`` may be symbolic."""

    batch: object
    space: tuple[int, int, int]
    channels: int
    kernel: tuple[int, int, int]
    outputs: int
    out: tuple[int, int, int]
    stride: tuple[int, int, int]
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    dilation: tuple[int, int, int]

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial shape with its padding."""
        return tuple(a + b + c for a, b, c in zip(self.low, self.space, self.high))

    @property
    def has_padding(self) -> bool:
        return self.padded != self.space

    def offset(self, position: tuple) -> object:
        """The flat position, within one padded image, of a place (d, h, w)."""
        d, h, w = position
        _, height, width = self.padded
        return ((d * height + h) * width + w) * self.channels


@dataclass(frozen=True)
class Tile:
    """One kind of register tile: ``rows`` x ``pixels`` output pixels by ``width`` channels from ``channel`` on."""

    name: str
    rows: int
    pixels: int
    width: int


def can_tile(node: Node, target: Target) -> bool:
    """Whether sizes are known (but the batch), no groups, no input dilation, no cropping, and the target has vectors."""
    x, w = node.inputs
    sizes = (*x.shape[1:], *w.shape, *node.shape[1:], *node.attr("low"), *node.attr("high"))
    return (
        all(type(d) is int for d in sizes)
        and 3 <= len(x.shape) <= 5
        and node.attr("groups") == 1
        and all(d == 1 for d in node.attr("x_dilation"))
        and all(d >= 0 for d in (*node.attr("low"), *node.attr("high")))
        and target.vector_bits > 0
        and 0 not in sizes[: len(sizes) - 2 * len(node.attr("low"))]
    )


def shape_of(node: Node) -> Shape:
    """The sizes of a convolution that ``can_tile``; a plain matrix product gets one long spatial axis."""
    x, w = node.inputs
    rank = len(x.shape) - 2

    def three(values: tuple, missing: int) -> tuple:
        return (missing,) * (3 - rank) + tuple(values)

    shape = Shape(x.shape[0], three(x.shape[1:-1], 1), x.shape[-1], three(w.shape[:-2], 1), w.shape[-1],
                  three(node.shape[1:-1], 1), three(node.attr("stride"), 1), three(node.attr("low"), 0),
                  three(node.attr("high"), 0), three(node.attr("dilation"), 1))  # fmt: skip
    if shape.kernel == (1, 1, 1) and shape.stride == (1, 1, 1) and not shape.has_padding:
        line = (1, 1, product(shape.space))
        return Shape(shape.batch, line, shape.channels, shape.kernel, shape.outputs, line, (1, 1, 1),
                     (0, 0, 0), (0, 0, 0), (1, 1, 1))  # fmt: skip
    return shape


def tiled(node: Node, target: Target) -> Kernel:
    """The kernel: a copy with padding where there is any, then for every kind of tile a loop shared among threads."""
    x, _ = node.inputs
    shape = shape_of(node)
    wide = accumulator(node.dtype)
    lanes = target.lanes(wide)
    body, scratch, source = [], (), "x0"
    if shape.has_padding:
        padded = product((shape.batch, *shape.padded, shape.channels))
        body.append(_pad(node, shape))
        scratch, source = (Type(x.dtype, (padded,)),), "scratch0"
    for first, width, count in split(shape.outputs, 2 * lanes, even=False):
        limit = tile_pixels(target.registers, -(-width // lanes))
        rows, columns = tiles(shape.out, limit)
        for top, height, row_tiles in rows:
            body.append(_tasks(node, shape, source, (first, width, count), (top, height, row_tiles), columns, len(body)))
    views = ((product((shape.batch, *shape.space, shape.channels)),),
             (product((*shape.kernel, shape.channels)), shape.outputs))  # fmt: skip
    return finish("conv", node, views, ((product((shape.batch, *shape.out)), shape.outputs),), tuple(body), scratch)


def tile_pixels(registers: int, vectors: int) -> int:
    """Pixels of a tile: the sums, the weights and one input value have to fit the registers, one of which stays free."""
    return max(1, (registers - 2 - vectors) // vectors)


def split(extent: int, limit: int, even: bool = True) -> list[tuple[int, int, int]]:
    """Pieces of at most ``limit``: (first, size, count) for each size; ``even`` sizes differ by one at most."""
    count = -(-extent // limit)
    if even:
        size, larger = divmod(extent, count)
        pieces = [(0, size + 1, larger), (larger * (size + 1), size, count - larger)]
    else:
        whole = extent // limit
        pieces = [(0, limit, whole), (whole * limit, extent % limit, 1 if extent % limit else 0)]
    return [p for p in pieces if p[2]]


def tiles(out: tuple, limit: int) -> tuple[list, list]:
    """Pieces of the rows and of the columns: several short rows make one tile, a long row makes several."""
    _, height, width = out
    if 2 * width <= limit:
        return split(height, limit // width), [(0, width, 1)]
    return [(0, 1, height)], split(width, limit)


def _pad(node: Node, shape: Shape) -> For:
    """Copy the input into scratch memory with zeros around every image."""
    dtype = node.inputs[0].dtype
    depth, height, width = shape.padded
    left, middle, right = (n * shape.channels for n in (shape.low[2], shape.space[2], shape.high[2]))

    def row(t: Node) -> tuple:
        n, d, h = unravel(t, (shape.batch, depth, height))
        d, h = d - shape.low[0], h - shape.low[1]
        guard = all_of([*inside(d, shape.space[0]), *inside(h, shape.space[1])])
        source = ((n * shape.space[0] + d) * shape.space[1] + h) * middle
        base = t * (width * shape.channels)

        def zeros(name: str, first: int, count: int) -> list:
            return [vector(name, count, lambda j: (Store("scratch0", (base + first + j,), scalar(0, dtype)),))] if count else []

        def copy(j: Node) -> tuple:
            return (Store("scratch0", (base + left + j,), load("x0", (source + j,), dtype, guard)),)

        return (*zeros("j_left", 0, left), vector("j_copy", middle, copy), *zeros("j_right", left + middle, right))

    return parallel("pad", product((shape.batch, depth, height)), width * shape.channels * 2, row)


def _tasks(node: Node, shape: Shape, source: str, panels: tuple, rows: tuple, columns: list, number: int) -> For:
    """Tiles of one height and width of channels; the panel of channels is the outermost, so that its weights stay near."""
    first, width, panel_count = panels
    top, height, row_tiles = rows
    extents = (panel_count, shape.batch, shape.out[0], row_tiles)
    work = product((*shape.kernel, shape.channels)) * width * height * shape.out[2] * 2 // 8

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
                return (base, *_micro(node, shape, source, tile, start, panel * width + first, pixel))

            out.append(loop(f"column{tile.name}", count, place))
        return tuple(out)

    return parallel(f"tile{number}", product(extents), work, task)


def _micro(node: Node, shape: Shape, source: str, tile: Tile, start: Node, channel: Node, pixel: Node) -> tuple:
    """The sums of one tile, in registers over the whole kernel, then stored."""
    wide = accumulator(node.dtype)
    sums = Array(f"sums{tile.name}", Type(wide, (tile.rows * tile.pixels, tile.width)), "register")

    def at(r: Node, p: Node, o: Node) -> tuple:
        return (r * tile.pixels + p, o)

    def clear(r: Node, p: Node, o: Node) -> Store:
        return Store(sums.name, at(r, p, o), scalar(0, wide))

    def step(position: Node, weight_row: Node, suffix: str) -> For:
        def lane(o: Node) -> tuple:
            name, weight = let(f"weight{suffix}", cast(load("x1", (weight_row, channel + o), node.dtype), wide))

            def add(r: Node, p: Node, o: Node) -> Store:
                where = position + shape.offset((0, r * shape.stride[1], p * shape.stride[2]))
                value = cast(load(source, (where,), node.dtype), wide)
                return Store(sums.name, at(r, p, o), multiply_add(value, name, load(sums.name, at(r, p, o), wide)))

            return (weight, *_pixels(tile, suffix, o, add))

        return vector(f"o{suffix}", tile.width, lane)

    def store(r: Node, p: Node, o: Node) -> Store:
        value = cast(load(sums.name, at(r, p, o), wide), node.dtype)
        return Store("out0", (pixel + r * shape.out[2] + p, channel + o), value)

    def each(suffix: str, statement) -> For:
        name = f"{tile.name}_{suffix}"
        return vector(f"o{name}", tile.width, lambda o: _pixels(tile, name, o, statement))

    return (Alloc(sums), each("clear", clear), *_sum(shape, tile, start, step), each("store", store))


def _pixels(tile: Tile, suffix: str, o: Node, statement) -> tuple:
    """``statement`` for every pixel of the tile, written out."""
    r, p = index(f"r{suffix}", tile.rows), index(f"p{suffix}", tile.pixels)
    body = For(p, tile.pixels, (statement(r, p, o),), UNROLLED)
    return (For(r, tile.rows, (body,), UNROLLED),)


def _sum(shape: Shape, tile: Tile, start: Node, step) -> tuple:
    """Loops over the kernel; where its last axis is dense, (kernel width, channel) is one contiguous run."""
    depth, height, width = shape.kernel
    dense = shape.dilation[2] == 1
    run, turns = (width * shape.channels, 1) if dense else (shape.channels, width)

    def taps(d: Node, h: Node, w: Node) -> tuple:
        tap = (d * shape.dilation[0], h * shape.dilation[1], w * shape.dilation[2])
        base = start + shape.offset(tap)
        row = ((d * height + h) * turns + w) * run
        out = []
        main = run // UNROLL
        if main:
            def several(t: Node) -> tuple:
                u = index(f"u{tile.name}", UNROLL)
                k = t * UNROLL + u
                return (For(u, UNROLL, (step(base + k, row + k, f"{tile.name}_m"),), UNROLLED),)

            out.append(loop(f"t{tile.name}", main, several))
        for k in range(main * UNROLL, run):
            out.append(step(base + k, row + k, f"{tile.name}_{k - main * UNROLL}"))
        return tuple(out)

    return (loop(f"kd{tile.name}", depth, lambda d: (
        loop(f"kh{tile.name}", height, lambda h: (
            loop(f"kw{tile.name}", turns, lambda w: taps(d, h, w)),)),)),)  # fmt: skip
