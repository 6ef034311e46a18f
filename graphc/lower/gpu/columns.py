"""Reductions over other than the trailing axes on GPUs: each column is one chain in the order of the rows, as on CPUs.

Threads stand along the columns, with several neighbouring columns each where there are enough. The elements of some rows
are loaded before the first is added, so that a chain waits for memory once in so many rows.
"""

from __future__ import annotations

from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Alloc, Array, For, If, Kernel, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.element import Elements
from graphc.lower.gpu.long_columns import is_long, long_columns
from graphc.lower.gpu.sums import Sums, carried, combined, identity
from graphc.lower.gpu.threads import (
    ACCESS, at, blocks, coordinates, direct_loads, guarded, live, threads, threads_for, variables, vector, widest, written_out,
)  # fmt: skip
from graphc.lower.map_nest import index_vars, region_arrays
from graphc.lower.nests.loops import as_index, cast, ceil_divide, loop, product
from graphc.lower.reasons import COLUMN_CHAINS, COLUMN_TILES
from graphc.lower.schedule import name_shared, symbols_of

AHEAD = 32  # elements of a thread that are loaded before the first is added
FULL = 1024  # threads of a multiprocessor from which each has several columns: fewer hide less of a chain's waiting
WORD = 4  # bytes of an access of a thread at least
WINDOW = 16  # elements of all reduced axes together up to which their loops are written out


def column_sums(graph: Graph, shape: tuple, reduced: tuple, gpu: Gpu) -> Kernel:
    """A kernel for a region of reductions over some axes of its domain, but not the last."""
    arrays, names = region_arrays(graph)
    index = index_vars(shape)
    elements = Elements(names)
    terms = tuple([cast(elements.at(n.inputs[0], index), carried(n)) for n in graph.outputs])
    sums = Sums(graph.outputs, shape, reduced, index, terms)
    nest, why = (long_columns(sums, gpu), COLUMN_TILES) if is_long(sums, gpu) else (_nest(sums, arrays, gpu), COLUMN_CHAINS)
    return Kernel("columns", tuple(arrays), symbols_of((nest,), tuple(arrays)), (nest,), why)


def _nest(sums: Sums, arrays: list[Array], gpu: Gpu) -> For:
    """Threads along the results as they lie in memory."""
    count, last = sums.outputs, sums.shape[-1]
    read = [a.type.dtype.size for a in arrays if not a.written and a.type.shape == sums.shape] or [4]
    wide = type(count) is int and count * max(read) >= gpu.multiprocessors * FULL * ACCESS
    width = widest((ACCESS if wide else WORD) // max(read) or 1, last)
    column = var("column", extent=last // width if type(last) is int else None)
    axes = [*[(sums.index[a], sums.shape[a]) for a in sums.kept[:-1]], (column, simplified(last // width) if width > 1 else last)]
    total = simplified(count // width) if width > 1 else count
    block = threads_for(total, gpu)

    def thread(b: Node, t: Node) -> tuple:
        number = b * block + t
        places = coordinates(number, axes, {v for v, _ in axes})
        body = (*places, *_chains(sums, column, width))
        return live(body) if type(total) is int and total % block == 0 else (If(number < total, live(body)),)

    return blocks("b", ceil_divide(total, block), lambda b: threads(block, lambda t: thread(b, t)))


def _chains(sums: Sums, column: Node, width: int) -> tuple:
    """All that one thread sums."""
    accs = [Array(f"sum{k}", Type(carried(n), (width,)), "register") for k, n in enumerate(sums.nodes)]
    loads = [n for n in direct_loads(sums.terms) if variables((n,)).intersection(sums.index[a] for a in sums.reduced)]

    def here(v) -> dict:
        return {sums.index[-1]: column * width + v}

    def clear(v) -> tuple:
        return tuple([Store(a.name, (v,), identity(n)) for a, n in zip(accs, sums.nodes)])

    def finish(v) -> tuple:
        place = tuple(at([sums.index[a] for a in sums.kept], here(v)))
        made = [cast(load(a.name, (v,), a.type.dtype), n.dtype) for a, n in zip(accs, sums.nodes)]
        return tuple([Store(f"out{k}", place, x) for k, x in enumerate(made)])

    def some(count: int, places, limit=None) -> tuple:
        """The terms of so many places, ``places(u)`` says where, loaded before the first is added, and which are none."""
        waiting = [Array(f"read{k}", Type(n.dtype, (count, width)), "register") for k, n in enumerate(loads)]

        def read(u) -> tuple:
            def element(v) -> tuple:
                values = guarded(at(loads, {**here(v), **places(u)}), None if limit is None else limit(u))
                return tuple([Store(a.name, (u, v), x) for a, x in zip(waiting, values)])

            return vector("v", width, element)

        def add(u) -> tuple:
            def element(v) -> tuple:
                memo = {n: load(a.name, (u, v), n.dtype) for n, a in zip(loads, waiting)}
                lets, terms = name_shared(at(at(sums.terms, memo), {**here(v), **places(u)}))
                olds = [load(a.name, (v,), a.type.dtype) for a in accs]
                return (*lets, *[Store(a.name, (v,), combined(n, o, x)) for a, n, o, x in zip(accs, sums.nodes, olds, terms)])

            added = vector("v", width, element)
            return added if limit is None else (If(limit(u), added),)

        return (*map(Alloc, waiting), *written_out("u", count, read), *written_out("u", count, add))

    body = _over_rows(sums, some, max(1, AHEAD // (width * max(1, len(loads)))))
    return (*map(Alloc, accs), *written_out("v", width, clear), *body, *vector("v", width, finish))


def _over_rows(sums: Sums, some, ahead: int) -> tuple:
    """The loops along the reduced axes."""
    extents = [sums.shape[a] for a in sums.reduced]
    names = [sums.index[a] for a in sums.reduced]
    total = product(extents)
    if type(total) is int and 0 < total <= WINDOW:

        def place(u) -> dict:
            found, rest = {}, u
            for v, extent in reversed(list(zip(names, extents))):
                found[v], rest = rest % extent, rest // extent
            return found

        return some(total, place)
    axis, extent = names[-1], extents[-1]
    groups = simplified(extent // ahead)
    left = simplified(extent - groups * ahead)
    inner: tuple = ()
    if groups != 0:
        inner += (loop("g", groups, lambda g: some(ahead, lambda u: {axis: g * ahead + u})),)
    if left != 0:
        begin = as_index(groups * ahead)
        count, limit = (left, None) if type(left) is int else (ahead, lambda u: begin + u < extent)
        rest = some(count, lambda u: {axis: begin + u}, limit)
        inner += rest if type(left) is int else (If(as_index(0) < left, rest),)
    for v, extent in reversed(list(zip(names[:-1], extents[:-1]))):
        inner = (For(v, extent, inner),)
    return inner
