"""Products of 16-bit floats, or of f32 rounded to tf32, on the tensor cores of warps (``mma.sync``), with f32 sums.

Tiles of the operands come into shared memory by asynchronous copies, several tiles ahead, in the order in which they lie in the
device's memory: fragments of either order are read by ``ldmatrix``, turned where need be. A result differs from the sum of the exact
products, which f32 holds, by no more than k * 2**-22 times the sum of their magnitudes, before it is rounded to its type; with tf32
it is the sum of products of rounded operands, each of which is off by 2**-11 at the most.
"""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import UNROLLED, VECTOR, Alloc, Array, At, Barrier, Call, For, If, Let, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.fma_tile import WRITTEN_OUT
from graphc.lower.gpu.mma_tiling import COLUMNS, PADDING, ROWS, STEP, STEP_TF32
from graphc.lower.gpu.threads import ACCESS
from graphc.lower.gpu.tiles import Side, Work
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, index, loop, scalar


def mma_tile(work: Work) -> tuple:
    """The shared arrays of a block, and what each of its threads does."""
    p, tiling = work.p, work.tiling
    shared = [_shared(work, which) for which in (0, 1)]
    sums = Array(f"sums{work.tag}", Type(dt.f32, (tiling.height, tiling.width, 4)), "register")
    tiles, ahead = ceil_divide(p.depth, tiling.depth), tiling.stages - 1

    def bring(step: Node) -> tuple:
        copies = tuple([s for which in (0, 1) for s in _copies(work, which, shared[which], step)])
        number = simplified(step)
        certain = type(tiles) is int and type(number) is int and number < tiles
        return (*(copies if certain else (If(step < tiles, copies),)), Call("gc_cp_async_commit", ()))

    def one(step: Node) -> tuple:
        arrived = Call(f"gc_cp_async_wait<{ahead - 1}>", ())
        return (arrived, Barrier(), *bring(as_index(step + ahead)), *_multiply(work, shared, sums, step))

    first = [s for step in range(ahead) for s in bring(as_index(step))]
    body = (*_places(work), Alloc(sums), _zero(sums), *first, loop(f"step{work.tag}", tiles, one),
            *finish_pairs(work, sums, (work.first[0] + _row(work), work.first[1] + _column(work)), _lane(work)))  # fmt: skip
    return shared, body


def _shared(work: Work, which: int) -> Array:
    """The tiles of an operand that are there or on their way, in the order of the device's memory."""
    tiling = work.tiling
    side, lines = _side(work, which)
    shape = (lines, tiling.depth + ACCESS // side.dtype.size) if side.along else (tiling.depth, lines + PADDING)
    return Array(f"{'xy'[which]}s{work.tag}", Type(side.dtype, (tiling.stages, *shape)), "shared")


def _side(work: Work, which: int) -> tuple[Side, int]:
    return (work.p.left, work.p.right)[which], (work.tiling.rows, work.tiling.columns)[which]


def _zero(sums: Array) -> For:
    i, j, e = (index(name, d) for name, d in zip("ije", sums.type.shape))
    body: tuple = (Store(sums.name, (i, j, e), scalar(0, dt.f32)),)
    for v, d in zip((e, j, i), reversed(sums.type.shape)):
        body = (For(v, d, body, UNROLLED),)
    return body[0]


def _places(work: Work) -> tuple:
    """Names for the number of a thread in its warp, and for the warp's place among those of the block."""
    across = work.tiling.across
    return (Let(_lane(work), work.thread % 32), Let(_warp(work, "down"), as_index(work.thread // 32 // across)),
            Let(_warp(work, "across"), as_index(work.thread // 32 % across)))  # fmt: skip


def _lane(work: Work) -> Node:
    return var(f"lane{work.tag}", extent=32)


def _warp(work: Work, which: str) -> Node:
    return var(f"{which}{work.tag}", extent=getattr(work.tiling, which))


def _row(work: Work) -> Node:
    """The first row of a warp in the tile."""
    return _warp(work, "down") * (work.tiling.rows // work.tiling.down)


def _column(work: Work) -> Node:
    """The first column of a warp in the tile."""
    return _warp(work, "across") * (work.tiling.columns // work.tiling.across)


def _copies(work: Work, which: int, shared: Array, step: Node) -> tuple:
    """Start the copies of tile ``step`` of an operand; zeros stand for what lies outside."""
    tiling, p = work.tiling, work.p
    side, lines = _side(work, which)
    items = lines * tiling.depth // side.vector
    passes = -(-items // tiling.threads)
    each = (tiling.depth if side.along else lines) // side.vector
    name = f"gc_cp_async_{side.vector * side.dtype.size}"

    def one(pass_: Node) -> tuple:
        item = pass_ * tiling.threads + work.thread
        far, near = as_index(item // each), as_index(item % each * side.vector)
        line, k = (far, near) if side.along else (near, far)
        to = At(shared.name, (step % tiling.stages, far, near))
        line, k = as_index(work.first[which] + line), as_index(step * tiling.depth + k)
        place, guards = side.at(work.batch, line, k, as_index(0), side.vector)
        if not (type(p.depth) is int and p.depth % tiling.depth == 0):
            guards = [*guards, k < p.depth]
        if not (type(side.lines) is int and side.lines % lines == 0):
            guards = [*guards, line < side.lines]
        from_ = At(side.array, place)
        copy = Call(f"{name}_if", (to, from_, all_of(guards))) if guards else Call(name, (to, from_))
        return (copy,) if items % tiling.threads == 0 else (If(item < items, (copy,)),)

    return one(as_index(0)) if passes == 1 else (loop(f"c{which}", passes, one, UNROLLED),)


# ------------------------------------------------------------------------------------------------- the products


def _multiply(work: Work, shared: list[Array], sums: Array, step: Node) -> tuple:
    """Add the products of one tile of k."""
    tiling = work.tiling
    if work.p.left.dtype is dt.f32:
        return _multiply_tf32(work, shared, sums, step)
    stage, word = as_index(step % tiling.stages), dt.u32
    a = Array(f"a{work.tag}", Type(word, (tiling.height, 4)), "register")
    b = Array(f"b{work.tag}", Type(word, (tiling.width, 2)), "register")
    left, right = (_side(work, which)[0] for which in (0, 1))
    mma = f"gc_mma_m16n8k16_{left.dtype.short}"
    lane = _lane(work)

    def at(which: int, line: Node, k: Node) -> At:
        along = (left, right)[which].along
        return At(shared[which].name, (stage, *((line, k) if along else (k, line))))

    def slice_(kk: Node) -> tuple:
        k = kk * STEP

        def rows(i: Node) -> tuple:
            base = _row(work) + i * ROWS
            if left.along:
                return (Call("gc_ldmatrix_x4", (At(a.name, (i, 0)), at(0, base + lane % 16, k + lane // 16 * 8))),)
            place = at(0, base + lane // 8 % 2 * 8, k + lane // 16 * 8 + lane % 8)
            return (Call("gc_ldmatrix_x4_trans", (At(a.name, (i, 0)), place)),)

        def columns(j: Node) -> tuple:
            base = _column(work) + j * (2 * COLUMNS)
            if right.along:
                place = at(1, base + lane // 16 * 8 + lane % 8, k + lane // 8 % 2 * 8)
                return (Call("gc_ldmatrix_x4", (At(b.name, (j * 2, 0)), place)),)
            return (Call("gc_ldmatrix_x4_trans", (At(b.name, (j * 2, 0)), at(1, base + lane // 16 * 8, k + lane % 16))),)

        def products(i: Node) -> tuple:
            call = lambda j: (Call(mma, (At(sums.name, (i, j, 0)), At(a.name, (i, 0)), At(b.name, (j, 0)))),)  # noqa: E731
            return (loop("j", tiling.width, call, UNROLLED),)

        return (Alloc(a), Alloc(b), loop("i", tiling.height, rows, UNROLLED), loop("j", tiling.width // 2, columns, UNROLLED),
                loop("i", tiling.height, products, UNROLLED))  # fmt: skip

    return (loop("kk", tiling.depth // STEP, slice_, UNROLLED),)


def _multiply_tf32(work: Work, shared: list[Array], sums: Array, step: Node) -> tuple:
    """The same with operands that are rounded as they are read."""
    tiling, lane = work.tiling, _lane(work)
    stage = as_index(step % tiling.stages)
    a = Array(f"a{work.tag}", Type(dt.u32, (tiling.height, 4)), "register")
    b = Array(f"b{work.tag}", Type(dt.u32, (tiling.width, 2)), "register")

    def rounded(array: Array, place: tuple, which: int, line: Node, k: Node) -> Call:
        along = _side(work, which)[0].along
        return Call("gc_round_tf32", (At(array.name, place), load(shared[which].name, (stage, *((line, k) if along else (k, line))), dt.f32)))

    def slice_(kk: Node) -> tuple:
        k = as_index(kk * STEP_TF32 + lane % 4)

        def rows(i: Node) -> tuple:
            line = _row(work) + i * ROWS + lane // 4
            return tuple([rounded(a, (i, q), 0, as_index(line + q % 2 * 8), as_index(k + q // 2 * 4)) for q in range(4)])

        def columns(j: Node) -> tuple:
            line = as_index(_column(work) + j * COLUMNS + lane // 4)
            return tuple([rounded(b, (j, q), 1, line, as_index(k + q * 4)) for q in range(2)])

        def products(i: Node) -> tuple:
            call = lambda j: (Call("gc_mma_m16n8k8_tf32", (At(sums.name, (i, j, 0)), At(a.name, (i, 0)), At(b.name, (j, 0)))),)  # noqa: E731
            return (loop("j", tiling.width, call, UNROLLED),)

        return (Alloc(a), Alloc(b), loop("i", tiling.height, rows, UNROLLED), loop("j", tiling.width, columns, UNROLLED),
                loop("i", tiling.height, products, UNROLLED))  # fmt: skip

    return (loop("kk", tiling.depth // STEP_TF32, slice_, UNROLLED),)


def finish_pairs(work: Work, sums: Array, first: tuple[Node, Node], lane: Node) -> tuple:
    """What becomes of the sums of a thread, as tensor cores leave them: pairs of neighbours of a row.

    Args:
        sums: [tiles of 16 rows, tiles of 8 columns, 4]. first: the first row and column of the warp. lane: its thread.
    """
    p, tiling = work.p, work.tiling
    written_out = sums.type.size * (p.cost + 2) <= WRITTEN_OUT
    source, before, kind = sums, (), UNROLLED
    if not written_out:
        source = Array(f"kept{work.tag}", sums.type, "stack")
        i, j, e = (index(name, d) for name, d in zip("ije", sums.type.shape))
        body: tuple = (Store(source.name, (i, j, e), load(sums.name, (i, j, e), dt.f32)),)
        for v, d in zip((e, j, i), reversed(sums.type.shape)):
            body = (For(v, d, body, UNROLLED),)
        before, kind = (Alloc(source), *body), "serial"
    columns = p.right.lines
    row_guarded = not (type(p.left.lines) is int and p.left.lines % tiling.rows == 0)
    column_guarded = not (type(columns) is int and columns % tiling.columns == 0)
    apart = column_guarded and not (type(columns) is int and columns % 2 == 0)

    def row(i: Node, half: Node) -> tuple:
        at = as_index(first[0] + i * ROWS + half * 8 + lane // 4)

        def pair(j: Node) -> tuple:
            begin = as_index(first[1] + j * COLUMNS + lane % 4 * 2)

            def element(e: Node) -> tuple:
                column = as_index(begin + e)
                value = load(source.name, (i, j, half * 2 + e), dt.f32)
                return p.finish(work.batch, at, column, value, column < columns if apart else None)

            stores = (loop("e", 2, element, VECTOR),)
            return (If(begin < columns, stores),) if column_guarded and not apart else stores

        body = (loop("j", sums.type.shape[1], pair, kind),)
        return (If(at < p.left.lines, body),) if row_guarded else body

    halves = lambda i: (loop("half", 2, lambda half: row(i, half), kind),)  # noqa: E731
    return (*before, loop("i", sums.type.shape[0], halves, kind))
