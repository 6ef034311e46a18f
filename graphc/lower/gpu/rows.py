"""Reductions over rows on GPUs: neighbouring threads of a warp share a row, which waits in their registers between loops.

Each thread holds some of the virtual lanes of the row's sums (see ``lower.lanes``), so that the bits are those of CPUs: of
rows that begin at multiples of a vector it holds neighbouring lanes and makes wide accesses, of others lanes that lie as far
apart as there are threads. The tree over the lanes goes by shuffles while they are in other threads. Rows of unknown length
are read again by every loop that needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Alloc, Array, For, If, Kernel, Let, Set, Store, load, shuffle, shuffle_xor
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.sums import carried, combined, identity, named, planned, waiting_inputs, waiting_values, waits
from graphc.lower.gpu.threads import (
    ACCESS, WARP, at, blocks, coordinates, live, repeated, threads, threads_for, vector, widest, written_out,
)  # fmt: skip
from graphc.lower.lanes import BLOCK, virtual_lanes
from graphc.lower.nests.loops import all_of, as_index, cast, ceil_divide, least, loop, product
from graphc.lower.reasons import ROWS_IN_REGISTERS, ROWS_READ_AGAIN
from graphc.lower.reduce_nest import Row, row_values
from graphc.lower.schedule import name_shared, read_first, symbols_of
from graphc.prims.table import apply

WAITING = 32  # registers of a thread for each operand of a row, from which on more threads share it
UNROLL = 4  # chunks of a row of unknown length that are read at a time


@dataclass
class Lanes:
    """How the lanes of a row are spread over threads.

    Attributes:
        count: virtual lanes, the same as on CPUs. shares: threads of a row. near: whether a thread's lanes are neighbours.
        extent: elements of a row.
    """

    count: int
    shares: int
    near: bool
    extent: object

    @property
    def each(self) -> int:
        """Lanes of a thread."""
        return self.count // self.shares

    def lane(self, p: Node, v) -> Node:
        """The number of a thread's lane."""
        return p * self.each + v if self.near else p + v * self.shares


def row_sums(graph: Graph, shape: tuple, reduced: tuple, gpu: Gpu) -> Kernel:
    """A kernel for a region with reductions over some axes of its domain, the last one among them."""
    row, order, loops = planned(graph, shape, reduced)
    sizes = [x.dtype.size for x in graph.inputs if x.shape == shape]
    lanes = lanes_of([n for level, _ in loops for n in level], shape, sizes)
    block = threads_for(product(row.row_shape) * lanes.shares, gpu)
    resident = len(reduced) == 1 and waits(graph, shape)
    body = (_Rows(row, order, loops, lanes, resident, block).nest(),)
    why = ROWS_IN_REGISTERS if resident else ROWS_READ_AGAIN
    return Kernel("rows", tuple(row.arrays), symbols_of(body, tuple(row.arrays)), body, why)


def lanes_of(reductions: list[Node], shape: tuple, sizes: list[int]) -> Lanes:
    """The lanes of reductions over the last axis, where arrays with elements of ``sizes`` bytes are read along it."""
    extent = shape[-1]
    carrier = max(map(carried, reductions), key=lambda d: d.bits)
    count = virtual_lanes(carrier, extent)
    width = widest(ACCESS // max([*sizes, 4 if carrier.bits <= 32 else 8]), extent)
    if width == 1:
        return Lanes(count, min(count, WARP), False, extent)
    width = min(width, count)
    shares = count // width
    while shares < min(WARP, count) and extent // shares > WAITING:
        shares *= 2
    return Lanes(count, shares, True, extent)


@dataclass
class _Rows:
    """A row region being written.

    Attributes:
        held: register arrays -> what a value reads for an element that lies there.
        valid: what must hold for a thread to have a row. p: its number among those that share one; leader: the first of these.
    """

    row: Row
    order: list
    loops: list
    lanes: Lanes
    resident: bool
    threads: int
    held: dict[str, Node] = field(default_factory=dict)
    arrays: list[Array] = field(default_factory=list)
    p: Node = var("p")
    leader: Node = var("leader")
    valid: list[Node] = field(default_factory=list)

    @property
    def column(self) -> Node:
        return self.row.index[-1]

    def nest(self) -> For:
        row, shares = self.row, self.lanes.shares
        rows, together = product(row.row_shape), self.threads // shares
        axes = [(row.index[a], row.shape[a]) for a in row.kept]

        def thread(b: Node, t: Node) -> tuple:
            number = b * together + t // shares
            if not (type(rows) is int and rows % together == 0):
                self.valid = [number < rows]
                number = least(number, simplified(rows - 1))  # threads of no row shuffle with the others
            own = Let(var("row"), as_index(number))
            places = coordinates(own.var, axes, {v for v, _ in axes})
            return live((Let(self.p, t % shares), Let(self.leader, t % WARP - self.p), own, *places, *self._levels()))

        self.p = var("p", extent=shares)
        return blocks("b", ceil_divide(rows, together), lambda b: threads(self.threads, lambda t: thread(b, t)))

    def _levels(self) -> list:
        row, out = self.row, []
        if self.resident:
            out += self._held_inputs()
        keep = self._kept() if self.resident else {}
        for level, (reductions, stores) in enumerate(self.loops):
            row.elements.forget()
            for node, (array, since) in keep.items():
                if since < level:
                    row.elements.arrays[node], row.elements.rows[array.name] = array.name, ()
                    self.held[array.name] = load(array.name, (self.column,), node.dtype)
            waiting = [(array.name, node) for node, (array, since) in keep.items() if since == level]
            if reductions:
                out += self._reduction(level, reductions, [*stores, *waiting])
            elif stores:
                out += self._over_row(self._made([*stores, *waiting], [], []))
            out += [self._once(s) for s in row_values(row, self.order, level + 1)]
        return [*map(Alloc, self.arrays), *out]

    def _once(self, s):
        """A statement of a row, which one of its threads does where it stores."""
        if not isinstance(s, Store):
            return s
        tests = [*self.valid, *([apply("eq", self.p, as_index(0))] if self.lanes.shares > 1 else [])]
        return If(all_of(tests), (s,)) if tests else s

    # -------------------------------------------------------------------------------- what waits in registers

    def _chunks(self) -> int:
        return -(-self.row.shape[-1] // self.lanes.count)

    def _register(self, name: str, dtype) -> Array:
        array = Array(f"{name}{len(self.arrays)}", Type(dtype, (self._chunks(), self.lanes.each)), "register")
        self.arrays.append(array)
        return array

    def _held_inputs(self) -> list:
        """Statements that read what lies along the row."""
        fills = {}
        for name, x in waiting_inputs(self.row, self.order).items():
            fills[self._register("held", x.dtype).name] = load(name, self.row.index, x.dtype)
        self.held.update(fills)

        def element(c, v, column) -> tuple:
            return tuple([Store(name, (c, v), at((x,), {self.column: column})[0]) for name, x in fills.items()])

        return self._over_row(element) if fills else []

    def _kept(self) -> dict[Node, tuple[Array, int]]:
        """Costly values that several loops need: their arrays, and the loops that make them."""
        return {n: (self._register("kept", n.dtype), since) for n, since in waiting_values(self.row, self.loops).items()}

    # ------------------------------------------------------------------------------------- loops along a row

    def _over_row(self, element: Callable) -> list:
        """The statements ``element(chunk, lane, column)`` makes, for every element that the thread has."""
        whole = self._whole_row(element) if self.resident else self._read_again(0, self.row.shape[-1], element)
        for a in reversed(self.row.reduced[:-1]):
            whole = [For(self.row.index[a], self.row.shape[a], tuple(whole))]
        return [If(all_of(self.valid), tuple(whole))] if self.valid else whole

    def _whole_row(self, element: Callable) -> list:
        lanes, main = self.lanes, self.row.shape[-1] // self.lanes.count
        out = [repeated("c", main, lambda c: self._chunk(c, c * lanes.count, element))] if main else []
        return out + self._rest(main, main * lanes.count, self.row.shape[-1], element)

    def _chunk(self, c, begin, element: Callable) -> tuple:
        """All lanes of the thread."""
        form = vector if self.lanes.near else written_out
        return form("v", self.lanes.each, lambda v: element(c, v, simplified(begin + self.lanes.lane(self.p, v))))

    def _rest(self, c, begin, end, element: Callable) -> list:
        """The lanes of the thread that are before the end of the row."""
        left = simplified(end - begin)
        if left == 0:
            return []
        lanes, known = self.lanes, type(left) is int
        if lanes.near and known and left % lanes.each == 0:
            return [If(self.p * lanes.each < left, self._chunk(c, begin, element))]
        places = [(v, lanes.lane(self.p, v)) for v in range(lanes.each) if not known or (v if lanes.near else v * lanes.shares) < left]
        return [If(lane < left, tuple(element(c, v, simplified(begin + lane)))) for v, lane in places]

    def _read_again(self, begin, count, element: Callable) -> list:
        """``count`` elements from ``begin`` on, chunk by chunk."""
        step = self.lanes.count
        groups = simplified(count // (step * UNROLL))

        def group(g: Node) -> tuple:
            return written_out("c", UNROLL, lambda c: self._chunk(c, begin + g * (step * UNROLL) + c * step, element))

        def single(c: Node) -> tuple:
            first = begin + groups * (step * UNROLL) + c * step
            return tuple(self._rest(c, first, begin + count, element))

        left = ceil_divide(simplified(count - groups * (step * UNROLL)), step)
        out = [loop("g", groups, group)] if groups != 0 else []
        return out + [loop("h", left, single)] if left != 0 else out

    def _made(self, stores: list, reductions: list, accs: list[Array]) -> Callable:
        """What one element stores, and what it adds to sums."""
        row = self.row
        values = [row.elements.at(n, row.index) for _, n in stores]
        for n in reductions:
            values.append(cast(row.elements.at(n.inputs[0], row.index), carried(n)))

        def element(c, v, column) -> tuple:
            memo = {x: load(name, (c, v), x.dtype) for name, x in self.held.items()}
            lets, known = read_first(*name_shared(at(at(values, memo), {self.column: column})))
            out: list = list(lets)
            for (where, _), value in zip(stores, known):
                place = (*row.index[:-1], as_index(column))
                out.append(Store(where, (c, v), value) if isinstance(where, str) else Store(row.result(where), place, value))
            for n, array, term in zip(reductions, accs, known[len(stores) :]):
                old = load(array.name, (v,), array.type.dtype)
                out.append(Store(array.name, (v,), combined(n, old, term)))
            return tuple(out)

        return element

    # --------------------------------------------------------------------------------------------- reductions

    def _reduction(self, level: int, reductions: list, stores: list) -> list:
        """The loop of one level, its folds, and the names of what it makes."""
        extent, lanes = self.row.shape[-1], self.lanes
        accs = [Array(f"acc{level}_{k}", Type(carried(n), (lanes.each,)), "register") for k, n in enumerate(reductions)]
        element = self._made(stores, reductions, accs)

        def clear(v) -> tuple:
            return tuple([Store(a.name, (v,), identity(n)) for n, a in zip(reductions, accs)])

        start = written_out("v", lanes.each, clear)
        if len(self.row.reduced) > 1 or (type(extent) is int and extent <= BLOCK):
            out = [*map(Alloc, accs), *start, *self._over_row(element)]
            totals = []
            for k, (n, array) in enumerate(zip(reductions, accs)):
                lets, total = self._fold(n, array)
                out, totals = out + lets, [*totals, total]
        else:
            out, totals = self._in_blocks(level, reductions, accs, start, element)
        return out + named(self.row, level, reductions, totals)

    def _in_blocks(self, level: int, reductions: list, accs: list, start: tuple, element: Callable) -> tuple[list, list]:
        """The same for a row whose sum is that of its blocks'."""
        extent = self.row.shape[-1]
        names = [var(f"s{level}_{k}", Type(carried(n), ())) for k, n in enumerate(reductions)]

        def block(k: Node) -> tuple:
            begin = k * BLOCK
            some = self._read_again(begin, simplified(least(BLOCK, extent - begin)), element)
            out = [*map(Alloc, accs), *start, *([If(all_of(self.valid), tuple(some))] if self.valid else some)]
            for j, (n, array, name) in enumerate(zip(reductions, accs, names)):
                lets, total = self._fold(n, array)
                made = var(f"part{level}_{j}", name.type)
                out += [*lets, Let(made, total), Set(name, combined(n, name, made))]
            return tuple(out)

        clear = [Let(name, identity(n)) for n, name in zip(reductions, names)]
        return [*clear, loop(f"k{level}", ceil_divide(extent, BLOCK), block)], names

    def _fold(self, node: Node, array: Array) -> tuple[list, Node]:
        """The tree over the lanes, by halves: those of other threads by shuffles."""
        lanes, out = self.lanes, []

        def mine(v) -> Node:
            return load(array.name, (v,), array.type.dtype)

        def inside() -> None:
            half = lanes.each // 2
            while half:
                out.extend(written_out("v", half, lambda v: (Store(array.name, (v,), combined(node, mine(v), mine(v + half))),)))
                half //= 2

        def across(distance: int, parts: int) -> None:
            def exchange(v) -> tuple:
                other = var("other", array.type.with_shape(()))
                return (Let(other, shuffle_xor(mine(v), distance)), Store(array.name, (v,), combined(node, mine(v), other)))

            out.append(repeated("v", parts, exchange))

        if not lanes.near:
            inside()
        parts = lanes.each if lanes.near else 1
        distance = lanes.shares // 2
        while distance:
            across(distance, parts)
            distance //= 2
        if lanes.near:
            inside()
        if node.dtype.is_float and node.attr("kind") in ("max", "min") and lanes.shares > 1:
            return out, shuffle(mine(0), self.leader)  # of zeros of two signs each thread has found its own first
        return out, mine(0)
