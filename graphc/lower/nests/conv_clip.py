"""Convolution of an input that is read where it lies: taps in the padding are left out, so nothing is copied.

A tile is some neighbouring pixels of one line and a panel of neighbouring channels. Where a line begins and ends is
known, so tiles at its ends are written out without the taps that lie outside; of the rows of the kernel, those inside
are counted when the line is known. A product with a zero of the padding changes no sum if the weight is finite.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, Alloc, Array, For, Prefetch, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_coming import Coming, asks, coming
from graphc.lower.nests.conv_finish import finish_kept, finish_now, is_short, keep
from graphc.lower.nests.conv_pack import pays
from graphc.lower.nests.conv_panel import AHEAD, panel_width, tile_pixels, vectors_for
from graphc.lower.nests.conv_shape import Shape, is_finite
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    as_index, ceil_divide, even_pieces, index, least, let, loop, most, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply

KINDS = 6  # kinds of tiles that are written out for one line
FAR = 1 << 20  # elements of an input that has left the second-level cache before it is read
TASKS = 8  # at least, where there are as many panels and lines
LONGEST = 16  # tiles of a line of a pointwise convolution
NARROW = 3  # tiles that would be as short as one part in this of a register tile are left to forms that span lines


@dataclass(frozen=True)
class Piece:
    """``count`` neighbouring tiles of a line: ``pixels`` each from ``first`` on; ``taps`` are those of each pixel that
    are inside, (pixel, the pixel after the last) for each tap of a row of the kernel."""

    first: int
    pixels: int
    count: int
    taps: tuple[tuple[int, int], ...]

    @property
    def is_inner(self) -> bool:
        """Whether all taps of all pixels are inside."""
        return all(t == (0, self.pixels) for t in self.taps)


def can_clip(weights: Node, shape: Shape, target: Target) -> bool:
    """Whether sizes (but the batch) are known, weights are finite or get packed, and lines are long enough for tiles."""
    sizes = (*shape.kernel, shape.channels, shape.outputs, *shape.space, *shape.out, shape.groups)
    if target.vector_bits == 0 or not all(type(d) is int and d > 0 for d in sizes):
        return False
    if dt.accumulator(weights.dtype) is not weights.dtype:
        return False  # every element of the input would be converted again for each product
    if shape.spread != (1, 1, 1) or not all(type(d) is int for d in (*shape.low, *shape.high)):
        return False
    limit = tile_pixels(target, vectors_for(shape, target, target.lanes(weights.dtype)))
    shape = even_lines(shape, limit)
    fits = shape.out[2] * NARROW >= limit and len(pieces(shape, limit)) <= KINDS
    return fits and (is_finite(weights) or pays(weights, shape))


def can_clip_words(fill: int, weights: Node, shape: Shape, target: Target) -> bool:
    """The same for words of four bytes: the padding is 0, and lines fill tiles. Copies cost little, so pointwise
    convolutions are left to the form whose lines have any length."""
    if shape.is_pointwise or not (fill == 0 or shape.is_unpadded) or not can_clip(weights, shape, target):
        return False
    return shape.out[2] >= tile_pixels(target, vectors_for(shape, target, target.lanes(weights.dtype)))


def even_lines(shape: Shape, limit: int) -> Shape:
    """A pointwise convolution with the pixels of an image in lines of another length, which fill their tiles better."""
    if not shape.is_pointwise or shape.space != shape.out:
        return shape
    pixels = product(shape.space)
    lengths = [n for n in range(1, min(pixels, LONGEST * limit) + 1) if pixels % n == 0]
    length = min(lengths, key=lambda n: (-(-n // limit) * (pixels // n), n))
    line = (1, pixels // length, length)
    return replace(shape, space=line, out=line, low=(0, 0, 0), high=(0, 0, 0))


def pieces(shape: Shape, limit: int) -> list[Piece]:
    """The tiles of a line, as even as can be; those that are alike are one piece."""
    out: list[Piece] = []
    for first, pixels, count in even_pieces(shape.out[2], limit):
        for k in range(count):
            start = first + k * pixels
            taps = tuple([_inside(shape, start, pixels, tap) for tap in range(shape.kernel[2])])
            last = out[-1] if out else None
            if last is not None and last.pixels == pixels and last.taps == taps:
                out[-1] = replace(last, count=last.count + 1)
            else:
                out.append(Piece(start, pixels, 1, taps))
    return out


def _inside(shape: Shape, start: int, pixels: int, tap: int) -> tuple[int, int]:
    """The first pixel of a tile for which a tap of a row is inside, and the one after the last."""
    stride, offset = shape.stride[2], tap * shape.dilation[2] - shape.low[2] + start * shape.stride[2]
    first = min(pixels, max(0, -(offset // stride)))
    return first, max(first, min(pixels, -((offset - shape.space[2]) // stride)))


def clipped(site: Site, target: Target) -> tuple:
    """The statements of the kernel."""
    width = panel_width(site.wide, site.shape, target)
    limit = tile_pixels(target, width // site.lanes)
    shape = even_lines(site.shape, limit)
    site, line = replace(site, shape=shape), pieces(shape, limit)
    count = ceil_divide(shape.outputs, width)
    lines = product((shape.batch, shape.groups, *shape.out[:2]))
    blocks = ceil_divide(count, max(1, target.machine.conv_block // (shape.depth * width)))
    if type(lines) is int and blocks * lines < TASKS:  # something for every thread
        blocks = min(count, ceil_divide(TASKS, lines))
    per_block = ceil_divide(count, blocks)
    blocks = ceil_divide(count, per_block)
    extents = (blocks, shape.groups, shape.batch, shape.out[0], shape.out[1])

    def task(t: Node) -> tuple:
        block, group, image, d, h = unravel(t, extents)
        many = least(per_block, count - block * per_block) if count % per_block else per_block
        deep, high = inside_range(shape, 0, d, "deep"), inside_range(shape, 1, h, "high")
        place = (image * shape.out[0] + d) * shape.out[1] + h
        number, row = let("line", place * shape.out[2])
        start, corner = let("corner", as_index(_corner(shape, image, d, h, group)))
        spot = _Line(site, width, (deep[0], high[0]), group, place, number, start)
        body = [_tiles(spot, k, line, (block * per_block, many)) for k in range(len(line))]
        return (*deep[1], *high[1], row, corner, *body)

    work = product((shape.depth, per_block * width, shape.out[2]))
    return (parallel("task0", product(extents), work, task),)


def _corner(shape: Shape, image: Node, d: Node, h: Node, group: Node) -> object:
    """The element under the first tap of a line's first pixel, inside or not."""
    z, y = d * shape.stride[0] - shape.low[0], h * shape.stride[1] - shape.low[1]
    pixel = ((image * shape.space[0] + z) * shape.space[1] + y) * shape.space[2] - shape.low[2]
    return pixel * (shape.channels * shape.groups) + group * shape.channels


def inside_range(shape: Shape, axis: int, place: Node, name: str) -> tuple[tuple, tuple]:
    """The first tap along an axis that is inside and how many are, for one output position; and what names them."""
    low, dilation, taps = shape.low[axis], shape.dilation[axis], shape.kernel[axis]
    start = place * shape.stride[axis] - low
    if low <= 0 and (shape.out[axis] - 1) * shape.stride[axis] - low + (taps - 1) * dilation < shape.space[axis]:
        return (0, taps), ()
    first, one = let(f"{name}_first", as_index(most(ceil_divide(0 - start, dilation), 0)))
    stop = least(ceil_divide(shape.space[axis] - start, dilation), taps)
    count, two = let(f"{name}_count", as_index(most(stop - first, 0)))
    return (first, count), (one, two)


@dataclass(frozen=True)
class _Line:
    """One line of the output, or those of its channels that one group has.

    ``ranges``: (first tap, how many) along depth and height. ``place``: the number of the line. ``number``: of its
    first pixel in the output. ``corner``: the element under the first tap of that pixel. ``coming``: what a tile asks for.
    """

    site: Site
    width: int
    ranges: tuple
    group: object
    place: object
    number: object
    corner: object
    coming: Coming | None = None


def _tiles(line: _Line, number: int, pieces: list[Piece], block: tuple) -> For:
    """Neighbouring tiles, each for all panels of the block."""
    start, many = block
    shape, piece = line.site.shape, pieces[number]
    before, each = sum(p.count for p in pieces[:number]), sum(p.count for p in pieces)

    def one(c: Node) -> tuple:
        def panel(p: Node) -> tuple:
            if not asks(line.site, shape):
                return _tile(line, number, piece, c, simplified(start + p))
            tile = (line.place * each + before + c, shape.out[0] * shape.out[1] * each)
            new, named = coming(line.site, shape, line.width, (line.group, start, many, p), tile, f"next{number}c")
            return (named, *_tile(replace(line, coming=new), number, piece, c, simplified(start + p)))

        return (loop(f"n{number}c", many, panel),)

    return loop(f"c{number}c", piece.count, one)


def _tile(line: _Line, number: int, piece: Piece, c: Node, panel: object) -> tuple:
    """The sums of one tile and panel, finished and stored."""
    site, tag = line.site, f"{number}c"
    column = simplified(c * piece.pixels + piece.first)
    sums = Array(f"sums{tag}", Type(site.wide, (piece.pixels, line.width)), "register")
    steps = (Alloc(sums), _each(line, sums, (0, piece.pixels), f"{tag}_0", lambda p, o: scalar(0, site.wide)),
             *_kernel(line, piece, sums, column, panel, tag), *_rows_outside(line, sums, panel, tag))  # fmt: skip

    def pixel(q: Node) -> Node:
        return line.number + column + q

    def channel(o: Node) -> tuple:
        return site.channel(line.group, panel, line.width, o)

    results = site.results(line.width)
    if is_short(site, piece.pixels, results):
        return (*steps, finish_now(site, sums, results, pixel, channel, tag))
    kept = Array(f"kept{tag}", Type(site.wide, (piece.pixels, line.width)), "stack")
    rest = finish_kept(site, kept, results, piece.pixels, pixel, channel, f"{tag}_l")
    return (Alloc(kept), *steps, keep(site, sums, kept, (0, 0), tag), rest)


def _each(line: _Line, sums: Array, span: tuple[int, int], suffix: str, value) -> For:
    """Set the sums of some pixels, written out."""
    first, stop = span
    p = index(f"p{suffix}", stop - first)

    def lane(o: Node) -> tuple:
        return (Store(sums.name, (p + first, o), value(p + first, o)),)

    return For(p, stop - first, (vector(f"o{suffix}", line.width, lane),), UNROLLED)


def _kernel(line: _Line, piece: Piece, sums: Array, column: Node, panel: object, tag: str) -> tuple:
    """Loops over the taps that are inside: neighbouring taps that all pixels have are one run."""
    shape = line.site.shape
    (first_deep, deep), (first_high, high) = line.ranges
    all_channels = shape.channels * shape.groups

    def row(u: Node, v: Node) -> tuple:
        u, v = u + first_deep, v + first_high
        plane = (u * shape.dilation[0] * shape.space[1] + v * shape.dilation[1]) * shape.space[2]
        base, named = let(f"base{tag}", simplified(line.corner + (plane + column * shape.stride[2]) * all_channels))
        taps, body = as_index((u * shape.kernel[1] + v) * shape.kernel[2]), []
        runs = _runs(shape, piece)
        for k, (tap, length, span) in enumerate(runs):
            position = base + tap * (shape.dilation[2] * all_channels)
            weights = (taps + tap) * shape.channels
            suffix = f"{tag}_{k}"

            def step(t: Node, position=position, weights=weights, span=span, suffix=suffix) -> tuple:
                row = simplified(weights + t)
                near = _ahead(line, piece, base, t) if len(runs) == 1 else ()
                asked = line.coming.ask(row) if line.coming else ()
                return (*near, *asked, *_step(line, sums, span, position + t, (panel, row), suffix))

            body.append(loop(f"t{suffix}", length, step))
        for tap, (first, stop) in enumerate(piece.taps if line.site.outside else ()):
            for k, span in enumerate(((0, first), (stop, piece.pixels))):
                if span[0] < span[1]:
                    body.append(_outside(line, sums, span, panel, simplified(taps + tap), f"{tag}_{tap}_{k}"))
        return (named, *body)

    return (loop(f"ku{tag}", deep, lambda u: (loop(f"kv{tag}", high, lambda v: row(u, v)),)),)


def _ahead(line: _Line, piece: Piece, base: Node, t: Node) -> tuple:
    """Ask for a part of what the next tile reads first, so that all of it is near when these sums are done."""
    shape = line.site.shape
    size = product((shape.batch, *shape.space, shape.channels))
    if shape.depth < AHEAD or shape.groups > 1 or (type(size) is int and size < FAR):
        return ()
    new = piece.pixels * shape.stride[2]  # columns
    seen = new + (shape.kernel[2] - 1) * shape.dilation[2] + 1 - shape.stride[2]
    return (Prefetch(line.site.source, (base + seen * shape.channels + t * -(-new // shape.kernel[2]),)),)


def _outside(line: _Line, sums: Array, span: tuple[int, int], panel: object, tap: Node, suffix: str) -> For:
    """Add what a tap in the padding gives."""
    site = line.site

    def add(p: Node, o: Node) -> Node:
        more = load(site.outside, (tap, line.group, panel, o), site.wide)
        return apply("add", load(sums.name, (p, o), site.wide), more)

    return _each(line, sums, span, f"{suffix}_z", add)


def _rows_outside(line: _Line, sums: Array, panel: object, tag: str) -> tuple:
    """The same for rows of the kernel that lie above or below the input."""
    first, count = line.ranges[1]
    _, height, width = line.site.shape.kernel
    if line.site.outside is None or count == height:
        return ()

    def row(k: Node) -> tuple:
        v = apply("select", k < first, k, simplified(k + count))
        return (loop(f"zw{tag}", width, lambda w: (
            _outside(line, sums, (0, sums.type.shape[0]), panel, simplified(v * width + w), f"{tag}_y"),)),)  # fmt: skip

    return (loop(f"zh{tag}", simplified(height - count), row),)


def _runs(shape: Shape, piece: Piece) -> list[tuple[int, int, tuple[int, int]]]:
    """Runs of products: (first tap, how many products, the pixels that have them)."""
    dense = shape.groups == 1 and shape.dilation[2] == 1
    runs: list[tuple[int, int, tuple[int, int]]] = []
    for tap, span in enumerate(piece.taps):
        if span[0] == span[1]:
            continue
        if dense and runs and runs[-1][2] == span and runs[-1][0] + runs[-1][1] // shape.channels == tap:
            first, length, _ = runs[-1]
            runs[-1] = (first, length + shape.channels, span)
        else:
            runs.append((tap, shape.channels, span))
    return runs


def _step(line: _Line, sums: Array, span: tuple, position: Node, weights: tuple, suffix: str) -> tuple:
    """Add the products of one tap and input channel."""
    site = line.site
    panel, row = weights
    near = Array(f"w{suffix}", Type(site.wide, (line.width,)), "register")
    apart = site.shape.stride[2] * site.shape.channels * site.shape.groups

    def fetch(o: Node) -> tuple:
        return (Store(near.name, (o,), load(site.weights, (line.group, panel, row, o), site.wide)),)

    def add(p: Node, o: Node) -> Node:
        value, weight = site.read((position + p * apart,)), load(near.name, (o,), site.wide)
        return site.multiply_add(value, weight, load(sums.name, (p, o), site.wide))

    return (Alloc(near), vector(f"f{suffix}", line.width, fetch), _each(line, sums, span, f"{suffix}_m", add))
