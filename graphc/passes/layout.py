"""Layout: transpositions of a whole network are taken away together; between them another order of axes is used."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.errors import located
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.passes.layout_choice import choose_forms
from graphc.passes.layout_forms import Form, as_written, plain, reordered, written
from graphc.passes.nested import everywhere, same_or


@everywhere
def lay_out(graph: Graph, sum_order: bool = False) -> Graph:
    """Compute every Node in the order of axes with which the fewest bytes are transposed.

    Inputs, outputs and operations that know one order only stay as they are; what lies between convolutions that were
    written channels first is computed channels last. No element changes a bit.

    Args:
        sum_order: also sums of floating-point numbers whose elements are then taken in another order, which may change
            their last bits.
    """
    forms = choose_forms(graph, sum_order)
    return same_or(graph, _in_forms(graph, forms)) if forms else graph


def _in_forms(graph: Graph, forms: dict[Node, Form]) -> Iterable[Node]:
    """The graph's roots, computed in these forms, in the order that the graph says."""
    done: dict[Node, tuple[Node, tuple]] = {}
    for node in graph.nodes:
        form = forms.get(node) or as_written(node)
        with located(node.location):
            operands = [_in_order(x, order, done) for x, order in zip(node.inputs, form.needs)]
            done[node] = written(node, form, operands), form.result
    return [_in_order(r, plain(r.type), done) for r in graph.roots]


def _in_order(x: Node, order: tuple, done: dict) -> Node:
    new, has = done[x]
    return reordered(new, has, order, x.type)
