"""Products on a GPU with one chain of multiply-adds for each result: tiles of the operands go through shared memory.

The results are those of ``lower.contraction`` bit for bit: each is one chain in the order of k that starts at 0. While a tile of
both operands is multiplied from shared memory, the next one is on its way to registers; it is put into the other half of the
shared memory, so that one barrier a tile is enough. Steps of k beyond the last are not taken (a product of zeros would change
the sign of a zero).
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.kernel import SERIAL, UNROLLED, VECTOR, Alloc, Array, Barrier, For, If, Let, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.threads import ACCESS
from graphc.lower.gpu.tiles import Work
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, index, loop, scalar

WRITTEN_OUT = 1000  # instructions of the ends of all results of a thread, if they are to be written out
UNROLL = 16  # steps of k that are written out: more would want more registers for what is read ahead than there are
STAGED = 4  # elements that a thread brings at once at the most, as they become registers


def _shared(work: Work, side: int) -> Array:
    """Two tiles of an operand, [half, k, line]; lines that are put across have rows of uneven length."""
    p, tiling = work.p, work.tiling
    lines = (tiling.rows, tiling.columns)[side]
    padding = ACCESS // p.wide.size if (p.left, p.right)[side].along and lines % 4 == 0 else 0
    return Array(f"{'xy'[side]}s{work.tag}", Type(p.wide, (2, tiling.depth, lines + padding)), "shared")


def fma_tile(work: Work) -> tuple:
    """The shared arrays of a block, and what each of its threads does."""
    p, tiling = work.p, work.tiling
    shared = [_shared(work, side) for side in (0, 1)]
    sums = Array(f"sums{work.tag}", Type(p.wide, (tiling.height, tiling.width)), "register")
    i, j = index("i", tiling.height), index("j", tiling.width)
    zero = For(i, tiling.height, (For(j, tiling.width, (Store(sums.name, (i, j), scalar(0, p.wide)),), UNROLLED),), UNROLLED)
    tiles = ceil_divide(p.depth, tiling.depth)
    staged = [_Staged(work, side, shared[side]) for side in (0, 1)]

    def brought(step: Node) -> list:
        return [s for x in staged for s in x.fetch(step)]

    def kept(step: Node) -> list:
        return [*(s for x in staged for s in x.put(as_index(step % 2))), Barrier()]

    def one(step: Node) -> tuple:
        products = _computing(work, _multiply(work, shared, sums, step))
        return products if tiles == 1 else (*brought(step + 1), *products, *kept(step + 1))

    start = as_index(0)
    body = (*_places(work), *[Alloc(x.registers) for x in staged], Alloc(sums), zero, *brought(start), *kept(start),
            *(one(start) if tiles == 1 else (loop(f"step{work.tag}", tiles, one),)), *_computing(work, _finish(work, sums)))  # fmt: skip
    return shared, body


def _computing(work: Work, body: tuple) -> tuple:
    tiling = work.tiling
    return body if tiling.computing == tiling.threads else (If(work.thread < tiling.computing, body),)


def _places(work: Work) -> tuple:
    """Names for the coordinates of a thread among those that compute."""
    across = work.tiling.columns // work.tiling.width
    return (Let(_across(work), as_index(work.thread % across)), Let(_down(work), as_index(work.thread // across)))


def _across(work: Work) -> Node:
    return var(f"across{work.tag}", extent=work.tiling.columns // work.tiling.width)


def _down(work: Work) -> Node:
    return var(f"down{work.tag}", extent=-(-work.tiling.threads * work.tiling.width // work.tiling.columns))


def _line(part: int, whole: int, place: Node, i: Node) -> Node:
    """Line ``i`` of the ``part`` lines of a thread in a tile of ``whole``: groups of up to four, far apart, as that is how
    neighbouring threads read neighbouring 16 bytes."""
    together = min(part, 4)
    span = whole // (part // together)
    return (i // together) * span + place * together + i % together


# ---------------------------------------------------------------------------------------- the way to shared memory


class _Staged:
    """The way of tiles of one operand: fetched into registers, then put into shared memory.

    An item is what one access brings; a thread has every ``threads``-th item.
    """

    def __init__(self, work: Work, side: int, shared: Array):
        tiling = work.tiling
        self.work, self.shared, self.which = work, shared, side
        self.side = (work.p.left, work.p.right)[side]
        self.lines = (tiling.rows, tiling.columns)[side]
        self.vector = min(STAGED, self.side.vector, tiling.depth if self.side.along else self.lines)
        self.items = self.lines * tiling.depth // self.vector
        self.passes = -(-self.items // tiling.threads)
        self.whole = self.items % tiling.threads == 0
        self.registers = Array(f"{'xy'[side]}r{work.tag}", Type(work.p.wide, (self.passes, self.vector)), "register")

    def _place(self, pass_: Node) -> tuple[Node, Node, Node]:
        """The item of a pass, and the line and step of k at which it starts in the tile."""
        item = pass_ * self.work.tiling.threads + self.work.thread
        if self.side.along:
            each = self.work.tiling.depth // self.vector
            return item, as_index(item // each), item % each * self.vector
        each = self.lines // self.vector
        return item, as_index(item % each * self.vector), as_index(item // each)

    def fetch(self, step: Node) -> tuple:
        """Bring a thread's items of tile ``step``; of what lies outside, zeros."""
        work, side = self.work, self.side
        p, tiling = work.p, work.tiling

        def one(pass_: Node) -> tuple:
            item, line, k = self._place(pass_)
            line, k = as_index(work.first[self.which] + line), as_index(step * tiling.depth + k)
            certain = type(p.depth) is int and p.depth and p.depth % tiling.depth == 0 and not isinstance(simplified(step), Node)
            guards = [] if certain else [k < p.depth]
            if not (type(side.lines) is int and side.lines % self.lines == 0):
                guards.append(line < side.lines)
            if not self.whole:
                guards.append(item < self.items)

            def nothing(v: Node) -> tuple:
                return (Store(self.registers.name, (pass_, v), scalar(0, p.wide) if side.outside is None else side.outside),)

            def element(v: Node) -> tuple:
                return (Store(self.registers.name, (pass_, v), side.read(work.batch, line, k, v, self.vector, p.wide)),)

            whole = all_of([*guards, *side.conditions(work.batch, line, k, self.vector)])
            zeros = () if whole is None else _several(f"z{self.which}", self.vector, nothing)
            there = _several(f"v{self.which}", self.vector, element, VECTOR)
            return (*zeros, *(there if whole is None else (If(whole, there),)))

        return _several(f"f{self.which}", self.passes, one)

    def put(self, half) -> tuple:
        """Put them into a half of the shared memory."""

        def one(pass_: Node) -> tuple:
            item, line, k = self._place(pass_)

            def element(v: Node) -> tuple:
                at = (k + v, line) if self.side.along else (k, line + v)
                return (Store(self.shared.name, (as_index(half), *at), load(self.registers.name, (pass_, v), self.work.p.wide)),)

            kind = UNROLLED if self.side.along else VECTOR
            body = _several(f"w{self.which}", self.vector, element, kind)
            return body if self.whole else (If(item < self.items, body),)

        return _several(f"p{self.which}", self.passes, one)


def _several(name: str, extent: int, body: Callable[[Node], tuple], kind: str = UNROLLED) -> tuple:
    """A loop, where there is more than one iteration."""
    return body(as_index(0)) if extent == 1 else (loop(name, extent, body, kind),)


# ------------------------------------------------------------------------------------------------- the products


def _multiply(work: Work, shared: list[Array], sums: Array, step: Node) -> tuple:
    """Add the products of one tile of k."""
    p, tiling = work.p, work.tiling
    wide, half = p.wide, as_index(step % 2)
    parts = ((tiling.height, tiling.rows, _down(work)), (tiling.width, tiling.columns, _across(work)))
    names = [f"{'ab'[side]}{work.tag}" for side in (0, 1)]

    def fragment(side: int, g: Node, together: int, k: Node) -> tuple:
        part, whole, place = parts[side]

        def element(v: Node) -> tuple:
            line = _line(part, whole, place, g * together + v)
            return (Store(names[side], (g * together + v,), load(shared[side].name, (half, k, line), wide)),)

        return _several("v", together, element, VECTOR)

    def one(k: Node) -> tuple:
        out: list = []
        for side, (part, _, _) in enumerate(parts):
            together = min(part, 4)
            out.append(Alloc(Array(names[side], Type(wide, (part,)), "register")))
            out += _several("g", part // together, lambda g, side=side, together=together: fragment(side, g, together, k))
        i, j = index("i", tiling.height), index("j", tiling.width)
        total = p.multiply_add(load(names[0], (i,), wide), load(names[1], (j,), wide), load(sums.name, (i, j), wide))
        row = (For(j, tiling.width, (Store(sums.name, (i, j), total),), UNROLLED),)
        return (*out, For(i, tiling.height, row, UNROLLED))

    def some(chunk: Node) -> tuple:
        return (loop("k", UNROLL, lambda k: one(as_index(chunk * UNROLL + k)), UNROLLED),)

    whole = loop("k", tiling.depth, one, UNROLLED) if tiling.depth <= UNROLL else loop("chunk", tiling.depth // UNROLL, some)
    if type(p.depth) is int and p.depth % tiling.depth == 0:
        return (whole,)
    count = simplified(p.depth - step * tiling.depth)
    if type(p.depth) is int and p.depth < tiling.depth:
        return (loop("k", p.depth, one, UNROLLED if p.depth <= UNROLL else SERIAL),)
    return (If(as_index(count) >= tiling.depth, (whole,), (loop("k", count, one),)),)


def _finish(work: Work, sums: Array) -> tuple:
    """What becomes of the sums of a thread: written out where that is short, else a loop takes them from memory of the thread."""
    p, tiling = work.p, work.tiling
    height, width = tiling.height, tiling.width
    written_out = height * width * (p.cost + 2) <= WRITTEN_OUT
    source, before, kind = sums, (), UNROLLED
    if not written_out:
        source = Array(f"kept{work.tag}", sums.type, "stack")
        i, j = index("i", height), index("j", width)
        keep = Store(source.name, (i, j), load(sums.name, (i, j), p.wide))
        before = (Alloc(source), For(i, height, (For(j, width, (keep,), UNROLLED),), UNROLLED))
        kind = SERIAL
    together = min(width, 4)
    row_guarded = not (type(p.left.lines) is int and p.left.lines % tiling.rows == 0)
    columns = p.right.lines
    column_guarded = not (type(columns) is int and columns % tiling.columns == 0)
    apart = column_guarded and not (type(columns) is int and columns % together == 0)

    def row(i: Node) -> tuple:
        at = as_index(work.first[0] + _line(height, tiling.rows, _down(work), i))

        def group(g: Node) -> tuple:
            begin = as_index(work.first[1] + _line(width, tiling.columns, _across(work), g * together))

            def element(j: Node) -> tuple:
                column = as_index(begin + j)
                value = load(source.name, (i, g * together + j), p.wide)
                return p.finish(work.batch, at, column, value, column < columns if apart else None)

            stores = _several("j", together, element, VECTOR)
            return (If(begin < columns, stores),) if column_guarded and not apart else stores

        body = _several("g", width // together, group, kind)
        return (If(at < p.left.lines, body),) if row_guarded else body

    return (*before, *_several("i", height, row, kind))
