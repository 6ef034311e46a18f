"""The heads of attention: how tensors are shared out among them and joined again, how their products are scaled."""

from __future__ import annotations

import math as python_math

from graphc.ir.node import Node, simplified
from graphc.lib import math
from graphc.lib.dims import dim_node
from graphc.lib.shape import reshape, transpose
from graphc.onnx.call import Call
from graphc.prims.table import apply


def shared_out(call: Call, x: Node, count: int, name: str) -> Node:
    """[batch, places, heads * size] as [batch, places, heads, size].

    Args:
        count: of heads. name: of the input, for messages.

    Raises:
        ShapeError: the heads are not of one size.
    """
    if len(x.shape) != 3 or count < 1 or (type(x.shape[2]) is int and x.shape[2] % count):
        raise call.wrong(f"the last axis of {name} {x.type} cannot be shared by {count} heads")
    return reshape(x, (*x.shape[:2], count, simplified(x.shape[2] // count)))


def heads_of(call: Call, x: Node, count: int, name: str) -> Node:
    """[batch, places, heads * size] as [batch, heads, places, size]; see ``shared_out``."""
    return transpose(shared_out(call, x, count, name), (0, 2, 1, 3))


def joined(x: Node) -> Node:
    """[batch, heads, places, size] as [batch, places, heads * size]."""
    batch, heads, places, size = x.shape
    return reshape(transpose(x, (0, 2, 1, 3)), (batch, places, simplified(heads * size)))


def usual_scale(size, kind) -> float | Node:
    """One over the root of the size of a head; where that is not known, as a scalar of dtype ``kind``."""
    return 1 / python_math.sqrt(max(size, 1)) if type(size) is int else apply("rsqrt", dim_node(size, kind))


def capped(x: Node, cap: float) -> Node:
    """Scores bent so that none exceeds a cap; as they are where that is 0."""
    return math.multiply(math.tanh(math.divide(x, cap)), cap) if cap > 0 else x
