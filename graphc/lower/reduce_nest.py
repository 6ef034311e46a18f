"""Kernels for regions with reductions: rows outside, and inside each row one loop per dependence level.

A sum has a fixed number of virtual lanes and a fixed tree after them, block by block where it is long, whatever the
registers or threads, so its bits depend on the data's size alone. Reductions whose operands are ready together share a
loop; element-wise values that need a finished reduction wait for the next loop; expensive values needed by several
loops are kept in memory that stays in cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from graphc.ir.graph import Graph
from graphc.ir.order import toposort
from graphc.ir.kernel import VECTOR, Alloc, Array, For, Kernel, Let, Prefetch, Set, Store, load
from graphc.ir.machine import DEFAULT, Machine
from graphc.ir.node import Node, const, make, simplified, var
from graphc.ir.type import Type
from graphc.lower.collapse import collapse
from graphc.lower.column_nest import column_nest
from graphc.lower.element import Elements, as_data
from graphc.lower.lanes import BLOCK, accumulator, block_count, block_span, virtual_lanes
from graphc.lower.map_nest import index_vars, region_arrays, work_of
from graphc.lower.schedule import name_shared, parallelise, read_first, symbols_of
from graphc.lower.streams import is_large, streamed
from graphc.prims.table import TABLE, apply

LONG_ROW = 256  # columns from which the next row is fetched ahead
BEYOND = 2048  # bytes between what is read of a large array and what is asked for
COSTLY = 6  # flops from which a value is kept rather than computed again


@dataclass
class Row:
    """A row region being written: where things lie and at which level they are known."""

    graph: Graph
    shape: tuple
    kept: tuple
    reduced: tuple
    index: tuple
    elements: Elements
    arrays: list
    phase: dict = field(default_factory=dict)
    cached: dict = field(default_factory=dict)  # full-shape Node -> (array, first loop)
    ahead: tuple = ()  # arrays whose next row this loop asks for, so that memory and arithmetic overlap
    beyond: tuple = ()  # (array, elements): arrays of which this loop asks for what comes so many elements later
    stack: list = field(default_factory=list)  # arrays that hold one row
    results: tuple = ()  # arrays of the outputs, where they are not those of the kernel
    machine: Machine = DEFAULT
    overwrites: bool = False  # a result takes the place of what it is computed from

    @property
    def row_index(self) -> tuple:
        return tuple(self.index[a] for a in self.kept)

    @property
    def shares_row(self) -> bool:
        """Whether threads share a row: it is the only one, and no other nest holds it."""
        return not self.kept and not self.results

    def below(self, index: tuple) -> tuple:
        """The same place in the next row."""
        last = self.kept[-1]
        return tuple(i + 1 if a == last else i for a, i in enumerate(index))

    def result(self, k: int) -> str:
        """The array of output ``k``."""
        return self.results[k] if self.results else f"out{k}"

    @property
    def row_shape(self) -> tuple:
        return tuple(self.shape[a] for a in self.kept)


def reduce_kernel(graph: Graph, machine: Machine = DEFAULT) -> Kernel:
    """A kernel for a region with reductions that all run over the same axes of the same shape."""
    first = next(n for n in toposort(graph.outputs) if n.op == "reduce")
    graph, shape = collapse(graph, first.inputs[0].shape)
    first = next(n for n in toposort(graph.outputs) if n.op == "reduce")
    reduced = tuple(sorted(first.attr("axes")))
    kept = tuple(a for a in range(len(shape)) if a not in reduced)
    arrays, names = region_arrays(graph)
    if not reduced:
        raise AssertionError("a reduction over no axis is removed before lowering")
    if reduced[-1] != len(shape) - 1:
        body = column_nest(graph, shape, kept, reduced, names, machine.strip_bytes)
    else:
        row = Row(graph, shape, kept, reduced, index_vars(shape), Elements(names), arrays, machine=machine)
        body = _row_nest(row)
        arrays = row.arrays
    return Kernel("reduce", tuple(arrays), symbols_of(body, tuple(arrays)), body)


# --------------------------------------------------------------------------------------------- row form


def row_body(graph: Graph, index: tuple, names: dict, results: list, rows: dict) -> tuple:
    """The loops of one row, as a part of another nest.

    Args:
        graph: its outputs, all of the shape of the domain, and its reductions, all over the last axis.
        index: the place of the row. names: inputs and the arrays they lie in. results: the arrays of the outputs.
        rows: arrays that hold single rows only -> their index up to the last axis.
    """
    row = part(graph, index, names, tuple(results))
    row.elements.rows.update(rows)
    return tuple(_row_loops(row, *planned(row)))


def may_overwrite(graph: Graph, given: Node) -> bool:
    """Whether the one output may take the place of an input: no loop after the first that stores there reads that again."""
    row = part(graph, (0,) * (given.type.rank - 1), {x: f"x{k}" for k, x in enumerate(graph.inputs)}, ("out",))
    _, loops = planned(row)
    reads, writes = [], []
    for level, (reductions, stores) in enumerate(loops):
        known = {n for n, (_, since) in row.cached.items() if since < level}
        roots = [x for r in reductions for x in r.inputs] + [n for _, n in stores]
        if given in _within(roots, known):
            reads.append(level)
        writes += [level for where, _ in stores if where in (0, "out")]
    return max(reads, default=0) <= min(writes) and all(len(loops[level][1]) == 1 for level in writes)


def _within(roots: list, known: set) -> set:
    """What is computed, or loaded, for the full-shape Nodes ``roots`` where some are known and reductions are."""
    found, stack = set(), list(roots)
    while stack:
        node = stack.pop()
        if node not in found and node not in known and node.op != "reduce":
            found.add(node)
            stack += node.inputs
    return found


def part(graph: Graph, index: tuple, names: dict, results: tuple) -> Row:
    shape = graph.outputs[0].shape
    last = len(shape) - 1
    row = Row(graph, shape, tuple(range(last)), (last,), (*index, None), Elements(names), [], results=results)
    row.overwrites = results[0] in names.values()
    return row


def planned(row: Row) -> tuple[list, list]:
    """Nodes in order, and the loops of a row."""
    order = toposort(row.graph.outputs)
    find_phases(row, order)
    loops = loops_of(row, order)
    _choose_cached(row, loops)
    read = {name for name, _ in row.cached.values()}
    least = row.machine.stream_bytes
    row.arrays = [streamed(a, row.shape[-1] if a.type.shape == row.shape else None, least, read) for a in row.arrays]
    return order, loops


def _row_loops(row: Row, order: list, loops: list) -> list:
    body: list = [Alloc(array) for array in row.stack]
    for level, (reductions, stores) in enumerate(loops):
        row.elements.forget()
        row.ahead = _next_row(row) if level == 1 and not row.results else ()
        row.beyond = _further_on(row) if len(loops) == 2 or row.shares_row else ()
        for node, (array, since) in row.cached.items():
            if since < level:
                row.elements.arrays[node] = array
        if reductions:
            body += _reduction_loop(row, level, reductions, stores)
        elif stores:
            body += _store_loop(row, level, stores)
        body += row_values(row, order, level + 1)
    return body


def _row_nest(row: Row) -> tuple:
    body = _row_loops(row, *planned(row))
    work = work_of(row.graph)
    for a in row.reduced:
        work = work * row.shape[a]
    nest = tuple(body)
    for a in reversed(row.kept[1:]):
        nest = (For(row.index[a], row.shape[a], nest),)
    if row.kept:
        for a in row.kept[1:]:
            work = work * row.shape[a]
        nest = (parallelise(For(row.index[row.kept[0]], row.shape[row.kept[0]], nest), work),)
    return nest


def _next_row(row: Row) -> tuple:
    """Arrays of the full shape that the first loop of each row reads from memory, where rows are long."""
    columns = row.shape[-1]
    if not row.kept or (type(columns) is int and columns < LONG_ROW):
        return ()
    return tuple(f"x{k}" for k, x in enumerate(row.graph.inputs) if x.shape == row.shape)


def _further_on(row: Row) -> tuple:
    """Large arrays that come from memory and how many elements ahead to ask for them: where an array begins in the midst
    of a line, every vector touches two."""
    columns = row.shape[-1]
    if row.results or type(columns) is not int or columns < LONG_ROW:
        return ()
    inputs = [(f"x{k}", x) for k, x in enumerate(row.graph.inputs) if x.shape == row.shape]
    least = row.machine.stream_bytes
    return tuple([(name, BEYOND // x.dtype.size) for name, x in inputs if is_large(x.type, least)])


def is_row_level(row: Row, node: Node) -> bool:
    return node.op == "reduce" or (
        bool(node.inputs)
        and node.shape == row.row_shape
        and len(node.shape) < len(row.shape)
        and row.phase[node] > 0
        and TABLE[node.op].scalar is not None
    )


def find_phases(row: Row, order: list):
    for node in order:
        known = max((row.phase[x] for x in node.inputs), default=0)
        row.phase[node] = known + 1 if node.op == "reduce" else known


def loops_of(row: Row, order: list) -> list[tuple[list, list]]:
    """Per loop: its reductions, and the pairs (output number, node) of full shape it stores."""
    last = max(row.phase.values())
    loops: list[tuple[list, list]] = [([], []) for _ in range(last + 1)]
    for node in order:
        if node.op == "reduce":
            loops[row.phase[node] - 1][0].append(node)
    for k, node in enumerate(row.graph.outputs):
        if node.shape == row.shape:
            loops[row.phase[node]][1].append((k, node))
    return loops


def needed_at(row: Row, loops: list) -> dict[Node, list[int]]:
    """Full-shape values that are computed, and the loops that need each of them."""
    needed: dict[Node, list[int]] = {}
    for level, (reductions, stores) in enumerate(loops):
        stack = [r.inputs[0] for r in reductions] + [n for _, n in stores]
        seen = set()
        while stack:
            node = stack.pop()
            if node in seen or node.op == "reduce" or not node.inputs or is_row_level(row, node):
                continue
            seen.add(node)
            if node.shape == row.shape:
                needed.setdefault(node, []).append(level)
            stack.extend(node.inputs)
    return needed


def _choose_cached(row: Row, loops: list):
    """Full-shape values that several loops need: read again from an output, or kept in one until it is written."""
    needed = needed_at(row, loops)
    outputs = {n: k for k, n in enumerate(row.graph.outputs) if n.shape == row.shape}
    free = dict(outputs)
    for node, levels in needed.items():
        if node in outputs and len(levels) > 1:
            row.cached[node] = (row.result(outputs[node]), row.phase[node])
    for node in sorted(needed, key=lambda n: row.phase[n]):
        levels = needed[node]
        if len(levels) < 2 or node in outputs or TABLE[node.op].cost < COSTLY:
            continue
        home = next(
            (o for o in free if o.dtype is node.dtype and row.phase[o] >= max(levels) and row.phase[o] > min(levels)), None
        )
        if _fits_stack(row, node) and not (row.results and home is not None):
            array = Array(f"row{len(row.stack)}", Type(node.dtype, row.shape[-1:]), "stack")
            row.stack.append(array)
            row.elements.rows[array.name] = ()
            row.cached[node] = (array.name, min(levels))
            loops[min(levels)][1].append((array.name, node))
            continue
        if home is not None:
            array = row.result(free.pop(home))
        else:
            array = f"scratch{len(row.arrays)}"
            row.arrays.append(Array(array, Type(node.dtype, row.shape), written=True))
        row.cached[node] = (array, min(levels))
        loops[min(levels)][1].append((array, node))


def _fits_stack(row: Row, node: Node) -> bool:
    columns = row.shape[-1]
    used = sum(a.type.size * a.type.dtype.size for a in row.stack)
    fits = type(columns) is int and (used + columns * node.dtype.size <= row.machine.row_bytes or bool(row.results))
    return fits and len(row.reduced) == 1


def element_body(row: Row, stores: list, reductions: list, index: tuple, guard: Node | None, accs: list) -> tuple:
    """Statements for one element: stores of full-shape values, then the accumulations."""
    values = [row.elements.at(n, index, guard) for _, n in stores]
    terms = []
    for node in reductions:
        term = row.elements.at(node.inputs[0], index, guard)
        wide = accumulator(node.dtype, node.attr("kind"))
        terms.append(term if wide is node.dtype else apply("cast", term, dtype=wide))
    lets, named = name_shared(values + terms)
    lets, named = read_first(lets, named) if row.overwrites else (lets, named)
    out: list = list(lets)
    if guard is None:
        out += [Prefetch(name, row.below(index)) for name in row.ahead]
        out += [Prefetch(name, (*index[:-1], index[-1] + count)) for name, count in row.beyond]
    for (where, _), value in zip(stores, named):
        name = where if isinstance(where, str) else row.result(where)
        out.append(Store(name, row.elements.place(name, index), value, guard))
    lane = accs[0][1] if accs else None
    for node, (array, _), term in zip(reductions, accs, named[len(stores) :]):
        combine = TABLE["reduce"].reduce(node.attr("kind"), array.type.dtype)[1]
        old = load(array.name, (lane,), array.type.dtype)
        new = apply(combine, old, term)
        out.append(Store(array.name, (lane,), new if guard is None else apply("select", guard, new, old)))
    return tuple(out)


def _reduction_loop(row: Row, level: int, reductions: list, stores: list) -> list:
    """The loop, or loop of blocks, that makes the reductions of one level, and their names."""
    extent = row.shape[row.reduced[-1]]
    count = block_count(extent) if len(row.reduced) == 1 else 1
    if count == 1:
        short = extent if len(row.reduced) == 1 else None
        out, totals = _in_lanes(row, level, reductions, stores, (0, extent), short)
    else:
        out, totals = _in_blocks(row, level, reductions, stores, count)
    for k, (node, total) in enumerate(zip(reductions, totals)):
        name = var(f"r{level}_{k}", Type(node.dtype, ()))
        out.append(Let(name, total if total.dtype is node.dtype else apply("cast", total, dtype=node.dtype)))
        row.elements.values[node] = as_data(name)
    return out


def _in_blocks(row: Row, level: int, reductions: list, stores: list, count) -> tuple[list, list]:
    """The statements of reductions over so many blocks, and what they make."""
    if row.shares_row:
        return _in_shared_blocks(row, level, reductions, stores, count)
    extent = row.shape[-1]
    whole = simplified(extent // BLOCK)
    block = var(f"b{level}", extent=whole if type(whole) is int else None)
    lanes, parts = _in_lanes(row, level, reductions, stores, (block * BLOCK, BLOCK), None)
    out, names, combined = totals(level, reductions, parts)
    out.append(For(block, whole, (*lanes, *combined(parts))))
    rest = simplified(extent - whole * BLOCK)  # a block by itself: what depends on the extent alone is known before the rows
    if rest != 0:
        lanes, parts = _in_lanes(row, level, reductions, stores, (whole * BLOCK, rest), None)
        out += [*lanes, *combined(parts)]
    return out, names


def _in_shared_blocks(row: Row, level: int, reductions: list, stores: list, count) -> tuple[list, list]:
    """The statements of reductions over the blocks of the only row, which threads share, and what they make."""
    block = var(f"b{level}", extent=count if type(count) is int else None)
    lanes, parts = _in_lanes(row, level, reductions, stores, block_span(row.shape[-1], block), None)
    arrays = [Array(f"scratch{len(row.arrays) + k}", Type(x.dtype, (count,)), written=True) for k, x in enumerate(parts)]
    row.arrays = [*row.arrays, *arrays]
    keep = [Store(a.name, (block,), x) for a, x in zip(arrays, parts)]
    shared = parallelise(For(block, count, (*lanes, *keep)), work_of(row.graph) * BLOCK)
    out, names, combined = totals(level, reductions, parts)
    return [shared, *out, For(block, count, combined([load(a.name, (block,), a.type.dtype) for a in arrays]))], names


def totals(level: int, reductions: list, parts: list) -> tuple[list, list, Callable]:
    """Names for reductions of which blocks make ``parts``, as they begin, and the statements that take a block's in."""
    names = [var(f"s{level}_{k}", x.type) for k, x in enumerate(parts)]
    kinds = [TABLE["reduce"].reduce(n.attr("kind"), x.dtype) for n, x in zip(reductions, parts)]

    def combined(values: list) -> tuple:
        return tuple([Set(name, apply(combine, name, x)) for name, x, (_, combine) in zip(names, values, kinds)])

    return [Let(name, const(identity, name.type)) for name, (identity, _) in zip(names, kinds)], names, combined


def _in_lanes(row: Row, level: int, reductions: list, stores: list, span: tuple, short) -> tuple[list, list]:
    """The statements of reductions over ``span``, (begin, count), of the last axis, and the values they make."""
    axis, (begin, extent) = row.reduced[-1], span
    widest = max((accumulator(n.dtype, n.attr("kind")) for n in reductions), key=lambda d: d.bits)
    lanes = virtual_lanes(widest, short)
    lane = var(f"l{level}", extent=lanes)
    accs, out = [], []
    for k, node in enumerate(reductions):
        dtype = accumulator(node.dtype, node.attr("kind"))
        array = Array(f"acc{level}_{k}", Type(dtype, (lanes,)), "register")
        identity = const(TABLE["reduce"].reduce(node.attr("kind"), dtype)[0], Type(dtype, ()))
        accs.append((array, lane))
        out += [Alloc(array), For(lane, lanes, (Store(array.name, (lane,), identity),), VECTOR)]

    def at(column) -> tuple:
        return tuple(simplified(begin + column) if a == axis else row.index[a] for a in range(len(row.shape)))

    main = simplified(extent // lanes)
    chunk = var(f"c{level}", extent=main if type(main) is int else None)
    inner: list = []
    if main != 0:
        body = element_body(row, stores, reductions, at(chunk * lanes + lane), None, accs)
        inner.append(For(chunk, main, (For(lane, lanes, body, VECTOR),)))
    rest = simplified(extent - main * lanes)
    if type(rest) is int and rest:
        body = element_body(row, stores, reductions, at(lane + main * lanes), None, accs)
        inner.append(For(lane, rest, body, VECTOR))
    elif type(rest) is not int:
        where = main * lanes + lane
        body = element_body(row, stores, reductions, at(where), where < extent, accs)
        inner.append(For(lane, lanes, body, VECTOR))
    nest = tuple(inner)
    for a in reversed(row.reduced[:-1]):
        nest = (For(row.index[a], row.shape[a], nest),)
    return [*out, *nest], [_fold(array, node.attr("kind")) for node, (array, _) in zip(reductions, accs)]


def _fold(array: Array, kind: str) -> Node:
    combine = TABLE["reduce"].reduce(kind, array.type.dtype)[1]
    return make("fold", (), (("buffer", array.name), ("combine", combine)), Type(array.type.dtype, ()))


def _store_loop(row: Row, level: int, stores: list) -> list:
    """The loop that stores full-shape values once all reductions are known."""
    extent = row.shape[-1]
    count = block_count(extent) if row.shares_row and len(row.reduced) == 1 else 1
    block = var(f"b{level}", extent=count if type(count) is int else None)
    begin, size = (0, extent) if count == 1 else block_span(extent, block)
    column = var(f"j{level}", extent=size if type(size) is int else None)
    index = (*row.index[:-1], simplified(begin + column))
    nest = (For(column, size, element_body(row, stores, [], index, None, []), VECTOR),)
    if count != 1:
        nest = (parallelise(For(block, count, nest), work_of(row.graph) * BLOCK),)
    for a in reversed(row.reduced[:-1]):
        nest = (For(row.index[a], row.shape[a], nest),)
    return list(nest)


def row_values(row: Row, order: list, level: int) -> list:
    """Lets for the row-shaped values that became known, and stores of those that are outputs."""
    out: list = []
    row.elements.forget()
    for node in order:
        if row.phase[node] == level and node.op != "reduce" and is_row_level(row, node):
            value = row.elements.at(node, row.row_index)
            name = var(f"v{level}_{len(out)}", Type(node.dtype, ()))
            out.append(Let(name, value))
            row.elements.values[node] = as_data(name)
    for k, node in enumerate(row.graph.outputs):
        if row.phase[node] == level and node.shape != row.shape:
            out.append(Store(f"out{k}", row.row_index, row.elements.at(node, row.row_index)))
    return out
