"""Kernels for element-wise regions: one nest over the domain, every output stored at its own index."""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.graph import Graph, rebuild
from graphc.ir.order import toposort
from graphc.ir.kernel import VECTOR, Array, For, Kernel, Store
from graphc.ir.node import INDEX, Node, const, make, simplified, symbol, var
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.boxes import cuts, moved, parts
from graphc.lower.collapse import collapse
from graphc.lower.element import Elements
from graphc.lower.relay import STRIP, Relay, in_strips, relay_of, staged
from graphc.lower.schedule import interchange, name_shared, parallelise, read_first, symbols_of, tile, vectorise
from graphc.lower.streams import is_large, streamed
from graphc.lower.turn_nest import turned_nest
from graphc.prims.table import TABLE

TILE = 4096  # elements of a flat loop handled as one piece
TURN = "turn"
FEW = 4  # outer iterations too few to share among threads


def work_of(graph: Graph) -> int:
    """Rough flops for one element of a region, memory traffic included."""
    return 4 + sum(TABLE[n.op].cost for n in toposort(graph.outputs) if n.inputs)


def region_arrays(graph: Graph) -> tuple[list[Array], dict[Node, str]]:
    """Arrays for a region's inputs and outputs, and the names under which its inputs are read."""
    names = {x: f"x{k}" for k, x in enumerate(graph.inputs)}
    arrays = [Array(names[x], x.type) for x in graph.inputs]
    arrays += [Array(f"out{k}", n.type, written=True) for k, n in enumerate(graph.outputs)]
    return arrays, names


def index_vars(shape: tuple, prefix: str = "i") -> tuple[Node, ...]:
    """Loop variables for a domain."""
    return tuple(var(f"{prefix}{k}", extent=d if type(d) is int else None) for k, d in enumerate(shape))


def generalise(graph: Graph, target: Target) -> tuple[Graph, dict]:
    """A flat element-wise region over a symbolic size, and that size: updates of all variables then share a kernel.

    One with a large result keeps its size: how it is stored depends on it.
    """
    graph, shape = collapse(graph, graph.outputs[0].shape)
    order = toposort(graph.outputs)
    flat = len(shape) == 1 and type(shape[0]) is int and shape[0] > 0
    plain = all(
        n.shape in (shape, ()) and (n.op in ("input", "broadcast", "symbol") or is_splat(n) or TABLE[n.op].scalar) for n in order
    )
    if not (flat and plain) or any(is_large(n.type, target.machine.stream_bytes) for n in graph.outputs):
        return graph, {}
    size = symbol("size")

    def visit(node, inputs):
        type = Type(node.dtype, (size,)) if node.shape == shape else node.type
        attrs = (("shape", (size,)), ("axes", node.attr("axes"))) if node.op == "broadcast" else node.attrs
        return make(node.op, inputs, attrs, type)

    memo = {x: visit(x, ()) for x in graph.inputs}
    outputs = rebuild(graph.outputs, visit, memo)
    return Graph(graph.name, tuple(memo[x] for x in graph.inputs), tuple(outputs)), {size: shape[0]}


def is_splat(node: Node) -> bool:
    """True for a constant that is one element everywhere."""
    return node.op == "const" and node.attrs[0][1].is_splat


def map_kernel(graph: Graph, target: Target) -> Kernel:
    """A kernel for a region whose outputs all have the shape of its domain, already collapsed.

    One that is called ``turn`` computes some elements twice, so that no result of it may lie over an operand.
    """
    if len(graph.outputs) == 1 and graph.outputs[0].op == "concat":
        return _joined_kernel(graph, target)
    shape = graph.outputs[0].shape
    arrays, names = region_arrays(graph)
    index = index_vars(shape)
    elements = Elements(names)
    values = [elements.at(n, index) for n in graph.outputs]
    body = turned_nest(values, shape, index, work_of(graph), target)
    arrays = [streamed(a, shape[-1] if shape else 1, target.machine.stream_bytes) for a in arrays]
    if body is not None:
        return Kernel(TURN, tuple(arrays), symbols_of(body, tuple(arrays)), body)
    points = cuts(values, shape, index)
    if points is None:
        long = [k for k, d in enumerate(shape) if d != 1]  # movement keeps axes of one element apart: they are no loops
        index = tuple([v if k in long else const(0, INDEX) for k, v in enumerate(index)])
        values = [elements.at(n, index) for n in graph.outputs]
        loops, extents = tuple([index[k] for k in long]), tuple([shape[k] for k in long])
        body = _nest(values, index, extents, loops, work_of(graph), target)
    else:
        body = _parts(values, shape, index, points, work_of(graph), target)
    return Kernel("map", tuple(arrays), symbols_of(body, tuple(arrays)), body)


def _stores(values: list[Node], index: tuple) -> tuple:
    """Every output at one index."""
    lets, values = name_shared(values)
    lets, values = read_first(lets, values)
    return (*lets, *(Store(f"out{k}", index, v) for k, v in enumerate(values)))


def _parts(values: list[Node], shape: tuple, index: tuple, points: tuple, work: int, target: Target) -> tuple:
    """Loops over the parts of a domain; those of the last axis side by side in the same rows."""
    if len(points[-1]) == 2 or len(shape) == 1:
        nests: list = []
        for begin, extents in parts(points):
            inside, inner, places = moved(values, index, begin, extents)
            nests += _nest(inside, places, extents, inner, work, target)
        return tuple(nests)
    nests = []
    for begin, extents in parts(points[:-1]):
        columns = []
        for a, b in zip(points[-1], points[-1][1:]):
            inside, inner, places = moved(values, index, (*begin, a), (*extents, b - a))
            columns.append(vectorise(For(inner[-1], b - a, _stores(inside, places))))
        nest = tuple(columns)
        for v, extent in reversed(list(zip(inner[1:-1], extents[1:]))):
            nest = (For(v, extent, nest),)
        nests.append(parallelise(For(inner[0], extents[0], nest), work * _count((*extents[1:], shape[-1]))))
    return tuple(nests)


def _joined_kernel(graph: Graph, target: Target) -> Kernel:
    """A kernel for values set side by side: each is computed over its own elements and written to its place."""
    (joined,) = graph.outputs
    arrays, names = region_arrays(graph)
    axis, start, nests = joined.attr("axis"), 0, []
    index = index_vars(joined.shape)
    elements, work = Elements(names), work_of(graph)
    for part in joined.inputs:
        own = index_vars(part.shape)
        own = (*index[:axis], *own[axis:])
        lets, (value,) = name_shared([elements.at(part, own)])
        where = (*own[:axis], simplified(own[axis] + start), *own[axis + 1 :])
        body = (*lets, Store("out0", where, value))
        for k in reversed(range(axis, len(own))):
            loop = For(own[k], part.shape[k], body)
            body = (vectorise(loop) if k == len(own) - 1 else loop,)
        nests += body
        start = simplified(start + part.shape[axis])
    inner = work * _count(joined.shape[1:])
    if not axis:
        nests = [parallelise(loop, inner) if loop.kind != VECTOR else loop for loop in nests]
    for k in reversed(range(axis)):
        nests = [For(index[k], joined.shape[k], tuple(nests))]
    body = (parallelise(nests[0], inner),) if axis else tuple(nests)
    arrays = [streamed(a, joined.shape[-1], target.machine.stream_bytes) for a in arrays]
    return Kernel("join", tuple(arrays), symbols_of(body, tuple(arrays)), body)


def _nest(values: list[Node], places: tuple, shape: tuple, index: tuple, work: int, target: Target) -> tuple:
    """Loops over a domain that store every value at ``places``."""
    if not shape:
        return _stores(values, places)
    relay = relay_of(values, shape[-1], target)
    bodies = [_stores(values, places)] if relay is None else staged(relay, values, lambda last: _stores(last, places))
    loops = [For(index[-1], shape[-1], body) for body in bodies]
    size = TILE if relay is None else STRIP
    outer = list(zip(index[:-1], shape[:-1]))
    small_outside = all(type(d) is int for _, d in outer) and _count(d for _, d in outer) <= FEW
    if small_outside and not (type(shape[-1]) is int and shape[-1] <= TILE):
        nest = _tiled(relay, loops, size)
        for v, extent in reversed(outer):  # tiles outermost: there are enough of them to share
            nest = interchange(For(v, extent, (nest,)))
        return (parallelise(nest, work * size * _count(d for _, d in outer)),)
    inner_work = work * shape[-1]
    if relay is not None and not (type(shape[-1]) is int and shape[-1] <= STRIP):
        inside = (_tiled(relay, loops, STRIP),)
    else:
        inside = _vectors(relay, loops)
    for v, extent in reversed(outer):
        inside = (For(v, extent, inside),)
    if not outer:
        return inside
    for _, extent in outer[1:]:
        inner_work = inner_work * extent
    return (parallelise(inside[0], inner_work),)


def _tiled(relay: Relay | None, loops: list[For], size: int) -> For:
    """A loop over tiles of ``size``, and in it what ``loops`` do with one."""
    tiles = [tile(loop, size) for loop in loops]
    return replace(tiles[0], body=_vectors(relay, [t.body[0] for t in tiles]))


def _vectors(relay: Relay | None, loops: list[For]) -> tuple:
    return tuple(map(vectorise, loops)) if relay is None else in_strips(relay, loops)


def _count(dims) -> int:
    total = 1
    for d in dims:
        total *= d
    return total
