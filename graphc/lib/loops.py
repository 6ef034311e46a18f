"""Attempts of many elements together until the last one has succeeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node
from graphc.lib.draw import splat
from graphc.prims.control import results_of
from graphc.prims.table import apply


def full(x: Node, value) -> Node:
    """A constant like ``x``."""
    return splat(value, x.dtype, x.shape)


def until_done(carries: Sequence[Node], constants: Sequence[Node], step: Callable) -> list[Node]:
    """``carries = step(*carries, *constants)`` until every element of the first one (b1) is true."""
    given = (*carries, *constants)
    inputs = tuple(input_node(f"c{k}", x.type) for k, x in enumerate(given))
    done = inputs[0]
    waiting = apply("reduce", apply("not", done), kind="any", axes=tuple(range(len(done.shape))))
    test = Graph("waiting", inputs, (waiting,))
    body = Graph("attempt", inputs, (*step(*inputs), *inputs[len(carries) :]))
    return list(results_of(apply("while", *given, test=test, body=body)))[: len(carries)]
