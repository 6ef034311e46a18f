"""Reductions over rows of many blocks of elements on GPUs, or over all elements: several kernels, one after the other.

The loops of each level are a kernel in which every block of ``lanes.BLOCK`` elements has a block of threads, which leaves its
part of each sum; another kernel adds the parts of a row in order, for the next level. Nothing depends on the order in which
blocks run.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Alloc, Array, Barrier, For, If, Kernel, Let, Set, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.element import Elements, as_data
from graphc.lower.gpu.long_rows import Part, piece_of
from graphc.lower.gpu.maps import Domain, domain_kernel
from graphc.lower.gpu.sums import carried, combined, identity, planned
from graphc.lower.gpu.threads import blocks, coordinates, live, threads, written_out
from graphc.lower.lanes import BLOCK, block_count
from graphc.lower.map_nest import region_arrays, work_of
from graphc.lower.nests.loops import as_index, cast, ceil_divide, least, loop, product
from graphc.lower.reasons import ROWS_IN_PARTS
from graphc.lower.reduce_nest import Row, row_values
from graphc.lower.schedule import symbols_of
from graphc.prims.table import apply

FINISH_THREADS = 128
PARTS = 1024  # parts of a sum that are brought to shared memory at a time
AHEAD = 16  # parts that are read from there before the first is added


def stages(graph: Graph, shape: tuple, gpu: Gpu) -> list[Kernel]:
    """The kernels of a region of reductions over the last axis, in order.

    Arrays that are neither inputs nor outputs of the region are called ``part0``, ``total0`` and so on, the same in all kernels.
    """
    row, order, loops = planned(graph, shape, (len(shape) - 1,))
    totals: dict[Node, Array] = {}
    found = []
    for level, (reductions, stores) in enumerate(loops):
        if reductions:
            number = len(totals)
            parts = [
                Array(f"part{number + k}", Type(carried(n), (*row.row_shape, block_count(shape[-1]))), written=True)
                for k, n in enumerate(reductions)
            ]
            made = {n: Array(f"total{number + k}", Type(n.dtype, row.row_shape), written=True) for k, n in enumerate(reductions)}
            found.append(_parts(_with(row, totals), order, loops, level, parts, totals))
            found.append(_finish(_with(row, totals), order, level, parts, made, totals))
            totals |= made
        elif stores:
            found.append(_stores(_with(row, totals), stores, totals, gpu))
    return found


def _with(row: Row, totals: dict[Node, Array]) -> Row:
    """The region where the reductions of earlier stages lie in memory."""
    _, names = region_arrays(row.graph)
    return replace(row, elements=Elements({**names, **{n: a.name for n, a in totals.items()}}))


def _kernel(name: str, row: Row, body: tuple, more: list[Array]) -> Kernel:
    """A kernel with the arrays that its statements use."""
    used = _names(body)
    arrays = tuple([a for a in (*row.arrays, *more) if a.name in used])
    return Kernel(name, arrays, symbols_of(body, arrays), body, ROWS_IN_PARTS)


def _names(body: tuple) -> set[str]:
    found: set[str] = set()
    for s in body:
        match s:
            case For():
                found |= _names(s.body)
            case If():
                found |= _names((*s.then, *s.orelse))
            case Store():
                found.add(s.array)
        values = [x for x in (getattr(s, "value", None), *getattr(s, "index", ()), getattr(s, "condition", None)) if isinstance(x, Node)]
        found |= {n.attr("buffer") for n in toposort(values) if n.op in ("load", "load_if")}
    return found


def _read_only(arrays) -> list[Array]:
    return [replace(a, written=False) for a in arrays]


def _parts(row: Row, order: list, loops: list, level: int, parts: list[Array], totals: dict) -> Kernel:
    """The loop of one level, block by block."""
    reductions, stores = loops[level]
    extent = row.shape[-1]
    axes = [(row.index[a], row.shape[a]) for a in row.kept]
    piece = piece_of(row.graph, row.shape, loops, None)

    def thread(b: Node, k: Node, t: Node) -> tuple:
        known = []
        for j, (n, a) in enumerate(totals.items()):
            name = var(f"known{j}", Type(n.dtype, ()))
            known.append(Let(name, load(a.name, row.row_index, n.dtype)))
            row.elements.values[n] = as_data(name)
        for earlier in range(1, level + 1):
            known += [s for s in row_values(row, order, earlier) if isinstance(s, Let)]
        row.elements.forget()
        begin = k * BLOCK
        part = Part(row, piece, begin, simplified(least(BLOCK, extent - begin)), t)
        out, made = part.sums(level, reductions, stores)
        keep = [If(apply("eq", t, as_index(0)), tuple([Store(a.name, (*row.row_index, k), x) for a, x in zip(parts, made)]))]
        return live((*map(Alloc, part.shared.values()), *coordinates(b, axes, {v for v, _ in axes}), *known, *out, *keep))

    def all_blocks(b: Node) -> tuple:
        return (blocks("k", block_count(extent), lambda k: threads(piece.threads, lambda t: thread(b, k, t))),)

    body = (blocks("b", product(row.row_shape), all_blocks),)
    return _kernel("parts", row, body, [*parts, *_read_only(totals.values())])


def _finish(row: Row, order: list, level: int, parts: list[Array], made: dict[Node, Array], totals: dict) -> Kernel:
    """The reductions of one level of their parts, and what of each row is computed of them."""
    axes = [(row.index[a], row.shape[a]) for a in row.kept]

    def thread(b: Node, t: Node) -> tuple:
        out: list = list(coordinates(b, axes, {v for v, _ in axes}))
        first = apply("eq", t, as_index(0))
        for k, ((n, total), part) in enumerate(zip(made.items(), parts)):
            name = var(f"s{level}_{k}", Type(carried(n), ()))
            out += [Let(name, identity(n)), *_in_order(row, n, part, name, t)]
            value = var(f"r{level}_{k}", Type(n.dtype, ()))
            out += [
                Let(value, cast(name, n.dtype)),
                If(first, (Store(total.name, row.row_index, as_data(value)),)),
            ]
            row.elements.values[n] = as_data(value)
        out += [If(first, (s,)) if isinstance(s, Store) else s for s in row_values(row, order, level + 1)]
        return live(tuple(out))

    body = (blocks("b", product(row.row_shape), lambda b: threads(FINISH_THREADS, lambda t: thread(b, t))),)
    return _kernel("finish", row, body, [*made.values(), *_read_only((*parts, *totals.values()))])


def _in_order(row: Row, node: Node, part: Array, name: Node, t: Node) -> list:
    """All threads add the parts of a row, which they have brought to shared memory together."""
    count = part.type.shape[-1]
    shared = Array(f"near_{part.name}", Type(part.type.dtype, (PARTS,)), "shared")
    dtype = part.type.dtype

    def piece(p: Node) -> tuple:
        base = p * PARTS
        left = simplified(least(PARTS, count - base))

        def bring(u) -> tuple:
            place = u * FINISH_THREADS + t
            value = load(part.name, (*row.row_index, simplified(base + place)), dtype)
            return (If(place < left, (Store(shared.name, (place,), value),)),)

        def add(place) -> tuple:
            return (Set(name, combined(node, name, load(shared.name, (place,), dtype))),)

        groups = simplified(left // AHEAD)
        rest = simplified(left - groups * AHEAD)
        out = [*written_out("u", PARTS // FINISH_THREADS, bring), Barrier()]
        if groups != 0:
            out.append(loop("g", groups, lambda g: written_out("c", AHEAD, lambda c: add(g * AHEAD + c))))
        if rest != 0:
            out.append(loop("h", rest, lambda h: add(as_index(groups * AHEAD + h))))
        return (*out, Barrier())

    return [Alloc(shared), loop(f"p_{part.name}", ceil_divide(count, PARTS), piece)]


def _stores(row: Row, stores: list, totals: dict, gpu: Gpu) -> Kernel:
    """The values of full shape that wait for all reductions: no row needs to be one block's."""
    values = tuple([row.elements.at(n, row.index) for _, n in stores])
    names = tuple([row.result(k) for k, _ in stores])
    domain = Domain(row.shape, row.index, values, (row.index,) * len(values), names, work_of(row.graph))
    read = {n.attr("buffer") for n in toposort(values) if n.op in ("load", "load_if")}
    arrays = [a for a in (*row.arrays, *_read_only(totals.values())) if a.name in read or a.name in names]
    return domain_kernel("map", arrays, [domain], gpu)
