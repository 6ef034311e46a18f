"""Convolutions on a GPU: products whose left operand is read through a window, and depthwise ones tap by tap.

The rows of the product are output pixels, its columns the output channels of a group, and k goes over (kernel axes ..., input
channel); padding and holes take part as zeros. So every result is the chain of multiply-adds that ``lower.nests.conv`` makes.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import BLOCK, THREAD, UNROLLED, Alloc, Array, For, If, Kernel, Let, Store, load
from graphc.ir.node import Node, simplified, var
from graphc.ir.type import Type
from graphc.lower.gpu.tiers import product_nests
from graphc.lower.gpu.tiles import Product, Side, widest_access
from graphc.lower.nests.conv import conv_of
from graphc.lower.nests.conv_epilogue import Epilogue
from graphc.lower.nests.conv_shape import Shape, shape_of
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, inside, loop, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.lower.places import pointwise
from graphc.lower.reasons import TAP_BY_TAP
from graphc.lower.region import Region
from graphc.lower.schedule import symbols_of
from graphc.lower.step import Step
from graphc.prims.table import apply

THREADS = 128  # of a block of a depthwise convolution
PIXELS = 4  # neighbouring results of a thread of one, which share the weights


def lower_conv(lowering, region: Region, outputs: dict, memory: dict) -> list[Step] | None:
    """The launch of a conv region; None where it has more than three spatial axes.

    Args:
        lowering: of ``lower.lower``. outputs: names of the arrays of its results and where they lie. memory: where values lie.
    """
    graph = region.graph
    node = conv_of(graph)
    if not 2 < len(node.shape) <= 5:
        return None
    places = {k: lowering.find(s, memory) for k, s in enumerate(region.sources)}
    x, w = [places[graph.inputs.index(n)] for n in node.inputs]
    pairs = pointwise(graph, places, list(outputs.values()), {x.root(), w.root()})
    inputs = {**{f"x{k}": s for k, s in places.items()}, "source": x, "weights": w}
    return [lowering.launch(graph, lambda: conv_kernel(graph, lowering.gpu), inputs, outputs, pairs)]


def conv_kernel(graph: Graph, gpu: Gpu) -> Kernel:
    """A kernel for a conv region of up to three spatial axes.

    Arrays: ``x<k>`` for the region's inputs, ``source`` or ``weights`` for an operand that the element-wise end reads as well, then
    ``out<k>``.
    """
    node = conv_of(graph)
    site = _site(graph, node)
    nests, why = ((_depthwise(site),), TAP_BY_TAP) if _is_depthwise(site.shape) else product_nests(_product(site), gpu)
    x, w = node.inputs
    arrays = (Array(site.source, Type(x.dtype, (product(x.shape),))),
              Array(site.weights, Type(w.dtype, (product(w.shape[:-1]), w.shape[-1]))), *site.epilogue.arrays)  # fmt: skip
    return Kernel("conv", arrays, symbols_of(nests, arrays), nests, why)


def _site(graph: Graph, node: Node) -> Site:
    x, w = node.inputs
    epilogue = Epilogue(graph, node)
    names = {v: f"x{k}" for k, v in enumerate(graph.inputs)}
    source = "source" if x in epilogue.used else names[x]
    weights = "weights" if w in epilogue.used or w is x else names[w]
    return Site(node, shape_of(node), source, weights, False, epilogue, 1)


def _is_depthwise(shape: Shape) -> bool:
    return shape.channels == shape.outputs == 1 and shape.groups > 1


def _product(site: Site) -> Product:
    """The product for ``fma_tile``; the batch are the groups."""
    shape = site.shape

    def finish(group: Node, pixel: Node, column: Node, total: Node, guard: Node | None) -> tuple:
        return site.finish(pixel, simplified(group * shape.outputs + column), total, guard)

    return Product(shape.groups, shape.depth, _pixels(site), _channels(site), site.wide, site.multiply_add, finish,
                   site.epilogue.cost)  # fmt: skip


def _pixels(site: Site) -> Side:
    """The left operand: for each output pixel, what its taps read."""
    shape, node, dtype = site.shape, site.node, site.node.inputs[0].dtype

    def at(group: Node, pixel: Node, k: Node, offset: Node, together: int) -> tuple[tuple, list]:
        *tap, part = unravel(as_index(k // together), (*shape.kernel, simplified(shape.channels // together)))
        where, guards = read_at(shape, pixel, tuple(tap))
        return (where * (shape.channels * shape.groups) + group * shape.channels + part * together + offset,), guards

    outside = site.padding if node.op == "conv4" and node.attr("fill") else None
    return Side(shape.pixels, site.source, dtype, at, True, widest_access(shape.channels, dtype), outside)


def _channels(site: Site) -> Side:
    """The right operand: for each output channel of a group, its weights."""
    shape, dtype = site.shape, site.node.inputs[1].dtype

    def at(group: Node, column: Node, k: Node, offset: Node, together: int) -> tuple[tuple, list]:
        return (k, as_index(group * shape.outputs + column + offset)), []

    return Side(shape.outputs, site.weights, dtype, at, False, widest_access(shape.outputs, dtype))


def read_at(shape: Shape, pixel: Node, tap: tuple) -> tuple[Node, list]:
    """The input pixel that a tap of an output pixel reads, and the conditions under which there is one."""
    if shape.is_pointwise and shape.space == shape.out:
        return pixel, []
    image, *place = unravel(pixel, (shape.batch, *shape.out))
    where, guards = image, []
    for axis, (q, t) in enumerate(zip(place, tap)):
        position = as_index(q * shape.stride[axis] + t * shape.dilation[axis] - shape.low[axis])
        spread = shape.spread[axis]
        if spread != 1:
            guards.append(apply("eq", position % spread, as_index(0)))
            position = position // spread
        padded = not (shape.low[axis] == 0 and shape.high[axis] == 0 and spread == 1)
        guards += inside(position, shape.space[axis]) if padded else []
        where = where * shape.space[axis] + position
    return as_index(where), guards


# ------------------------------------------------------------------------------------------------ depthwise


def _depthwise(site: Site) -> For:
    """A thread has some neighbouring channels of some neighbouring pixels of a line, and goes through the taps."""
    shape = replace(site.shape, groups=1, channels=site.shape.groups)
    site = replace(site, shape=shape)
    channels, width = shape.channels, shape.out[2]
    several = min(4, widest_access(channels, site.node.inputs[0].dtype))
    together = PIXELS if type(width) is int and width % PIXELS == 0 else 1
    lines, items = ceil_divide(channels, several), simplified(shape.pixels // together)
    count = simplified(lines * items)
    blocks = ceil_divide(count, THREADS)
    block, thread = var("block", extent=blocks), var("thread", extent=THREADS)
    item = block * THREADS + thread
    part, turn = var("part", extent=lines), var("turn", extent=items)
    body = (Let(part, as_index(item % lines)), Let(turn, as_index(item // lines)),
            *_taps(site, as_index(turn * together), as_index(part * several), together, several))  # fmt: skip
    return For(block, blocks, (For(thread, THREADS, (If(item < count, body),), THREAD),), BLOCK)


def _taps(site: Site, pixel: Node, channel: Node, together: int, several: int) -> tuple:
    """The sums of a thread, tap by tap, and their end."""
    shape, wide = site.shape, site.wide
    sums = Array("sums", Type(wide, (together, several)), "register")
    near, read = Array("near", Type(wide, (several,)), "register"), Array("read", sums.type, "register")

    def each(name: str, make) -> For:
        return loop("p", together, lambda p: (vector(name, several, lambda c: tuple(make(p, c))),), UNROLLED)

    def tap(t: Node) -> tuple:
        place = unravel(t, shape.kernel)

        def weight(c: Node) -> tuple:
            return (Store(near.name, (c,), cast(load(site.weights, (t, channel + c), site.node.dtype), wide)),)

        def reads(p: Node) -> tuple:
            where, guards = read_at(shape, as_index(pixel + p), place)

            def zero(c: Node) -> tuple:
                return (Store(read.name, (p, c), scalar(0, wide)),)

            def element(c: Node) -> tuple:
                return (Store(read.name, (p, c), site.read((as_index(where * shape.channels + channel + c),))),)

            there, guard = vector("v", several, element), all_of(guards)
            return (vector("z", several, zero), If(guard, (there,))) if guards else (there,)

        def add(p: Node, c: Node) -> tuple:
            total = site.multiply_add(load(read.name, (p, c), wide), load(near.name, (c,), wide), load(sums.name, (p, c), wide))
            return (Store(sums.name, (p, c), total),)

        return (Alloc(near), Alloc(read), vector("w", several, weight), loop("p", together, reads, UNROLLED), each("c", add))

    taps = product(shape.kernel)
    few = type(taps) is int and taps <= 9
    return (Alloc(sums), each("z", lambda p, c: (Store(sums.name, (p, c), scalar(0, wide)),)),
            loop("tap", taps, tap, UNROLLED if few else "serial"),
            each("e", lambda p, c: site.finish(as_index(pixel + p), channel + c, load(sums.name, (p, c), wide))))  # fmt: skip
