"""Attention with 16-bit operands on tensor cores, in one pass over the keys: a warp has sixteen rows of a head.

Scores stay in registers. The greatest one of each row so far and the sum of the powers go along; where the former changes, what was
summed is scaled. So neither scores nor weights are ever in memory. Scores are rounded as separate kernels round them; weights are
rounded before they are divided by their sum. With u the rounding of the type (2**-8 for bf16, 2**-11 for f16), a result differs
from exact arithmetic on the operands by no more than (4 + 4 * the largest score) * u times the largest value, for up to 1 / u keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import (
    BLOCK, THREAD, UNROLLED, VECTOR, Alloc, Array, At, Barrier, Call, For, If, Kernel, Let, Store, load, shuffle_xor,
)  # fmt: skip
from graphc.ir.node import Node, const_value, linear_form, simplified, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.element import Elements
from graphc.lower.gpu.mma_tiling import COLUMNS, PADDING, ROWS, STEP
from graphc.lower.nests.attention import Attention
from graphc.lower.nests.loops import all_of, as_index, cast, ceil_divide, index, loop, scalar, unravel
from graphc.lower.reasons import SCORES_IN_REGISTERS
from graphc.lower.schedule import name_shared, read_first, symbols_of
from graphc.prims.table import apply

WARPS = 4  # of a block
KEYS = 64  # of a tile
WIDEST = 128  # columns of a head
CHUNK = 8  # elements of one copy, 16 bytes


def can_flash(attention: Attention, gpu: Gpu) -> bool:
    """Whether an attention region is a softmax of 16-bit scores, whose keys and values can be copied as they lie."""
    first, second = attention.first, attention.second
    dtypes = {n.dtype for dot in (first, second) for n in (dot.node, *dot.node.inputs)}
    if not gpu.has_async_copies or len(dtypes) != 1 or not dtypes <= {dt.f16, dt.bf16} or not _is_softmax(attention):
        return False
    if not first.node.attr("transpose_y") or second.node.attr("transpose_y"):
        return False
    widths = (first.k, second.n)
    return all(type(d) is int and d % CHUNK == 0 and d <= WIDEST for d in widths) and all(_lies_in_rows(attention, k) for k in (0, 1))


def _is_softmax(attention: Attention) -> bool:
    """Whether weights are powers of scores less their greatest, over the sum of these, in f32."""
    scores, node = attention.scores, attention.weights
    node = node.inputs[0] if node.op == "cast" else node

    def spread(x: Node, kind: str) -> Node | None:
        """What is reduced where ``x`` is a reduction of rows, or one over it, as wide as they are."""
        x = x.inputs[0] if x.op == "broadcast" else None
        if x is not None and x.op == "div" and const_value(x.inputs[0]) == 1:
            x = x.inputs[1]
        return x.inputs[0] if x is not None and x.op == "reduce" and x.attr("kind") == kind else None

    if node.op != "mul" or node.dtype is not dt.f32 or scores.dtype is not dt.f32:
        return False
    power, over = node.inputs
    if power.op != "exp" or over.op != "broadcast" or over.inputs[0].op != "div" or spread(over, "sum") is not power:
        return False
    less = power.inputs[0]
    if less.op != "sub" or less.inputs[0] is not scores or less.inputs[1].op != "broadcast":
        return False
    return less.inputs[1].inputs[0].op == "reduce" and spread(less.inputs[1], "max") is scores


def _operand(attention: Attention, which: int) -> Node:
    """The keys or the values."""
    return (attention.first, attention.second)[which].node.inputs[1]


def _lies_in_rows(attention: Attention, which: int) -> bool:
    """Whether each run of ``CHUNK`` columns of keys or values is one of an input's, at a multiple of its size."""
    node = _operand(attention, which)
    v, axes = var("v", extent=CHUNK), [var(f"a{k}", extent=d) for k, d in enumerate(node.shape)]
    found = Elements(attention.names).at(node, (*axes[:-1], axes[-1] * CHUNK + v))
    if found.op != "load":
        return False
    source = next(x for x, name in attention.names.items() if name == found.attr("buffer"))
    offset, stride = as_index(0), 1
    for i, d in zip(reversed(found.inputs), reversed(source.shape)):
        offset, stride = offset + i * stride, simplified(stride * d)
    terms, constant = linear_form(offset)
    others = {atom: c for atom, c in terms.items() if atom is not v}
    return terms.get(v) == 1 and constant % CHUNK == 0 and all(c % CHUNK == 0 and v not in toposort((a,)) for a, c in others.items())


@dataclass(frozen=True)
class _Part:
    """What a thread knows of its place, and the arrays of its block: rows of heads, keys and values, two tiles each of the latter."""

    attention: Attention
    thread: Node
    head: Node
    batch: tuple
    first: Node
    lane: Node
    warp: Node
    queries: Array
    tiles: tuple[Array, Array]

    @property
    def dtype(self) -> dt.DType:
        return self.attention.first.node.dtype

    def row(self, half: Node) -> Node:
        """The row of the head that a thread has two values of in each tile of sums."""
        return as_index(self.first + self.warp * ROWS + half * 8 + self.lane // 4)


def flash_kernel(attention: Attention) -> Kernel:
    """The kernel. Arrays: ``x<k>`` for the region's inputs, ``out<k>``."""
    first, second = attention.first, attention.second
    rows = WARPS * ROWS
    blocks = ceil_divide(first.m, rows)
    total = simplified(blocks * first.batch_size)
    thread, block = var("thread", extent=32 * WARPS), var("block", extent=total)
    head, start, lane, warp = (var(n, extent=d) for n, d in (("head", first.batch_size), ("row", first.m), ("lane", 32), ("warp", WARPS)))
    wide = [-(-d // STEP) * STEP for d in (first.k, second.n)]
    dtype = first.node.dtype
    queries = Array("queries", Type(dtype, (rows, wide[0] + PADDING)), "shared")
    tiles = tuple([Array(name, Type(dtype, (2, KEYS, d + PADDING)), "shared") for name, d in zip(("keys", "values"), wide)])
    part = _Part(attention, thread, head, unravel(head, first.batch), start, lane, warp, queries, tiles)
    lets = (Let(head, as_index(block // blocks)), Let(start, as_index(block % blocks * rows)), Let(lane, as_index(thread % 32)),
            Let(warp, as_index(thread // 32)))  # fmt: skip
    body = (*lets, *_rows(part), *_passes(part))
    nest = For(block, total, (*map(Alloc, (queries, *tiles)), For(thread, 32 * WARPS, body, THREAD)), BLOCK)
    arrays = [Array(name, x.type) for x, name in attention.names.items()]
    arrays += [Array(f"out{k}", n.type, written=True) for k, n in enumerate(attention.graph.outputs)]
    return Kernel("attention", tuple(arrays), symbols_of((nest,), tuple(arrays)), (nest,), SCORES_IN_REGISTERS)


def _rows(part: _Part) -> tuple:
    """Bring the rows of the left operand, whatever is computed of them; zeros stand for what lies outside."""
    dot, threads = part.attention.first, 32 * WARPS
    rows, wide = part.queries.type.shape[0], part.queries.type.shape[1] - PADDING
    elements = Elements(part.attention.names)
    each = wide // CHUNK

    def one(pass_: Node) -> tuple:
        item = pass_ * threads + part.thread
        line, column = as_index(item // each), as_index(item % each * CHUNK)
        guards = [] if type(dot.m) is int and dot.m % rows == 0 else [part.first + line < dot.m]
        guards += [] if wide == dot.k else [column < dot.k]

        def element(v: Node) -> tuple:
            value = elements.at(dot.node.inputs[0], (*part.batch, as_index(part.first + line), as_index(column + v)))
            return (Store(part.queries.name, (line, column + v), value),)

        def nothing(v: Node) -> tuple:
            return (Store(part.queries.name, (line, column + v), scalar(0, part.dtype)),)

        there, other = loop("v", CHUNK, element, VECTOR), loop("v", CHUNK, nothing, VECTOR)
        return (If(all_of(guards), (there,), (other,)),) if guards else (there,)

    return (loop("brought", rows * each // threads, one, UNROLLED),)


def _copies(part: _Part, which: int, tile: Node) -> tuple:
    """Start the copies of a tile of keys or values; zeros stand for what lies outside."""
    dot, array, threads = part.attention.first, part.tiles[which], 32 * WARPS
    node = _operand(part.attention, which)
    columns, wide = node.shape[-1], array.type.shape[2] - PADDING
    elements, each = Elements(part.attention.names), wide // CHUNK

    def one(pass_: Node) -> tuple:
        item = pass_ * threads + part.thread
        line, column = as_index(item // each), as_index(item % each * CHUNK)
        key = as_index(tile * KEYS + line)
        from_ = elements.at(node, (*part.batch, key, column))
        guards = [] if type(dot.n) is int and dot.n % KEYS == 0 else [key < dot.n]
        guards += [] if wide == columns else [column < columns]
        args = (At(array.name, (tile % 2, line, column)), At(from_.attr("buffer"), from_.inputs))
        return (Call("gc_cp_async_16_if", (*args, all_of(guards))) if guards else Call("gc_cp_async_16", args),)

    return (loop(f"copied{which}", KEYS * each // threads, one, UNROLLED),)


def _passes(part: _Part) -> tuple:
    """Go through the tiles of keys, and store the results."""
    first = part.attention.first
    steps = (part.queries.type.shape[1] - PADDING) // STEP
    wide = part.tiles[1].type.shape[2] - PADDING
    queries = Array("query", Type(dt.u32, (steps, 4)), "register")
    sums = Array("sums", Type(dt.f32, (1, wide // COLUMNS, 4)), "register")
    top, total = (Array(name, Type(dt.f32, (2,)), "register") for name in ("top", "total"))
    tiles = ceil_divide(first.n, KEYS)
    tile = var("tile", extent=tiles)

    def bring(number: Node) -> tuple:
        return (*_copies(part, 0, number), *_copies(part, 1, number))

    def fragment(step: Node) -> tuple:
        place = At(part.queries.name, (part.warp * ROWS + part.lane % 16, step * STEP + part.lane // 16 * 8))
        return (Call("gc_ldmatrix_x4", (At(queries.name, (step, 0)), place)),)

    def begin(half: Node) -> tuple:
        return (Store(top.name, (half,), scalar(-np.inf, dt.f32)), Store(total.name, (half,), scalar(0, dt.f32)))

    following = as_index(tile + 1)
    more = If(following < tiles, bring(following))
    body = (more, Call("gc_cp_async_commit", ()), Call("gc_cp_async_wait<1>", ()), Barrier(),
            *_tile(part, tile, queries, sums, top, total), Barrier())  # fmt: skip
    start = (*bring(as_index(0)), Call("gc_cp_async_commit", ())) if tiles != 0 else ()
    return (*start, Barrier(), Alloc(queries), loop("step", steps, fragment, UNROLLED), *map(Alloc, (sums, top, total)),
            _each(sums, lambda i, j, e: (Store(sums.name, (i, j, e), scalar(0, dt.f32)),)), loop("half", 2, begin, UNROLLED),
            For(tile, tiles, body), *_finish(part, sums, total))  # fmt: skip


def _each(array: Array, make) -> For:
    """Every element of a register array of rank 3."""
    i, j, e = (index(name, d) for name, d in zip("ije", array.type.shape))
    body = tuple(make(i, j, e))
    for v, d in zip((e, j, i), reversed(array.type.shape)):
        body = (For(v, d, body, UNROLLED),)
    return body[0]


def _products(part: _Part, which: int, tile: Node, left: Array, sums: Array, steps: int) -> For:
    """Add products of fragments, [steps, 4], and a tile of keys or values to sums."""
    array, lane, mma = part.tiles[which], part.lane, f"gc_mma_m16n8k16_{part.dtype.short}"
    b = Array(f"b{which}", Type(dt.u32, (2, 2)), "register")

    def step_(step: Node) -> tuple:
        def pair(j: Node) -> tuple:
            if which == 0:  # keys lie along k
                place = (j * (2 * COLUMNS) + lane // 16 * 8 + lane % 8, step * STEP + lane // 8 % 2 * 8)
            else:
                place = (step * STEP + lane % 16, j * (2 * COLUMNS) + lane // 16 * 8)
            read = Call("gc_ldmatrix_x4" if which == 0 else "gc_ldmatrix_x4_trans", (At(b.name, (0, 0)), At(array.name, (tile % 2, *place))))
            products = [Call(mma, (At(sums.name, (0, j * 2 + k, 0)), At(left.name, (step, 0)), At(b.name, (k, 0)))) for k in (0, 1)]
            return (Alloc(b), read, *products)

        return (loop("j", sums.type.shape[1] // 2, pair, UNROLLED),)

    return loop("step", steps, step_, UNROLLED)


def _tile(part: _Part, tile: Node, queries: Array, sums: Array, top: Array, total: Array) -> tuple:
    """The scores of one tile, their powers, and what these add to the sums."""
    first, f32 = part.attention.first, dt.f32
    scores = Array("scores", Type(f32, (1, KEYS // COLUMNS, 4)), "register")
    elements = Elements(part.attention.names)
    exact_rows = type(first.m) is int and first.m % (WARPS * ROWS) == 0
    exact_keys = type(first.n) is int and first.n % KEYS == 0

    def scored(half: Node) -> tuple:
        row = part.row(half)

        def pair(j: Node) -> tuple:
            def one(e: Node) -> tuple:
                at = (as_index(0), j, half * 2 + e)
                key = as_index(tile * KEYS + j * COLUMNS + part.lane % 4 * 2 + e)
                inside = [] if exact_keys else [key < first.n]
                guard = all_of([*([] if exact_rows else [row < first.m]), *inside])
                elements.values[first.node] = cast(load(scores.name, at, f32), part.dtype)
                elements.forget()
                value = elements.at(part.attention.scores, (*part.batch, row, key), guard)
                value = value if exact_keys else apply("select", all_of(inside), value, scalar(-np.inf, f32))
                lets, (value,) = name_shared([value])
                return (*lets, Store(scores.name, at, value))

            return (loop("e", 2, one, VECTOR),)

        return (loop("j", KEYS // COLUMNS, pair, UNROLLED),)

    weights = Array("weights", Type(dt.u32, (KEYS // STEP, 4)), "register")
    pack = f"gc_pair_{part.dtype.short}"

    def packed(step: Node) -> tuple:
        parts = [(step * 2 + k // 2, k % 2 * 2) for k in range(4)]
        return tuple([Call(pack, (At(weights.name, (step, k)), load(scores.name, (0, j, e), f32), load(scores.name, (0, j, e + 1), f32)))
                      for k, (j, e) in enumerate(parts)])  # fmt: skip

    return (Alloc(scores), _each(scores, lambda i, j, e: (Store(scores.name, (i, j, e), scalar(0, f32)),)),
            _products(part, 0, tile, queries, scores, queries.type.shape[0]), loop("half", 2, scored, UNROLLED),
            *[s for half in (0, 1) for s in _powers(half, scores, sums, top, total)],
            Alloc(weights), loop("step", KEYS // STEP, packed, UNROLLED), _products(part, 1, tile, weights, sums, KEYS // STEP))  # fmt: skip


def _powers(half: int, scores: Array, sums: Array, top: Array, total: Array) -> tuple:
    """Powers of a row's scores less the greatest so far, in their place; the sums of before are scaled to it."""
    f32, out = dt.f32, []

    def named(name: str, value: Node) -> Node:
        out.append(Let(var(f"{name}{half}", value.type), value))
        return out[-1].var

    def across(name: str, op: str, value: Node) -> Node:
        """Combined over the four threads that share a row."""
        for mask in (1, 2):
            other = named(f"{name}_from{mask}_", shuffle_xor(value, mask))
            value = named(f"{name}_with{mask}_", apply(op, value, other))
        return value

    mine = [load(scores.name, (0, j, half * 2 + e), f32) for j in range(scores.type.shape[1]) for e in (0, 1)]
    old = named("before", load(top.name, (half,), f32))
    greatest = old
    for k, x in enumerate(mine):
        greatest = named(f"most{k}_", apply("max", greatest, x))
    greatest = across("most", "max", greatest)
    # a row of nothing but -inf so far has no greatest: its powers are 0
    base = named("base", apply("select", apply("eq", greatest, scalar(-np.inf, f32)), scalar(0, f32), greatest))
    scale = named("scale", apply("exp", apply("sub", old, base)))
    out.append(Store(top.name, (half,), greatest))
    j, e = index("j", scores.type.shape[1]), index("e", 2)
    at = (as_index(0), j, half * 2 + e)
    power = Store(scores.name, at, apply("exp", apply("sub", load(scores.name, at, f32), base)))
    out.append(For(j, scores.type.shape[1], (For(e, 2, (power,), UNROLLED),), UNROLLED))
    sum_ = mine[0]
    for k, x in enumerate(mine[1:]):
        sum_ = named(f"sum{k}_", apply("add", sum_, x))
    sum_ = across("sum", "add", sum_)
    kept = apply("mul", load(total.name, (half,), f32), scale)
    out.append(Store(total.name, (half,), apply("add", kept, sum_)))
    j = index("j", sums.type.shape[1])
    at = (as_index(0), j, half * 2 + e)
    scaled = Store(sums.name, at, apply("mul", load(sums.name, at, f32), scale))
    out.append(For(j, sums.type.shape[1], (For(e, 2, (scaled,), UNROLLED),), UNROLLED))
    return tuple(out)


def _finish(part: _Part, sums: Array, total: Array) -> tuple:
    """Divide the sums, and store the results through what is computed of each."""
    dot, attention, f32 = part.attention.second, part.attention, dt.f32
    perm = attention.perm
    wanted = [attention.graph.outputs[0].inputs[0]] if perm else list(attention.graph.outputs)

    def half_(half: Node) -> tuple:
        row, share = part.row(half), var("share", Type(f32, ()))

        def pair(j: Node) -> tuple:
            begin = as_index(j * COLUMNS + part.lane % 4 * 2)

            def one(e: Node) -> tuple:
                where = (*part.batch, row, as_index(begin + e))
                value = apply("mul", load(sums.name, (0, j, half * 2 + e), f32), share)
                elements = Elements(attention.names, {dot.node: cast(value, dot.node.dtype)})
                lets, values = name_shared([elements.at(n, where) for n in wanted], "e")
                lets, values = read_first(lets, values)
                place = tuple(where[a] for a in perm) if perm else where
                return (*lets, *[Store(f"out{k}", place, v) for k, v in enumerate(values)])

            stores = (loop("e", 2, one, VECTOR),)
            return stores if dot.n % STEP == 0 else (If(begin < dot.n, stores),)

        over = apply("div", scalar(1, f32), load(total.name, (half,), f32))
        if isinstance(attention.first.n, Node):  # without keys the result is 0
            over = apply("select", apply("eq", attention.first.n, as_index(0)), scalar(0, f32), over)
        body = (Let(share, over), loop("j", sums.type.shape[1], pair, UNROLLED))
        return body if type(dot.m) is int and dot.m % (WARPS * ROWS) == 0 else (If(row < dot.m, body),)

    return (loop("half", 2, half_, UNROLLED),)
