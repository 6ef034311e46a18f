"""Element-wise regions on GPUs that read an operand along another axis than they write: tiles turned in shared memory.

A block has a square tile of the domain. Its threads stand along the operand's last axis while they load it and along the
result's while they store, so that neighbouring threads touch neighbouring memory both times. A row of the tile in shared memory
is one word longer than the tile, so that threads down a column meet in different banks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphc.ir.kernel import Alloc, Array, Barrier, For, If, Let, Store, load
from graphc.ir.node import Node, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.gpu.threads import (
    THREADS, WARP, at, blocks, coordinates, direct_loads, guarded, live, threads, variables, vector, written_out,
)  # fmt: skip
from graphc.lower.nests.loops import all_of, ceil_divide, product
from graphc.lower.schedule import name_shared, read_first
from graphc.lower.turn_nest import across

LEAST = 16  # elements of the two axes from which a tile is worth its barrier: caches hold the lines of shorter ones
WORD = 4  # bytes of a bank of shared memory


@dataclass(frozen=True)
class _Tile:
    """A square tile: ``turned`` loads run along axis ``row`` of the domain, everything else along the last one."""

    shape: tuple
    index: tuple
    row: int
    turned: tuple[Node, ...]
    width: int  # neighbouring elements of a thread

    @property
    def side(self) -> int:
        return WARP * self.width

    @property
    def steps(self) -> int:
        """Rows of the tile that a thread has a part of."""
        return self.side // (THREADS // WARP)

    def inside(self, axis: int, position: Node) -> list[Node]:
        """What must hold for a position on an axis to be in the domain."""
        extent = self.shape[axis]
        return [] if type(extent) is int and extent % self.side == 0 else [position < extent]


def turned_nest(values: list[Node], shape: tuple, index: tuple) -> tuple | None:
    """The statements of a region that reads across, None for one that does not.

    Args:
        values: what is stored into ``out0`` and so on, in terms of ``index``.
    """
    found = across(values, index) if len(shape) > 1 else {}
    if not found:
        return None
    row = Counter(found.values()).most_common(1)[0][0]
    if any(type(shape[a]) is int and shape[a] < LEAST for a in (row, len(shape) - 1)):
        return None
    turned = tuple([n for n, axis in found.items() if axis == row])
    widest = max(n.dtype.size for n in toposort(values) if n.op in ("load", "load_if") or n in values)
    return (_blocks(_Tile(shape, index, row, turned, max(1, WORD // widest)), values),)


def _blocks(tile: _Tile, values: list[Node]) -> For:
    last = len(tile.shape) - 1
    outer = [(tile.index[a], tile.shape[a]) for a in range(last) if a != tile.row]
    shared = [Array(f"turned{k}", Type(n.dtype, (tile.side, tile.side + tile.width)), "shared") for k, n in enumerate(tile.turned)]

    def columns(bo, br: Node) -> tuple:
        return (blocks("bc", ceil_divide(tile.shape[last], tile.side),
                       lambda bc: threads(THREADS, lambda t: _thread(tile, values, shared, bo, br, bc, t), shared)),)  # fmt: skip

    def rows(bo) -> For:
        return blocks("br", ceil_divide(tile.shape[tile.row], tile.side), lambda br: columns(bo, br))

    if not outer:
        return rows(None)
    return blocks("bo", product(d for _, d in outer), lambda bo: (rows(bo),))


def _thread(tile: _Tile, values: list[Node], shared: list[Array], bo, br: Node, bc: Node, t: Node) -> tuple:
    last, side, width, steps = len(tile.shape) - 1, tile.side, tile.width, tile.steps
    outer = [(tile.index[a], tile.shape[a]) for a in range(last) if a != tile.row]
    lets = [] if bo is None else coordinates(bo, outer, {v for v, _ in outer})
    lane, line = var("lane", extent=WARP), var("line", extent=THREADS // WARP)
    lets += [Let(lane, t % WARP), Let(line, t // WARP)]
    straight = [n for n in direct_loads(values) if n not in tile.turned and variables((n,)).intersection(tile.index)]
    waiting = [Array(f"wait{k}", Type(n.dtype, (steps, width)), "register") for k, n in enumerate(tile.turned)]
    reads = [Array(f"read{k}", Type(n.dtype, (steps, width)), "register") for k, n in enumerate(straight)]

    def across_place(u, v) -> dict:
        return {tile.index[tile.row]: br * side + lane * width + v, tile.index[last]: bc * side + u * (THREADS // WARP) + line}

    def place(u, v) -> dict:
        return {tile.index[tile.row]: br * side + u * (THREADS // WARP) + line, tile.index[last]: bc * side + lane * width + v}

    exact = not any(tile.inside(a, lane) for a in (tile.row, last))
    along = vector if exact else written_out  # elements at an edge are asked for one by one

    def loaded(nodes, here: dict) -> list[Node]:
        """Loads, where they are inside of the domain."""
        return guarded(at(nodes, here), all_of([c for a in (tile.row, last) for c in tile.inside(a, here[tile.index[a]])]))

    def read_across(u) -> tuple:
        def element(v) -> tuple:
            return tuple([Store(a.name, (u, v), x) for a, x in zip(waiting, loaded(tile.turned, across_place(u, v)))])

        return along("v", width, element)

    def read_along(u) -> tuple:
        def element(v) -> tuple:
            return tuple([Store(a.name, (u, v), x) for a, x in zip(reads, loaded(straight, place(u, v)))])

        return along("v", width, element)

    def put(u) -> tuple:
        def element(v) -> tuple:
            where = (u * (THREADS // WARP) + line, lane * width + v)
            return tuple([Store(s.name, where, load(a.name, (u, v), a.type.dtype)) for s, a in zip(shared, waiting)])

        return along("v", width, element)

    def compute(u) -> tuple:
        def element(v) -> tuple:
            here, taken = place(u, v), (lane * width + v, u * (THREADS // WARP) + line)
            memo = {n: load(s.name, taken, n.dtype) for n, s in zip(tile.turned, shared)}
            memo |= {n: load(a.name, (u, v), n.dtype) for n, a in zip(straight, reads)}
            lets, named = read_first(*name_shared(at(at(values, memo), here)))
            where = tuple([here.get(i, i) for i in tile.index])
            stores = (*lets, *[Store(f"out{k}", where, x) for k, x in enumerate(named)])
            test = all_of([c for a in (tile.row, last) for c in tile.inside(a, here[tile.index[a]])])
            return stores if test is None else (If(test, stores),)

        return along("v", width, element)

    body = (*lets, *map(Alloc, (*waiting, *reads)), *written_out("u", steps, read_across))
    body += written_out("u", steps, read_along) if reads else ()
    return live((*body, *written_out("u", steps, put), Barrier(), *written_out("u", steps, compute)))
