"""Products on a GPU, whatever multiplies: what the operands are, and which tile of the results a block of threads works at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.kernel import BLOCK, THREAD, Alloc, For, Let, load
from graphc.ir.node import Node, binary, simplified, var
from graphc.lower.gpu.threads import ACCESS, widest
from graphc.lower.nests.loops import as_index, cast, ceil_divide, least, most, product

GROUPED = 8  # tiles of rows that go through the columns together, so that what they read of the right operand is near


@dataclass(frozen=True)
class Side:
    """An operand: ``lines`` (rows of the left one, columns of the right one) of k elements each.

    Attributes:
        array, dtype: where it lies, and of what type its elements are.
        at: of the number of the batch element, a line, a position in it, an offset from there and how many elements come together
            (the place is a multiple of that, the offset below it), where that element lies and the conditions under which it
            does; an element that lies nowhere is 0, or ``outside``.
        along: neighbours in memory follow each other along k, and so does the offset; else along the lines.
        vector: how many neighbours one access may bring: both where they start and their extent are multiples of it.
        whole: it is all of its array, of shape (batch, rows, columns) and read here only, so that boxes of it may be copied.
    """

    lines: object
    array: str
    dtype: DType
    at: Callable[[Node, Node, Node, Node, int], tuple[tuple, list]]
    along: bool
    vector: int
    outside: Node | None = None
    whole: bool = False

    def conditions(self, batch: Node, line: Node, k: Node, width: int) -> list:
        """When there are the ``width`` elements that begin at a place."""
        return self.at(batch, line, k, as_index(0), width)[1]

    def read(self, batch: Node, line: Node, k: Node, offset: Node, width: int, wide: DType) -> Node:
        """An element that is there, in the dtype of sums."""
        return cast(load(self.array, self.at(batch, line, k, offset, width)[0], self.dtype), wide)


@dataclass(frozen=True)
class Computed:
    """An operand whose elements are computed as they are brought; attributes as those of ``Side``.

    Attributes:
        element: of the number of the batch element, a line, a position in it and an offset, the element.
    """

    lines: object
    element: Callable[[Node, Node, Node, Node], Node]
    along: bool
    vector: int

    outside: Node | None = None

    def conditions(self, batch: Node, line: Node, k: Node, width: int) -> list:
        """When there are the elements that begin at a place: always."""
        return []

    def read(self, batch: Node, line: Node, k: Node, offset: Node, width: int, wide: DType) -> Node:
        """An element in the dtype of sums."""
        return cast(self.element(batch, line, k, offset), wide)


@dataclass(frozen=True)
class Product:
    """A product of each pair of a batch, and what becomes of a sum.

    Attributes:
        finish: of the number of the batch element, row, column, sum and guard, the statements that store it.
        cost: instructions of that for one element, roughly.
    """

    batch: object
    depth: object
    left: Side | Computed
    right: Side | Computed
    wide: DType
    multiply_add: Callable[[Node, Node, Node], Node]
    finish: Callable[[Node, Node, Node, Node, Node | None], tuple]
    cost: int


def widest_access(extent, dtype: DType) -> int:
    """Neighbouring elements in one access, where ``extent`` of them lie one after the other in a line; 8 at the most."""
    return widest(min(8, ACCESS // dtype.size), extent)


@dataclass(frozen=True)
class Work:
    """What the pieces of one nest share while it is written.

    Attributes:
        tiling: with ``rows`` and ``columns`` of a tile and ``threads`` of a block.
        thread: the number of a thread in its block. batch: the number of the batch element.
        first: the first row and the first column of the tile. tag: what sets names apart from those of the other nest.
    """

    p: Product
    tiling: object
    thread: Node
    batch: Node
    first: tuple[Node, Node]
    tag: str


def nests_of(p: Product, tilings: tuple, multiprocessors: int) -> tuple[For, ...]:
    """One nest for each tiling; the first works where it has a tile for each multiprocessor, the second elsewhere.

    Args:
        tilings: pairs of a tiling and what makes its nest, of product, tiling, tag and what the number of its tiles is multiplied by.
    """
    if len(tilings) == 1:
        ((tiling, make),) = tilings
        return (make(p, tiling, "", 1),)
    (large, make_large), (small, make_small) = tilings
    enough = simplified(binary("min", as_index(tiles_of(p, large)[0] // multiprocessors), 1))
    return make_large(p, large, "l", enough), make_small(p, small, "s", simplified(1 - enough))


def tiles_of(p: Product, tiling) -> tuple:
    """How many tiles there are in all, along the rows and along the columns."""
    rows, columns = ceil_divide(p.left.lines, tiling.rows), ceil_divide(p.right.lines, tiling.columns)
    return product((p.batch, rows, columns)), rows, columns


def tile_nest(p: Product, tiling, tag: str, wanted, write: Callable[[Work], tuple]) -> For:
    """A nest with a block of threads for each tile.

    Args:
        write: gives the shared arrays of a block and the statements of its threads.
    """
    extent = simplified(tiles_of(p, tiling)[0] * wanted)
    block, thread = var(f"block{tag}", extent=extent), var(f"thread{tag}", extent=tiling.threads)
    lets, work = work_at(block, p, tiling, thread, tag)
    shared, body = write(work)
    return For(block, extent, (*map(Alloc, shared), For(thread, tiling.threads, (*lets, *body), THREAD)), BLOCK)


def work_at(number: Node, p: Product, tiling, thread: Node, tag: str) -> tuple[list[Let], Work]:
    """Statements that name where tile ``number`` lies, and what is done there."""
    _, rows, columns = tiles_of(p, tiling)
    lets, batch, row, column = _tile_of(number, p, rows, columns, tag)
    return lets, Work(p, tiling, thread, batch, (as_index(row * tiling.rows), as_index(column * tiling.columns)), tag)


def _tile_of(number: Node, p: Product, rows, columns, tag: str) -> tuple:
    """Statements that name where tile ``number`` lies, its batch element, and its numbers along rows and columns."""
    lets: list[Let] = []
    one = simplified(rows * columns)
    extents = {"batch": p.batch, "tile_row": rows, "tile_column": columns, "tile": one, "group": rows, "together": GROUPED + 1,
               "inside": simplified(columns * GROUPED)}  # fmt: skip

    def named(name: str, value) -> Node:
        value = simplified(value)
        if not isinstance(value, Node):
            return as_index(value)
        variable = var(f"{name}{tag}", extent=extents[name])
        lets.append(Let(variable, value))
        return variable

    batch = named("batch", number // one) if p.batch != 1 else as_index(0)
    tile = named("tile", number % one if p.batch != 1 else number)
    if rows == 1 or columns == 1:
        return lets, batch, as_index(0) if rows == 1 else tile, as_index(0) if columns == 1 else tile
    if type(rows) is int and rows <= GROUPED:
        return lets, batch, named("tile_row", tile % rows), named("tile_column", tile // rows)
    span = simplified(GROUPED * columns)
    group = named("group", tile // span * GROUPED)
    height = most(named("together", least(simplified(rows - group), GROUPED)), 1)
    inside = named("inside", tile % span)
    return lets, batch, named("tile_row", group + inside % height), named("tile_column", inside // height)
