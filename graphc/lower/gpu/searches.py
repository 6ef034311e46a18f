"""The nest of ``argreduce`` for GPUs: the threads of a warp, or of a block, search a row together; the first of equals counts."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Array, Barrier, For, If, Kernel, Let, Set, Store, load, shuffle_xor
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lower.gpu.threads import THREADS, WARP, blocks, flat, repeated, threads
from graphc.lower.nests.argreduce import better, first_of
from graphc.lower.nests.loops import as_index, cast, ceil_divide, finish, least, let, loop, product
from graphc.prims.table import apply

AT_ONCE = 4  # elements of a thread that are loaded before the first is looked at
LONG = 2048  # elements of a row from which a block searches it


def argreduce(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs."""
    (x,) = node.inputs
    axis = node.attr("axis")
    outer, extent, inner = product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :])
    nest = _columns(node, outer, extent, inner) if inner != 1 else _rows(node, outer, extent)
    return finish("argreduce", node, ((outer, extent, inner),), ((outer, inner),), (nest,))


def _search(node: Node, r: Node, j, begin: Node, step: int, extent, best: Node, where: Node) -> list:
    """Statements that look at the elements ``begin``, ``begin + step``, ... of a row."""

    def group(first: Node, count: int, limited: bool) -> tuple:
        places = [let(f"k{u}", first + u * step) for u in range(count)]
        guards = [k < extent if limited else None for k, _ in places]
        values = [let(f"value{u}", load("x0", (r, k, j), best.dtype, g)) for u, ((k, _), g) in enumerate(zip(places, guards))]
        out: list = [s for _, s in places] + [s for _, s in values]
        for u, ((value, _), (k, _), guard) in enumerate(zip(values, places, guards)):
            take = better(node.attr("kind"), value, best)
            take, test = let(f"take{u}", take if guard is None else apply("and", take, guard))
            out += [test, Set(best, apply("select", take, value, best)), Set(where, apply("select", take, k, where))]
        return tuple(out)

    main = simplified(extent // (step * AT_ONCE))
    done = main * (step * AT_ONCE)
    out = [loop("c", main, lambda c: group(begin + c * (step * AT_ONCE), AT_ONCE, False))] if main != 0 else []
    left = simplified(extent - done)
    return out + [If(as_index(0) < as_index(left), group(as_index(begin + done), AT_ONCE, True))] if left != 0 else out


def _columns(node: Node, outer, extent, inner) -> For:
    """Any axis but the last: a thread for every column."""
    result = node.attr("dtype")

    def thread(i: Node) -> tuple:
        (o, first), (j, second) = let("o", i // inner), let("j", i % inner)
        best, start = let("best", load("x0", (o, 0, j), node.inputs[0].dtype, as_index(0) < extent))
        where, zero = let("where", as_index(0))
        search = _search(node, o, j, as_index(0), 1, extent, best, where)
        return (first, second, start, zero, *search, Store("out0", (o, j), cast(where, result)))

    return flat(product((outer, inner)), thread)


def _rows(node: Node, outer, extent) -> For:
    dtype, result, kind = node.inputs[0].dtype, node.attr("dtype"), node.attr("kind")
    shares = THREADS if type(extent) is not int or extent > LONG else WARP
    together, warps = THREADS // shares, shares // WARP
    bests = Array("bests", Type(dtype, (warps,)), "shared")
    places = Array("places", Type(dt.i64, (warps,)), "shared")

    def step(value: Node, at: Node, best: Node, where: Node) -> tuple:
        wins, test = let("wins", first_of(kind, value, at, best, where))
        return (test, Set(best, apply("select", wins, value, best)), Set(where, apply("select", wins, at, where)))

    def across(distance: int, best: Node, where: Node) -> tuple:
        (value, first), (at, second) = let("other", shuffle_xor(best, distance)), let("place", shuffle_xor(where, distance))
        return (first, second, *step(value, at, best, where))

    def thread(b: Node, t: Node) -> tuple:
        number, p = b * together + t // shares, t % shares
        row, name = let("row", as_index(least(number, simplified(outer - 1))))  # threads of no row shuffle with the others
        first, chosen = let("first", apply("select", p < extent, p, as_index(0)))
        best, start = let("best", load("x0", (row, first, 0), dtype, None if type(extent) is int else as_index(0) < extent))
        where, place = let("where", first)
        out: list[Let] = [name, chosen, start, place]
        out += _search(node, row, 0, p, shares, extent, best, where)
        out += [repeated("v", 1, lambda _, d=d: across(d, best, where)) for d in (16, 8, 4, 2, 1)]
        if warps > 1:
            keep = (Store(bests.name, (t // WARP,), best), Store(places.name, (t // WARP,), where))
            out += [If(apply("eq", t % WARP, as_index(0)), keep), Barrier()]
            out.append(loop("w", warps, lambda w: step(load(bests.name, (w,), dtype), load(places.name, (w,), dt.i64), best, where)))
        leads = apply("and", apply("eq", p, as_index(0)), number < outer)
        return (*out, If(leads, (Store("out0", (row, as_index(0)), cast(where, result)),)))

    shared = (bests, places) if warps > 1 else ()
    return blocks("b", ceil_divide(outer, together), lambda b: threads(THREADS, lambda t: thread(b, t), shared))
