"""Transposed convolution whose windows do not overlap: every input pixel makes a block of output pixels of its own.

It is a matrix product with a column for every place in the block and every channel; the rest is where results go.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.ir.dtype import DType
from graphc.ir.kernel import Alloc, Array, For, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_finish import keep
from graphc.lower.nests.conv_panel import Work, pack, panel_width, sums_of, tile_pixels
from graphc.lower.nests.conv_patch import PATCH, Place, Tile, copy, patch_of
from graphc.lower.nests.conv_shape import Shape, is_finite, taps_of
from graphc.lower.nests.conv_site import Site
from graphc.lower.panels import Panels
from graphc.lower.nests.loops import as_index, ceil_divide, least, loop, parallel, product, unravel, vector

COLUMNS = 512  # of the matrix, at most: the results of one tile wait on the stack


def can_spread(weights: Node, shape: Shape, target: Target) -> bool:
    """Whether the window is as large as the distance of the inputs, along every axis, and nothing is cut off."""
    axes = zip(shape.kernel, shape.spread, shape.stride, shape.low, shape.high, shape.space, shape.out)
    return (
        target.vector_bits > 0
        and shape.groups == 1
        and shape.spread != (1, 1, 1)
        and type(shape.channels) is type(shape.outputs) is int
        and shape.channels > 0 < shape.outputs
        and all(k == s and (t, a, b) == (1, s - 1, s - 1) and out == simplified(n * s) for k, s, t, a, b, n, out in axes)
        and product(shape.spread) * shape.outputs <= COLUMNS
        and patch_of(_product_of(shape), Tile("", 1, 24, False)).size <= PATCH
        and is_finite(weights)
    )


def _product_of(shape: Shape) -> Shape:
    """The sizes of the matrix product: of one input pixel, a column for every place in its block and every output."""
    columns = product(shape.spread) * shape.outputs
    one, none = (1, 1, 1), (0, 0, 0)
    return replace(shape, kernel=one, spread=one, outputs=columns, out=shape.space, low=none, high=none)


def packed_columns(weights: np.ndarray, shape: Shape, target: Target, wide: DType) -> Panels:
    """Known weights [*kernel, channels, outputs] as panels of the matrix."""
    spatial = tuple(range(weights.ndim - 2))
    matrix = np.moveaxis(np.flip(weights, spatial), -2, 0).reshape(weights.shape[-2], -1)
    return pack(matrix, 1, panel_width(wide, _product_of(shape), target), wide.numpy)


def spread(site: Site, target: Target) -> tuple:
    """The statements of the kernel."""
    shape = site.shape
    flat = replace(site, shape=_product_of(shape))
    width = panel_width(site.wide, flat.shape, target)
    tile = Tile("0", 1, tile_pixels(target, width // site.lanes), False)
    extents = (shape.batch, *shape.space[:2])
    length = shape.space[2]

    def task(t: Node) -> tuple:
        image, d, h = unravel(t, extents)
        taps = tuple([taps_of(flat.shape, a, 0) for a in range(3)])
        where = Place(image, as_index(0), taps, (d, h, 0), (0, 0, 0))
        return (loop("c0", ceil_divide(length, tile.pixels), lambda c: _tile(site, flat, width, tile, where, c)),)

    return (parallel("task0", product(extents), product((shape.channels, flat.shape.outputs, length)) // 8, task),)


def _tile(site: Site, flat: Site, width: int, tile: Tile, where: Place, c: Node) -> tuple:
    """The products of neighbouring pixels, for all columns, and their places."""
    shape = flat.shape
    patch = patch_of(shape, tile)
    count = ceil_divide(shape.outputs, width)
    where = replace(where, first=(*where.first[:2], c * tile.pixels))
    array = Array(patch.name, Type(site.wide, (patch.size,)), "stack")
    kept = Array("kept", Type(site.wide, (tile.pixels, count * width)), "stack")

    def panel(p: Node) -> tuple:
        sums, steps = sums_of(Work(flat, width, tile, patch, where, 0, p), tile.pixels, 0, "a")
        return (*steps, keep(site, sums, kept, (0, p * width), "a"))

    valid = least(tile.pixels, shape.space[2] - c * tile.pixels)
    finish = _single(site, kept, where, valid) if site.shape.outputs == 1 else _several(site, kept, where, valid)
    return (Alloc(array), *copy(flat, tile, patch, where), Alloc(kept), loop("n0", count, panel), finish)


def _row(site: Site, where: Place, deep: Node, high: Node) -> Node:
    """The number of the output pixel at the start of a line: ``deep`` and ``high`` are the place in the block."""
    shape, (d, h, _) = site.shape, where.first
    plane = where.image * shape.out[0] + d * shape.spread[0] + deep
    return (plane * shape.out[1] + h * shape.spread[1] + high) * shape.out[2]


def _several(site: Site, kept: Array, where: Place, valid) -> For:
    """Store results of several channels, which lie side by side."""
    shape = site.shape

    def block(q: Node, place: Node) -> tuple:
        deep, high, wide = unravel(place, shape.spread)
        pixel = _row(site, where, deep, high) + (where.first[2] + q) * shape.spread[2] + wide

        def lane(o: Node) -> tuple:
            return site.finish(pixel, o, load(kept.name, (q, place * shape.outputs + o), site.wide))

        return (vector("lane", shape.outputs, lane),)

    return loop("q0", valid, lambda q: (loop("f0", product(shape.spread), lambda place: block(q, place)),))


def _single(site: Site, kept: Array, where: Place, valid) -> For:
    """Store results of one channel: along a line, those of neighbouring pixels lie side by side."""
    shape = site.shape
    step = shape.spread[2]

    def line(place: Node) -> tuple:
        deep, high = unravel(place, shape.spread[:2])
        start = _row(site, where, deep, high) + where.first[2] * step

        def lane(k: Node) -> tuple:
            return site.finish(start + k, as_index(0), load(kept.name, (k // step, place * step + k % step), site.wide))

        return (vector("lane", simplified(valid * step), lane),)

    return loop("f0", product(shape.spread[:2]), line)
