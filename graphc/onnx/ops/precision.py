"""The floats that operators calculate with where 16 bits would lose too much, or where something is no float at all."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.lib import math


def widened(x: Node) -> Node:
    """16-bit floats as float32, everything else as it is."""
    return math.cast(x, dt.f32) if x.dtype in (dt.f16, dt.bf16) else x


def working(dtype: DType) -> DType:
    """The floats for elements of a dtype: float64 for itself, float32 for all others."""
    return dtype if dtype is dt.f64 else dt.f32


def floats_of(x: Node) -> Node:
    """Numbers of any dtype as float64, if they are that, or as float32."""
    return math.cast(x, working(x.dtype))
