"""How a matrix product is cut: its register tile, the rows of its tiles, its passes over k and its blocks of columns.

Only sizes that are known and the target decide; nothing of it changes a result, as every result is one chain in the order of
k however it is cut. Costs are cycles of a core with two multiply-adds and two loads a cycle, a latency of
four, and some bytes a cycle from the second-level cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.machine import Machine
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import even_pieces

SECOND_LEVEL = 24  # bytes a cycle that one can count on
CROWDING = 0.1  # of the time of these bytes is felt even where other work hides it
LOOP = 0.5  # cycles of a step of k beside its work
LATENCY = 5  # cycles before a register can be added to again, and one to spare
TWO_HEIGHTS = 1.02  # tiles of two heights are code twice
SPARE_ROWS = 32  # one row in so many may be computed for nothing, if all tiles have one height by it
SHORT_PASS = 32  # rows of a right operand that lies as it was given, in one pass: the pages of so many are at hand
MOST_AHEAD = 3  # rows of the next tile that are asked for along one panel: more would be felt
BLOCK_TILES, DEEP_BLOCK_TILES = 2, 8  # tiles of rows in a task: few, but for several passes, which read as many columns each
FEWEST_BLOCKS = 8  # blocks of columns where only they can be shared among threads
FEW = 16  # rows up to which the right operand is read once, so that to pack it would be most of the work
UNPACKED = 256  # columns up to which the right operand is read where it lies
SAME_SETS = 4096  # rows this many bytes apart share their places in the first-level cache


@dataclass(frozen=True)
class Tile:
    """A register tile: results of ``rows`` rows and ``width`` columns in ``dtype``."""

    rows: int
    width: int
    dtype: dt.DType


@dataclass(frozen=True)
class Dot:
    """The numbers of one contraction, as ints or dimension Nodes."""

    node: Node
    batch: tuple
    m: object
    n: object
    k: object
    tile: Tile
    machine: Machine

    @property
    def panels(self):
        """How many panels of ``tile.width`` columns cover n."""
        return simplified((self.n + (self.tile.width - 1)) // self.tile.width)

    @property
    def batch_size(self):
        total = 1
        for d in self.batch:
            total = total * d
        return simplified(total)

    @property
    def packed_type(self) -> Type:
        """Type of the packed right operand."""
        return Type(self.tile.dtype, (self.batch_size, self.panels, self.k, self.tile.width))

    @property
    def has_few_rows(self) -> bool:
        return type(self.m) is int and self.m <= FEW

    @property
    def wants_packing(self) -> bool:
        """True where reading the right operand in place would be slower than packing it in the call."""
        if self.node.attr("transpose_y"):
            return True
        narrow = type(self.n) is int and self.n <= UNPACKED
        return not (narrow or self.has_few_rows)

    def bytes_of(self, *dims) -> int | None:
        """Bytes of an array of these dimensions; None where one is not known."""
        total = self.tile.dtype.size
        for d in dims:
            if type(d) is not int:
                return None
            total *= d
        return total


def describe(node: Node, target: Target) -> Dot:
    """The sizes of a dot Node."""
    x, _ = node.inputs
    k = x.shape[-2] if node.attr("transpose_x") else x.shape[-1]
    m, n = node.shape[-2:]
    tile = tile_for(target, dt.accumulator(node.dtype), m, n, spare=node.attr("transpose_x"))
    return Dot(node, node.shape[:-2], m, n, k, tile, target.machine)


def tile_for(target: Target, dtype: dt.DType, m=None, n=None, spare: bool = False) -> Tile:
    """The tile that takes the fewest cycles and leaves registers for one row of the right operand and a broadcast.

    Args:
        spare: as of ``heights``.
    """
    lanes = target.lanes(dtype)
    if lanes == 1:
        return Tile(4, 4, dtype)
    best, machine = None, target.machine
    for vectors in range(1, machine.tile_vectors + 1):
        limit = min(machine.tile_rows, (target.registers - 2 - vectors) // vectors)
        if limit < 1:
            break
        pieces = heights(m, limit, spare) if type(m) is int and m else ((limit, 1),)
        rows = sum(h * count for h, count in pieces)
        columns = -(-n // (vectors * lanes)) if type(n) is int and n else 1 / vectors
        cost = columns * sum(count * _cycles(h, vectors, target) for h, count in pieces) / rows
        cost *= TWO_HEIGHTS if len(pieces) > 1 else 1
        if best is None or cost < best[0]:
            best = cost, Tile(pieces[0][0], vectors * lanes, dtype)
    return best[1]


def _cycles(rows: int, vectors: int, target: Target) -> float:
    """Of one step of k in a tile: multiply-adds, their latency, loads, or the way from the second-level cache."""
    fetched = vectors * target.vector_bits // 8 / SECOND_LEVEL
    return max(rows * vectors / 2, LATENCY, (rows + vectors) / 2, fetched) + CROWDING * fetched + LOOP


def heights(m: int, limit: int, spare: bool = False) -> tuple[tuple[int, int], ...]:
    """Rows as tiles of at most ``limit``, which differ by one at most: (height, count), the higher ones first.

    Args:
        spare: the last tile may reach past the last row, as rows of the left operand are copied: then two heights, which are
            two copies of the code, become one where that costs little.
    """
    pieces = tuple([(size, count) for _, size, count in even_pieces(m, limit)])
    if spare and len(pieces) > 1 and pieces[1][1] * SPARE_ROWS <= m:
        return ((pieces[0][0], sum(count for _, count in pieces)),)
    return pieces


@dataclass(frozen=True)
class Cut:
    """How the nest of one contraction is cut.

    Attributes:
        heights: (height, count) of the tiles of rows; None where m is not known.
        exact: no tile reaches past the last row; else rows beyond are computed, and never stored.
        depth: steps of k in one pass.
        deep: there may be more passes than one.
        panels: panels of columns in a block.
        tiles: tiles of rows in a block.
        direct: the left operand is read where it lies; else a tile's rows of one pass are copied first.
        ahead: steps of k by which the right operand is asked for before it is read; 0 where it is near.
        next_rows: the rows of the next tile are asked for while this one is computed.
        rows_ahead: rows of the next tile that are asked for along each panel, so that to copy or read them need not wait.
    """

    heights: tuple | None
    exact: bool
    depth: int
    deep: bool
    panels: int
    tiles: int
    direct: bool
    ahead: int
    next_rows: bool
    rows_ahead: int


def cut_of(dot: Dot, packed: bool) -> Cut:
    """How the nest of ``dot`` is cut; ``packed``: its right operand lies in panels."""
    tile, machine = dot.tile, dot.machine
    depth = _depth(dot, packed)
    deep = not (type(dot.k) is int and dot.k <= depth)
    transposed = dot.node.attr("transpose_x")
    known = heights(dot.m, tile.rows, transposed) if type(dot.m) is int else None
    exact = known is not None and sum(height * count for height, count in known) == dot.m
    tiles = DEEP_BLOCK_TILES if deep else BLOCK_TILES
    panels = max(1, machine.block_bytes // max(1, dot.bytes_of(depth, tile.width)))
    if not packed and dot.has_few_rows:
        panels = max(1, SAME_SETS // dot.bytes_of(tile.width))
    if type(dot.panels) is int:
        blocks = -(-dot.panels // panels)
        if known is not None and sum(count for _, count in known) <= tiles:
            blocks = max(blocks, min(FEWEST_BLOCKS, dot.panels))
        panels = max(1, -(-dot.panels // max(1, blocks)))
    size = dot.bytes_of(dot.k, dot.n)
    far = size is None or size > machine.near_bytes
    ahead = max(1, machine.ahead_bytes // dot.bytes_of(tile.width)) if far else 0
    next_rows = known is not None and (transposed or (not deep and type(dot.panels) is int and panels <= 2))
    direct = _reads_directly(dot, known)
    rows_ahead = -(-tile.rows // panels)
    left = dot.bytes_of(dot.m, dot.k)
    near = direct and (left is None or left <= machine.block_bytes)
    if near or transposed or next_rows or not far or rows_ahead > MOST_AHEAD:
        rows_ahead = 0
    return Cut(known, exact, depth, deep, panels, tiles, direct, ahead, next_rows, rows_ahead)


def _depth(dot: Dot, packed: bool) -> int:
    """Steps of k in one pass: equal passes where k is known."""
    if not packed and dot.has_few_rows and not (type(dot.n) is int and dot.n <= UNPACKED):
        return SHORT_PASS
    limit = dot.machine.pass_bytes // dot.tile.dtype.size
    if type(dot.k) is not int or dot.k <= limit:
        return limit
    passes = -(-dot.k // (limit * 2 // 3))  # shorter ones, as results come back as well
    return -(-dot.k // (passes * 8)) * 8


def _reads_directly(dot: Dot, known: tuple | None) -> bool:
    """Whether rows of the left operand may be read where they lie: not if they would drive each other out of the cache."""
    x = dot.node.inputs[0]
    if known is None or x.dtype is not dot.tile.dtype or dot.node.attr("transpose_x"):
        return False
    size = dot.bytes_of(dot.k)
    return dot.tile.rows <= 4 or (size is not None and size % SAME_SETS != 0)
