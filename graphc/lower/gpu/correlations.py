"""``correlate``, the gradient of a convolution by its filter, on a GPU: a product of what taps read and of cotangents.

The rows of the product are taps and input channels, its columns the output channels, and k goes over the output pixels. Each
result is one chain in their order, as ``lower.nests.correlate`` makes it (there taps in the padding are left out, here they add 0
times the cotangent, which is what that begins with): few taps and channels of many pixels leave most of a device idle.
"""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Array, Kernel, Store
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lower.gpu.tiers import product_nests
from graphc.lower.gpu.tiles import Product, Side, widest_access
from graphc.lower.nests.loops import as_index, cast, inside, product, unravel
from graphc.lower.schedule import symbols_of
from graphc.prims.table import apply


def correlate(node: Node, gpu: Gpu) -> Kernel:
    """out0[*k, c, o] = sum of x0[n, *(p*stride - low + k*dilation), c] * x1[n, *p, o]."""
    x, g = node.inputs
    wide = dt.accumulator(node.dtype)
    channels, outputs, kernel = x.shape[-1], g.shape[-1], node.attr("kernel")
    rows, pixels = product((*kernel, channels)), product(g.shape[:-1])

    def taps(batch: Node, line: Node, pixel: Node, offset: Node, together: int) -> tuple[tuple, list]:
        *tap, part = unravel(as_index(line // together), (*kernel, channels // together))
        image, *place = unravel(pixel, g.shape[:-1])
        where, guards = image, []
        for axis, (q, t) in enumerate(zip(place, tap)):
            position = as_index(q * node.attr("stride")[axis] + t * node.attr("dilation")[axis] - node.attr("low")[axis])
            guards += inside(position, x.shape[1 + axis])
            where = where * x.shape[1 + axis] + position
        return (as_index(where * channels + part * together + offset),), guards

    def cotangents(batch: Node, line: Node, pixel: Node, offset: Node, together: int) -> tuple[tuple, list]:
        return (pixel, as_index(line + offset)), []

    def finish(batch: Node, row: Node, column: Node, total: Node, guard: Node | None) -> tuple:
        return (Store("out0", (row, column), cast(total, node.dtype), guard),)

    left = Side(rows, "x0", x.dtype, taps, False, widest_access(channels, x.dtype))
    right = Side(outputs, "x1", g.dtype, cotangents, False, widest_access(outputs, g.dtype))
    wanted = Product(1, pixels, left, right, wide, lambda a, b, c: apply("fma", a, b, c), finish, 0)
    body, why = product_nests(wanted, gpu)
    arrays = (Array("x0", Type(x.dtype, (product(x.shape),))), Array("x1", Type(g.dtype, (pixels, outputs))),
              Array("out0", Type(node.dtype, (rows, outputs)), written=True))  # fmt: skip
    return Kernel("correlate", arrays, symbols_of(body, arrays), body, why)
