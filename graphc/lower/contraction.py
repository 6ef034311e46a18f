"""Contractions: a packed, register-tiled nest for ``dot`` with its element-wise epilogue.

Every output element is one fused-multiply-add chain in the order of k, starting from 0, whatever the tile, the packing or
the number of threads; so all variants give the same bits. A tile of ``rows`` x ``width`` results stays in registers while k
runs; rows of the left operand are first copied into a small panel whose stride is constant, columns of the right operand
come from panels of ``width`` columns (packed ahead where they are constant).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.order import toposort
from graphc.ir.kernel import VECTOR, Alloc, Array, For, If, Kernel, Let, Store, load
from graphc.ir.node import INDEX, Node, binary, const, simplified, var
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.element import Elements
from graphc.lower.map_nest import index_vars
from graphc.lower.panels import Panels
from graphc.lower.schedule import name_shared, parallelise, read_first, symbols_of, unroll, vectorise
from graphc.prims.table import apply

DEPTH = 1024  # k steps of one pass: a panel of rows this long stays in the first-level cache
BLOCK_COLUMNS = 256  # columns of one task: DEPTH x BLOCK_COLUMNS of the right operand stays in the second level
BLOCK_ROWS = 24  # rows of one task: few, so that a small batch is shared evenly among threads
DEEP_BLOCK_ROWS = 96  # where there are several passes over k, each of which reads another part of the right operand
UNPACKED_COLUMNS = 256  # up to here the right operand is read where it lies
FEW_ROWS = 4  # rows of the small tile


@dataclass(frozen=True)
class Tile:
    """A register tile: results of ``rows`` rows and ``width`` columns in ``dtype``."""

    rows: int
    width: int
    dtype: dt.DType


def tile_for(target: Target, dtype: dt.DType) -> Tile:
    """The largest tile that leaves registers for one row of the right operand and a broadcast."""
    wide = dt.accumulator(dtype)
    lanes = target.lanes(wide)
    if lanes == 1:
        return Tile(4, 4, wide)
    return Tile(12 if target.registers >= 32 else 6, 2 * lanes, wide)


@dataclass(frozen=True)
class Dot:
    """The numbers of one contraction, as ints or dimension Nodes."""

    node: Node
    batch: tuple
    m: object
    n: object
    k: object
    tile: Tile

    @property
    def panels(self):
        """How many panels of ``tile.width`` columns cover n."""
        return simplified((self.n + (self.tile.width - 1)) // self.tile.width)

    @property
    def batch_size(self):
        total = 1
        for d in self.batch:
            total = total * d
        return simplified(total)

    @property
    def packed_type(self) -> Type:
        """Type of the packed right operand."""
        return Type(self.tile.dtype, (self.batch_size, self.panels, self.k, self.tile.width))

    @property
    def wants_packing(self) -> bool:
        """True where reading the right operand in place would be slower than packing it in the call."""
        if self.node.attr("transpose_y"):
            return True
        narrow = type(self.n) is int and self.n <= UNPACKED_COLUMNS
        few = type(self.m) is int and self.m <= 16
        return not (narrow or few)


def describe(node: Node, target: Target) -> Dot:
    """The sizes of a dot Node."""
    x, _ = node.inputs
    k = x.shape[-2] if node.attr("transpose_x") else x.shape[-1]
    return Dot(node, node.shape[:-2], node.shape[-2], node.shape[-1], k, tile_for(target, node.dtype))


def pack_constant(dot: Dot, array: np.ndarray) -> Panels:
    """The right operand in panel layout [batch, panels, k, width], zero beyond the last column."""
    if dot.node.attr("transpose_y"):
        array = np.swapaxes(array, -1, -2)
    width = dot.tile.width
    return Panels(array.reshape(-1, *array.shape[-2:]), width, dot.tile.dtype.numpy)


def pack_kernel(dot: Dot) -> Kernel:
    """A kernel that packs the right operand (``x0``) into ``out0``."""
    y = dot.node.inputs[1]
    shape = dot.packed_type.shape
    width = dot.tile.width
    batch, panel, k, j = index_vars(shape)
    column = panel * width + j
    transposed = dot.node.attr("transpose_y")
    inside = None if type(dot.n) is int and dot.n % width == 0 else column < dot.n
    flat = Type(y.dtype, (dot.batch_size, *y.shape[-2:]))
    where = (batch, column, k) if transposed else (batch, k, column)
    value = _widened(load("x0", where, y.dtype, inside), dot.tile.dtype)
    body: tuple = (For(j, width, (Store("out0", (batch, panel, k, j), value),), VECTOR),)
    body = (For(k, shape[2], body),)
    work = dot.k * width * 4
    if dot.batch:
        body = (parallelise(For(batch, shape[0], (For(panel, shape[1], body),)), work * shape[1]),)
    else:
        body = (Let(batch, const(0, INDEX)), parallelise(For(panel, shape[1], body), work))
    arrays = (Array("x0", flat), Array("out0", dot.packed_type, written=True))
    return Kernel("pack", arrays, symbols_of(body, arrays), body)


def _widened(value: Node, dtype) -> Node:
    return value if value.dtype is dtype else apply("cast", value, dtype=dtype)


# --------------------------------------------------------------------------------------------- the nest


@dataclass
class _Nest:
    """Everything the pieces of one nest share while it is written."""

    dot: Dot
    graph: Graph
    names: dict
    packed: bool
    batch: object  # index of the batch element
    deep: bool  # more than one pass over k
    shared: frozenset  # what the epilogue reads or the region returns: operands among them keep their own shape

    @property
    def block_rows(self) -> int:
        return DEEP_BLOCK_ROWS if self.deep else BLOCK_ROWS

    def blocks(self) -> tuple:
        panels_per_block = max(1, BLOCK_COLUMNS // self.dot.tile.width)
        column_blocks = simplified((self.dot.panels + (panels_per_block - 1)) // panels_per_block)
        row_blocks = simplified((self.dot.m + (self.block_rows - 1)) // self.block_rows)
        return panels_per_block, column_blocks, row_blocks


def dot_kernel(graph: Graph, target: Target, packed: bool) -> Kernel:
    """A kernel for a dot region.

    Arrays: ``x<k>`` for the region's inputs (the right operand only if it is read in place or by the epilogue), ``packed``,
    then ``out<k>``, then ``scratch0`` where partial sums need memory of their own.
    """
    node = next(n for n in toposort(graph.outputs) if n.op == "dot")
    dot = describe(node, target)
    names = {x: f"x{k}" for k, x in enumerate(graph.inputs)}
    deep = not (type(dot.k) is int and dot.k <= DEPTH)
    shared = frozenset(x for n in toposort(graph.outputs) if n is not node for x in n.inputs) | frozenset(graph.outputs)
    nest = _Nest(dot, graph, names, packed, None, deep, shared)
    arrays = _arrays(nest)
    batched = bool(dot.batch)
    nest.batch = var("b", extent=dot.batch_size if type(dot.batch_size) is int else None) if batched else const(0, INDEX)
    per_block, column_blocks, row_blocks = nest.blocks()
    tasks = simplified(column_blocks * row_blocks)
    task = var("t", extent=tasks if type(tasks) is int else None)
    body = _task(nest, task, (per_block, column_blocks, row_blocks))
    rows = dot.m if type(dot.m) is int and dot.m < nest.block_rows else nest.block_rows
    work = simplified(dot.k * (rows * min(BLOCK_COLUMNS, dot.n if type(dot.n) is int else BLOCK_COLUMNS) // 4))
    loop = For(task, tasks, body)
    if batched:
        loop = parallelise(For(nest.batch, dot.batch_size, (loop,)), simplified(work * tasks))
    else:
        loop = parallelise(loop, work)
    return Kernel("dot", arrays, symbols_of((loop,), arrays), (loop,))


def _arrays(nest: _Nest) -> tuple:
    dot, graph = nest.dot, nest.graph
    x, y = dot.node.inputs
    arrays = []
    for node, name in nest.names.items():
        if node is y and node is not x and nest.packed and node not in nest.shared:
            continue
        type = node.type
        if node in (x, y) and node not in nest.shared:
            type = Type(node.dtype, (dot.batch_size, *node.shape[-2:]))
        arrays.append(Array(name, type))
    if nest.packed:
        arrays.append(Array("packed", dot.packed_type))
    arrays += [Array(f"out{k}", n.type, written=True) for k, n in enumerate(graph.outputs)]
    if nest.deep and _partial(nest)[0] == "scratch0":
        arrays.append(Array("scratch0", Type(dot.tile.dtype, dot.node.shape), written=True))
    return tuple(arrays)


def _partial(nest: _Nest) -> tuple[str, dt.DType]:
    """Where partial sums wait between passes over k: the result itself if it is stored, else memory of their own.

    Never another output: that may lie over an operand of the epilogue, which is read after the last pass.
    """
    place = partial_output(nest.dot, nest.graph)
    return "scratch0" if place is None else f"out{place}", nest.dot.tile.dtype


def partial_output(dot: Dot, graph: Graph) -> int | None:
    """Position of the output that holds partial sums while k runs, so that it may not lie over an operand; None for none."""
    if type(dot.k) is int and dot.k <= DEPTH:
        return None
    places = (k for k, n in enumerate(graph.outputs) if n.op == "dot" and n.dtype is dot.tile.dtype)
    return next(places, None)


def _task(nest: _Nest, task: Node, blocks: tuple) -> tuple:
    """One block of rows x columns, for all k. Where it lies is named first, so that inner loops stay readable."""
    dot = nest.dot
    per_block, column_blocks, row_blocks = blocks
    if column_blocks == 1:
        column_block, row_block = 0, task
    elif row_blocks == 1:
        column_block, row_block = task, 0
    else:
        column_block, row_block = simplified(task // row_blocks), simplified(task % row_blocks)
    lets: list[Let] = []

    def named(name: str, value):
        if not isinstance(value, Node):
            return value
        lets.append(Let(var(name), value))
        return lets[-1].var

    first_row = named("row", simplified(_node(row_block) * nest.block_rows))
    first_panel = named("panel", simplified(_node(column_block) * per_block))
    rows = named("rows", simplified(binary("min", _node(dot.m - first_row), nest.block_rows)))
    panels = named("panels", simplified(binary("min", _node(dot.panels - first_panel), per_block)))
    passes = simplified((binary("max", _node(dot.k), 1) + (DEPTH - 1)) // DEPTH)  # one that stores zeros where k is 0
    step = var("kb", extent=passes if type(passes) is int else None) if nest.deep else const(0, INDEX)
    depth = simplified(binary("min", _node(dot.k - step * DEPTH), DEPTH)) if nest.deep else dot.k
    big = dot.tile.rows
    few = FEW_ROWS if big > FEW_ROWS else 0
    spare = big - (big - 1) // few * few - 1 if few else big - 1  # more rows left than small tiles should do: a big one
    count = named("tiles", simplified((rows + spare) // big))
    span = (first_panel, panels, step, depth, passes)
    inner = [] if count == 0 else [_rows(nest, big, count, first_row, span, "a")]
    if few:
        start = named("rest", simplified(first_row + count * big))
        left = named("few", simplified((rows - count * big + (few - 1)) // few))
        if left != 0:
            inner.append(_rows(nest, few, left, start, span, "z"))
    return (*lets, For(step, passes, tuple(inner))) if nest.deep else (*lets, *inner)


def _node(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)


def _rows(nest: _Nest, height: int, count, first_row, span: tuple, tag: str) -> For:
    """Loop over tiles of ``height`` rows: copy their part of the left operand, then run along the panels."""
    dot = nest.dot
    first_panel, panels, step, depth, passes = span
    tile_index = var(f"i{tag}", extent=count if type(count) is int else None)
    row = first_row + tile_index * height
    bound = depth if type(depth) is int else DEPTH
    transposed = dot.node.attr("transpose_x")
    shape = (bound, 16 if height > FEW_ROWS else FEW_ROWS) if transposed else (height, bound + 16)
    panel = Array(f"panel{tag}", Type(dot.tile.dtype, shape), "stack")
    copy = _copy_rows(nest, panel, height, row, step, depth)
    column_panel = var(f"p{tag}", extent=panels if type(panels) is int else None)
    micro = _micro(nest, panel, height, row, simplified(first_panel + column_panel), step, depth, passes, tag)
    return For(tile_index, count, (Alloc(panel), copy, For(column_panel, panels, micro)))


def _copy_rows(nest: _Nest, panel: Array, height: int, row, step, depth) -> For:
    dot = nest.dot
    x = dot.node.inputs[0]
    i, k = var("ci", extent=height), var("ck", extent=depth if type(depth) is int else None)
    at_k = step * DEPTH + k
    if dot.node.attr("transpose_x"):
        value = load(nest.names[x], _place(nest, x, at_k, row + i), x.dtype, _node(row + i) < dot.m)
        body = For(i, height, (Store(panel.name, (k, i), _widened(value, dot.tile.dtype)),), VECTOR)
        return For(k, depth, (body,))
    last = binary("min", _node(row + i), dot.m - 1)  # rows beyond the last are computed, never stored
    value = load(nest.names[x], _place(nest, x, last, at_k), x.dtype)
    body = For(k, depth, (Store(panel.name, (i, k), _widened(value, dot.tile.dtype)),), VECTOR)
    return For(i, height, (body,))


def _micro(nest: _Nest, panel: Array, height: int, row, column_panel, step, depth, passes, tag) -> tuple:
    """One register tile: start, accumulate over k, finish."""
    dot = nest.dot
    wide, width = dot.tile.dtype, dot.tile.width
    acc = Array(f"acc{tag}", Type(wide, (height, width)), "register")
    i, j = var("i", extent=height), var("j", extent=width)
    zero = unroll(For(i, height, (For(j, width, (Store(acc.name, (i, j), const(0, Type(wide, ()))),), VECTOR),)))
    first_column = column_panel * width
    out: list = [Alloc(acc)]
    inside = _inside(dot, first_column + j)
    if nest.deep:
        kept, _ = _partial(nest)
        again = load(kept, _where(nest, row + i, first_column + j), wide, inside)
        refill = For(j, width, (Store(acc.name, (i, j), again),), VECTOR)
        resume = unroll(For(i, height, (If(_node(row + i) < dot.m, (refill,)),)))
        out.append(If(apply("eq", step, const(0, INDEX)), (zero,), (zero, resume)))
    else:
        out.append(zero)
    out.append(_accumulate(nest, panel, acc, height, column_panel, step, depth, tag))
    finish = _finish(nest, acc, i, j, row, first_column, inside)
    rows = (If(_node(row + i) < dot.m, finish),)
    if nest.deep:
        place = _where(nest, row + i, first_column + j)
        partial = vectorise(For(j, width, (Store(kept, place, load(acc.name, (i, j), wide), inside),)))
        last = apply("eq", step, _node(passes - 1))
        rows = (If(_node(row + i) < dot.m, (If(last, finish, (partial,)),)),)
    out.append(unroll(For(i, height, rows)))
    return tuple(out)


def _inside(dot: Dot, column) -> Node | None:
    return None if type(dot.n) is int and dot.n % dot.tile.width == 0 else _node(column) < dot.n


def _where(nest: _Nest, row, column) -> tuple:
    """Index of one result in an array of the dot's shape."""
    index, rest = [], nest.batch
    for d in reversed(nest.dot.batch):
        index.append(simplified(rest % d))
        rest = rest // d
    return (*reversed(index), _node(row), _node(column))


def _place(nest: _Nest, operand: Node, row, column) -> tuple:
    """Index of one element of an operand, whose batch axes are one axis unless the epilogue reads it as well."""
    return _where(nest, row, column) if operand in nest.shared else (nest.batch, row, column)


def _accumulate(nest: _Nest, panel: Array, acc: Array, height: int, column_panel, step, depth, tag) -> For:
    dot = nest.dot
    wide, width = dot.tile.dtype, dot.tile.width
    k = var(f"k{tag}", extent=depth if type(depth) is int else None)
    i, j = var("i", extent=height), var("j", extent=width)
    at_k = step * DEPTH + k
    if nest.packed:
        right = load("packed", (nest.batch, column_panel, at_k, j), wide)
    else:
        y = dot.node.inputs[1]
        column = column_panel * width + j
        right = _widened(load(nest.names[y], _place(nest, y, at_k, column), y.dtype, _inside(dot, column)), wide)
    b = Array(f"b{tag}", Type(wide, (width,)), "register")
    a = var(f"a{tag}", Type(wide, ()))
    place = (k, i) if dot.node.attr("transpose_x") else (i, k)
    product = _multiply_add(a, load(b.name, (j,), wide), load(acc.name, (i, j), wide))
    row = (Let(a, load(panel.name, place, wide)), For(j, width, (Store(acc.name, (i, j), product),), VECTOR))
    body = (Alloc(b), For(j, width, (Store(b.name, (j,), right),), VECTOR), unroll(For(i, height, row)))
    return For(k, depth, body)


def _multiply_add(a: Node, b: Node, c: Node) -> Node:
    if c.dtype.is_float:
        return apply("fma", a, b, c)
    if c.dtype is dt.b1:
        return apply("or", c, apply("and", a, b))
    return apply("add", c, apply("mul", a, b))


def _finish(nest: _Nest, acc: Array, i: Node, j: Node, row, first_column, inside) -> tuple:
    """Store one row of results through the epilogue."""
    dot = nest.dot
    total = load(acc.name, (i, j), dot.tile.dtype)
    value = total if total.dtype is dot.node.dtype else apply("cast", total, dtype=dot.node.dtype)
    elements = Elements(nest.names, {dot.node: value})
    where = _where(nest, row + i, first_column + j)
    lets, values = name_shared([elements.at(n, where, inside) for n in nest.graph.outputs], "e")
    lets, values = read_first(lets, values)
    stores = [Store(f"out{k}", where, v, inside) for k, v in enumerate(values)]
    return (For(j, dot.tile.width, (*lets, *stores), VECTOR),)
