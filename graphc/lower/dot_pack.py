"""The right operand of a matrix product in panels of as many columns as its tile has: ahead for weights, else by a kernel."""

from __future__ import annotations

import numpy as np

from graphc.ir.kernel import UNROLLED, VECTOR, Alloc, Array, For, If, Kernel, Let, Store, Turn, load
from graphc.ir.node import INDEX, Node, const, simplified, var
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.dot_cut import Dot
from graphc.lower.map_nest import index_vars
from graphc.lower.panels import Panels
from graphc.lower.schedule import parallelise, symbols_of
from graphc.prims.table import apply


def pack_constant(dot: Dot, array: np.ndarray) -> Panels:
    """The right operand in panel layout [batch, panels, k, width], zero beyond the last column."""
    if dot.node.attr("transpose_y"):
        array = np.swapaxes(array, -1, -2)
    width = dot.tile.width
    return Panels(array.reshape(-1, *array.shape[-2:]), width, dot.tile.dtype.numpy)


def pack_kernel(dot: Dot, target: Target) -> Kernel:
    """A kernel that packs the right operand (``x0``) into ``out0``."""
    y = dot.node.inputs[1]
    shape = dot.packed_type.shape
    width = dot.tile.width
    batch, panel, k, j = index_vars(shape)
    transposed = dot.node.attr("transpose_y")
    flat = Type(y.dtype, (dot.batch_size, *y.shape[-2:]))

    def rows(first, count, inside) -> tuple:
        """Copies of ``count`` rows of a panel, one by one."""
        column, at = panel * width + j, first + k
        where = (batch, column, at) if transposed else (batch, at, column)
        value = widened(load("x0", where, y.dtype, inside), dot.tile.dtype)
        return () if count == 0 else (For(k, count, (For(j, width, (Store("out0", (batch, panel, at, j), value),), VECTOR),)),)

    whole = type(dot.n) is int and dot.n % width == 0
    inside = None if whole else panel * width + j < dot.n
    lanes = target.lanes(dot.tile.dtype)
    if transposed and lanes > 1 and y.dtype is dot.tile.dtype and y.dtype.size >= 4:
        blocks, turned = _turned_blocks(dot, batch, panel, lanes)
        turned = (*turned, *rows(blocks * lanes, simplified(dot.k - blocks * lanes), None))
        body = turned if whole else (If((panel + 1) * width <= dot.n, turned, rows(const(0, INDEX), shape[2], inside)),)
    else:
        body = rows(const(0, INDEX), shape[2], inside)
    work = dot.k * width * 4
    if dot.batch:
        body = (parallelise(For(batch, shape[0], (For(panel, shape[1], body),)), work * shape[1]),)
    else:
        body = (Let(batch, const(0, INDEX)), parallelise(For(panel, shape[1], body), work))
    arrays = (Array("x0", flat), Array("out0", dot.packed_type, written=True))
    return Kernel("pack", arrays, symbols_of(body, arrays), body)


def _turned_blocks(dot: Dot, batch: Node, panel: Node, lanes: int) -> tuple:
    """How many square blocks there are along k, and loops that turn them in registers."""
    blocks = simplified(dot.k // lanes)
    along, across = var("kt", extent=blocks if type(blocks) is int else None), var("jt", extent=dot.tile.width // lanes)
    i, j = var("i", extent=lanes), var("jj", extent=lanes)
    at, column = along * lanes + i, across * lanes + j
    block = Array("turned", Type(dot.tile.dtype, (lanes, lanes)), "register")
    read = Store(block.name, (j, i), load("x0", (batch, panel * dot.tile.width + column, at), dot.tile.dtype))
    write = Store("out0", (batch, panel, at, column), load(block.name, (i, j), dot.tile.dtype))
    body = (
        Alloc(block),
        For(j, lanes, (For(i, lanes, (read,), VECTOR),), UNROLLED),
        Turn(block.name),
        For(i, lanes, (For(j, lanes, (write,), VECTOR),), UNROLLED),
    )
    return blocks, (For(across, dot.tile.width // lanes, (For(along, blocks, body),)),)


def widened(value: Node, dtype) -> Node:
    return value if value.dtype is dtype else apply("cast", value, dtype=dtype)
