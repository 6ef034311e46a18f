"""Reductions over long rows on GPUs: a block of threads reads a row, or a part of it, and one warp keeps the order of its sums.

What an element adds to a sum is computed by all threads and put into shared memory, from where one warp for each sum takes it
into the virtual lanes, in order, while the others load what comes next. So the bits are those of CPUs, and as much memory is
under way as threads can ask for. Where order does not matter each thread has a part of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graphc.ir.graph import Graph
from graphc.ir.kernel import Alloc, Array, Barrier, For, If, Kernel, Let, Store, load, shuffle_xor
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.sums import (
    carried, combined, identity, is_ordered, named, planned, waiting_inputs, waiting_values, waits, words_of,
)  # fmt: skip
from graphc.lower.gpu.threads import (
    ACCESS, THREADS, WARP, at, blocks, coordinates, live, repeated, threads, vector, widest, written_out,
)  # fmt: skip
from graphc.lower.lanes import virtual_lanes
from graphc.lower.nests.loops import as_index, cast, ceil_divide, loop, product
from graphc.lower.reasons import ROWS_OF_BLOCKS
from graphc.lower.reduce_nest import Row, row_values
from graphc.lower.schedule import name_shared, read_first, symbols_of
from graphc.prims.table import apply

EACH = 16  # elements of a thread that are under way at a time
MOST_THREADS = 1024
SHARED = 32 << 10  # bytes of shared memory of a block at the most, so that a multiprocessor has several
CHAIN = 8  # elements of a lane that are read from shared memory before the first is added


@dataclass(frozen=True)
class Piece:
    """How a block of threads goes along a row.

    Attributes:
        threads: of the block. width: neighbouring elements of a thread. turns: how often it has so many in a piece.
        lanes: virtual lanes of the sums.
    """

    threads: int
    width: int
    turns: int
    lanes: int

    @property
    def size(self) -> int:
        return self.threads * self.width * self.turns

    def place(self, t: Node, u, v) -> Node:
        """Where an element of a thread is in the piece."""
        return (u * self.threads + t) * self.width + v


@dataclass
class Part:
    """What one thread of a block does with ``count`` elements of a row, from ``begin`` on.

    Attributes:
        resident: whether they wait in registers. held: arrays of these -> what a value reads for an element that lies there.
    """

    row: Row
    piece: Piece
    begin: object
    count: object
    t: Node
    resident: bool = False
    held: dict[str, Node] = field(default_factory=dict)
    shared: dict[str, Array] = field(default_factory=dict)

    def in_shared(self, name: str, dtype, shape: tuple) -> Array:
        """An array in shared memory, which all levels have in turn; a barrier lies between them."""
        name = f"{name}_{dtype.short}"
        return self.shared.setdefault(name, Array(name, Type(dtype, shape), "shared"))

    def over_pieces(self, name: str, body: Callable[[object, object], tuple]) -> list:
        """``body(number, elements)`` for the pieces in order."""
        whole = simplified(self.count // self.piece.size)
        rest = simplified(self.count - whole * self.piece.size)
        out: list = []
        if whole != 0:
            i = var(name, extent=whole if type(whole) is int else None)
            one = tuple(body(i, self.piece.size))
            out.append(repeated(name, whole, lambda _: one) if self.resident else For(i, whole, one))
        if type(rest) is int:
            return [*out, repeated("last", 1, lambda _: tuple(body(whole, rest)))] if rest else out
        return [*out, If(as_index(0) < rest, tuple(body(whole, rest)))]

    def elements(self, s, left, element: Callable) -> tuple:
        """``element(turn, lane, column, place)`` for the elements of the thread among the ``left`` of piece ``s``."""
        piece = self.piece

        def turn(u) -> tuple:
            def made(v) -> tuple:
                place = piece.place(self.t, u, v)
                return tuple(element(s * piece.turns + u, v, simplified(self.begin + s * piece.size + place), place))

            first = piece.place(self.t, u, 0)
            if left == piece.size:
                return vector("v", piece.width, made)
            if type(left) is int and left % piece.width == 0:
                return (If(first < left, vector("v", piece.width, made)),)
            return tuple([If(first + v < left, made(v)) for v in range(piece.width)])

        return written_out("u", piece.turns, turn)

    def made(self, stores: list, reductions: list, terms: dict[Node, Array], accs: list[Array], turn) -> Callable:
        """What one element stores, and what it hands to sums or takes into the thread's own part of them."""
        row, column = self.row, self.row.index[-1]
        values = [row.elements.at(n, row.index) for _, n in stores]
        for n in reductions:
            values.append(cast(row.elements.at(n.inputs[0], row.index), carried(n)))

        def element(c, v, where, place) -> tuple:
            memo = {x: load(name, (c, v), x.dtype) for name, x in self.held.items()}
            lets, known = read_first(*name_shared(at(at(values, memo), {column: where})))
            out: list = list(lets)
            for (target, _), value in zip(stores, known):
                here = (*row.index[:-1], as_index(where))
                out.append(Store(target, (c, v), value) if isinstance(target, str) else Store(row.result(target), here, value))
            for n, acc, value in zip(reductions, accs, known[len(stores) :]):
                if n in terms:
                    out.append(Store(terms[n].name, (turn, place), value))
                else:
                    out.append(Store(acc.name, (0,), combined(n, load(acc.name, (0,), acc.type.dtype), value)))
            return tuple(out)

        return element

    def sums(self, level: int, reductions: list, stores: list) -> tuple[list, list[Node]]:
        """The statements of the reductions of a level, and what all threads have then."""
        each = max(1, self.piece.lanes // WARP)
        ordered = [n for n in reductions if is_ordered(n)]
        terms = {n: self.in_shared(f"terms{k}", carried(n), (2, self.piece.size)) for k, n in enumerate(ordered)}
        accs = [Array(f"acc{level}_{k}", Type(carried(n), (each if n in terms else 1,)), "register") for k, n in enumerate(reductions)]

        def clear(n: Node, a: Array) -> tuple:
            return written_out("v", a.type.size, lambda v: (Store(a.name, (v,), identity(n)),))

        def step(s, left) -> tuple:
            chains = [
                If(apply("eq", self.t // WARP, as_index(self.warp_of(k))), self._chain(n, a, terms[n], s % 2, left))
                for k, (n, a) in enumerate(zip(reductions, accs))
                if n in terms
            ]
            fill = self.elements(s, left, self.made(stores, reductions, terms, accs, s % 2))
            return (*fill, Barrier(), *chains) if chains else fill

        out = [*map(Alloc, accs), *[x for n, a in zip(reductions, accs) for x in clear(n, a)], *self.over_pieces(f"s{level}", step)]
        results = []
        for k, (n, a) in enumerate(zip(reductions, accs)):
            places = 1 if n in terms else self.piece.threads // WARP
            results.append(Array(f"result{level}_{k}", Type(a.type.dtype, (places,)), "shared"))
            out += [*self._fold(n, a, self.piece.lanes if n in terms else WARP), Alloc(results[-1])]
            leads, at_place = (self.leads(k), 0) if n in terms else (apply("eq", self.t % WARP, as_index(0)), self.t // WARP)
            out.append(If(leads, (Store(results[-1].name, (at_place,), load(a.name, (0,), a.type.dtype)),)))
        out.append(Barrier())
        totals = []
        for n, a, result in zip(reductions, accs, results):
            if n in terms:
                totals.append(load(result.name, (0,), a.type.dtype))
                continue

            def take(w, n=n, a=a, result=result) -> tuple:
                other = load(result.name, (w,), a.type.dtype)
                return (Store(a.name, (0,), combined(n, load(a.name, (0,), a.type.dtype), other)),)

            out += [Store(a.name, (0,), identity(n)), loop("w", result.type.size, take)]
            totals.append(load(a.name, (0,), a.type.dtype))
        return out, totals

    def warp_of(self, k: int) -> int:
        """The warp that keeps sum ``k``."""
        return k % (self.piece.threads // WARP)

    def leads(self, k: int) -> Node:
        """Whether the thread is the one that has sum ``k`` in the end."""
        return apply("eq", self.t, as_index(self.warp_of(k) * WARP))

    def _chain(self, node: Node, acc: Array, terms: Array, turn, left) -> tuple:
        """What lies in shared memory goes into the lanes, in order."""
        lanes, lane = self.piece.lanes, self.t % WARP

        def add(first, limited: bool) -> tuple:
            """One element of each lane of the thread."""
            out = []
            for j in range(max(1, lanes // WARP)):
                place = simplified(first + j * WARP + lane)
                value = load(terms.name, (turn, place), terms.type.dtype)
                store = Store(acc.name, (j,), combined(node, load(acc.name, (j,), acc.type.dtype), value))
                tests = [*([lane < lanes] if lanes < WARP else []), *([place < left] if limited else [])]
                out.append(If(tests[0] if len(tests) == 1 else apply("and", *tests), (store,)) if tests else store)
            return tuple(out)

        groups = simplified(left // (lanes * CHAIN))
        rest = simplified(left - groups * (lanes * CHAIN))
        out: tuple = ()
        if groups != 0:
            out += (loop("g", groups, lambda g: written_out("c", CHAIN, lambda c: add((g * CHAIN + c) * lanes, False))),)
        if rest != 0:
            begin = as_index(groups * (lanes * CHAIN))
            out += (loop("h", ceil_divide(rest, lanes), lambda h: add(begin + h * lanes, True)),)
        return out

    def _fold(self, node: Node, acc: Array, lanes: int) -> list:
        """The tree over the lanes, or over the threads of a warp, by halves."""
        out: list = []

        def mine(v) -> Node:
            return load(acc.name, (v,), acc.type.dtype)

        def exchange(distance: int) -> tuple:
            other = var("other", acc.type.with_shape(()))
            return (Let(other, shuffle_xor(mine(0), distance)), Store(acc.name, (0,), combined(node, mine(0), other)))

        if lanes > WARP:
            out.append(Store(acc.name, (0,), combined(node, mine(0), mine(1))))
        distance = min(lanes, WARP) // 2
        while distance:
            out.append(repeated("v", 1, lambda _: exchange(distance)))
            distance //= 2
        return out


def piece_of(graph: Graph, shape: tuple, loops: list, extent) -> Piece:
    """How a block goes along ``extent`` elements of a row, if that is known."""
    width = widest(ACCESS // max([x.dtype.size for x in graph.inputs if x.shape == shape] or [4]), shape[-1])
    words = words_of(graph, shape)
    count, turns = THREADS, max(1, EACH // width)
    if type(extent) is int:
        while count < MOST_THREADS and count * EACH < extent * words:
            count *= 2
        while turns > 1 and count * width * (turns // 2) >= extent:
            turns //= 2
    element = max(1, *[sum(carried(n).size for n in level if is_ordered(n)) for level, _ in loops])  # bytes of all terms
    while 2 * count * width * turns * element > SHARED and turns * width > 1:
        width, turns = (width, turns // 2) if turns > 1 else (width // 2, 1)
    carrier = max((carried(n) for level, _ in loops for n in level), key=lambda d: d.bits)
    return Piece(count, width, turns, virtual_lanes(carrier, shape[-1]))


def block_rows(graph: Graph, shape: tuple) -> Kernel:
    """A kernel for rows of a known length of at most ``lanes.BLOCK``: each has a block of threads and waits in its registers."""
    row, order, loops = planned(graph, shape, (len(shape) - 1,))
    extent, rows = shape[-1], product(shape[:-1])
    piece = piece_of(graph, shape, loops, extent)
    resident = waits(graph, shape, piece.threads)
    axes = [(row.index[a], row.shape[a]) for a in row.kept]

    def thread(b: Node, t: Node) -> tuple:
        part = Part(row, piece, 0, extent, t, resident)
        body = _levels(part, order, loops)
        return live((*map(Alloc, part.shared.values()), *coordinates(b, axes, {v for v, _ in axes}), *body))

    body = (blocks("b", rows, lambda b: threads(piece.threads, lambda t: thread(b, t))),)
    return Kernel("rows", tuple(row.arrays), symbols_of(body, tuple(row.arrays)), body, ROWS_OF_BLOCKS)


def _levels(part: Part, order: list, loops: list) -> list:
    """All loops of a row in one block of threads."""
    row, out, column = part.row, [], part.row.index[-1]
    waiting: list[Array] = []

    def register(name: str, dtype) -> Array:
        turns = -(-part.count // part.piece.size) * part.piece.turns
        waiting.append(Array(f"{name}{len(waiting)}", Type(dtype, (turns, part.piece.width)), "register"))
        return waiting[-1]

    kept: dict[Node, tuple[Array, int]] = {}
    if part.resident:
        fills = {}
        for name, x in waiting_inputs(row, order).items():
            fills[register("held", x.dtype).name] = load(name, row.index, x.dtype)

        def read(c, v, where, _) -> tuple:
            return tuple([Store(name, (c, v), x) for name, x in zip(fills, at(fills.values(), {column: where}))])

        out += part.over_pieces("s", lambda s, left: part.elements(s, left, read)) if fills else []
        part.held.update(fills)
        kept = {n: (register("kept", n.dtype), since) for n, since in waiting_values(row, loops).items()}
    for level, (reductions, stores) in enumerate(loops):
        row.elements.forget()
        for node, (array, since) in kept.items():
            if since < level:
                row.elements.arrays[node], row.elements.rows[array.name] = array.name, ()
                part.held[array.name] = load(array.name, (column,), node.dtype)
        stores = [*stores, *[(array.name, node) for node, (array, since) in kept.items() if since == level]]
        if reductions:
            found, totals = part.sums(level, reductions, stores)
            out += [*found, *named(row, level, reductions, totals)]
        elif stores:
            out += part.over_pieces(f"s{level}", lambda s, left: part.elements(s, left, part.made(stores, [], {}, [], 0)))
        for s in row_values(row, order, level + 1):
            out.append(If(apply("eq", part.t, as_index(0)), (s,)) if isinstance(s, Store) else s)
    return [*map(Alloc, waiting), *out]
