"""Kernels for reductions over other than the trailing axes: each column is one chain in the order of the rows.

Where rows are short, their columns stay in registers. Long rows are added, a few at a time, to a strip of sums that stays in
the first cache, so that memory is read along the rows: that reaches the speed of memory, columns at a time do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.kernel import VECTOR, Alloc, Array, For, Store, load
from graphc.ir.node import Node, binary, const, simplified, var
from graphc.ir.type import Type
from graphc.lower.element import Elements
from graphc.lower.lanes import accumulator, virtual_lanes
from graphc.lower.map_nest import TILE, index_vars, work_of
from graphc.lower.schedule import name_shared, parallelise, tile, vectorise
from graphc.prims.table import TABLE, apply

ROWS = 4  # added to a strip at a time (2, 4 and 8 were measured)
AT_ONCE = 8  # rows whose sum is one expression
LINE = 64  # columns of which a strip has a multiple
SHARED = 1024  # columns from which strips are made for two threads at least


@dataclass(frozen=True)
class _Sum:
    """One of the reductions of a nest; the result ``number``."""

    node: Node
    number: int

    @property
    def dtype(self) -> dt.DType:
        """That in which it is carried."""
        return accumulator(self.node.dtype, self.node.attr("kind"))

    @property
    def identity(self) -> Node:
        return const(TABLE["reduce"].reduce(self.node.attr("kind"), self.dtype)[0], Type(self.dtype, ()))

    def combined(self, old: Node, term: Node) -> Node:
        return apply(TABLE["reduce"].reduce(self.node.attr("kind"), self.dtype)[1], old, term)

    def narrowed(self, value: Node) -> Node:
        """A sum as the result."""
        return value if self.dtype is self.node.dtype else apply("cast", value, dtype=self.node.dtype)

    def array(self, name: str, size: int, space: str) -> Array:
        """Where columns are summed."""
        return Array(f"{name}{self.number}", Type(self.dtype, (size,)), space)


@dataclass(frozen=True)
class _Columns:
    """Reductions over the same axes of one shape, whose last axis is kept."""

    sums: tuple[_Sum, ...]
    shape: tuple
    kept: tuple
    reduced: tuple
    index: tuple
    elements: Elements
    work: int

    @property
    def widest(self) -> dt.DType:
        return max((s.dtype for s in self.sums), key=lambda d: d.bits)

    def terms(self, places: dict) -> list[Node]:
        """The elements at the index with other expressions for some axes, as wide as the sums."""
        where = tuple(places.get(a, i) for a, i in enumerate(self.index))
        values = [self.elements.at(s.node.inputs[0], where) for s in self.sums]
        return [v if s.dtype is s.node.dtype else apply("cast", v, dtype=s.dtype) for s, v in zip(self.sums, values)]

    def combined(self, olds: list, rows: list[list]) -> tuple[tuple, list]:
        """What sums become by the terms of some rows, and the Lets of what these share."""
        lets, named = name_shared([term for terms in rows for term in terms])
        values, count = list(olds), len(self.sums)
        for k, term in enumerate(named):
            values[k % count] = self.sums[k % count].combined(values[k % count], term)
        return tuple(lets), values

    def results(self, column: Node, values: list) -> tuple[Store, ...]:
        """The sums of a column are stored."""
        target = tuple(column if a == len(self.shape) - 1 else self.index[a] for a in self.kept)
        return tuple([Store(f"out{s.number}", target, s.narrowed(value)) for s, value in zip(self.sums, values)])

    def over(self, axes: tuple, nest: tuple) -> tuple:
        """Loops over some axes around a nest."""
        for a in reversed(axes):
            nest = (For(self.index[a], self.shape[a], nest),)
        return nest


def column_nest(graph: Graph, shape: tuple, kept: tuple, reduced: tuple, names: dict, strip_bytes: int) -> tuple:
    """The statements of a region of reductions over the same axes, with the last axis of the domain kept."""
    sums = tuple([_Sum(node, k) for k, node in enumerate(graph.outputs)])
    columns = _Columns(sums, shape, kept, reduced, index_vars(shape), Elements(names), work_of(graph))
    lanes = virtual_lanes(columns.widest, shape[-1])
    if type(shape[-1]) is int and shape[-1] <= lanes:
        return _in_registers(columns, lanes)
    rows = shape[reduced[-1]]
    if len(reduced) == 1 and type(rows) is int and 0 < rows <= AT_ONCE:
        return _at_once(columns, rows)
    return _in_strips(columns, strip_bytes)


def _at_once(columns: _Columns, rows: int) -> tuple:
    """So few rows that a column is one expression."""
    total, last, axis = columns.shape[-1], len(columns.shape) - 1, columns.reduced[-1]
    column = var("l", extent=total if type(total) is int else None)
    terms = [columns.terms({axis: const(k, Type(dt.i64, ())), last: column}) for k in range(rows)]
    lets, values = columns.combined([s.identity for s in columns.sums], terms)
    pieces = tile(For(column, total, (*lets, *columns.results(column, values))), TILE)
    pieces = replace(pieces, body=(vectorise(pieces.body[0]),))
    work = columns.work * rows * TILE
    outer = columns.kept[:-1]
    if not outer:
        return (parallelise(pieces, work),)
    for a in outer[1:]:
        work = work * columns.shape[a]
    return (parallelise(columns.over(outer, (pieces,))[0], work * pieces.extent),)


def _in_strips(columns: _Columns, strip_bytes: int) -> tuple:
    total = columns.shape[-1]
    most = max(LINE, strip_bytes // sum(s.dtype.size for s in columns.sums) // LINE * LINE)
    size = most
    if type(total) is int:
        size = min(most, total if total <= SHARED else -(-total // 2 // 64) * 64)
    count = simplified((total + (size - 1)) // size)
    strip = var("t", extent=count if type(count) is int else None)
    begin = strip * size
    width = size if type(total) is int and total % size == 0 else simplified(binary("min", total - begin, size))
    body = _strip(columns, begin, size, width)
    work = columns.work * size
    for a in columns.reduced:
        work = work * columns.shape[a]
    outer = columns.kept[:-1]
    nest = (For(strip, count, body),)
    if not outer:
        return (parallelise(nest[0], work),)
    for a in outer[1:]:
        work = work * columns.shape[a]
    return (parallelise(columns.over(outer, nest)[0], work * count),)


def _strip(columns: _Columns, begin: Node, size: int, width) -> tuple:
    """All rows of one strip of columns."""
    arrays = [s.array("sums", size, "stack") for s in columns.sums]
    last, axis = len(columns.shape) - 1, columns.reduced[-1]
    lane = var("l", extent=size)

    def vector(*statements) -> For:
        return For(lane, width, statements, VECTOR)

    olds = [load(a.name, (lane,), a.type.dtype) for a in arrays]

    def kept(values: list) -> list[Store]:
        return [Store(a.name, (lane,), value) for a, value in zip(arrays, values)]

    def rows(first: Node, count: int) -> For:
        terms = [columns.terms({axis: first + k, last: begin + lane}) for k in range(count)]
        lets, values = columns.combined(olds, terms)
        return vector(*lets, *kept(values))

    extent = columns.shape[axis]
    main = simplified(extent // ROWS)
    turn = var("g", extent=main if type(main) is int else None)
    some = (For(turn, main, (rows(turn * ROWS, ROWS),)),) if main != 0 else ()
    left = simplified(extent - main * ROWS)
    if type(left) is int:
        first = main * ROWS
        some += (rows(first if isinstance(first, Node) else const(first, Type(dt.i64, ())), left),) if left else ()
    else:
        single = var("h", extent=ROWS)
        some += (For(single, left, (rows(main * ROWS + single, 1),)),)
    clear = vector(*kept([s.identity for s in columns.sums]))
    finish = vector(*columns.results(begin + lane, olds))
    return (*map(Alloc, arrays), clear, *columns.over(columns.reduced[:-1], some), finish)


def _in_registers(columns: _Columns, lanes: int) -> tuple:
    """Rows of at most as many columns as there are virtual lanes."""
    total, last = columns.shape[-1], len(columns.shape) - 1
    lane = var("l", extent=lanes)
    arrays = [s.array("acc", lanes, "register") for s in columns.sums]
    olds = [load(a.name, (lane,), a.type.dtype) for a in arrays]
    lets, values = columns.combined(olds, [columns.terms({last: lane})])
    step = (*lets, *[Store(a.name, (lane,), value) for a, value in zip(arrays, values)])
    nest = columns.over(columns.reduced, (For(lane, total, step, VECTOR),))
    clear = [Store(a.name, (lane,), s.identity) for a, s in zip(arrays, columns.sums)]
    finish = For(lane, total, columns.results(lane, olds), VECTOR)
    body = (*map(Alloc, arrays), For(lane, lanes, tuple(clear), VECTOR), *nest, finish)
    outer = columns.kept[:-1]
    if not outer:
        return (For(var("one", extent=1), 1, body),)
    work = columns.work * lanes
    for a in (*columns.reduced, *outer[1:]):
        work = work * columns.shape[a]
    return (parallelise(columns.over(outer, body)[0], work),)
