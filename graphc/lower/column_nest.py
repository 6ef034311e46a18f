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
SHARED = 1024  # columns from which strips are made for two threads at least


@dataclass(frozen=True)
class _Columns:
    """A reduction whose last axis is kept."""

    node: Node
    shape: tuple
    kept: tuple
    reduced: tuple
    index: tuple
    elements: Elements
    work: int

    @property
    def dtype(self) -> dt.DType:
        """That of the sums."""
        return accumulator(self.node.dtype, self.node.attr("kind"))

    @property
    def identity(self) -> Node:
        return const(TABLE["reduce"].reduce(self.node.attr("kind"), self.dtype)[0], Type(self.dtype, ()))

    def term(self, places: dict) -> Node:
        """The element at the index with other expressions for some axes, as wide as the sums."""
        where = tuple(places.get(a, i) for a, i in enumerate(self.index))
        value = self.elements.at(self.node.inputs[0], where)
        return value if self.dtype is self.node.dtype else apply("cast", value, dtype=self.dtype)

    def combined(self, old: Node, term: Node) -> Node:
        return apply(TABLE["reduce"].reduce(self.node.attr("kind"), self.dtype)[1], old, term)

    def result(self, column: Node, value: Node) -> Store:
        """The sum of a column is stored."""
        target = tuple(column if a == len(self.shape) - 1 else self.index[a] for a in self.kept)
        value = value if self.dtype is self.node.dtype else apply("cast", value, dtype=self.node.dtype)
        return Store("out0", target, value)

    def over(self, axes: tuple, nest: tuple) -> tuple:
        """Loops over some axes around a nest."""
        for a in reversed(axes):
            nest = (For(self.index[a], self.shape[a], nest),)
        return nest


def column_nest(graph: Graph, shape: tuple, kept: tuple, reduced: tuple, names: dict, strip_bytes: int) -> tuple:
    """The statements of a region that is one reduction with the last axis of its domain kept."""
    (node,) = graph.outputs
    columns = _Columns(node, shape, kept, reduced, index_vars(shape), Elements(names), work_of(graph))
    lanes = virtual_lanes(columns.dtype, shape[-1])
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
    lets, terms = name_shared([columns.term({axis: const(k, Type(dt.i64, ())), last: column}) for k in range(rows)])
    value = columns.identity
    for term in terms:
        value = columns.combined(value, term)
    pieces = tile(For(column, total, (*lets, columns.result(column, value))), TILE)
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
    most = strip_bytes // columns.dtype.size
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
    sums = Array("sums", Type(columns.dtype, (size,)), "stack")
    last, axis = len(columns.shape) - 1, columns.reduced[-1]
    lane = var("l", extent=size)

    def vector(*statements) -> For:
        return For(lane, width, statements, VECTOR)

    old = load(sums.name, (lane,), columns.dtype)

    def rows(first: Node, count: int) -> For:
        terms = [columns.term({axis: first + k, last: begin + lane}) for k in range(count)]
        lets, terms = name_shared(terms)
        value = old
        for term in terms:
            value = columns.combined(value, term)
        return vector(*lets, Store(sums.name, (lane,), value))

    extent = columns.shape[axis]
    main = simplified(extent // ROWS)
    turn = var("g", extent=main if type(main) is int else None)
    some = (For(turn, main, (rows(turn * ROWS, ROWS),)),) if main != 0 else ()
    left = simplified(extent - main * ROWS)
    if type(left) is int:
        some += (rows(const(main * ROWS, Type(dt.i64, ())), left),) if left else ()
    else:
        single = var("h", extent=ROWS)
        some += (For(single, left, (rows(main * ROWS + single, 1),)),)
    clear, finish = vector(Store(sums.name, (lane,), columns.identity)), vector(columns.result(begin + lane, old))
    return (Alloc(sums), clear, *columns.over(columns.reduced[:-1], some), finish)


def _in_registers(columns: _Columns, lanes: int) -> tuple:
    """Rows of at most as many columns as there are virtual lanes."""
    total, last = columns.shape[-1], len(columns.shape) - 1
    lane = var("l", extent=lanes)
    sums = Array("acc", Type(columns.dtype, (lanes,)), "register")
    old = load(sums.name, (lane,), columns.dtype)
    lets, (term,) = name_shared([columns.term({last: lane})])
    step = (*lets, Store(sums.name, (lane,), columns.combined(old, term)))
    nest = columns.over(columns.reduced, (For(lane, total, step, VECTOR),))
    clear = For(lane, lanes, (Store(sums.name, (lane,), columns.identity),), VECTOR)
    body = (Alloc(sums), clear, *nest, For(lane, total, (columns.result(lane, old),), VECTOR))
    outer = columns.kept[:-1]
    if not outer:
        return (For(var("one", extent=1), 1, body),)
    work = columns.work * lanes
    for a in (*columns.reduced, *outer[1:]):
        work = work * columns.shape[a]
    return (parallelise(columns.over(outer, body)[0], work),)
