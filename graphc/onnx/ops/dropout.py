"""Dropout: elements zeroed at random while a model is trained."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import math, random, shape
from graphc.lib.math import full_like
from graphc.onnx.call import Call
from graphc.onnx.draws import place_of
from graphc.onnx.ops.precision import working
from graphc.onnx.registry import operator
from graphc.prims.table import apply


@operator("Dropout")
def dropout(call: Call):
    """Elements zeroed at random while training and the others scaled; and which ones were kept."""
    x = call[0]
    if call.version < 12:
        rate, training = call.float("ratio", 0.5), call.version < 7 and not call.int("is_test", 0)
    else:
        rate = _rate(call)
        training = call.has(2) and bool(call.static(2).reshape(-1)[0])
    if not training or (isinstance(rate, float) and rate == 0):
        return [x, _mask(call, x, const(True, x.type.with_dtype(dt.b1)))]
    if isinstance(rate, float) and not 0 <= rate < 1:
        raise FormatError(f"Dropout: the ratio must lie in [0, 1), it is {rate}")
    kind = working(x.dtype)
    number = const(np.asarray(rate, kind.numpy)) if isinstance(rate, float) else math.cast(rate, kind)
    kept = math.greater_equal(random.uniform(*place_of(call, call.int("seed", None)), x.shape, 0.0, 1.0, kind), number)
    scale = math.cast(math.reciprocal(math.subtract(1.0, number)), x.dtype)
    return [apply("select", kept, math.multiply(x, scale), full_like(x, 0)), _mask(call, x, kept)]


def _rate(call: Call):
    """The part of the elements that is zeroed: a number, or a scalar Node."""
    if not call.has(1):
        return 0.5
    known = call.known(1)
    if known is None:
        return shape.reshape(call[1], ())
    if known.size != 1:
        raise call.wrong("the ratio must be one number")
    return float(known.reshape(-1)[0])


def _mask(call: Call, x: Node, kept: Node) -> Node:
    """Which elements were kept, before version 10 as numbers."""
    return kept if call.version >= 10 else math.cast(kept, x.dtype)
