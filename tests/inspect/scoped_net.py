"""A small model with scopes, a symbolic size, weights, and what passes have something to do for."""

import numpy as np

from graphc.errors import scoped
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import const, symbol
from graphc.ir.type import Type
from graphc.prims import contract
from graphc.prims.table import apply


def scoped_net(width: int) -> Graph:
    """``answer = sqrt(exp(x @ w) + 0)``, negated twice; x is f32[batch, width]."""
    x = input_node("x", Type(dt.f32, (symbol("batch"), width)))
    w = const(np.arange(width * 4, dtype=np.float32).reshape(width, 4))
    with scoped("net/dense"):
        y = contract.dot(x, w)
    with scoped("net/head"):
        z = apply("add", apply("exp", y), const(0.0, y.type))
    return Graph("net", (x,), (apply("neg", apply("neg", apply("sqrt", z))),), names=("answer",))
