"""The order of passes, and running them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from graphc.ir.graph import Graph
from graphc.ir.verify import verify_graph
from graphc.passes.fold import fold_constants
from graphc.passes.guards import settle_guards, take_guards
from graphc.passes.inline import inline_calls
from graphc.passes.loops import drop_unused, merge_loops
from graphc.passes.phases import split_phases
from graphc.passes.require import require
from graphc.passes.shapes import move_less
from graphc.passes.simplify import simplify
from graphc.passes.split_complex import split_complex
from graphc.passes.unify import unify_dims
from graphc.prims.table import row

_simplify_fast = partial(simplify, fast_math=True)

_FIRST = (
    inline_calls, merge_loops, drop_unused, take_guards, unify_dims, require, split_complex, split_phases, fold_constants,
)  # fmt: skip
PIPELINE = (*_FIRST, simplify, move_less, simplify, fold_constants, settle_guards)
FAST_PIPELINE = (*_FIRST, _simplify_fast, move_less, _simplify_fast, fold_constants, settle_guards)


def infer(op: str, types, attrs: dict):
    """The type rule of a primitive, as the verifier asks for it."""
    return row(op).type(*types, **attrs)


def run(graph: Graph, passes: Sequence[Callable] = PIPELINE, on_pass: Callable | None = None,
        verify: bool = True) -> Graph:  # fmt: skip
    """The Graph after every pass, in order.

    Args:
        on_pass: called with (pass, Graph before, Graph after) after each pass; what it answers is not looked at.
        verify: check the Graph after each pass.

    Raises:
        GraphError: a pass made an illegal Graph.
    """
    for one in passes:
        before, graph = graph, one(graph)
        if verify and graph is not before:
            verify_graph(graph, infer)
        if on_pass is not None:
            on_pass(one, before, graph)
    return graph


def pass_name(one: Callable) -> str:
    """The name of a pass, also where options were given by ``functools.partial``."""
    while isinstance(one, partial):
        one = one.func
    return one.__name__
