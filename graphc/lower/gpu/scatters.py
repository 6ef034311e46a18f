"""The nest of ``scatter_into`` for GPUs: updates that meet in one place are combined in their order, without atomics.

A block of threads has some rows of the array, looks at all updates and does those that go to its rows. Each element belongs
to one thread, which takes the updates one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Array, Barrier, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lower.gpu.threads import THREADS, WARP, blocks, threads
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, finish, inside, least, let, loop, product
from graphc.lower.schedule import symbols_of
from graphc.prims.table import apply

RANGES = 2  # blocks for each multiprocessor that share the rows of an array


def scatter_into(node: Node, gpu: Gpu) -> Kernel:
    """out[b, x1[b, i, 0], ..., r], where x0 lies already, is combined with x2[b, i, r], for i in order."""
    x, indices, _ = node.inputs
    batch, depth = node.attr("batch"), indices.shape[-1]
    batches, count = product(x.shape[:batch]), product(indices.shape[batch:-1])
    picked, rest = x.shape[batch : batch + depth], product(x.shape[batch + depth :])
    narrow = type(rest) is int and rest < WARP
    nest = (_narrow if narrow else _wide)(node, batches, count, picked, rest, gpu)
    views = ((x.type.size,), (batches, count, depth), (batches, count, rest))
    kernel = finish("scatter_into", node, views, views[:1], (nest,))
    arrays = kernel.arrays[1:]
    return replace(kernel, arrays=arrays, dims=symbols_of(kernel.body, arrays))


def _combined(node: Node, old: Node, new: Node) -> Node:
    return new if node.attr("kind") == "set" else apply(node.attr("kind"), old, new)


def _updates(node: Node, b: Node, t: Node, block: int, count, picked: tuple, rows: Array, update: Callable) -> For:
    """All updates in order: their rows are found side by side, -1 for those that go nowhere; ``update(i, row)`` does one."""
    indices = node.inputs[1]

    def piece(p: Node) -> tuple:
        i = p * block + t
        lets, conditions, row = [], [i < count], as_index(0)
        for k, extent in enumerate(picked):
            position, statement = let(f"at{k}", as_index(load("x1", (b, i, k), indices.dtype, i < count)))
            lets.append(statement)
            conditions += inside(position, extent)
            row = row * extent + position
        find = Store(rows.name, (t,), apply("select", all_of(conditions), row, as_index(-1)))

        def one(j: Node) -> tuple:
            row, read = let("row", load(rows.name, (j,), dt.i64))
            return (read, *update(p * block + j, row))

        return (*lets, find, Barrier(), loop("j", simplified(least(block, count - p * block)), one), Barrier())

    return loop("p", ceil_divide(count, block), piece)


def _wide(node: Node, batches, count, picked: tuple, rest, gpu: Gpu) -> For:
    """Threads stand along a row; a block has several rows."""
    x, whole = node.inputs[0], product(picked)
    block = THREADS
    while type(rest) is int and block > WARP and block // 2 >= rest:
        block //= 2
    ranges = RANGES * gpu.multiprocessors
    ranges = min(whole, ranges) if type(whole) is int else ranges
    each = ceil_divide(whole, max(ranges, 1))
    rows = Array("rows", Type(dt.i64, (block,)), "shared")

    def thread(b: Node, g: Node, t: Node) -> tuple:
        def update(i: Node, row: Node) -> tuple:
            def column(c: Node) -> tuple:
                r = c * block + t
                place = ((b * whole + row) * rest + r,)
                value = _combined(node, load("out0", place, x.dtype), load("x2", (b, i, r), x.dtype))
                return (If(r < rest, (Store("out0", place, value),)),)

            mine = all_of([g * each <= row, row < (g + 1) * each])
            return (If(mine, (loop("c", ceil_divide(rest, block), column),)),)

        return (_updates(node, b, t, block, count, picked, rows, update),)

    def of_batch(b: Node) -> tuple:
        return (blocks("g", ranges, lambda g: threads(block, lambda t: thread(b, g, t), (rows,))),)

    return blocks("b", batches, of_batch)


def _narrow(node: Node, batches, count, picked: tuple, rest: int, gpu: Gpu) -> For:
    """A thread has one element of a short row."""
    x, whole = node.inputs[0], product(picked)
    together = THREADS // max(rest, 1)
    rows = Array("rows", Type(dt.i64, (THREADS,)), "shared")

    def thread(b: Node, g: Node, t: Node) -> tuple:
        mine, first = let("mine", g * together + t // max(rest, 1))
        valid = all_of([mine < whole, *([] if THREADS % max(rest, 1) == 0 else [t < together * rest])])
        place, column = ((b * whole + mine) * rest + t % max(rest, 1),), t % max(rest, 1)
        value, second = let("value", load("out0", place, x.dtype, valid))

        def update(i: Node, row: Node) -> tuple:
            change: tuple[Let | Set, ...] = (Set(value, _combined(node, value, load("x2", (b, i, column), x.dtype))),)
            return (If(apply("and", apply("eq", row, mine), valid), change),)

        body = _updates(node, b, t, THREADS, count, picked, rows, update)
        return (first, second, body, If(valid, (Store("out0", place, value),)))

    def of_batch(b: Node) -> tuple:
        return (blocks("g", ceil_divide(whole, together), lambda g: threads(THREADS, lambda t: thread(b, g, t), (rows,))),)

    return blocks("b", batches, of_batch)
