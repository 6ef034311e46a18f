"""Sums over the steps of a loop that are one product or reduction after it: cotangents of what every step reads.

A weight that meets rows of a state in every step has the cotangent sum over t of ``x_t^T g_t``. With both operands of
all steps on top of each other that is one product ``X^T G``, whose chain of multiply-adds runs over (step, row).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphc.ir.node import Node, simplified
from graphc.ir.order import toposort
from graphc.prims.table import apply


def varying(outputs: Iterable[Node], constants: Iterable[Node]) -> set[Node]:
    """The Nodes that may differ from step to step: those that read an input other than the constants."""
    same, found = set(constants), set()
    for node in toposort(tuple(outputs)):
        if (node.op == "input" and node not in same) or any(x in found for x in node.inputs):
            found.add(node)
    return found


def terms_of(cotangent: Node) -> list[Node]:
    """The summands of a sum, in order."""
    found, stack = [], [cotangent]
    while stack:
        node = stack.pop()
        if node.op == "add":
            stack += reversed(node.inputs)
        else:
            found.append(node)
    return found


def is_product_of_rows(term: Node, changing: set[Node]) -> bool:
    """True for ``x^T @ g`` of matrices whose rows both change from step to step."""
    if term.op != "dot" or term.type.rank != 2 or term.attr("transpose_y") or not term.attr("transpose_x"):
        return False
    return all(x in changing for x in term.inputs)


def is_sum_of(term: Node, stacked: set[Node]) -> bool:
    """True for a sum of a value that is kept for all steps anyway."""
    return term.op == "reduce" and term.attr("kind") == "sum" and term.inputs[0] in stacked


def over_all_steps(term: Node, whole: Callable[[Node], Node]) -> Node:
    """The sum of ``term`` over all steps.

    Args:
        whole: an operand of the term in one step -> that of all steps [steps, ...].
    """
    if term.op == "reduce":
        return apply("reduce", whole(term.inputs[0]), kind="sum", axes=(0, *[a + 1 for a in term.attr("axes")]))
    flat = [apply("reshape", x, shape=(simplified(x.shape[0] * x.shape[1]), x.shape[2])) for x in map(whole, term.inputs)]
    return apply("dot", *flat, transpose_x=True, transpose_y=False)
