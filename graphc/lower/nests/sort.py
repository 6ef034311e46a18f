"""The nest of ``sort``: a stable merge sort, rows side by side; NaN last.

An element of at most 32 bits and its position make one 64-bit integer whose order is the order wanted. So a sort moves
single words, equal elements keep their order, and comparisons need no branches.
"""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    as_index, cast, doublings, finish, index, is_nan, least, let, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.lower.nests.sort_pairs import sort_pairs
from graphc.prims.table import apply

BLOCK = 16  # elements put in order by counting, for every one, those before it
SHIFT = 1 << 32
LAST = 2**31 - 1  # the key of NaN: above those of both infinities


def sort(node: Node, target: Target) -> Kernel:
    """out0 = x0 sorted along ``axis``, out1 = where each element was."""
    (x,) = node.inputs
    if x.dtype.bits > 32:
        return sort_pairs(node)
    axis = node.attr("axis")
    outer, extent, inner = product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :])
    rows = product((outer, inner))

    def row(r: Node) -> tuple:
        lead, place = unravel(r, (outer, inner))

        def pack(k: Node) -> tuple:
            value = key(load("x0", (lead, k, place), x.dtype), node.attr("descending"))
            return (Store("scratch0", (0, r, k), as_index(value) * SHIFT + k),)

        levels, count = doublings(extent, BLOCK)

        def level(p: Node) -> tuple:
            width, name = let("width", apply("shl", as_index(BLOCK), p))
            return (name, *_merge_runs(r, (p + 1) % 2, p % 2, width, extent))

        def unpack(k: Node) -> tuple:
            word = load("scratch0", (as_index(levels + 1) % 2, r, k), dt.i64)
            source, name = let("from", apply("and", word, as_index(SHIFT - 1)))
            value = load("x0", (lead, source, place), x.dtype)
            return (name, Store("out0", (lead, k, place), value), Store("out1", (lead, k, place), cast(source, dt.i32)))

        return (vector("k_first", extent, pack), *_order_blocks(r, extent), *count, loop("level", levels, level),
                vector("k_last", extent, unpack))  # fmt: skip

    nest = parallel("row", rows, as_index(extent) * 100, row)
    view = (outer, extent, inner)
    return finish("sort", node, (view,), (view, view), (nest,), (Type(dt.i64, (2, rows, extent)),))


def key(x: Node, descending: bool) -> Node:
    """A 32-bit number, as an integer of some width, in the order in which elements shall stand."""
    if not x.dtype.is_float:
        value = as_index(x)
        value = value - 2**31 if x.dtype is dt.u32 else value
        return -1 - value if descending else value
    x = cast(x, dt.f32)
    bits = apply("bitcast", x, dtype=dt.i32)
    zero = scalar(0, dt.i32)
    value = apply("select", bits < zero, apply("xor", bits, scalar(LAST, dt.i32)), bits)
    value = apply("select", apply("eq", x, scalar(0, dt.f32)), zero, value)  # -0 equals 0
    value = apply("not", value) if descending else value
    return apply("select", is_nan(x), scalar(LAST, dt.i32), value)


def _order_blocks(r: Node, extent) -> tuple:
    """Sort runs of ``BLOCK`` words from half 0 of the scratch memory into half 1."""
    whole = simplified(extent // BLOCK)
    rest = simplified(extent - whole * BLOCK)

    def block(base: Node, name: str, size) -> For:
        def word(k: Node, guard: Node | None = None) -> Node:
            return load("scratch0", (0, r, base + k), dt.i64, guard)

        def lane(k: Node) -> tuple:
            own, read = let(f"own{name}", word(k))
            rank, start = let(f"rank{name}", as_index(0))
            u = index(f"u{name}", BLOCK)
            before = word(u) < own if size is BLOCK else apply("and", u < size, word(u, u < size) < own)
            count = For(u, BLOCK, (Set(rank, rank + cast(before, dt.i64)),), UNROLLED)
            return (read, start, count, Store("scratch0", (1, r, base + rank), own))

        return vector(f"k{name}", size, lane)

    blocks = loop("block", whole, lambda b: (block(b * BLOCK, "_block", BLOCK),))
    return (blocks, block(as_index(whole) * BLOCK, "_rest", rest)) if rest != 0 else (blocks,)


def _merge_runs(r: Node, source: Node, target: Node, width: Node, extent) -> tuple:
    """Merge pairs of runs of ``width`` words of half ``source`` into half ``target``."""
    pairs, name = let("pairs", as_index(extent) // (width * 2))
    start, base = let("start", pairs * width * 2)

    def word(k: Node, guard: Node | None = None) -> Node:
        return load("scratch0", (source, r, k), dt.i64, guard)

    def pair(q: Node) -> tuple:
        return _merge_equal(r, target, q * width * 2, width, word)

    return (name, base, loop("pair", pairs, pair), *_merge_last(r, target, start, width, extent, word))


def _merge_equal(r: Node, target: Node, low: Node, width: Node, word) -> tuple:
    """Merge two whole runs from both ends at once: ``width`` steps each way never leave a run, so need no checks."""
    lets: list[Let] = []

    def variable(name: str, value: Node) -> Node:
        made, statement = let(name, value)
        lets.append(statement)
        return made

    i, j = variable("i", low), variable("j", low + width)
    p, q = variable("p", low + width - 1), variable("q", low + width * 2 - 1)

    def step(k: Node) -> tuple:
        x, first = let("x", word(i))
        y, second = let("y", word(j))
        u, third = let("u", word(p))
        v, fourth = let("v", word(q))
        right, one = let("right", cast(y < x, dt.i64))
        left, two = let("left", cast(v < u, dt.i64))
        return (first, second, third, fourth, one, two,
                Store("scratch0", (target, r, low + k), apply("min", x, y)),
                Store("scratch0", (target, r, low + width * 2 - 1 - k), apply("max", u, v)),
                Set(i, i + 1 - right), Set(j, j + right), Set(p, p - left), Set(q, q - 1 + left))  # fmt: skip

    return (*lets, loop("k_pair", width, step))


def _merge_last(r: Node, target: Node, low: Node, width: Node, extent, word) -> tuple:
    """Merge what is left after the pairs: one whole run and a shorter one, or a shorter run alone."""
    middle, one = let("middle", least(low + width, extent))
    i, two = let("i_last", low)
    j, three = let("j_last", middle)

    def step(k: Node) -> tuple:
        x, first = let("x_last", word(i, i < middle))
        y, second = let("y_last", word(j, j < extent))
        test = apply("or", as_index(middle) <= i, apply("and", j < extent, y < x))
        take, third = let("take", test)
        return (first, second, third, Store("scratch0", (target, r, low + k), apply("select", take, y, x)),
                Set(i, i + 1 - cast(take, dt.i64)), Set(j, j + cast(take, dt.i64)))  # fmt: skip

    copy = vector("k_copy", extent - low, lambda k: (Store("scratch0", (target, r, low + k), word(low + k)),))
    merge = (two, three, loop("k_last", extent - low, step))
    return (one, If(low + width < extent, merge, (copy,)))
