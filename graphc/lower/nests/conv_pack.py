"""Weights that are known only when a program runs, packed once a run for the kernel that ``conv_clip`` makes.

That leaves out products with zeros of the padding, which are NaN where a weight is not finite. So beside the panels
there is, for each tap and output channel, the sum of such products: 0, or NaN. It is added where the tap is left out.
"""

from __future__ import annotations

from graphc.ir.kernel import Alloc, Array, Kernel, Store, load
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.conv_panel import panel_width
from graphc.lower.nests.conv_shape import Shape, shape_of
from graphc.lower.nests.loops import ceil_divide, loop, parallel, product, scalar, unravel, vector
from graphc.prims.table import apply

FEW = 64  # output pixels from which on packing pays


def pays(weights: Node, shape: Shape) -> bool:
    """Whether weights that are not known are worth packing, and taps along the depth can be left out."""
    many = type(shape.pixels) is not int or shape.pixels >= FEW
    return weights.op != "const" and weights.dtype.is_float and many and shape.low[0] <= 0 and shape.high[0] <= 0


def packed_types(node: Node, target: Target) -> tuple[Type, Type]:
    """The panels [groups, panels, depth, width], and what taps outside add, [taps, groups, panels, width]."""
    shape = shape_of(node)
    width = panel_width(node.dtype, shape, target)
    panels = ceil_divide(shape.outputs, width)
    return (Type(node.dtype, (shape.groups, panels, shape.depth, width)),
            Type(node.dtype, (product(shape.kernel), shape.groups, panels, width)))  # fmt: skip


def pack_kernel(node: Node, target: Target) -> Kernel:
    """A kernel that packs the second operand of a convolution, ``x0``, into ``out0`` and ``out1``."""
    shape, dtype = shape_of(node), node.dtype
    panels, outside = packed_types(node, target)
    taps, groups, count, width = outside.shape

    def task(t: Node) -> tuple:
        group, panel, tap = unravel(t, (groups, count, taps))
        missing = Array("missing", Type(dtype, (width,)), "register")

        def lane(row: Node, o: Node) -> tuple:
            column = panel * width + o
            guard = None if shape.outputs % width == 0 else column < shape.outputs
            value = load("x0", (row, group * shape.outputs + column), dtype, guard)
            new = apply("fma", value, scalar(0, dtype), load(missing.name, (o,), dtype))
            return (Store("out0", (group, panel, row, o), value), Store(missing.name, (o,), new))

        def channel(c: Node) -> tuple:
            return (vector("o", width, lambda o: lane(tap * shape.channels + c, o)),)

        return (Alloc(missing), vector("o_first", width, lambda o: (Store(missing.name, (o,), scalar(0, dtype)),)),
                loop("c", shape.channels, channel),
                vector("o_last", width, lambda o: (
                    Store("out1", (tap, group, panel, o), load(missing.name, (o,), dtype)),)))  # fmt: skip

    arrays = (Array("x0", Type(dtype, (shape.depth, node.shape[-1]))), Array("out0", panels, written=True),
              Array("out1", outside, written=True))  # fmt: skip
    return Kernel("pack_conv", arrays, (), (parallel("task", taps * groups * count, shape.channels * width, task),))
