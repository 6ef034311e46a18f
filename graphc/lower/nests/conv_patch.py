"""Patches: the input of a few neighbouring output pixels, copied into a small array and padded with zeros."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.kernel import For, If, Let, Store
from graphc.ir.node import Node, simplified
from graphc.lower.nests.conv_shape import Shape, Taps
from graphc.lower.nests.conv_site import Site
from graphc.lower.nests.loops import all_of, as_index, ceil_divide, index, inside, least, loop, most, vector
from graphc.prims.table import apply

PATCH = 1 << 15  # elements of the largest patch: it lies on the stack


@dataclass(frozen=True)
class Tile:
    """A register tile of ``rows`` x ``pixels`` output pixels. ``whole``: no tile of its kind is only partly inside."""

    name: str
    rows: int
    pixels: int
    whole: bool


@dataclass(frozen=True)
class Patch:
    """The input of one tile, [depth, rows, columns, pitch]: columns ``step`` apart in the input.

    The pixels of a tile are ``pixel`` columns apart and the taps ``tap`` columns.
    """

    name: str
    depth: int
    rows: int
    columns: int
    pitch: int
    step: int
    pixel: int
    tap: int

    @property
    def size(self) -> int:
        return self.depth * self.rows * self.columns * self.pitch


@dataclass(frozen=True)
class Place:
    """Where a task works: the image, the group, and along each axis its taps, the first output position in units of
    the phases, and the phase."""

    image: object
    group: object
    taps: tuple[Taps, Taps, Taps]
    first: tuple
    phase: tuple


def patch_of(shape: Shape, tile: Tile) -> Patch:
    """The patch of a tile. Its pixels lie apart from each other in the cache where the channels alone would not do."""
    depth, rows, width = (-(-k // s) for k, s in zip(shape.kernel, shape.spread))
    if tile.rows > 1:
        rows = (tile.rows - 1) * shape.stride[1] + rows
    pitch = shape.channels + 16 if shape.channels % 512 == 0 else shape.channels
    if width == 1:
        return Patch(f"patch{tile.name}", depth, rows, tile.pixels, pitch, shape.stride[2], 1, 0)
    stride, dilation = shape.stride[2], shape.dilation[2]
    columns = (tile.pixels - 1) * stride + (width - 1) * dilation + 1
    return Patch(f"patch{tile.name}", depth, rows, columns, pitch, 1, stride, dilation)


def copy(site: Site, tile: Tile, patch: Patch, where: Place) -> tuple:
    """Fill a patch row by row; what lies outside of the input is zero."""
    shape = site.shape
    deep, high, wide = where.taps
    z0 = where.first[0] * deep.stride + deep.offset
    y0 = where.first[1] * high.stride + high.offset
    x0 = simplified(where.first[2] * wide.stride + wide.offset)
    low, stop, lets = _columns(shape, tile, patch, as_index(x0))
    row_step = high.dilation if tile.rows == 1 else 1
    rows = high.count if tile.rows == 1 else patch.rows

    def row(u: Node, r: Node) -> tuple:
        z, y = z0 + u * deep.dilation, y0 + r * row_step
        conditions = [c for a, p in ((0, z), (1, y)) if may_miss(shape, a) for c in inside(as_index(p), shape.space[a])]
        within = all_of(conditions)
        line = ((where.image * shape.space[0] + z) * shape.space[1] + y) * shape.space[2]
        start = (u * patch.rows + r) * (patch.columns * patch.pitch)
        copied = _copy_row(site, tile, patch, (line + x0, start), (low, stop), where.group)
        zeros = vector(f"zero{tile.name}", patch.columns * patch.pitch,
                       lambda j: (Store(patch.name, (start + j,), site.padding),))  # fmt: skip
        if within is None and not may_miss(shape, 2):
            return (copied,)
        full = [apply("eq", as_index(low), as_index(0)), apply("eq", as_index(stop), as_index(patch.columns))]
        whole = all_of(conditions + (full if may_miss(shape, 2) else []))
        empty = If(apply("not", whole), (zeros,))
        return (empty, copied) if within is None else (empty, If(within, (copied,)))

    body = loop(f"u{tile.name}", deep.count, lambda u: (loop(f"r{tile.name}", rows, lambda r: row(u, r)),))
    return (*lets, body)


def may_miss(shape: Shape, axis: int) -> bool:
    """Whether a tap of an output position may lie outside along an axis."""
    borders = (shape.low[axis], shape.high[axis])
    return shape.spread[axis] > 1 or not all(type(d) is int and d <= 0 for d in borders)


def _columns(shape: Shape, tile: Tile, patch: Patch, x0: Node) -> tuple:
    """The first column of a patch that is inside, the one after the last, and the statements that name them."""
    if not may_miss(shape, 2) and tile.whole:
        return 0, patch.columns, ()

    def below(position) -> object:
        return most(least(patch.columns, ceil_divide(position, patch.step)), 0)

    def named(name: str, value) -> object:
        if not isinstance(value, Node):
            return value
        variable = index(f"{name}{tile.name}", None)
        lets.append(Let(variable, value))
        return variable

    lets: list[Let] = []
    low = named("low", below(0 - x0)) if may_miss(shape, 2) else 0
    stop = named("stop", most(below(shape.space[2] - x0), low))
    return low, stop, tuple(lets)


def _copy_row(site: Site, tile: Tile, patch: Patch, places: tuple, span: tuple, group: object) -> For:
    """Copy the columns of ``span`` from the pixel ``places[0]`` of the input to the element ``places[1]`` of the patch."""
    shape, (pixel, start), (low, stop) = site.shape, places, span
    channels = shape.channels
    if patch.step == 1 and patch.pitch == channels and shape.groups == 1:

        def element(j: Node) -> tuple:
            return (Store(patch.name, (start + low * channels + j,), site.read(((pixel + low) * channels + j,))),)

        return vector(f"x{tile.name}", simplified((stop - low) * channels), element)

    def column(c: Node) -> tuple:
        old = (pixel + (low + c) * patch.step) * (channels * shape.groups) + group * channels
        new = start + (low + c) * patch.pitch
        return (vector(f"x{tile.name}", channels, lambda j: (Store(patch.name, (new + j,), site.read((old + j,))),)),)

    return loop(f"cx{tile.name}", simplified(stop - low), column)
