"""Few columns of many rows on GPUs: a block of threads reads tiles of rows, and one warp runs the chains of its columns.

A chain adds a row in a few cycles but would wait for memory hundreds. So all threads of the block load, compute what each element
adds and put it into shared memory, from where the chains take it while the next tile is on its way.
"""

from __future__ import annotations

from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Alloc, Array, Barrier, For, If, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lower.gpu.sums import Sums, carried, combined, identity
from graphc.lower.gpu.threads import (
    WARP, at, blocks, coordinates, direct_loads, guarded, live, threads, variables, written_out,
)  # fmt: skip
from graphc.lower.nests.loops import all_of, as_index, cast, ceil_divide, least, loop, product
from graphc.lower.schedule import name_shared
from graphc.prims.table import apply

THREADS = 1024
LEAST_WIDTH = 8  # neighbouring columns of a block: 32 bytes of f32, which memory brings together
MANY_ROWS = 512  # from which a tile pays
SHARED = 64 << 10  # bytes of the two tiles of all sums
AHEAD = 8  # rows of a tile that a thread loads at a time, at the most
CHAIN = 16  # rows that a chain reads from shared memory before it adds the first


def is_long(sums: Sums, gpu: Gpu) -> bool:
    """Whether the columns are so few, and the rows so many, that chains alone would wait for memory."""
    rows = sums.shape[sums.reduced[0]]
    few = type(sums.outputs) is int and sums.outputs <= gpu.multiprocessors * WARP
    return len(sums.reduced) == 1 and few and (type(rows) is not int or rows >= MANY_ROWS)


def long_columns(sums: Sums, gpu: Gpu) -> For:
    """A block for up to a warp of columns; for fewer, down to what one access to memory brings, where blocks are few."""
    columns, width = sums.shape[-1], WARP
    while width > 1 and width // 2 >= columns:
        width //= 2
    while width > LEAST_WIDTH and sums.outputs < gpu.multiprocessors * width:
        width //= 2
    size, ahead = sum(carried(n).size for n in sums.nodes), AHEAD
    while ahead > 1 and 2 * THREADS * ahead * size > SHARED:
        ahead //= 2
    outer = [(sums.index[a], sums.shape[a]) for a in sums.kept[:-1]]
    tiles = [Array(f"tile{k}", Type(carried(n), (2, THREADS * ahead)), "shared") for k, n in enumerate(sums.nodes)]

    def strips(o: Node) -> tuple:
        return (blocks("strip", ceil_divide(columns, width), lambda strip: threads(THREADS, lambda t: thread(o, strip, t), tiles)),)

    def thread(o: Node, strip: Node, t: Node) -> tuple:
        return live((*coordinates(o, outer, {v for v, _ in outer}), *_chains(sums, tiles, (width, ahead), strip * width, t)))

    return blocks("o", product(d for _, d in outer), strips)


def _chains(sums: Sums, tiles: list[Array], form: tuple[int, int], first: Node, t: Node) -> list:
    """What a thread does with the columns from ``first`` on."""
    (width, ahead), columns, axis = form, sums.shape[-1], sums.reduced[0]
    lines, rows = THREADS // width, sums.shape[axis]
    tile = lines * ahead
    accs = [Array(f"sum{k}", Type(carried(n), (1,)), "register") for k, n in enumerate(sums.nodes)]
    loads = [n for n in direct_loads(sums.terms) if sums.index[axis] in variables((n,))]
    waiting = [Array(f"read{k}", Type(n.dtype, (ahead,)), "register") for k, n in enumerate(loads)]

    def place(s: Node, u) -> tuple[dict, Node]:
        """What stands for the indices of an element, and whether there is one."""
        row, column = s * tile + u * lines + t // width, first + t % width
        tests = [row < rows, *([] if columns % width == 0 else [column < columns])]
        return {sums.index[axis]: row, sums.index[-1]: column}, all_of(tests)

    def read(s: Node, u) -> tuple:
        here, test = place(s, u)
        return tuple([Store(a.name, (u,), x) for a, x in zip(waiting, guarded(at(loads, here), test))])

    def put(s: Node, u) -> tuple:
        here, test = place(s, u)
        memo = {n: load(a.name, (u,), n.dtype) for n, a in zip(loads, waiting)}
        lets, terms = name_shared(at(at(sums.terms, memo), here))
        where = (s % 2, u * THREADS + t)
        return (If(test, (*lets, *[Store(a.name, where, x) for a, x in zip(tiles, terms)])),)

    def keeps(k: int) -> Node:
        """Whether the thread has a chain of sum ``k``."""
        tests = [apply("eq", t // WARP, as_index(k)), *([t % WARP < width] if width < WARP else [])]
        return all_of([*tests, *([] if columns % width == 0 else [first + t % WARP < columns])])

    def chain(k: int, s: Node) -> If:
        left = simplified(least(rows - s * tile, tile))
        node, acc, dtype = sums.nodes[k], accs[k], carried(sums.nodes[k])

        def add(row) -> tuple:
            value = load(tiles[k].name, (s % 2, row * width + t % WARP), dtype)
            return (Store(acc.name, (0,), combined(node, load(acc.name, (0,), dtype), value)),)

        groups = left // CHAIN
        body = (
            loop("g", groups, lambda g: written_out("c", CHAIN, lambda c: add(g * CHAIN + c))),
            loop("h", left % CHAIN, lambda h: add(groups * CHAIN + h)),
        )
        return If(keeps(k), body)

    def step(s: Node) -> tuple:
        reads = (*map(Alloc, waiting), *written_out("u", ahead, lambda u: read(s, u)))
        return (*reads, *written_out("u", ahead, lambda u: put(s, u)), Barrier(), *[chain(k, s) for k in range(len(accs))])

    out: list = [*map(Alloc, accs), *[Store(a.name, (0,), identity(n)) for a, n in zip(accs, sums.nodes)]]
    out.append(loop("s", ceil_divide(rows, tile), step))
    for k, (a, n) in enumerate(zip(accs, sums.nodes)):
        column = first + t % WARP
        value = cast(load(a.name, (0,), a.type.dtype), n.dtype)
        target = (*[sums.index[x] for x in sums.kept[:-1]], column)
        out.append(If(keeps(k), (Store(f"out{k}", target, value),)))
    return out
