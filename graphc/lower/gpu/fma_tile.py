"""Products on a GPU with one chain of multiply-adds for each result: tiles of the operands go through shared memory.

The results are those of ``lower.contraction`` bit for bit: each is one chain in the order of k that starts at 0. While a tile of
both operands is multiplied from shared memory, the next one is on its way to registers; it is put into the other half of the
shared memory, so that one barrier a tile is enough. Steps of k beyond the last are not taken (a product of zeros would change
the sign of a zero).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.kernel import BLOCK, THREAD, UNROLLED, VECTOR, Alloc, Array, Barrier, For, If, Let, Store, load
from graphc.ir.node import Node, binary, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.tiling import Tiling
from graphc.lower.nests.loops import all_of, as_index, cast, ceil_divide, index, least, loop, product, scalar
from graphc.prims.table import apply

ACCESS = 16  # bytes of the widest access
GROUPED = 8  # tiles of rows that go through the columns together, so that what they read of the right operand is near
WRITTEN_OUT = 1500  # instructions of the ends of all results of a thread, if they are to be written out


@dataclass(frozen=True)
class Side:
    """An operand: ``lines`` (rows of the left one, columns of the right one) of k elements each.

    Attributes:
        array, dtype: where it lies, and of what type its elements are.
        at: of the number of the batch element, a line, a position in it and an offset from there, where that element lies and
            the conditions under which it does; an element that lies nowhere is 0, or ``outside``.
        along: neighbours in memory follow each other along k, and so does the offset; else along the lines.
        vector: how many neighbours one access may bring: both where they start and their extent are multiples of it.
    """

    lines: object
    array: str
    dtype: DType
    at: Callable[[Node, Node, Node, Node], tuple[tuple, list]]
    along: bool
    vector: int
    outside: Node | None = None

    def read(self, batch: Node, line: Node, k: Node, offset: Node, guards: list, wide: DType) -> Node:
        """An element in the dtype of sums, 0 where one of ``guards`` is false."""
        index, own = self.at(batch, line, k, offset)
        value = cast(load(self.array, index, self.dtype, all_of([*guards, *own])), wide)
        return value if self.outside is None or not own else apply("select", all_of(own), value, self.outside)


@dataclass(frozen=True)
class Product:
    """A product of each pair of a batch, and what becomes of a sum.

    Attributes:
        finish: of the number of the batch element, row, column, sum and guard, the statements that store it.
        cost: instructions of that for one element, roughly.
    """

    batch: object
    depth: object
    left: Side
    right: Side
    wide: DType
    multiply_add: Callable[[Node, Node, Node], Node]
    finish: Callable[[Node, Node, Node, Node, Node | None], tuple]
    cost: int


def widest_access(extent, dtype: DType) -> int:
    """Neighbouring elements in one access, where ``extent`` of them lie one after the other in a line; 4 at the most."""
    width = min(4, ACCESS // dtype.size)
    while type(extent) is not int or extent % width:
        if width == 1:
            return 1
        width //= 2
    return width


def product_nests(product_: Product, tilings: tuple[Tiling, ...], multiprocessors: int) -> tuple[For, ...]:
    """One nest for each tiling; the first works where it has a tile for each multiprocessor, the second elsewhere."""
    if len(tilings) == 1:
        return (_nest(product_, tilings[0], "", None),)
    large, small = tilings
    enough = simplified(binary("min", as_index(_tiles(product_, large)[0] // multiprocessors), 1))
    return _nest(product_, large, "l", enough), _nest(product_, small, "s", simplified(1 - enough))


def _tiles(p: Product, tiling: Tiling) -> tuple:
    """How many tiles there are in all, along the rows and along the columns."""
    rows, columns = ceil_divide(p.left.lines, tiling.rows), ceil_divide(p.right.lines, tiling.columns)
    return product((p.batch, rows, columns)), rows, columns


@dataclass
class _Work:
    """What the pieces of one nest share while it is written."""

    p: Product
    tiling: Tiling
    thread: Node
    batch: Node
    first: tuple  # row and column of the tile
    tag: str


def _nest(p: Product, tiling: Tiling, tag: str, wanted) -> For:
    total, rows, columns = _tiles(p, tiling)
    extent = total if wanted is None else simplified(total * wanted)
    block, thread = index(f"block{tag}", extent), index(f"thread{tag}", tiling.threads)
    lets, batch, row, column = _tile_of(block, p, rows, columns, tag)
    work = _Work(p, tiling, thread, batch, (row * tiling.rows, column * tiling.columns), tag)
    shared = [_shared(work, side) for side in (0, 1)]
    body = (*lets, *_thread(work, shared))
    return For(block, extent, (*map(Alloc, shared), For(thread, tiling.threads, body, THREAD)), BLOCK)


def _tile_of(block: Node, p: Product, rows, columns, tag: str) -> tuple:
    """Statements that name where a block works, the batch element, and the numbers of its tile along rows and columns."""
    lets: list[Let] = []

    def named(name: str, value) -> Node:
        value = simplified(value)
        if not isinstance(value, Node):
            return as_index(value)
        extent = {"batch": p.batch, "tile_row": rows, "tile_column": columns}.get(name)
        variable = index(f"{name}{tag}", extent)
        lets.append(Let(variable, value))
        return variable

    one = simplified(rows * columns)
    batch = named("batch", block // one) if p.batch != 1 else as_index(0)
    tile = named("tile", block % one if p.batch != 1 else block)
    if rows == 1 or columns == 1:
        return lets, batch, as_index(0) if rows == 1 else tile, as_index(0) if columns == 1 else tile
    if type(rows) is int and rows <= GROUPED:
        return lets, batch, named("tile_row", tile % rows), named("tile_column", tile // rows)
    span = simplified(GROUPED * columns)
    group = named("group", tile // span * GROUPED)
    height = named("together", least(simplified(rows - group), GROUPED))
    inside = named("inside", tile % span)
    return lets, batch, named("tile_row", group + inside % height), named("tile_column", inside // height)


def _shared(work: _Work, side: int) -> Array:
    """Two tiles of an operand, [half, k, line]; lines that are put across have rows of uneven length."""
    p, tiling = work.p, work.tiling
    lines = (tiling.rows, tiling.columns)[side]
    padding = ACCESS // p.wide.size if (p.left, p.right)[side].along and lines % 4 == 0 else 0
    return Array(f"{'xy'[side]}s{work.tag}", Type(p.wide, (2, tiling.depth, lines + padding)), "shared")


def _thread(work: _Work, shared: list[Array]) -> tuple:
    """What each thread does with a tile of results."""
    p, tiling = work.p, work.tiling
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
    return (*_places(work), *[Alloc(x.registers) for x in staged], Alloc(sums), zero, *brought(start), *kept(start),
            *(one(start) if tiles == 1 else (loop(f"step{work.tag}", tiles, one),)), *_computing(work, _finish(work, sums)))  # fmt: skip


def _computing(work: _Work, body: tuple) -> tuple:
    tiling = work.tiling
    return body if tiling.computing == tiling.threads else (If(work.thread < tiling.computing, body),)


def _places(work: _Work) -> tuple:
    """Names for the coordinates of a thread among those that compute."""
    across = work.tiling.columns // work.tiling.width
    return (Let(_across(work), as_index(work.thread % across)), Let(_down(work), as_index(work.thread // across)))


def _across(work: _Work) -> Node:
    return var(f"across{work.tag}", extent=work.tiling.columns // work.tiling.width)


def _down(work: _Work) -> Node:
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

    def __init__(self, work: _Work, side: int, shared: Array):
        tiling = work.tiling
        self.work, self.shared, self.which = work, shared, side
        self.side = (work.p.left, work.p.right)[side]
        self.lines = (tiling.rows, tiling.columns)[side]
        self.vector = min(self.side.vector, tiling.depth if self.side.along else self.lines)
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
            guards = [k < p.depth]
            if not (type(side.lines) is int and side.lines % self.lines == 0):
                guards.append(line < side.lines)
            if not self.whole:
                guards.append(item < self.items)

            def element(v: Node) -> tuple:
                value = side.read(work.batch, line, k, v, guards, p.wide)
                return (Store(self.registers.name, (pass_, v), value),)

            return _several(f"v{self.which}", self.vector, element, VECTOR)

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


def _multiply(work: _Work, shared: list[Array], sums: Array, step: Node) -> tuple:
    """Add the products of one tile of k."""
    p, tiling = work.p, work.tiling
    wide, half = p.wide, as_index(step % 2)
    parts = ((tiling.height, tiling.rows, _down(work)), (tiling.width, tiling.columns, _across(work)))
    names = [f"{'ab'[side]}{work.tag}" for side in (0, 1)]

    def one(k: Node) -> tuple:
        out: list = []
        for side, (part, whole, place) in enumerate(parts):
            together = min(part, 4)
            out.append(Alloc(Array(names[side], Type(wide, (part,)), "register")))

            def group(g: Node, side: int = side, together: int = together, part: int = part, whole: int = whole, place: Node = place) -> tuple:
                def element(v: Node) -> tuple:
                    line = _line(part, whole, place, g * together + v)
                    return (Store(names[side], (g * together + v,), load(shared[side].name, (half, k, line), wide)),)

                return _several("v", together, element, VECTOR)

            out += _several("g", part // together, group)
        i, j = index("i", tiling.height), index("j", tiling.width)
        total = p.multiply_add(load(names[0], (i,), wide), load(names[1], (j,), wide), load(sums.name, (i, j), wide))
        row = (For(j, tiling.width, (Store(sums.name, (i, j), total),), UNROLLED),)
        return (*out, For(i, tiling.height, row, UNROLLED))

    whole = loop("k", tiling.depth, one, UNROLLED)
    if type(p.depth) is int and p.depth % tiling.depth == 0:
        return (whole,)
    count = simplified(p.depth - step * tiling.depth)
    if type(p.depth) is int and p.depth < tiling.depth:
        return (loop("k", p.depth, one, UNROLLED),)
    return (If(as_index(count) >= tiling.depth, (whole,), (loop("k", count, one),)),)


def _finish(work: _Work, sums: Array) -> tuple:
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
        kind = "serial"
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
