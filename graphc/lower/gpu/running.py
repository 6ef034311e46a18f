"""The nest of ``cumulate`` for GPUs: a chain in the order of the axis, run by a thread, or by a warp that reads the row together."""

from __future__ import annotations

from graphc.ir.gpu import Gpu
from graphc.ir.kernel import For, If, Kernel, Set, Store, load, shuffle
from graphc.ir.node import Node, simplified
from graphc.lower.gpu.threads import THREADS, WARP, blocks, flat, repeated, threads
from graphc.lower.nests.cumulate import OPCODE, carried, identity, position
from graphc.lower.nests.loops import as_index, cast, ceil_divide, finish, least, let, loop, product
from graphc.prims.table import apply

AT_ONCE = 8  # elements of a chain that are loaded before the first is added


def cumulate(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs."""
    (x,) = node.inputs
    axis = node.attr("axis")
    view = (product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :]))
    nest = _rows(node, view) if view[2] == 1 else _columns(node, view)
    return finish("cumulate", node, (view,), (view,), (nest,))


def _columns(node: Node, view: tuple) -> For:
    """Any axis but the last: a thread for every chain."""
    outer, extent, inner = view
    wide, exclusive = carried(node), node.attr("exclusive")

    def thread(i: Node) -> tuple:
        (o, first), (j, second) = let("o", i // inner), let("j", i % inner)
        total, start = let("total", identity(node))

        def some(begin, count: int) -> tuple:
            places = [(o, position(node, begin + u, extent), j) for u in range(count)]
            values = [let(f"value{u}", load("x0", place, node.dtype)) for u, place in enumerate(places)]
            out: list = [s for _, s in values]
            for (value, _), place in zip(values, places):
                add = Set(total, apply(OPCODE[node.attr("kind")], total, cast(value, wide)))
                store = Store("out0", place, cast(total, node.dtype))
                out += [store, add] if exclusive else [add, store]
            return tuple(out)

        main = simplified(extent // AT_ONCE)
        rest = simplified(extent - main * AT_ONCE)
        groups = (loop("g", main, lambda g: some(g * AT_ONCE, AT_ONCE)),) if main != 0 else ()
        left = (loop("k", rest, lambda k: some(as_index(main * AT_ONCE) + k, 1)),) if rest != 0 else ()
        return (first, second, start, *groups, *left)

    return flat(product((outer, inner)), thread)


def _rows(node: Node, view: tuple) -> For:
    """The last axis: a warp loads its elements side by side, and each thread follows the chain to its own."""
    outer, extent, _ = view
    wide, exclusive, together = carried(node), node.attr("exclusive"), THREADS // WARP

    def thread(b: Node, t: Node) -> tuple:
        number, (lane, own) = b * together + t // WARP, let("lane", t % WARP)
        row, name = let("row", as_index(least(number, simplified(outer - 1))))  # threads of no row shuffle with the others
        total, start = let("total", identity(node))

        def chunk(c: Node) -> tuple:
            k, place = let("k", c * WARP + lane)
            where = (row, position(node, k, extent), as_index(0))
            value, read = let("value", cast(load("x0", where, node.dtype, k < extent), wide))
            mine, none = let("mine", identity(node))

            def link(s: Node) -> tuple:
                theirs, ask = let("theirs", shuffle(value, as_index(s)))
                add = Set(total, apply(OPCODE[node.attr("kind")], total, theirs))
                take = Set(mine, apply("select", apply("eq", lane, as_index(s)), total, mine))
                return (ask, take, add) if exclusive else (ask, add, take)

            valid = apply("and", k < extent, number < outer)
            return (place, read, none, repeated("s", WARP, link), If(valid, (Store("out0", where, cast(mine, node.dtype)),)))

        return (own, name, start, loop("c", ceil_divide(extent, WARP), chunk))

    return blocks("b", ceil_divide(outer, together), lambda b: threads(THREADS, lambda t: thread(b, t)))
