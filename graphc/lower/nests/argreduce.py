"""The nest of ``argreduce``: where the first extremum along an axis is; NaN counts as an extremum."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Alloc, Array, Kernel, Prefetch, Set, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    as_index, cast, ceil_divide, finish, is_nan, least, let, loop, parallel, product, scalar, vector,
)  # fmt: skip
from graphc.prims.table import apply

LANES = 64
HALVES = (32, 16)  # lanes that are compared with as many others at once
FEW = 16  # lanes left then
AHEAD = 2048  # elements from which on the row, or the next one, is asked for
SHORT = 128  # rows up to this many elements are searched side by side, a lane each; few of them one by one
ROWS = 64  # neighbouring short rows that one task searches
BLOCK = 256  # neighbouring columns that one task searches


def argreduce(node: Node, target: Target) -> Kernel:
    """Position of the first largest or smallest element along ``axis``. The result does not depend on the form."""
    (x,) = node.inputs
    axis = node.attr("axis")
    outer, extent, inner = product(x.shape[:axis]), x.shape[axis], product(x.shape[axis + 1 :])
    if inner != 1:
        nest = _columns(node, outer, extent, inner)
    elif type(extent) is int and extent <= SHORT and not (type(outer) is int and outer < ROWS):
        nest = _short_rows(node, outer, extent)
    elif type(extent) is int and extent <= SHORT:
        nest = parallel("row", outer, as_index(extent) * 4, lambda r: _short_row(node, r, extent))
    else:
        nest = parallel("row", outer, as_index(extent) * 2, lambda r: _long_row(node, r, extent))
    return finish("argreduce", node, ((outer, extent, inner),), ((outer, inner),), (nest,))


def better(kind: str, x: Node, best: Node) -> Node:
    """Whether ``x`` is strictly more extreme than ``best``."""
    low, high = (best, x) if kind == "max" else (x, best)
    if is_nan(x) is None:
        return low < high
    return apply("and", apply("not", apply("le", high, low)), apply("eq", best, best))  # a NaN is beyond every number


def first_of(kind: str, value: Node, at: Node, best: Node, where: Node) -> Node:
    """Whether ``value`` at position ``at`` counts before ``best`` at ``where``."""
    tied = apply("not", apply("or", better(kind, value, best), better(kind, best, value)))
    return apply("or", better(kind, value, best), apply("and", tied, at < where))


def _element(node: Node, r: Node, k, j, guard: Node | None = None) -> Node:
    return load("x0", (r, k, j), node.inputs[0].dtype, guard)


def _short_row(node: Node, r: Node, extent) -> tuple:
    result = node.attr("dtype")
    best, start = let("best", _element(node, r, 0, 0, as_index(0) < extent))
    where, first = let("where", scalar(0, result))

    def step(k: Node) -> tuple:
        value, read = let("value", _element(node, r, k, 0))
        take, test = let("take", better(node.attr("kind"), value, best))
        return (read, test, Set(best, apply("select", take, value, best)),
                Set(where, apply("select", take, cast(k, result), where)))  # fmt: skip

    return (start, first, loop("k", extent, step), Store("out0", (r, as_index(0)), where))


def _short_rows(node: Node, outer, extent: int) -> object:
    """Neighbouring rows lie in neighbouring lanes: no lane waits for another."""
    kind, dtype, result = node.attr("kind"), node.inputs[0].dtype, node.attr("dtype")
    best, turn = Array("best", Type(dtype, (ROWS,)), "stack"), Array("turn", Type(dt.i32, (ROWS,)), "stack")

    def task(t: Node) -> tuple:
        base = t * ROWS
        width = least(ROWS, outer - base)

        def first(l: Node) -> tuple:
            value = _element(node, base + l, 0, 0, as_index(0) < extent)
            return (Store("best", (l,), value), Store("turn", (l,), scalar(0, dt.i32)))

        def step(k: Node) -> tuple:
            def lane(l: Node) -> tuple:
                value, read = let("value", _element(node, base + l, k, 0))
                old = load("best", (l,), dtype)
                take, test = let("take", better(kind, value, old))
                where = apply("select", take, cast(k, dt.i32), load("turn", (l,), dt.i32))
                return (read, test, Store("best", (l,), apply("select", take, value, old)), Store("turn", (l,), where))

            return (vector("l", width, lane),)

        def last(l: Node) -> tuple:
            return (Store("out0", (base + l, as_index(0)), cast(load("turn", (l,), dt.i32), result)),)

        search = (loop("k", extent - 1, lambda k: step(k + 1)),) if extent > 1 else ()
        return (Alloc(best), Alloc(turn), vector("l_first", width, first), *search, vector("l_last", width, last))

    return parallel("task", ceil_divide(outer, ROWS), as_index(extent) * ROWS * 2, task)


def _long_row(node: Node, r: Node, extent) -> tuple:
    """Lane ``l`` searches the elements ``l``, ``l + 64``, ...; then the lanes are compared, lower positions first."""
    kind, dtype = node.attr("kind"), node.inputs[0].dtype
    kept = (("best", dtype, "register"), ("turn", dt.i32, "register"), ("bests", dtype, "stack"), ("places", dt.i64, "stack"))
    arrays = [Array(name, Type(t, (LANES,)), space) for name, t, space in kept]
    chunks = extent // LANES

    def first(l: Node) -> tuple:
        return (Store("best", (l,), _element(node, r, l, 0, l < extent)), Store("turn", (l,), scalar(0, dt.i32)))

    def search(c: Node, guarded: bool):
        def lane(l: Node) -> tuple:
            k = c * LANES + l
            guard = k < extent if guarded else None
            value = _element(node, r, k, 0, guard)
            ahead = () if guarded else (Prefetch("x0", (r, k + AHEAD, as_index(0))),)
            old = load("best", (l,), dtype)
            take = better(kind, value, old)
            if guarded:
                take = apply("and", take, guard)
            take, test = let("tail" if guarded else "take", take)
            turn = apply("select", take, cast(c, dt.i32), load("turn", (l,), dt.i32))
            return (*ahead, test, Store("best", (l,), apply("select", take, value, old)), Store("turn", (l,), turn))

        return lane

    def spill(l: Node) -> tuple:
        place = as_index(load("turn", (l,), dt.i32)) * LANES + l
        return (Store("bests", (l,), load("best", (l,), dtype)), Store("places", (l,), place))

    main = loop("c", chunks, lambda c: (vector("l", LANES, search(c, False)),))
    tail = vector("l_tail", LANES, search(as_index(chunks), True))
    return (*map(Alloc, arrays), vector("l_first", LANES, first), main, tail, vector("l_spill", LANES, spill),
            *_compare_lanes(node, r, extent))  # fmt: skip


def _compare_lanes(node: Node, r: Node, extent) -> tuple:
    """The lanes in halves while there are many, then one by one; of equal ones the lower position counts."""
    kind, dtype, result = node.attr("kind"), node.inputs[0].dtype, node.attr("dtype")

    def halve(width: int):
        def lane(l: Node) -> tuple:
            value, read = let("value", load("bests", (l + width,), dtype))
            at, place = let("at", load("places", (l + width,), dt.i64))
            best, where = load("bests", (l,), dtype), load("places", (l,), dt.i64)
            wins = first_of(kind, value, at, best, where)
            wins, test = let("wins", wins if type(extent) is int else apply("and", wins, l + width < extent))
            return (read, place, test, Store("bests", (l,), apply("select", wins, value, best)),
                    Store("places", (l,), apply("select", wins, at, where)))  # fmt: skip

        return vector(f"l{width}", width, lane)

    top, start = let("top", load("bests", (0,), dtype))
    where, first = let("where", load("places", (0,), dt.i64))

    def step(l: Node) -> tuple:
        value, read = let("value", load("bests", (l,), dtype))
        at, place = let("at", load("places", (l,), dt.i64))
        wins, test = let("wins", first_of(kind, value, at, top, where))
        return (read, place, test, Set(top, apply("select", wins, value, top)),
                Set(where, apply("select", wins, at, where)))  # fmt: skip

    compare = loop("lane", least(FEW, extent), step)
    return (*map(halve, HALVES), start, first, compare, Store("out0", (r, as_index(0)), cast(where, result)))


def _columns(node: Node, outer, extent, inner) -> object:
    """Any axis but the last: neighbouring columns lie in neighbouring lanes."""
    kind, dtype, result = node.attr("kind"), node.inputs[0].dtype, node.attr("dtype")
    blocks = ceil_divide(inner, BLOCK)
    best = Array("best", Type(dtype, (BLOCK,)), "stack")

    def task(t: Node) -> tuple:
        o, base = t // blocks, (t % blocks) * BLOCK
        width = least(BLOCK, inner - base)

        def first(j: Node) -> tuple:
            value = _element(node, o, 0, base + j, as_index(0) < extent)
            return (Store("best", (j,), value), Store("out0", (o, base + j), scalar(0, result)))

        def step(k: Node) -> tuple:
            def lane(j: Node) -> tuple:
                value = _element(node, o, k, base + j)
                place = (o, base + j)
                old = load("best", (j,), dtype)
                take, test = let("take", better(kind, value, old))
                where = apply("select", take, cast(k, result), load("out0", place, result))
                return (test, Store("best", (j,), apply("select", take, value, old)), Store("out0", place, where))

            return (vector("j", width, lane),)

        return (Alloc(best), vector("j_first", width, first), loop("k", extent, step))

    return parallel("task", product((outer, blocks)), as_index(extent) * least(inner, BLOCK) * 2, task)
