"""Element-wise regions that read an operand along another axis than they write: square tiles turned in registers.

A tile of rows is loaded along the operand's last axis, turned, and used as if it had been read along the result's last axis,
so that memory is touched in whole vectors on both sides. Tiles go along a strip of columns of the result before the next
rows, so that the lines of the operand that a strip shares stay in cache.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.graph import substitute
from graphc.ir.kernel import SERIAL, UNROLLED, VECTOR, Alloc, Array, For, If, Store, Turn, load
from graphc.ir.node import INDEX, Node, binary, compare, const, linear_form, simplified, var
from graphc.ir.order import toposort
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.schedule import name_shared, parallelise, read_first, simplified_index
from graphc.prims.table import apply

LEAST = 64  # elements of the two axes from which tiles pay
FEW = 4  # outer iterations too few to share among threads
_PLAIN = 8  # rows of a tile on machines without vectors


@dataclass(frozen=True)
class _Tiles:
    """A region in tiles: ``turned`` loads run along axis ``row`` of the domain, everything else along the last one."""

    shape: tuple
    index: tuple
    row: int
    turned: tuple
    size: int  # of a tile, a power of two
    strip: int  # tiles of the result's rows done before the next rows

    def count(self, axis: int):
        """Tiles along an axis."""
        return simplified((self.shape[axis] + (self.size - 1)) // self.size)

    def extent(self, axis: int) -> int:
        """Iterations within a tile."""
        extent = self.shape[axis]
        return min(extent, self.size) if type(extent) is int else self.size

    def base(self, axis: int, tile: Node):
        """Where a tile begins; the last one of a fixed extent ends with it and does some elements again."""
        extent, begin = self.shape[axis], tile * self.size
        if type(extent) is not int or extent % self.size == 0:
            return begin
        return const(0, INDEX) if extent < self.size else binary("min", begin, extent - self.size)


def turned_nest(values: list[Node], shape: tuple, index: tuple, work: int, target: Target) -> tuple | None:
    """The statements of a region that reads across, None for one that does not.

    Elements may be computed twice, so no result may lie over an operand.

    Args:
        values: what is stored into ``out0`` and so on, in terms of ``index``.
        work: rough flops of one element.
    """
    if len(shape) < 2:
        return None
    found = across(values, index)
    if not found:
        return None
    row = Counter(found.values()).most_common(1)[0][0]
    sizes = [shape[a] if type(shape[a]) is int else LEAST for a in (row, len(shape) - 1)]
    if sizes[0] * sizes[1] < LEAST or min(sizes) < 2:
        return None
    turned = tuple(n for n, axis in found.items() if axis == row)
    bits = {n.dtype.bits for n in toposort(values) if n.op in ("load", "load_if")} | {v.dtype.bits for v in values}
    lanes = target.lanes(dt.f64 if bits == {64} else dt.f32)
    tiles = _Tiles(shape, index, row, turned, lanes if lanes > 1 else _PLAIN, target.machine.turn_strip)
    return _loops(tiles, values, work)


def across(values: list[Node], index: tuple) -> dict[Node, int]:
    """The loads whose neighbours in memory are neighbours along another axis than the last, and that axis."""
    found: dict[Node, int] = {}
    for node in toposort(values):
        if node.op != "load" or not node.inputs:
            continue
        *outer, last = node.inputs
        elsewhere = {v for i in outer for v in toposort((i,)) if v.op == "var"}
        if index[-1] not in elsewhere:
            continue
        terms, _ = linear_form(last)
        inside = {v for t in terms if t.op != "var" for v in toposort((t,))}
        for axis, v in enumerate(index[:-1]):
            if terms.get(v) == 1 and v not in inside and v not in elsewhere and index[-1] not in terms:
                found[node] = axis
    return found


def _loops(tiles: _Tiles, values: list[Node], work: int) -> tuple:
    shape, last, most = tiles.shape, len(tiles.shape) - 1, tiles.strip
    rows, columns = tiles.count(tiles.row), tiles.count(last)
    row = var("r", extent=rows if type(rows) is int else None)
    strips = simplified((columns + (most - 1)) // most)
    if strips == 1:
        column = var("c", extent=columns)
        loops = [(row, rows), (column, columns)]
    else:
        strip, inner = var("s", extent=strips if type(strips) is int else None), var("c", extent=most)
        column = strip * most + inner
        exact = type(columns) is int and columns % most == 0
        left = most if exact else simplified(binary("min", columns - strip * most, most))
        loops = [(strip, strips), (row, rows), (inner, left)]
    extents = [rows, columns] if strips == 1 else [strips, rows, most]
    outer = [(tiles.index[a], shape[a]) for a in range(last) if a != tiles.row]
    at = 0
    if all(type(d) is int for _, d in outer) and _product(d for _, d in outer) <= FEW:
        at = 1  # tiles outermost: there are enough of them to share
    loops[at:at], extents[at:at] = outer, [d for _, d in outer]
    body = _tile(tiles, values, row, column)
    for v, extent in reversed(loops[1:]):
        body = (For(v, extent, body),)
    return (parallelise(For(*loops[0], body), work * tiles.size * tiles.size * _product(extents[1:])),)


def _tile(tiles: _Tiles, values: list[Node], row: Node, column: Node) -> tuple:
    """One tile; where sizes are symbols, the last ones element by element."""
    last = len(tiles.shape) - 1
    places = {tiles.row: tiles.base(tiles.row, row), last: tiles.base(last, column)}
    whole = _whole_tile(tiles, values, places)
    tests = [compare("le", places[a] + tiles.size, tiles.shape[a]) for a in places if type(tiles.shape[a]) is not int]
    if not tests:
        return whole
    condition = tests[0] if len(tests) == 1 else apply("and", *tests)
    names = {a: var(f"e{k}", extent=tiles.size) for k, a in enumerate(places)}
    nest = _stores(tiles, values, {a: places[a] + names[a] for a in places})
    for a in reversed(places):
        extent = tiles.shape[a]
        left = tiles.extent(a) if type(extent) is int else simplified(binary("min", extent - places[a], tiles.size))
        nest = (For(names[a], left, nest, SERIAL),)
    return (If(condition, whole, nest),)


def _whole_tile(tiles: _Tiles, values: list[Node], places: dict) -> tuple:
    last, size = len(tiles.shape) - 1, tiles.size
    down, along = tiles.extent(tiles.row), tiles.extent(last)
    out: list = []
    memo: dict[Node, Node] = {}
    number, lane = var("a", extent=down), var("b", extent=along)
    for k, node in enumerate(tiles.turned):
        mask = node.dtype is dt.b1
        array = Array(f"turned{k}", Type(dt.u8 if mask else node.dtype, (size, size)), "register")
        step, place = var(f"m{k}", extent=along), var(f"n{k}", extent=down)
        value = _at(tiles, [node], {tiles.row: places[tiles.row] + place, last: places[last] + step})[0]
        value = apply("cast", value, dtype=dt.u8) if mask else value
        inner = For(place, down, (Store(array.name, (step, place), value),), VECTOR)
        out += [Alloc(array), For(step, along, (inner,), UNROLLED), Turn(array.name)]
        read = load(array.name, (number, lane), array.type.dtype)
        memo[node] = apply("ne", read, const(0, Type(dt.u8, ()))) if mask else read
    indices = {tiles.row: places[tiles.row] + number, last: places[last] + lane}
    stores = _stores(tiles, [substitute((v,), memo)[0] for v in values], indices)
    out.append(For(number, down, (For(lane, along, stores, VECTOR),), UNROLLED))
    return tuple(out)


def _stores(tiles: _Tiles, values: list[Node], places: dict) -> tuple:
    """Every output at one place of the domain."""
    lets, named = name_shared(_at(tiles, values, places))
    lets, named = read_first(lets, named)
    index = tuple(places.get(a, i) for a, i in enumerate(tiles.index))
    return (*lets, *(Store(f"out{k}", index, v) for k, v in enumerate(named)))


def _at(tiles: _Tiles, values: list[Node], places: dict) -> list[Node]:
    """The values with other index expressions for some axes."""
    memo = {tiles.index[a]: where for a, where in places.items()}
    return [simplified_index(substitute((v,), memo)[0]) for v in values]


def _product(dims):
    total = 1
    for d in dims:
        total *= d
    return total
