"""Products of 16-bit floats on the tensor cores of warpgroups (``wgmma``, sm_90a), with f32 sums.

Each block stays on its multiprocessor and goes through tiles of the results. Two warpgroups multiply, half of the rows each; the rest of
the block brings the operands, by asynchronous copies into stages of shared memory, swizzled as the tensor cores read them. They tell
each other by barriers in shared memory what is full and what is empty, so that copies for the next tile run while one ends.

Operands that are whole arrays of known sizes come by the copy engine (TMA), which one thread of one warp tells what to bring. Others,
windows and symbolic sizes, come by ``cp.async`` of all threads of a third warpgroup: what a tensor map says must be known when the
program is compiled. The order of sums is the same, and the bound of results that of ``mma_tile``.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.kernel import BLOCK, THREAD, UNROLLED, Alloc, Array, At, Barrier, Call, For, If, Let
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.mma_tile import finish_pairs
from graphc.lower.gpu.tiles import Product, Side, Work, tiles_of, work_at
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, least, loop
from graphc.prims.table import apply

WARP, GROUP = 32, 128  # threads of a warp and of a warpgroup
MULTIPLYING = 2 * GROUP  # threads of a block that multiply, the first ones
CHUNK = 8  # elements of one copy, 16 bytes
LINE = 64  # elements of a swizzled row, 128 bytes
STEP = 16  # steps of k of an instruction
LAG = 2  # copies of stages that are under way before the first of them is waited for


@dataclass(frozen=True)
class WgmmaTiling:
    """A block computes ``rows`` x ``columns`` results at a time, ``depth`` steps of k in each of its ``stages``."""

    rows: int
    columns: int
    stages: int
    blocks: int
    depth: int = LINE


@dataclass(frozen=True)
class _Nest:
    """What both sides of a nest share: the arrays of the operands and of the barriers, and where a block is."""

    p: Product
    tiling: WgmmaTiling
    tag: str
    block: Node
    thread: Node
    blocks: object
    operands: tuple[Array, Array]
    full: Array
    empty: Array

    @property
    def steps(self) -> object:
        """Stages that one tile takes."""
        return ceil_divide(self.p.depth, self.tiling.depth)

    def tiles(self, body) -> For:
        """A loop over the tiles of a block, of the statements that ``body`` makes of its number and what is done there."""
        total = tiles_of(self.p, self.tiling)[0]
        turns = simplified((total - self.block + (self.blocks - 1)) // self.blocks)
        turn = var(f"turn{self.tag}", extent=total)
        lets, work = work_at(as_index(turn * self.blocks + self.block), self.p, self.tiling, self.thread, self.tag)
        return For(turn, turns, (*lets, *body(turn, work)))

    def stage(self, number: Node) -> Node:
        """The stage of the ``number``-th step."""
        return as_index(number % self.tiling.stages)

    def phase(self, number: Node) -> Node:
        """The parity of the phase that step ``number`` is of the barriers of its stage."""
        return as_index(number // self.tiling.stages % 2)


def wgmma_nest(p: Product, tiling: WgmmaTiling, tag: str, wanted) -> For:
    """A nest whose blocks go through tiles."""
    total = tiles_of(p, tiling)[0]
    extent = simplified(least(total, tiling.blocks) * wanted)
    by_engine = boxes(p, tiling)
    threads = MULTIPLYING + (WARP if by_engine else GROUP)
    block, thread = var(f"block{tag}", extent=extent), var(f"thread{tag}", extent=threads)
    bars = [Array(f"{name}{tag}", Type(dt.u64, (tiling.stages,)), "shared") for name in ("full", "empty")]
    operands = tuple([_shared(p, tiling, which, tag) for which in (0, 1)])
    nest = _Nest(p, tiling, tag, block, thread, least(total, tiling.blocks), operands, *bars)
    stage = var("stage", extent=tiling.stages)
    arrivals = {nest.full: 1 if by_engine else GROUP, nest.empty: 2}  # those that bring; one of each warpgroup that multiplies
    start = tuple([Call("gc_mbarrier_init", (At(bar.name, (stage,)), count)) for bar, count in arrivals.items()])
    begun = If(apply("eq", thread, as_index(0)), (For(stage, tiling.stages, start), Call("gc_mbarrier_init_fence", ())))
    bring = _bring_boxes(nest) if by_engine else _bring(nest)
    body = (begun, Barrier(), If(thread < MULTIPLYING, _consume(nest), bring))
    return For(block, extent, (*map(Alloc, (*operands, *bars)), For(thread, threads, body, THREAD)), BLOCK)


def boxes(p: Product, tiling: WgmmaTiling) -> tuple:
    """What one copy of the copy engine takes of each operand; nothing where it cannot bring them."""
    sides = (p.left, p.right)
    if not all(isinstance(s, Side) and s.whole for s in sides):
        return ()
    return tuple([(1, lines, LINE) if s.along else (1, tiling.depth, LINE) for s, lines in zip(sides, (tiling.rows, tiling.columns))])


def _side(p: Product, which: int) -> Side:
    return (p.left, p.right)[which]


def _shared(p: Product, tiling: WgmmaTiling, which: int, tag: str) -> Array:
    """The stages of an operand, in rows of 128 bytes: along k for each line, or along 64 lines for each k."""
    lines = (tiling.rows, tiling.columns)[which]
    side = _side(p, which)
    shape = (lines, LINE) if side.along else (lines // LINE, tiling.depth, LINE)
    return Array(f"{'xy'[which]}s{tag}", Type(side.dtype, (tiling.stages, *shape)), "shared")


# ------------------------------------------------------------------------------------------------- the copies


def _bring(nest: _Nest) -> tuple:
    """What the warpgroup does that brings operands."""
    thread, tag = as_index(nest.thread % GROUP), nest.tag
    swizzled = var(f"swizzled{tag}", extent=CHUNK)
    # exclusive or of the chunk and the row, each below 8, bit by bit
    bits = [(thread // (1 << b) + thread // (CHUNK << b)) % 2 * (1 << b) for b in range(3)]
    total = tiles_of(nest.p, nest.tiling)[0]

    def tile(turn: Node, work: Work) -> tuple:
        def one(step: Node) -> tuple:
            number = as_index(turn * nest.steps + step)
            copies = [s for which in (0, 1) for s in _copies(nest, work, which, step, nest.stage(number), swizzled)]
            told = (Call(f"gc_cp_async_wait<{LAG}>", ()), *_told(nest, as_index(number - LAG)))
            return (Call("gc_mbarrier_wait", (At(nest.empty.name, (nest.stage(number),)), as_index((nest.phase(number) + 1) % 2))),
                    *copies, Call("gc_cp_async_commit", ()), If(as_index(LAG) <= number, told))  # fmt: skip

        step = var(f"step{nest.tag}", extent=nest.steps)
        return (For(step, nest.steps, one(step)),)

    mine = simplified((total - nest.block + (nest.blocks - 1)) // nest.blocks)
    last = as_index(mine * nest.steps)
    rest = []
    for k in range(LAG, 0, -1):
        wait = Call(f"gc_cp_async_wait<{k - 1}>", ())
        rest.append(If(as_index(k) <= last, (wait, *_told(nest, as_index(last - k)))))
    return (Let(swizzled, as_index(sum(bits[1:], bits[0]))), nest.tiles(tile), *rest)


def _bring_boxes(nest: _Nest) -> tuple:
    """What the warp does that brings operands by the copy engine: one thread asks for boxes, zeros stand for what lies outside."""
    tiling = nest.tiling
    size = (tiling.rows + tiling.columns) * tiling.depth * nest.p.left.dtype.size

    def tile(turn: Node, work: Work) -> tuple:
        def one(step: Node) -> tuple:
            number = as_index(turn * nest.steps + step)
            stage = nest.stage(number)
            empty = Call("gc_mbarrier_wait", (At(nest.empty.name, (stage,)), as_index((nest.phase(number) + 1) % 2)))
            loads = [load for which in (0, 1) for load in _loads(nest, work, which, step, stage)]
            return (empty, Call("gc_mbarrier_expect", (At(nest.full.name, (stage,)), size)), *loads)

        step = var(f"step{nest.tag}", extent=nest.steps)
        return (For(step, nest.steps, one(step)),)

    return (If(apply("eq", nest.thread, as_index(MULTIPLYING)), (nest.tiles(tile),)),)


def _loads(nest: _Nest, work: Work, which: int, step: Node, stage: Node) -> list[Call]:
    """Copies of an operand for one step."""
    side, array, k = _side(nest.p, which), nest.operands[which], as_index(step * nest.tiling.depth)
    map_, full = At(side.array, (0, 0, 0)), At(nest.full.name, (stage,))
    if side.along:
        return [Call("gc_tma_load_3d", (At(array.name, (stage, 0, 0)), map_, full, k, work.first[which], work.batch))]
    parts = (nest.tiling.rows, nest.tiling.columns)[which] // LINE
    return [Call("gc_tma_load_3d", (At(array.name, (stage, part, 0, 0)), map_, full, as_index(work.first[which] + part * LINE), k, work.batch))
            for part in range(parts)]  # fmt: skip


def _told(nest: _Nest, number: Node) -> tuple:
    """Say that this thread's part of step ``number`` is there, and may be read by the tensor cores."""
    return (Call("gc_fence_async", ()), Call("gc_mbarrier_arrive", (At(nest.full.name, (nest.stage(number),)),)))


def _copies(nest: _Nest, work: Work, which: int, step: Node, stage: Node, swizzled: Node) -> tuple:
    """Start the copies of an operand for one step; zeros stand for what lies outside."""
    p, tiling, thread = nest.p, nest.tiling, as_index(nest.thread % GROUP)
    side, array = _side(p, which), nest.operands[which]
    lines = (tiling.rows, tiling.columns)[which]
    rows = GROUP // CHUNK  # of the array in shared memory that the warpgroup fills at once

    def one(pass_: Node) -> tuple:
        if side.along:
            line, k = as_index(pass_ * rows + thread // CHUNK), as_index(thread % CHUNK * CHUNK)
            to = (stage, line, swizzled * CHUNK)
        else:
            part, k = as_index(pass_ // (LINE // rows)), as_index(pass_ % (LINE // rows) * rows + thread // CHUNK)
            to, line = (stage, part, k, swizzled * CHUNK), as_index(part * LINE + thread % CHUNK * CHUNK)
        line, k = as_index(work.first[which] + line), as_index(step * tiling.depth + k)
        place, guards = side.at(work.batch, line, k, as_index(0), CHUNK)
        if not (type(p.depth) is int and p.depth % tiling.depth == 0):
            guards = [*guards, k < p.depth]
        if not (type(side.lines) is int and side.lines % lines == 0):
            guards = [*guards, line < side.lines]
        from_ = At(side.array, place)
        if guards:
            return (Call("gc_cp_async_16_if", (At(array.name, to), from_, all_of(guards))),)
        return (Call("gc_cp_async_16", (At(array.name, to), from_)),)

    return (loop(f"c{which}", lines * tiling.depth // CHUNK // GROUP, one, UNROLLED),)


# ------------------------------------------------------------------------------------------------ the products


def _consume(nest: _Nest) -> tuple:
    """What each of the warpgroups does that multiply."""
    p, tiling, tag = nest.p, nest.tiling, nest.tag
    sums = Array(f"sums{tag}", Type(dt.f32, (1, tiling.columns // 8, 4)), "register")
    half, warp, lane = var(f"consumer{tag}", extent=2), var(f"warp{tag}", extent=4), var(f"lane{tag}", extent=32)
    turned = ", ".join(str(int(not _side(p, which).along)) for which in (0, 1))
    product = f"gc_wgmma_product_{p.left.dtype.short}<{tiling.columns}, {turned}>"

    def at(which: int, stage: Node, k: Node) -> At:
        array, part = nest.operands[which], half if which == 0 else as_index(0)
        along = _side(p, which).along
        return At(array.name, (stage, part * LINE, k) if along else (stage, part, k, as_index(0)))

    def released(number: Node) -> tuple:
        told = Call("gc_mbarrier_arrive", (At(nest.empty.name, (nest.stage(number),)),))
        return (If(apply("eq", as_index(nest.thread % GROUP), as_index(0)), (told,)),)

    def tile(turn: Node, work: Work) -> tuple:
        def one(step: Node) -> tuple:
            number = as_index(turn * nest.steps + step)
            stage = nest.stage(number)

            def slice_(k: Node) -> tuple:
                operands = at(0, stage, k * STEP), at(1, stage, k * STEP)
                return (Call(product, (At(sums.name, (0, 0, 0)), *operands, as_index(0) < step + k)),)

            return (Call("gc_mbarrier_wait", (At(nest.full.name, (stage,)), nest.phase(number))), Call("gc_wgmma_fence", ()),
                    loop("k", tiling.depth // STEP, slice_, UNROLLED), Call("gc_wgmma_commit", ()), Call("gc_wgmma_wait<1>", ()),
                    If(as_index(0) < step, released(as_index(number - 1))))  # fmt: skip

        step = var(f"step{tag}", extent=nest.steps)
        first = as_index(work.first[0] + half * LINE + warp * STEP), work.first[1]
        last = as_index(turn * nest.steps + nest.steps - 1)
        return (For(step, nest.steps, one(step)), Call("gc_wgmma_wait<0>", ()), *released(last), *finish_pairs(work, sums, first, lane))

    return (Let(half, as_index(nest.thread // GROUP)), Let(warp, as_index(nest.thread // 32 % 4)), Let(lane, as_index(nest.thread % 32)),
            Alloc(sums), nest.tiles(tile))  # fmt: skip
