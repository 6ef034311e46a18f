"""Which floating-point values surely are not positive, as an element less the greatest of its row is not."""

from __future__ import annotations

from graphc.ir.node import Node


def is_never_positive(x: Node) -> bool:
    """True for ``x - max(x)`` over any axes: where it is not NaN it is at most 0, as rounding keeps the order."""
    if x.op != "sub" or not x.dtype.is_float:
        return False
    value, wide = x.inputs
    if wide.op != "broadcast" or wide.inputs[0].op != "reduce":
        return False
    greatest = wide.inputs[0]
    kept = tuple(a for a in range(value.type.rank) if a not in greatest.attr("axes"))
    return greatest.attr("kind") == "max" and greatest.inputs[0] is value and wide.attr("axes") == kept
