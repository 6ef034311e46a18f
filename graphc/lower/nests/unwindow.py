"""The nest of ``unwindow``: every element is the sum of the places that windows put it to."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Alloc, Array, If, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import (
    all_of, as_index, cast, ceil_divide, finish, inside, least, loop, parallel, product, scalar, unravel,
    vector,
)  # fmt: skip
from graphc.prims.table import apply

BLOCK = 256  # neighbouring elements that one task sums


def unwindow(node: Node, target: Target) -> Kernel:
    """out[p] = sum over offsets w, in row-major order, of x0[(p - w*dilation) / stride, w] where that is a window."""
    (x,) = node.inputs
    shape, size = node.shape, node.attr("size")
    wide = dt.accumulator(node.dtype)
    last = shape[-1]
    blocks = ceil_divide(last, BLOCK)
    sums = Array("sums", Type(wide, (BLOCK,)), "stack")

    def task(t: Node) -> tuple:
        *lead, block = unravel(t, (*shape[:-1], blocks))
        width = least(BLOCK, last - block * BLOCK)

        def offset(flat_offset: Node) -> tuple:
            offsets = unravel(flat_offset, tuple(size))

            def lane(j: Node) -> tuple:
                where, _, varying = source(node, (*lead, block * BLOCK + j), offsets)
                value = cast(load("x0", (*where, *offsets), node.dtype, varying), wide)
                return (Store("sums", (j,), apply("add", load("sums", (j,), wide), value)),)

            uniform = source(node, (*lead, as_index(0)), offsets)[1]
            body = (vector("j", width, lane),)
            return body if uniform is None else (If(uniform, body),)

        def done(j: Node) -> tuple:
            return (Store("out0", (*lead, block * BLOCK + j), cast(load("sums", (j,), wide), node.dtype)),)

        clear = vector("j_first", width, lambda j: (Store("sums", (j,), scalar(0, wide)),))
        return (Alloc(sums), clear, loop("w", product(size), offset), vector("j_last", width, done))

    nest = parallel("task", product((*shape[:-1], blocks)), least(last, BLOCK) * product(size) * 2, task)
    return finish("unwindow", node, (x.shape,), (shape,), (nest,))


def source(node: Node, position: tuple, offsets: tuple) -> tuple[list, Node | None, Node | None]:
    """Where an element lies among the windows, and the guards: of the leading axes, and of the last one."""
    windows = node.inputs[0].shape
    where, uniform, varying = list(position), [], []
    parameters = zip(node.attr("axes"), offsets, node.attr("stride"), node.attr("dilation"), strict=True)
    for axis, offset, stride, dilation in parameters:
        shifted = position[axis] - offset * dilation
        window = shifted // stride
        conditions = inside(window, windows[axis])
        if stride != 1:
            conditions.append(apply("eq", shifted % stride, as_index(0)))
        (varying if axis == len(position) - 1 else uniform).extend(conditions)
        where[axis] = window
    return where, all_of(uniform), all_of(varying)
