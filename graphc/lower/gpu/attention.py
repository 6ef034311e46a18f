"""Attention on a GPU as one kernel, with the bits of separate ones where tensor cores have no part in it (see ``flash``).

A block of threads has some rows of one head.

All scores of these rows come into memory of the block tile by tile, warps make weights of them row by row, and tiles of the result
run over those. Where rows are too long for shared memory, or of unknown length, they lie in memory of the device that is the
block's own. Nothing is rescaled on the way, so that every score, every reduction of a row and every result is what it is on CPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.gpu import Gpu
from graphc.ir.kernel import BLOCK, THREAD, Alloc, Array, Barrier, For, If, Kernel, Let, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.dot_cut import Dot
from graphc.lower.element import Elements
from graphc.lower.gpu.flash import can_flash, flash_kernel
from graphc.lower.gpu.fma_tile import fma_tile
from graphc.lower.gpu.threads import THREADS, WARP
from graphc.lower.gpu.tiles import Computed, Product, Work, widest_access
from graphc.lower.gpu.tiling import Tiling
from graphc.lower.gpu.warp_rows import NeedsMemory, warp_row
from graphc.lower.nests.attention import Attention, describe_attention, may_take_place, row_graph
from graphc.lower.nests.loops import as_index, cast, ceil_divide, index, loop, unravel
from graphc.lower.places import Pairs
from graphc.lower.reasons import READ_IN_BLOCKS, SCORES_IN_MEMORY
from graphc.lower.region import Region
from graphc.lower.schedule import name_shared, read_first, symbols_of
from graphc.lower.step import Step
from graphc.prims.table import TABLE, apply

TILES = 40 << 10  # bytes of the tiles of both products' operands at the most
HEIGHTS = (16, 8)  # rows of a block, the second where so few fit into shared memory


def lower_attention(lowering, region: Region, outputs: dict, memory: dict) -> list[Step] | None:
    """The launch of an attention region; None where what is computed of a row needs memory beside it.

    Args:
        lowering: of ``lower.lower``. outputs: names of the arrays of its results and where they lie. memory: where values lie.
    """
    attention = describe_attention(region.graph, region.scores, lowering.target)
    sources = [lowering.find(s, memory) for s in region.sources]
    inputs = {f"x{k}": s for k, s in enumerate(sources)}
    key = (region.graph, region.scores)
    try:
        lowering.kernel(key, lambda: attention_kernel(attention, lowering.gpu))
    except NeedsMemory:
        return None
    pairs = Pairs.apart(sources, outputs.values(), READ_IN_BLOCKS)
    return [lowering.launch(key, lambda: attention_kernel(attention, lowering.gpu), inputs, outputs, pairs)]


def attention_kernel(attention: Attention, gpu: Gpu) -> Kernel:
    """The kernel. Arrays: ``x<k>`` for the region's inputs, ``out<k>``, and ``scratch<k>`` where rows lie in memory of the device.

    Raises:
        NeedsMemory: of ``warp_rows``.
    """
    if can_flash(attention, gpu):
        return flash_kernel(attention)
    part = _part(attention, gpu)
    nest = _nest(part)
    arrays = [Array(name, x.type) for x, name in attention.names.items()]
    arrays += [Array(f"out{k}", n.type, written=True) for k, n in enumerate(attention.graph.outputs)]
    arrays += [] if part.is_shared else part.kept
    return Kernel("attention", tuple(arrays), symbols_of((nest,), tuple(arrays)), (nest,), SCORES_IN_MEMORY)


@dataclass(frozen=True)
class _Part:
    """What a block has.

    Attributes:
        height: rows of a head. kept: the arrays of scores and of weights, which may be one.
        is_shared: whether these lie in shared memory; else each block has its part of memory of the device.
    """

    attention: Attention
    height: int
    kept: list[Array]
    is_shared: bool

    def place(self, batch: Node, first: Node, row: Node) -> tuple:
        """The index of row ``first + row`` of a head in these arrays."""
        return (as_index(row),) if self.is_shared else (batch, as_index(first + row))


def _part(attention: Attention, gpu: Gpu) -> _Part:
    """Rows in shared memory where that holds those of ``HEIGHTS``, and tiles of the operands beside."""
    first, wide = attention.first, attention.second.tile.dtype
    dtypes = [wide] if may_take_place(attention) else [attention.scores.dtype, wide]
    bytes_of_row = sum(d.size for d in dtypes) * first.n if type(first.n) is int else None
    for height in HEIGHTS:
        if bytes_of_row is not None and height * bytes_of_row <= gpu.shared_bytes - TILES:
            kept = [Array(f"kept{k}", Type(d, (height, first.n)), "shared") for k, d in enumerate(dtypes)]
            return _Part(attention, height, kept, True)
    shape = (first.batch_size, first.m, first.n)
    kept = [Array(f"scratch{k}", Type(d, shape), written=True) for k, d in enumerate(dtypes)]
    return _Part(attention, HEIGHTS[0], kept, False)


def _nest(part: _Part) -> For:
    first = part.attention.first
    blocks = ceil_divide(first.m, part.height)
    total = simplified(blocks * first.batch_size)
    block, thread, batch, row = (var(name, extent=d) for name, d in (
        ("block", total), ("thread", THREADS), ("head", first.batch_size), ("row", first.m)))  # fmt: skip
    shared_scores, scores = _scores(part, thread, batch, row)
    shared_results, results = _results(part, thread, batch, row)
    own = [*(part.kept if part.is_shared else ()), *shared_scores, *shared_results]
    body = (Let(batch, as_index(block // blocks)), Let(row, as_index(block % blocks * part.height)),
            *scores, *_weights(part, thread, batch, row), Barrier(), *results)  # fmt: skip
    return For(block, total, (*map(Alloc, own), For(thread, THREADS, body, THREAD)), BLOCK)


def _tiled(work: Work, columns) -> tuple:
    """All tiles of columns of a product, one after the other, whose memory the next one takes."""
    tiles, width = ceil_divide(columns, work.tiling.columns), work.tiling.columns
    column = index(f"tile{work.tag}", tiles) if tiles != 1 else as_index(0)
    shared, body = fma_tile(Work(work.p, work.tiling, work.thread, work.batch, (work.first[0], as_index(column * width)), work.tag))
    body = (*body, Barrier())
    return shared, body if tiles == 1 else (For(column, tiles, body),)


def _tiling(height: int, dot: Dot) -> Tiling:
    """Tiles of all rows of a block."""
    columns, depth = dot.n, 64 // dot.tile.dtype.size
    wide = 128 if type(columns) is not int or columns > 64 else 64 if columns > 32 else 32
    return Tiling(height, wide, depth, height // 8, wide // 32)


def _reader(attention: Attention, node: Node, turned: bool) -> Callable:
    """How an element of an operand is computed, of its head, line and position.

    Args:
        turned: lines are the last axis.
    """
    elements, batch = Elements(attention.names), attention.first.batch

    def element(head: Node, line: Node, k: Node, offset: Node) -> Node:
        row, column = (k, line) if turned else (line, k)
        return elements.at(node, (*unravel(head, batch), row, as_index(column + offset)))

    return element


def _operand(attention: Attention, dot: Dot, which: int) -> Computed:
    """An operand of one of the products."""
    node = dot.node.inputs[which]
    turned = which == 1 and not dot.node.attr("transpose_y")
    return Computed((dot.m, dot.n)[which], _reader(attention, node, turned), not turned, widest_access(node.shape[-1], node.dtype))


def _scores(part: _Part, thread: Node, batch: Node, row: Node) -> tuple:
    """The scores of all rows of a block."""
    attention, array = part.attention, part.kept[0]
    dot = attention.first

    def finish(head: Node, at: Node, column: Node, total: Node, guard: Node | None) -> tuple:
        elements = Elements(attention.names, {dot.node: cast(total, dot.node.dtype)})
        score = elements.at(attention.scores, (*unravel(head, dot.batch), at, column), guard)
        lets, (score,) = name_shared([score])
        return (*lets, Store(array.name, (*part.place(head, row, at - row), column), score, guard))

    cost = _cost([attention.scores], {dot.node})
    p = Product(dot.batch_size, dot.k, _operand(attention, dot, 0), _operand(attention, dot, 1), dot.tile.dtype,
                lambda a, b, c: apply("fma", a, b, c), finish, cost)  # fmt: skip
    return _tiled(Work(p, _tiling(part.height, dot), thread, batch, (row, as_index(0)), "q"), dot.n)


def _weights(part: _Part, thread: Node, batch: Node, first: Node) -> tuple:
    """Weights of scores, a row for each warp at a time."""
    attention = part.attention
    graph, given = row_graph(attention)
    warps, m = THREADS // WARP, attention.first.m

    def turn(k: Node) -> tuple:
        local = as_index(k * warps + thread // WARP)
        row = var("line", extent=m)
        names = {**attention.names, given: part.kept[0].name}
        places = {array.name: part.place(batch, first, local) for array in part.kept}
        where = (*unravel(batch, attention.first.batch), row)
        lane = index("lane", WARP)
        body = (Let(lane, as_index(thread % WARP)), *warp_row(graph, where, names, [part.kept[-1].name], places, lane))
        exact = type(m) is int and m % part.height == 0
        return (Let(row, as_index(first + local)), *(body if exact else (If(row < m, body),)))

    return (loop("turn", part.height // warps, turn),)


def _results(part: _Part, thread: Node, batch: Node, row: Node) -> tuple:
    """The results of all rows of a block, through what is computed of each."""
    attention, array = part.attention, part.kept[-1]
    dot, graph, perm = attention.second, attention.graph, attention.perm
    wanted = [graph.outputs[0].inputs[0]] if perm else list(graph.outputs)

    def weight(head: Node, line: Node, k: Node, offset: Node) -> Node:
        return load(array.name, (*part.place(head, row, line - row), as_index(k + offset)), array.type.dtype)

    def finish(head: Node, at: Node, column: Node, total: Node, guard: Node | None) -> tuple:
        where = (*unravel(head, dot.batch), at, column)
        elements = Elements(attention.names, {dot.node: cast(total, dot.node.dtype)})
        lets, values = name_shared([elements.at(n, where, guard) for n in wanted], "e")
        lets, values = read_first(lets, values)
        place = tuple(where[a] for a in perm) if perm else where
        return (*lets, *[Store(f"out{k}", place, v, guard) for k, v in enumerate(values)])

    left = Computed(dot.m, weight, True, widest_access(dot.k, array.type.dtype))
    p = Product(dot.batch_size, dot.k, left, _operand(attention, dot, 1), dot.tile.dtype,
                lambda a, b, c: apply("fma", a, b, c), finish, _cost(wanted, {dot.node}))  # fmt: skip
    return _tiled(Work(p, _tiling(part.height, dot), thread, batch, (row, as_index(0)), "v"), dot.n)


def _cost(nodes: list[Node], known: set) -> int:
    """Rough instructions for an element of some nodes where others are at hand."""
    total, stack, seen = 0, list(nodes), set(known)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            total += TABLE[node.op].cost if node.inputs else 0
            stack += node.inputs
    return total
