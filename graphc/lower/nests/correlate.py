"""The nest of ``correlate``, the gradient of a convolution by its filter: tiles of input channels x output channels.

A block of pixels, of which the input and the cotangent are near, is gone through for all tiles and taps; between blocks
the sums wait in the result. So each is one chain of multiply-adds over images, rows and columns, whatever the blocks. Taps in
the padding are left out; what they add where a cotangent is not finite, NaN, is there before the sum begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, Alloc, Array, For, Kernel, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_panel import PIXELS
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, even_pieces, index, inside, least, let, loop, most, named, parallel, product, scalar,
    unravel, vector,
)  # fmt: skip
from graphc.lower.schedule import symbols_of
from graphc.prims.table import apply

BLOCK = 192  # pixels of a block: their part of a tile stays in the first-level cache
PARTS = 4  # tasks at most into which the input channels are parted: each reads all cotangents


@dataclass(frozen=True)
class _Work:
    """The sizes in two spatial axes, of which the first may be 1, and the tiles: ``width`` output channels each."""

    node: Node
    batch: object
    space: tuple
    channels: int
    kernel: tuple
    outputs: int
    out: tuple
    stride: tuple
    low: tuple
    dilation: tuple
    width: int
    rows: int

    @property
    def wide(self) -> dt.DType:
        return dt.accumulator(self.node.dtype)

    @property
    def panels(self) -> int:
        return ceil_divide(self.outputs, self.width)

    @property
    def is_merged(self) -> bool:
        """Whether the taps of a row of the kernel and the channels, neighbours in the input, are the rows of tiles:
        where the channels alone would leave them short."""
        many = self.kernel[1] * self.channels
        return self.dilation[1] == 1 < self.kernel[1] and 2 * self.channels <= self.rows and many <= 4 * self.rows

    def column(self, panel: Node, o: Node) -> tuple:
        """The output channel of a lane, and its guard."""
        at = panel * self.width + o
        return at, None if self.outputs % self.width == 0 else at < self.outputs

    def inside(self, axis: int, tap: Node, name: str) -> tuple[tuple, tuple]:
        """The first position at which a tap is inside and the one after the last, and the statements that name them."""
        stride, offset = self.stride[axis], tap * self.dilation[axis] - self.low[axis]
        first, one = named(f"{name}_first", least(most(ceil_divide(0 - offset, stride), 0), self.out[axis]))
        stop = least(ceil_divide(self.space[axis] - offset, stride), self.out[axis])
        last, two = named(f"{name}_stop", most(stop, first))
        return (first, last), (*one, *two)


def correlate(node: Node, target: Target) -> Kernel:
    """out0[*k, c, o] = sum of x0[n, *(p*stride - low + k*dilation), c] * x1[n, *p, o]."""
    x, g = node.inputs
    lift = 4 - x.type.rank
    wide = dt.accumulator(node.dtype)
    lanes = target.lanes(wide)
    choices = PIXELS[32 if target.registers >= 32 else 16]
    vectors = min(choices, key=lambda v: (ceil_divide(g.shape[-1], v * lanes) * v, (2, 3, 1).index(v)))
    window = [(*[1] * lift, *node.attr(name)) for name in ("kernel", "stride", "dilation")]
    kernel, stride, dilation = window
    low = (*[0] * lift, *node.attr("low"))
    space, out = (*[1] * lift, *x.shape[1:-1]), (*[1] * lift, *g.shape[1:-1])
    work = _Work(node, x.shape[0], space, x.shape[-1], kernel, g.shape[-1], out, stride, low, dilation,
                 vectors * lanes, choices[vectors])  # fmt: skip
    body = (_begin(work), _sums(work))
    arrays = (
        Array("x0", Type(x.dtype, (product(x.shape),))),
        Array("x1", Type(g.dtype, (product(g.shape[:-1]), g.shape[-1]))),
        Array("out0", Type(node.dtype, (product((*kernel, x.shape[-1])), g.shape[-1])), written=True),
    )  # fmt: skip
    return Kernel("correlate", arrays, symbols_of(body, arrays), body)


def _begin(work: _Work) -> For:
    """Set the result to what taps in the padding add: 0, or NaN."""
    node, wide = work.node, work.wide
    (height, width), (_, columns) = work.kernel, work.out

    def task(t: Node) -> tuple:
        i, j, panel = unravel(t, (height, width, work.panels))
        (top, bottom), rows = work.inside(0, i, "row")
        (left, right), columns_inside = work.inside(1, j, "column")
        start = Array("start", Type(wide, (work.width,)), "register")

        def lane(name: str, make) -> For:
            return vector(f"o_{name}", work.width, lambda o: make(o, *work.column(panel, o)))

        def add(pixel: Node, name: str) -> tuple:
            def one(o: Node, column: Node, guard: Node | None) -> tuple:
                value = cast(load("x1", (pixel, column), node.dtype, guard), wide)
                return (Store(start.name, (o,), apply("fma", value, scalar(0, wide), load(start.name, (o,), wide))),)

            return (lane(name, one),)

        def run(name: str, line: Node, first: object, stop: object) -> For:
            return loop(name, simplified(stop - first), lambda w: add(line * columns + first + w, name))

        def image(n: Node) -> tuple:
            line = n * work.out[0]
            return _running(
                run("above", line, 0, top * columns),
                loop("h", simplified(bottom - top), lambda h: _running(
                    run("before", line + top + h, 0, left), run("after", line + top + h, right, columns))),
                run("below", line, bottom * columns, work.out[0] * columns))  # fmt: skip

        def end(c: Node) -> tuple:
            row = (i * width + j) * work.channels + c
            return (lane("last", lambda o, column, guard: (
                Store("out0", (row, column), cast(load(start.name, (o,), wide), node.dtype), guard),)),)  # fmt: skip

        zero = lane("first", lambda o, column, guard: (Store(start.name, (o,), scalar(0, wide)),))
        padding = _running(loop("n", work.batch, image))
        return (*rows, *columns_inside, Alloc(start), zero, *padding, loop("c", work.channels, end))

    return parallel("task0", product((*work.kernel, work.panels)), work.channels * work.width, task)


def _running(*loops: For) -> tuple[For, ...]:
    """The loops that do something."""
    return tuple([x for x in loops if x.extent != 0 and x.body])


def _sums(work: _Work) -> For:
    """Add the products, block by block."""
    pieces = [] if work.is_merged else even_pieces(work.channels, work.rows)
    tiles = sum(count for _, _, count in pieces)
    height, columns = work.out
    lines = most(1, min(height, BLOCK // max(1, columns)))
    images = most(1, BLOCK // max(1, height * columns)) if lines == height else 1
    by_tiles, by_panels, by_rows = (min(tiles, PARTS), 1, 1) if tiles > 1 else (1, min(work.panels, PARTS), 1)
    if by_tiles == by_panels == 1:
        by_rows = work.kernel[0]
    extents = (by_tiles, by_panels, by_rows)

    def part(whole: int, parts: int, number: Node) -> tuple[object, object]:
        size = ceil_divide(whole, parts)
        first = number * size
        return first, size if whole % parts == 0 else most(least(size, whole - first), 0)

    def task(t: Node) -> tuple:
        a, b, c = unravel(t, extents)
        first_panel, panels = part(work.panels, by_panels, b)
        first_row, rows = part(work.kernel[0], by_rows, c)

        def block(image: Node, line: Node) -> tuple:
            together = 1 if images == 1 else least(images, work.batch - image * images)
            where = (image * images, together, simplified(line * lines))

            def row(i: Node) -> tuple:
                (top, bottom), inside = work.inside(0, i, "row")
                start, one = named("line_first", most(top, where[2]))
                stop, two = named("line_stop", most(least(bottom, where[2] + lines), start))
                span = (*where[:2], start, simplified(stop - start))
                body = list(_merged(work, (first_panel, panels), span, i)) if work.is_merged else []
                for k, (first, size, count) in enumerate(pieces):
                    begin, many = part(count, by_tiles, a)  # of each kind of tile, every task has its share

                    def tile(m: Node, k: int = k, begin: object = begin, first: int = first, size: int = size) -> tuple:
                        channel = simplified((begin + m) * size + first)
                        return (_panels(work, (first_panel, panels), span, i, channel, size, k),)

                    body.append(loop(f"tile{k}", many, tile))
                return (*inside, *one, *two, *body)

            return (loop("i", rows, lambda i: row(simplified(first_row + i))),)

        return (loop("image", ceil_divide(work.batch, images), lambda n: (
            loop("block", ceil_divide(height, lines), lambda h: block(n, h)),)),)  # fmt: skip

    flops = product((*work.kernel, work.channels, work.outputs, work.batch, height, columns))
    return parallel("task1", product(extents), simplified(flops // product(extents)), task)


def _panels(work: _Work, panels: tuple, span: tuple, i: Node, channel: object, size: int, kind: int) -> For:
    """All taps of a row of the kernel, for some input channels and the panels of a task."""
    first, count = panels

    def panel(p: Node) -> tuple:
        return (loop(f"j{kind}", work.kernel[1], lambda j: _tile(work, span, (i, j), channel, size, first + p, kind)),)

    return loop(f"panel{kind}", count, panel)


def _merged(work: _Work, panels: tuple, span: tuple, i: Node) -> tuple:
    """The tiles of a row of the kernel, each some of its taps and channels, for the panels of a task."""
    first, count = panels
    rows = [(begin + k * size, size) for begin, size, many in even_pieces(work.kernel[1] * work.channels, work.rows)
            for k in range(many)]  # fmt: skip

    def tile(kind: int, p: Node) -> tuple:
        left, first_inside = work.inside(1, as_index(rows[kind][0] // work.channels), f"first{kind}")
        right, last_inside = work.inside(1, as_index((sum(rows[kind]) - 1) // work.channels), f"last{kind}")
        whole, one = named(f"whole{kind}", most(left[0], right[1]))
        # pixels that some taps have, that all have, that some have
        runs = ((right[0], left[0], False), (left[0], whole, True), (whole, left[1], False))
        return (*first_inside, *last_inside, *one, *_summed(work, span, (i, 0), rows[kind], first + p, f"{kind}m", runs))

    return tuple([loop(f"panel{k}m", count, lambda p, k=k: tile(k, p)) for k in range(len(rows))])


def _tile(work: _Work, span: tuple, tap: tuple, channel: object, size: int, panel: Node, kind: int) -> tuple:
    """One tile: its sums so far, the products of the block, and back."""
    (left, right), columns = work.inside(1, tap[1], f"column{kind}")
    return (*columns, *_summed(work, span, tap, (channel, size), panel, str(kind), ((left, right, True),)))


def _summed(work: _Work, span: tuple, tap: tuple, rows: tuple, panel: Node, kind: str, runs: tuple) -> tuple:
    """The sums of a tile, whose rows are neighbours from tap and channel ``rows[0]`` on, over ``runs`` of the pixels of
    each line: (first, stop, whether all rows are inside)."""
    node, wide, (i, j), (channel, size) = work.node, work.wide, tap, rows
    image, images, top, lines = span
    sums = Array(f"sums{kind}", Type(wide, (size, work.width)), "register")
    near = Array(f"g{kind}", Type(wide, (work.width,)), "register")
    row = (i * work.kernel[1] + j) * work.channels + channel

    def each(name: str, make) -> For:
        r = index(f"r{kind}_{name}", size)
        lanes = vector(f"o{kind}_{name}", work.width, lambda o: (make(r, o, *work.column(panel, o)),))
        return For(r, size, (lanes,), UNROLLED)

    def again(r: Node, o: Node, column: Node, guard: Node | None) -> Store:
        return Store(sums.name, (r, o), cast(load("out0", (row + r, column), node.dtype, guard), wide))

    def back(r: Node, o: Node, column: Node, guard: Node | None) -> Store:
        return Store("out0", (row + r, column), cast(load(sums.name, (r, o), wide), node.dtype), guard)

    def products(n: Node, h: Node) -> tuple:
        y = h * work.stride[0] + i * work.dilation[0] - work.low[0]
        line = ((n * work.space[0] + y) * work.space[1] + j * work.dilation[1] - work.low[1]) * work.channels + channel
        base, one = let(f"base{kind}", as_index(line))
        pixel, two = let(f"pixel{kind}", as_index((n * work.out[0] + h) * work.out[1]))
        return (one, two, *_running(*[run(base, pixel, number, *r) for number, r in enumerate(runs)]))

    def run(base: Node, pixel: Node, number: int, first: object, stop: object, whole: bool) -> For:
        suffix = f"{kind}_{number}"

        def step(w: Node) -> tuple:
            w = first + w

            def fetch(o: Node) -> tuple:
                column, guard = work.column(panel, o)
                return (Store(near.name, (o,), cast(load("x1", (pixel + w, column), node.dtype, guard), wide)),)

            def add(r: Node, o: Node, column: Node, guard: Node | None) -> Store:
                at = (base + w * (work.stride[1] * work.channels) + r,)
                value = cast(load("x0", at, node.dtype, None if whole else reached(w, r)), wide)
                factor, old = load(near.name, (o,), wide), load(sums.name, (r, o), wide)
                return Store(sums.name, (r, o), apply("fma", value, factor, old))

            return (Alloc(near), vector(f"f{suffix}", work.width, fetch), each(f"add{number}", add))

        return loop(f"w{suffix}", simplified(stop - first), step)

    def reached(w: Node, r: Node) -> Node | None:
        at = as_index(w * work.stride[1] + (channel + r) // work.channels - work.low[1])
        return all_of(inside(at, work.space[1]))

    return (Alloc(sums), each("again", again), loop(f"n{kind}", images, lambda n: (
        loop(f"h{kind}", lines, lambda h: products(image + n, top + h)),)), each("back", back))  # fmt: skip
