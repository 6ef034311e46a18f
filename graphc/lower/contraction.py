"""Contractions: a packed, register-tiled nest for ``dot`` with its element-wise epilogue.

Every output element is one fused-multiply-add chain in the order of k, starting from 0, whatever the tile, the packing or
the number of threads; so all variants give the same bits. A tile of ``rows`` x ``width`` results stays in registers while k
runs; rows of the left operand are first copied into a small panel whose stride is constant, columns of the right operand
come from panels of ``width`` columns (packed ahead where they are constant).
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.kernel import VECTOR, Alloc, Array, For, If, Kernel, Let, Prefetch, Store, load
from graphc.ir.node import INDEX, Node, binary, const, simplified, var
from graphc.ir.order import toposort
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.dot_cut import Cut, Dot, cut_of, describe
from graphc.lower.dot_pack import widened
from graphc.lower.element import Elements
from graphc.lower.nests.loops import least
from graphc.lower.schedule import name_shared, parallelise, read_first, symbols_of, unroll, vectorise
from graphc.prims.table import TABLE, apply

PRODUCTS = ("dot", "dot4")  # the operations of a contraction; elements of the latter are words of four bytes
FEW_ROWS = 4  # rows of the small tile where the number of rows is not known
LINE = 64  # bytes of one line of the cache
WRITTEN_OUT = 96  # instructions of an epilogue, if it is to be written once for every vector of a tile; else a loop takes the sums from the stack
LONG_SUMS = 128  # products of a sum, from which on its way over the stack is not felt


# --------------------------------------------------------------------------------------------- the nest


@dataclass
class _Nest:
    """Everything the pieces of one nest share while it is written."""

    dot: Dot
    cut: Cut
    graph: Graph
    names: dict
    packed: bool
    batch: object  # index of the batch element
    shared: frozenset  # what the epilogue reads or the region returns: operands among them keep their own shape
    lanes: int  # of one vector of sums

    @property
    def block_rows(self) -> int:
        return self.cut.tiles * self.dot.tile.rows

    @property
    def passes(self):
        """Passes over k: one that stores zeros where k is 0."""
        return simplified((binary("max", _node(self.dot.k), 1) + (self.cut.depth - 1)) // self.cut.depth)

    def blocks(self) -> tuple:
        """Blocks of columns and of rows."""
        cut, dot = self.cut, self.dot
        columns = simplified((dot.panels + (cut.panels - 1)) // cut.panels)
        if cut.heights is not None:
            return columns, -(-sum(count for _, count in cut.heights) // cut.tiles)
        return columns, simplified((dot.m + (self.block_rows - 1)) // self.block_rows)


@dataclass(frozen=True)
class _Span:
    """What a task covers besides its rows: panels of columns, and the pass over k that is under way."""

    first_panel: object
    panels: object
    step: Node
    depth: object


def dot_kernel(graph: Graph, target: Target, packed: bool) -> Kernel:
    """A kernel for a dot region.

    Arrays: ``x<k>`` for the region's inputs (the right operand only if it is read in place or by the epilogue), ``packed``,
    then ``out<k>``, then ``scratch0`` where partial sums need memory of their own.
    """
    node = next(n for n in toposort(graph.outputs) if n.op in PRODUCTS)
    dot = describe(node, target)
    names = {x: f"x{k}" for k, x in enumerate(graph.inputs)}
    shared = frozenset(x for n in toposort(graph.outputs) if n is not node for x in n.inputs) | frozenset(graph.outputs)
    nest = _Nest(dot, cut_of(dot, packed), graph, names, packed, const(0, INDEX), shared, target.lanes(dot.tile.dtype))
    arrays = _arrays(nest)
    column_blocks, row_blocks = nest.blocks()
    tasks = simplified(column_blocks * row_blocks)
    total = simplified(dot.batch_size * tasks)
    task = var("t", extent=total if type(total) is int else None)
    lets: list[Let] = []
    if dot.batch_size != 1:
        nest.batch = _named(lets, "b", simplified(task // tasks))
        inside = _named(lets, "part", simplified(task % tasks))
    else:
        inside = task
    body = (*lets, *_task(nest, inside, column_blocks, row_blocks))
    rows, columns = least(dot.m, nest.block_rows), least(dot.n, nest.cut.panels * dot.tile.width)
    loop = parallelise(For(task, total, body), simplified(dot.k * rows * columns))
    return Kernel("dot", arrays, symbols_of((loop,), arrays), (loop,))


def _named(lets: list, name: str, value):
    """A value with a name, where it is no number."""
    if not isinstance(value, Node):
        return value
    if value.op == "const":
        return simplified(value)
    lets.append(Let(var(name), value))
    return lets[-1].var


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
    if nest.cut.deep and _partial(nest) == "scratch0":
        beyond = 0 if nest.cut.exact else dot.tile.rows - 1  # so that rows past the last may be kept without a guard
        shape = (*dot.batch, simplified(dot.m + beyond), dot.n)
        arrays.append(Array("scratch0", Type(dot.tile.dtype, shape), written=True))
    return tuple(arrays)


def _partial(nest: _Nest) -> str:
    """Where partial sums wait between passes over k: the result itself if it is stored, else memory of their own.

    Never another output: that may lie over an operand of the epilogue, which is read after the last pass.
    """
    place = partial_output(nest.dot, nest.graph, nest.packed)
    return "scratch0" if place is None else f"out{place}"


def partial_output(dot: Dot, graph: Graph, packed: bool) -> int | None:
    """Position of the output that holds partial sums while k runs, so that it may not lie over an operand; None for none."""
    if not cut_of(dot, packed).deep:
        return None
    places = (k for k, n in enumerate(graph.outputs) if n.op in PRODUCTS and n.dtype is dot.tile.dtype)
    return next(places, None)


def _task(nest: _Nest, task: Node, column_blocks, row_blocks) -> tuple:
    """One block of rows x columns, for all k. Where it lies is named first, so that inner loops stay readable."""
    dot, cut = nest.dot, nest.cut
    if column_blocks == 1:
        column_block, row_block = 0, task
    elif row_blocks == 1:
        column_block, row_block = task, 0
    else:
        column_block, row_block = simplified(task // row_blocks), simplified(task % row_blocks)
    lets: list[Let] = []
    first_panel = _named(lets, "panel", simplified(_node(column_block) * cut.panels))
    panels = _named(lets, "panels", simplified(binary("min", _node(dot.panels - first_panel), cut.panels)))
    runs = _known_runs(nest, row_block, lets) if cut.heights is not None else _open_runs(nest, row_block, lets)
    passes = nest.passes
    step = var("kb", extent=passes if type(passes) is int else None) if cut.deep else const(0, INDEX)
    depth = simplified(binary("min", _node(dot.k - step * cut.depth), cut.depth)) if cut.deep else dot.k
    span = _Span(first_panel, panels, step, depth)
    inner = tuple([_rows(nest, span, *run) for run in runs if run[1] != 0])
    return (*lets, For(step, passes, inner)) if cut.deep else (*lets, *inner)


def _known_runs(nest: _Nest, row_block, lets: list) -> list[tuple]:
    """(height, count, first row, tag) of each height of tiles in a block, where the number of rows is known."""
    cut = nest.cut
    total = sum(count for _, count in cut.heights)
    first = _named(lets, "tile", simplified(_node(row_block) * cut.tiles))
    count = _named(lets, "tiles", simplified(binary("min", _node(total - first), cut.tiles)))
    high, many = cut.heights[0] if cut.heights else (1, 0)
    if len(cut.heights) < 2:
        return [(high, count, simplified(first * high), "a")]
    low = cut.heights[1][0]
    higher = _named(lets, "higher", simplified(binary("min", binary("max", _node(many - first), 0), count)))
    start = simplified(first + higher)  # tiles before this one are higher only as far as there are any
    row = simplified(start * low + binary("min", _node(start), many))
    return [(high, higher, simplified(first * high), "a"), (low, simplified(count - higher), row, "z")]


def _open_runs(nest: _Nest, row_block, lets: list) -> list[tuple]:
    """The same where it is not known: big tiles, then small ones for what is left."""
    dot, big = nest.dot, nest.dot.tile.rows
    first_row = _named(lets, "row", simplified(_node(row_block) * nest.block_rows))
    rows = _named(lets, "rows", simplified(binary("min", _node(dot.m - first_row), nest.block_rows)))
    few = FEW_ROWS if big > FEW_ROWS else 0
    spare = big - (big - 1) // few * few - 1 if few else big - 1  # more rows left than small tiles should do: a big one
    count = _named(lets, "tiles", simplified((rows + spare) // big))
    runs = [(big, count, first_row, "a")]
    if few:
        start = _named(lets, "rest", simplified(first_row + count * big))
        runs.append((few, _named(lets, "few", simplified((rows - count * big + (few - 1)) // few)), start, "z"))
    return runs


def _node(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)


def _loop(name: str, extent, body) -> tuple:
    """The statements of ``body(index)`` for every index; without a loop where there is but one."""
    if extent == 1:
        return tuple(body(const(0, INDEX)))
    index = var(name, extent=extent if type(extent) is int else None)
    return (For(index, extent, tuple(body(index))),)


def _rows(nest: _Nest, span: _Span, height: int, count, first_row, tag: str) -> For:
    """Loop over tiles of ``height`` rows: copy their part of the left operand if need be, then run along the panels."""
    dot, cut = nest.dot, nest.cut
    tile_index = var(f"i{tag}", extent=count if type(count) is int else None)
    row = first_row + tile_index * height
    start, panel = (), None
    if not cut.direct:
        bound = span.depth if type(span.depth) is int else cut.depth
        transposed = dot.node.attr("transpose_x")
        shape = (bound, 16 if height > FEW_ROWS else FEW_ROWS) if transposed else (height, bound + 16)
        panel = Array(f"panel{tag}", Type(dot.tile.dtype, shape), "stack")
        start = (Alloc(panel), _copy_rows(nest, panel, height, row, span))

    def columns(p: Node) -> tuple:
        return _micro(nest, panel, height, row, simplified(span.first_panel + p), span, tag)

    return For(tile_index, count, (*start, *_loop(f"p{tag}", span.panels, columns)))


def _copy_rows(nest: _Nest, panel: Array, height: int, row, span: _Span) -> For:
    dot = nest.dot
    x, exact = dot.node.inputs[0], nest.cut.exact
    i, k = var("ci", extent=height), var("ck", extent=span.depth if type(span.depth) is int else None)
    at_k = span.step * nest.cut.depth + k
    if dot.node.attr("transpose_x"):
        guard = None if exact else _node(row + i) < dot.m
        value = load(nest.names[x], _place(nest, x, at_k, row + i), x.dtype, guard)
        body = For(i, height, (Store(panel.name, (k, i), widened(value, dot.tile.dtype)),), VECTOR)
        return For(k, span.depth, (body,))
    last = row + i if exact else binary("min", _node(row + i), dot.m - 1)  # rows beyond are computed, never stored
    value = load(nest.names[x], _place(nest, x, last, at_k), x.dtype)
    body = For(k, span.depth, (Store(panel.name, (i, k), widened(value, dot.tile.dtype)),), VECTOR)
    return For(i, height, (body,))


def _micro(nest: _Nest, panel: Array | None, height: int, row, column_panel, span: _Span, tag: str) -> tuple:
    """One register tile: start, accumulate over k, finish."""
    dot, cut = nest.dot, nest.cut
    wide, width = dot.tile.dtype, dot.tile.width
    acc = Array(f"acc{tag}", Type(wide, (height, width)), "register")
    i, j = var("i", extent=height), var("j", extent=width)
    zero = unroll(For(i, height, (For(j, width, (Store(acc.name, (i, j), const(0, Type(wide, ()))),), VECTOR),)))
    first_column = column_panel * width
    inside = _inside(dot, first_column + j)
    out: list = [Alloc(acc), zero]
    if cut.deep:
        kept = _partial(nest)
        again = load(kept, _where(nest, row + i, first_column + j), wide, inside)
        resume = For(j, width, (Store(acc.name, (i, j), again),), VECTOR)
        resume = unroll(For(i, height, _if_kept(nest, row + i, (resume,))))
        out.append(If(apply("ne", span.step, const(0, INDEX)), (resume,)))
    out.append(_accumulate(nest, panel, acc, (height, row, column_panel), span, tag))
    out += _finish_rows(nest, acc, i, j, row, first_column, inside, span)
    return tuple(out)


def _if_there(nest: _Nest, row, body: tuple) -> tuple:
    """Statements for one row of a tile, which may lie beyond the last."""
    return body if nest.cut.exact else (If(_node(row) < nest.dot.m, body),)


def _if_kept(nest: _Nest, row, body: tuple) -> tuple:
    """Statements for partial sums of one row; memory of their own has place for all rows of tiles."""
    return body if _partial(nest) == "scratch0" else _if_there(nest, row, body)


def _inside(dot: Dot, column) -> Node | None:
    return None if type(dot.n) is int and dot.n % dot.tile.width == 0 else _node(column) < dot.n


def _where(nest: _Nest, row, column) -> tuple:
    """Index of one result in an array of the dot's shape."""
    index, rest = [], _node(nest.batch)
    for d in reversed(nest.dot.batch):
        index.append(simplified(rest % d))
        rest = rest // d
    return (*reversed(index), _node(row), _node(column))


def _place(nest: _Nest, operand: Node, row, column) -> tuple:
    """Index of one element of an operand, whose batch axes are one axis unless the epilogue reads it as well."""
    return _where(nest, row, column) if operand in nest.shared else (nest.batch, row, column)


def _accumulate(nest: _Nest, panel: Array | None, acc: Array, tile: tuple, span: _Span, tag: str) -> For:
    """The sums of a tile, along k."""
    dot = nest.dot
    height, row, column_panel = tile
    x, y = dot.node.inputs
    wide, width = dot.tile.dtype, dot.tile.width
    k = var(f"k{tag}", extent=span.depth if type(span.depth) is int else None)
    i, j = var("i", extent=height), var("j", extent=width)
    at_k = span.step * nest.cut.depth + k
    if nest.packed:
        right = load("packed", (nest.batch, column_panel, at_k, j), wide)
    else:
        column = column_panel * width + j
        right = widened(load(nest.names[y], _place(nest, y, at_k, column), y.dtype, _inside(dot, column)), wide)
    b = Array(f"b{tag}", Type(wide, (width,)), "register")
    a = var(f"a{tag}", Type(wide, ()))
    if panel is None:
        left = load(nest.names[x], _place(nest, x, row + i, at_k), wide)
    else:
        left = load(panel.name, (k, i) if dot.node.attr("transpose_x") else (i, k), wide)
    product = multiply_add(dot.node.op, a, load(b.name, (j,), wide), load(acc.name, (i, j), wide))
    lanes = (Let(a, left), For(j, width, (Store(acc.name, (i, j), product),), VECTOR))
    fetch = For(j, width, (Store(b.name, (j,), right),), VECTOR)
    body = (Alloc(b), fetch, *_prefetches(nest, tile, span, k, at_k), unroll(For(i, height, lanes)))
    return For(k, span.depth, body)


def _prefetches(nest: _Nest, tile: tuple, span: _Span, k: Node, at_k: Node) -> tuple:
    """What one step of k asks for that is read later."""
    dot, cut = nest.dot, nest.cut
    height, row, column_panel = tile
    x, y = dot.node.inputs
    width, out = dot.tile.width, []
    if cut.ahead:
        for j in range(0, width, LINE // dot.tile.dtype.size):
            if nest.packed:
                out.append(Prefetch("packed", (_node(nest.batch), _node(column_panel), at_k + cut.ahead, const(j, INDEX))))
            else:  # the next panel of the same rows, where there is one
                place = (at_k, (column_panel + 1) * width + j) if cut.panels > 1 else (at_k + cut.ahead, column_panel * width + j)
                out.append(Prefetch(nest.names[y], tuple(map(_node, _place(nest, y, *place)))))
    if cut.next_rows:
        after = row + height  # rows of a tile are neighbours in memory: the steps of k cover them
        place = _place(nest, x, at_k, after) if dot.node.attr("transpose_x") else _place(nest, x, after, k * height)
        out.append(Prefetch(nest.names[x], tuple(map(_node, place))))
    if cut.rows_ahead:  # so that copying them need not wait: some of them along each panel
        first = row + height + (column_panel - span.first_panel) * cut.rows_ahead
        places = [_place(nest, x, first + i, at_k) for i in range(cut.rows_ahead)]
        out += [Prefetch(nest.names[x], tuple(map(_node, place))) for place in places]
    return tuple(out)


def multiply_add(op: str, a: Node, b: Node, c: Node) -> Node:
    if op == "dot4":
        return apply("madd4", a, b, c)
    if c.dtype.is_float:
        return apply("fma", a, b, c)
    if c.dtype is dt.b1:
        return apply("or", c, apply("and", a, b))
    return apply("add", c, apply("mul", a, b))


def _finish_rows(nest: _Nest, acc: Array, i: Node, j: Node, row, first_column, inside, span: _Span) -> tuple:
    """Store the results of a tile through the epilogue, or its partial sums before the last pass.

    Whole tiles with a short epilogue store from registers. Else the sums go to the stack, where a loop takes as many rows as
    there are: guards and long epilogues would be code once for every row. The way over the stack is felt in short sums only.
    """
    dot, cut = nest.dot, nest.cut
    wide, (height, width) = dot.tile.dtype, acc.type.shape
    after = [n for n in toposort(nest.graph.outputs) if n is not dot.node]
    cost = sum(TABLE[n.op].cost if n.inputs else 1 for n in after)
    alone = nest.graph.outputs == (dot.node,) and dot.node.dtype is wide  # each pass stores what the last one does
    there = height if cut.exact else simplified(binary("min", _node(dot.m - row), height))

    def stored(sums: Array, loop) -> tuple:
        total = load(sums.name, (i, j), wide)
        out = (loop(_finish(nest, total, j, row + i, first_column, inside)),)
        if not cut.deep or alone:
            return out
        place = _where(nest, row + i, first_column + j)
        partial = vectorise(For(j, width, (Store(_partial(nest), place, total, inside),)))
        return (If(apply("eq", span.step, _node(nest.passes - 1)), out, (loop((partial,)),)),)

    def kept() -> tuple:
        sums = Array(f"sums{acc.name}", acc.type, "stack")
        keep = unroll(For(i, height, (For(j, width, (Store(sums.name, (i, j), load(acc.name, (i, j), wide)),), VECTOR),)))
        return (Alloc(sums), keep, *stored(sums, lambda body: For(i, there, body)))

    if height * -(-width // nest.lanes) * cost > WRITTEN_OUT:
        return kept()
    if not cut.exact and type(dot.k) is int and dot.k >= LONG_SUMS:
        return kept()
    whole = stored(acc, lambda body: unroll(For(i, height, body)))
    return whole if cut.exact else (If(_node(row + height) <= dot.m, whole, kept()),)


def _finish(nest: _Nest, total: Node, j: Node, row, first_column, inside) -> tuple:
    """Store one row of results through the epilogue."""
    dot = nest.dot
    value = total if total.dtype is dot.node.dtype else apply("cast", total, dtype=dot.node.dtype)
    elements = Elements(nest.names, {dot.node: value})
    where = _where(nest, row, first_column + j)
    lets, values = name_shared([elements.at(n, where, inside) for n in nest.graph.outputs], "e")
    lets, values = read_first(lets, values)
    stores = [Store(f"out{k}", where, v, inside) for k, v in enumerate(values)]
    return (For(j, dot.tile.width, (*lets, *stores), VECTOR),)
