"""The form of convolution for every case: one pixel at a time, output channels in lanes."""

from __future__ import annotations

from graphc.ir.kernel import Alloc, Array, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, inside, least, loop, parallel, product, scalar, unravel, vector,
)  # fmt: skip
from graphc.prims.table import apply

BLOCK = 256  # neighbouring output channels that are summed side by side
NARROW = 16  # output channels of one group: with fewer, all groups share the lanes, and each lane finds its input


def direct_body(site: Site) -> tuple:
    """The statements of the kernel; the operands have the shapes of the Node."""
    node = site.node
    out, w = node.shape, node.inputs[1]
    work = product((*w.shape[:-1], out[-1], out[-2])) * 4

    def row(t: Node) -> tuple:
        lead = unravel(t, out[:-2])
        return (loop("pixel", out[-2], lambda p: _pixel(site, (*lead, p), t * out[-2] + p)),)

    return (parallel("row", product(out[:-2]), work, row),)


def _pixel(site: Site, place: tuple, pixel: Node) -> tuple:
    """All channels of one output pixel ``place`` = (n, *spatial)."""
    node, wide = site.node, site.wide
    groups, outputs = node.attr("groups"), node.shape[-1]
    inputs, members = node.inputs[1].shape[-2], simplified(outputs // groups)  # channels of one group
    together = groups > 1 and (inputs == 1 or (type(members) is int and members < NARROW))
    turns = 1 if together else groups
    channels = simplified(outputs // turns)
    blocks = ceil_divide(channels, BLOCK)

    def block(t: Node) -> tuple:
        group = t // blocks
        first = (t % blocks) * BLOCK
        width = least(BLOCK, channels - first)
        base = group * channels + first

        def source(c: Node, j: Node) -> Node:
            return ((base + j) // members if together else group) * inputs + c

        def done(j: Node) -> tuple:
            return site.finish(pixel, base + j, load("sums", (j,), wide))

        clear = vector("j_first", width, lambda j: (Store("sums", (j,), scalar(0, wide)),))
        return (clear, _taps(site, place, base, width, source), vector("j_last", width, done))

    sums = Array("sums", Type(wide, (BLOCK,)), "stack")
    return (Alloc(sums), loop("block", blocks * turns, block))


def _taps(site: Site, place: tuple, base: Node, width, source) -> object:
    """Add every kernel position and input channel to ``sums``."""
    node, wide = site.node, site.wide
    w = node.inputs[1]
    kernel = w.shape[:-2]

    def tap(t: Node) -> tuple:
        offsets = unravel(t, kernel)
        where, guard = _source(node, place, offsets)

        def channel(c: Node) -> tuple:
            def lane(j: Node) -> tuple:
                value = site.read((place[0], *where, source(c, j)), guard)
                weight = cast(load(site.weights, (*offsets, c, base + j), w.dtype), wide)
                return (Store("sums", (j,), site.multiply_add(value, weight, load("sums", (j,), wide))),)

            return (vector("j", width, lane),)

        return (loop("c", w.shape[-2], channel),)

    return loop("tap", product(kernel), tap)


def _source(node: Node, place: tuple, offsets: tuple) -> tuple:
    """Where a kernel position reads, and the guard against padding and the holes of ``x_dilation``."""
    where, conditions = [], []
    for d, offset in enumerate(offsets):
        low, spread = node.attr("low")[d], node.attr("x_dilation")[d]
        position = place[1 + d] * node.attr("stride")[d] + offset * node.attr("dilation")[d] - low
        if spread != 1:
            conditions.append(apply("eq", position % spread, as_index(0)))
            position = position // spread
        where.append(position)
        if not (low == 0 and node.attr("high")[d] == 0 and spread == 1):
            conditions += inside(position, node.inputs[0].shape[1 + d])
    return where, all_of(conditions)
