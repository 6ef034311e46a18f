"""The nest of ``sort`` for GPUs: a block of threads sorts a row by a bitonic network, in shared memory where it fits.

As on CPUs an element of at most 32 bits and its position make one 64-bit integer, so that equal elements keep their order,
whatever network sorts them. All comparisons put the smaller word at the lower place: what lies beyond the row counts as
greater than everything and is never touched, so that rows need not be padded. Wider elements take the nest for one thread.
"""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Array, Barrier, For, If, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lower.gpu.threads import WARP, blocks, threads
from graphc.lower.nests.loops import as_index, cast, ceil_divide, doublings, finish, let, loop, product, unravel
from graphc.lower.nests.sort import SHIFT, key
from graphc.lower.nests.sort_pairs import sort_pairs
from graphc.prims.table import apply

LARGEST = 4096  # elements of a row in shared memory
MOST_THREADS = 1024


def sort(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs."""
    (x,) = node.inputs
    if x.dtype.bits > 32:
        return sort_pairs(node)
    axis = node.attr("axis")
    outer, extent, inner = product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :])
    rows = product((outer, inner))
    near = type(extent) is int and extent <= LARGEST
    words = Array("words", Type(dt.i64, (max(extent, 1),)), "shared") if near else None
    count = WARP
    while count < MOST_THREADS and not (type(extent) is int and 2 * count >= extent):
        count *= 2

    def thread(r: Node, t: Node) -> tuple:
        def where(k) -> tuple:
            return (k,) if near else (r, k)

        def word(k) -> Node:
            return load("words" if near else "scratch0", where(k), dt.i64)

        def put(k, value: Node) -> Store:
            return Store("words" if near else "scratch0", where(k), value)

        (lead, first), (place, second) = [let(n, v) for n, v in zip(("lead", "place"), unravel(r, (outer, inner)))]
        levels, statements = doublings(extent, 1)

        def each(name: str, body) -> For:
            """All elements of the row, by all threads."""

            def turn(c: Node) -> tuple:
                k, own = let("k", c * count + t)
                return (own, If(k < extent, tuple(body(k))))

            return loop(name, ceil_divide(extent, count), turn)

        def pack(k: Node) -> tuple:
            value = key(load("x0", (lead, k, place), x.dtype), node.attr("descending"))
            return (put(k, as_index(value) * SHIFT + k),)

        def unpack(k: Node) -> tuple:
            source, name = let("from", apply("and", word(k), as_index(SHIFT - 1)))
            value = load("x0", (lead, source, place), x.dtype)
            return (name, Store("out0", (lead, k, place), value), Store("out1", (lead, k, place), cast(source, dt.i32)))

        def level(p: Node) -> tuple:
            return (loop("q", as_index(p) + 1, lambda q: stage(p, q)),)

        def stage(p: Node, q: Node) -> tuple:
            shift, name = let("shift", as_index(p) - q)
            stride, wide = let("stride", apply("shl", as_index(1), shift))

            def turn(c: Node) -> tuple:
                i, own = let("i", c * count + t)
                inner_place, low_bits = let("within", apply("and", i, stride - 1))
                base, high_bits = let("base", apply("shl", apply("shr", i, shift), shift + 1))
                a, lower = let("a", base + inner_place)
                mirrored = base + stride * 2 - 1 - inner_place  # runs that are in order meet back to front
                b, upper = let("b", apply("select", apply("eq", q, as_index(0)), mirrored, a + stride))
                (u, one), (v, two) = let("u", word(a)), let("v", word(b))
                exchange = (one, two, If(v < u, (put(a, v), put(b, u))))
                return (own, low_bits, high_bits, lower, upper, If(b < extent, exchange))

            places = 1 << levels if type(levels) is int else apply("shl", as_index(1), levels)
            return (name, wide, loop("c", ceil_divide(places, 2 * count), turn), Barrier())

        network = loop("p", levels, level)
        return (first, second, each("k_first", pack), Barrier(), *statements, network, each("k_last", unpack))

    nest = blocks("r", rows, lambda r: threads(count, lambda t: thread(r, t), (words,) if near else ()))
    view = (outer, extent, inner)
    scratch = () if near else (Type(dt.i64, (rows, extent)),)
    return finish("sort", node, (view,), (view, view), (nest,), scratch)
