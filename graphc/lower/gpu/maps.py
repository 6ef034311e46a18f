"""Element-wise regions on GPUs: threads along the elements as they lie in memory, 16 bytes of each array at a time.

A block has a tile of neighbouring elements; each of its threads has a few vectors of them, so far apart that neighbouring
threads touch neighbouring memory. All vectors are loaded before the first is used. What is left at the end of the domain goes
element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.ir.graph import Graph
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Alloc, Array, For, If, Kernel, Let, Store, load
from graphc.ir.node import INDEX, Node, const, simplified, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.collapse import collapse
from graphc.lower.element import Elements, as_data
from graphc.lower.gpu.long_values import named_in_turn
from graphc.lower.gpu.threads import (
    ACCESS, THREADS, at, blocks, coordinates, direct_loads, guarded, live, threads, variables, vector, written_out,
)  # fmt: skip
from graphc.lower.gpu.turns import turned_nest
from graphc.lower.map_nest import index_vars, region_arrays, work_of
from graphc.lower.nests.loops import ceil_divide, product
from graphc.lower.reasons import ALONG_MEMORY, TURNED_TILES
from graphc.lower.schedule import read_first, symbols_of

IN_FLIGHT = 4  # vectors that a thread loads before it uses the first
AT_ONCE = 16  # elements of a thread at the most, whose code is written out
COSTLY = 40  # flops of an element from which there are as few as make one access
VERY_COSTLY = 200  # from which there is one: NVRTC takes 25 s for four elements of igamma, and 1 s for one
ROWS = 8  # rows of a tile where rows are of unknown length
_FLAT = var("e")  # the place of an element in the whole domain


@dataclass(frozen=True)
class Domain:
    """What one nest computes: ``values`` in terms of the variables of ``index``, stored at ``places`` of arrays."""

    shape: tuple
    index: tuple
    values: tuple[Node, ...]
    places: tuple[tuple, ...]
    names: tuple[str, ...]
    work: int

    @property
    def size(self):
        return product(self.shape)

    def flat(self, arrays: Sequence[Array]) -> set[str]:
        """The arrays that are read or written at the very place in the domain, whose own shape does not matter then."""
        moved = {name for name, place in zip(self.names, self.places) if place != self.index}
        for n in toposort(self.values):
            if n.op in ("load", "load_if"):
                where = n.inputs[1:] if n.op == "load_if" else n.inputs
                if where != self.index:
                    moved.add(n.attr("buffer"))
        return {a.name for a in arrays if a.type.shape == self.shape} - moved

    def flattened(self, names: set[str]) -> "Domain":
        """The same with one index for the arrays of these names."""

        def visit(node: Node) -> Node:
            if node.op == "load":
                return load(node.attr("buffer"), (_FLAT,), node.dtype)
            return load(node.attr("buffer"), (_FLAT,), node.dtype, node.inputs[0])

        reads = [n for n in toposort(self.values) if n.op in ("load", "load_if") and n.attr("buffer") in names]
        values = at(self.values, {n: visit(n) for n in reads})
        places = tuple([(_FLAT,) if name in names else place for name, place in zip(self.names, self.places)])
        return replace(self, values=tuple(values), places=places)


def map_kernel(graph: Graph, gpu: Gpu) -> Kernel:
    """A kernel for a region whose outputs all have the shape of its domain."""
    if len(graph.outputs) == 1 and graph.outputs[0].op == "concat":
        return _joined_kernel(graph, gpu)
    graph, shape = collapse(graph, graph.outputs[0].shape)
    arrays, names = region_arrays(graph)
    index = index_vars(shape)
    elements = Elements(names)
    body = turned_nest([elements.at(n, index) for n in graph.outputs], shape, index)
    if body is not None:
        return Kernel("turn", tuple(arrays), symbols_of(body, tuple(arrays)), body, TURNED_TILES)
    index = tuple([const(0, INDEX) if d == 1 else v for v, d in zip(index, shape)])
    values = tuple([elements.at(n, index) for n in graph.outputs])
    results = tuple([f"out{k}" for k in range(len(values))])
    return domain_kernel("map", arrays, [Domain(shape, index, values, (index,) * len(values), results, work_of(graph))], gpu)


def _joined_kernel(graph: Graph, gpu: Gpu) -> Kernel:
    """A concatenation: a nest for every part, so that no element has to find its own."""
    joined = graph.outputs[0]
    axis, start, domains = joined.attr("axis"), 0, []
    arrays, names = region_arrays(graph)
    elements = Elements(names)
    for part in joined.inputs:
        index = index_vars(part.shape)
        place = (*index[:axis], simplified(index[axis] + start), *index[axis + 1 :])
        domains.append(Domain(part.shape, index, (elements.at(part, index),), (place,), ("out0",), work_of(graph)))
        start = simplified(start + part.shape[axis])
    return domain_kernel("join", arrays, domains, gpu)


def domain_kernel(name: str, arrays: list[Array], domains: list[Domain], gpu: Gpu) -> Kernel:
    """A kernel of a nest for each domain."""
    flat = set.intersection(*[d.flat(arrays) | (_absent(arrays, d)) for d in domains])
    arrays = [replace(a, type=Type(a.type.dtype, (simplified(a.type.size),))) if a.name in flat else a for a in arrays]
    body = tuple([_nest(d.flattened(flat), arrays, gpu) for d in domains])
    return Kernel(name, tuple(arrays), symbols_of(body, tuple(arrays)), body, ALONG_MEMORY)


def _absent(arrays: list[Array], domain: Domain) -> set[str]:
    """The arrays that a nest does not touch."""
    read = {n.attr("buffer") for n in toposort(domain.values) if n.op in ("load", "load_if")}
    return {a.name for a in arrays} - read - set(domain.names)


def _nest(domain: Domain, arrays: list[Array], gpu: Gpu) -> For:
    """The loops over a domain."""
    used = variables((*domain.values, *[i for place in domain.places for i in place]))
    if used.intersection(domain.index) and len(domain.shape) > 1 and type(domain.shape[-1]) is not int:
        return _in_row_tiles(domain)
    width, unroll = _vectors(domain, arrays, gpu)
    return _in_tiles(domain, used, width, unroll)


def _vectors(domain: Domain, arrays: list[Array], gpu: Gpu) -> tuple[int, int]:
    """Elements of a vector, and vectors of a thread."""
    size = domain.size
    full = [a for a in arrays if a.type.size == size and (a.name in domain.names or _reads(domain, a.name))]
    widest = max([a.type.dtype.size for a in full] or [v.dtype.size for v in domain.values])
    most = AT_ONCE if domain.work < COSTLY else ACCESS // 4 if domain.work < VERY_COSTLY else 1
    width = min(ACCESS // widest, most)
    while type(size) is int and width > 1 and size < gpu.multiprocessors * THREADS * width:
        width //= 2
    loads = sum(not a.written for a in full)
    if type(size) is not int:
        return width, min(2 if loads <= 2 else 1, most // width)
    unroll = max(1, min(IN_FLIGHT // max(loads, 1), most // width))
    while unroll > 1 and size < 4 * gpu.multiprocessors * THREADS * width * unroll:
        unroll //= 2
    return width, unroll


def _reads(domain: Domain, name: str) -> bool:
    return any(n.op in ("load", "load_if") and n.attr("buffer") == name for n in toposort(domain.values))


def _in_tiles(domain: Domain, used: set[Node], width: int, unroll: int) -> For:
    """Tiles of the domain as it lies in memory."""
    size, tile = domain.size, THREADS * width * unroll
    axes = [(v, d) for v, d in zip(domain.index, domain.shape) if v.op == "var"]
    last = axes[-1][1] if axes else 1
    in_rows = type(last) is int and last % width == 0

    def place(vector_number: Node, v: Node) -> tuple[list[Let], list[Let], dict]:
        """Lets of a vector, Lets of one of its elements, and where that is."""
        element = vector_number * width + v
        if not in_rows:
            return [], coordinates(element, axes, used), {_FLAT: element}
        if width == 1:
            return coordinates(element, axes, used), [], {_FLAT: element}
        column = var("column", extent=last // width)
        lets = coordinates(vector_number, [*axes[:-1], (column, last // width)], {*used, column} if axes[-1][0] in used else used)
        return lets, [], {_FLAT: element, axes[-1][0]: column * width + v}

    def tail(b: Node, t: Node) -> tuple:
        def lone(k, v) -> tuple[list[Let], list[Let], dict]:
            e = b * tile + k * THREADS + t
            return [], coordinates(e, axes, used), {_FLAT: e}

        return staged(domain, used, (width * unroll, 1), lone, lambda here: here[_FLAT] < size)

    def whole(b: Node, t: Node) -> tuple:
        def vector_number(u) -> Node:
            return b * (THREADS * unroll) + u * THREADS + t

        return staged(domain, used, (unroll, width), lambda u, v: place(vector_number(u), v))

    def thread(b: Node, t: Node) -> tuple:
        if width * unroll == 1:
            return tail(b, t)
        if type(size) is int and size % tile == 0:
            return whole(b, t)
        return (If((b + 1) * tile <= size, whole(b, t), tail(b, t)),)

    return blocks("b", ceil_divide(size, tile), lambda b: threads(THREADS, lambda t: thread(b, t)))


def _in_row_tiles(domain: Domain) -> For:
    """Tiles of some rows and some columns, where the length of rows is a symbol: no element has to divide by it."""
    rows, columns = product(domain.shape[:-1]), domain.shape[-1]
    together = ROWS
    while type(rows) is int and together > 1 and together // 2 >= rows:
        together //= 2
    lanes = THREADS // together
    width = lanes * IN_FLIGHT
    axes = [(v, d) for v, d in zip(domain.index[:-1], domain.shape[:-1]) if v.op == "var"]
    column = domain.index[-1]
    used = {*[v for v, _ in axes], column, _FLAT}

    def thread(br: Node, bc: Node, t: Node) -> tuple:
        row = br * together + t // lanes

        def place(u) -> dict:
            c = bc * width + u * lanes + t % lanes
            return {_FLAT: row * columns + c, column: c}

        def some(limit: Callable | None) -> tuple:
            return staged(domain, used, (IN_FLIGHT, 1), lambda u, v: ([], [], place(u)), limit)

        steps = If((bc + 1) * width <= columns, some(None), some(lambda here: here[column] < columns))
        inside = (*coordinates(row, axes, used), steps)
        return inside if type(rows) is int and rows % together == 0 else (If(row < rows, inside),)

    count = ceil_divide(columns, width)
    return blocks(
        "br", ceil_divide(rows, together),
        lambda br: (blocks("bc", count, lambda bc: threads(THREADS, lambda t: thread(br, bc, t))),),
    )  # fmt: skip


def _stores(domain: Domain, places: dict) -> tuple:
    """Every value of one element, which stands at ``places``."""
    where = [at(place, places) for place in domain.places]
    lets, values = read_first(*named_in_turn(at(domain.values, places)))
    return (*lets, *[Store(n, tuple(i), v) for n, i, v in zip(domain.names, where, values)])


def staged(domain: Domain, used: set[Node], counts: tuple[int, int], place: Callable, limit: Callable | None = None) -> tuple:
    """The statements of a thread: all that its vectors read comes to registers before the first is used.

    Args:
        used: variables that are not the same for all elements.
        counts: vectors of the thread, elements of one.
        place: for numbers of a vector and of an element in it, Lets of the vector, of the element, and what stands for variables.
        limit: for what stands for variables, the condition that the element, a vector by itself, is one of the domain.
    """
    unroll, width = counts
    v = var("v", extent=width)
    _, inner, here = place(var("u", extent=unroll), v)
    along = {v, *[x.var for x in inner]}
    same: dict[Node, Let] = {}
    kept: dict[Node, Array] = {}
    for n in direct_loads(domain.values):
        if variables((n,)) & used:
            moving = bool(variables(at((n,), here)) & along)
            kept[n] = Array(f"read{len(kept)}", Type(n.dtype, (unroll, width) if moving else (unroll,)), "register")
        else:
            same[n] = Let(var(f"same{len(same)}", n.type), n)

    def reads(u, v, here: dict, rank: int) -> list[Store]:
        chosen = [n for n, a in kept.items() if a.type.rank == rank]
        values = guarded(at(chosen, here), None if limit is None else limit(here))
        return [Store(kept[n].name, (u, v)[:rank], x) for n, x in zip(chosen, values)]

    def read(u) -> tuple:
        lets, _, here = place(u, 0)

        def element(v) -> tuple:
            _, inner, here = place(u, v)
            return (*inner, *reads(u, v, here, 2))

        return (*lets, *reads(u, 0, here, 1), *vector("v", width, element))

    def compute(u) -> tuple:
        def element(v) -> tuple:
            _, inner, here = place(u, v)
            memo = {n: load(a.name, (u, v)[: a.type.rank], n.dtype) for n, a in kept.items()}
            memo |= {n: as_data(x.var) for n, x in same.items()}
            stores = _stores(replace(domain, values=tuple(at(domain.values, memo))), here)
            return (*inner, *(stores if limit is None else (If(limit(here), stores),)))

        return (*place(u, 0)[0], *vector("v", width, element))

    body = (*map(Alloc, kept.values()), *written_out("u", unroll, read), *written_out("u", unroll, compute))
    return (*same.values(), *live(body))
