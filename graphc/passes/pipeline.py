"""The order of passes, and running them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Sequence
from functools import partial

from graphc.errors import CompileError, GraphcError
from graphc.ir.graph import Graph
from graphc.ir.verify import verify_graph
from graphc.passes.byte_products import byte_products
from graphc.passes.filter_gradient import gather_filter_gradients
from graphc.passes.fold import fold_constants
from graphc.passes.fold_norm import fold_norm
from graphc.passes.grids import keep_grids, merge_scales
from graphc.passes.guards import settle_guards, take_guards
from graphc.passes.inline import inline_calls
from graphc.passes.layout import lay_out
from graphc.passes.loops import drop_unused, know_constants, merge_loops
from graphc.passes.phases import split_phases
from graphc.passes.quantised import integer_products
from graphc.passes.require import require
from graphc.passes.shapes import move_less
from graphc.passes.simplify import simplify
from graphc.passes.split_complex import split_complex
from graphc.passes.unify import unify_dims
from graphc.prims.table import row

_FIRST = (
    inline_calls, gather_filter_gradients, merge_loops, drop_unused, take_guards, unify_dims, require, split_complex,
    split_phases,
)  # fmt: skip
_settled_moves, _settled_constants = partial(move_less, settled=True), partial(fold_constants, settled=True)


def pipeline(fast_math: bool = False, allow: Container[str] = ()) -> tuple[Callable, ...]:
    """The passes in their order.

    Args:
        fast_math, allow: as in ``graphc.options.Options``.
    """
    algebra = partial(simplify, fast_math=True) if fast_math else simplify
    layout = partial(lay_out, sum_order=True) if fast_math or "sum_order" in allow else lay_out
    norm = (fold_constants, fold_norm) if fast_math or "fold_norm" in allow else ()
    wanted = fast_math or "integer_products" in allow
    integers, scales = ((integer_products,), (merge_scales,)) if wanted else ((), ())
    return (
        *_FIRST, *integers, fold_constants, know_constants, drop_unused, algebra, move_less, layout, _settled_moves, algebra,
        *norm, keep_grids, *scales, byte_products, algebra, _settled_constants, settle_guards,
    )  # fmt: skip


PIPELINE, FAST_PIPELINE = pipeline(), pipeline(fast_math=True)


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
        GraphcError: a pass failed. The message begins with its name and that of the Graph; an error that is none of graphc's is a
            CompileError then.
    """
    legal: dict = {}
    for one in passes:
        before = graph
        try:
            graph = one(before)
            if verify and graph is not before:
                verify_graph(graph, infer, legal=legal)
        except Exception as error:
            raise _named(error, f"pass {pass_name(one)} of graph {before.name}") from error
        if on_pass is not None:
            on_pass(one, before, graph)
    return graph


def _named(error: Exception, where: str) -> GraphcError:
    """The error with the place where it came up in front of its message."""
    if not isinstance(error, GraphcError):
        return CompileError(f"{where} failed: {type(error).__name__}: {error}")
    named = copy.copy(error)
    named.args = (f"{where}: {error.message}", *error.args[1:])
    return named


def pass_name(one: Callable) -> str:
    """The name of a pass, also where options were given by ``functools.partial``."""
    while isinstance(one, partial):
        one = one.func
    return one.__name__
