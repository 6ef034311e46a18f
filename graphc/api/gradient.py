"""Gradients with respect to any value, not only to leaves: mark the value, differentiate, take the mark away.

Nodes are shared by structure, so a Node alone cannot say which of two equal values is meant: ``x`` and ``identity(x)``
are one Node. A mark adds a fresh zero-like input; the gradient with respect to that input is the gradient with respect
to the value at that place, and removing the mark afterwards gives back the very Nodes that were there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.autodiff import grad, jacobian
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import Node, make


def mark(x: Node, name: str) -> tuple[Node, Node]:
    """``x`` as a value of its own, and the delta to differentiate by; ``name`` is unique among open marks."""
    delta = input_node(name, x.type)
    return make("add", (x, delta), (), x.type), delta


def gradients(
    ys: Sequence[Node], deltas: Sequence[Node], seeds: Sequence[Node | None] | None = None
) -> list[Node | None]:
    """Sums of gradients of ``ys`` with respect to the marked values; None where nothing connects them.

    Args:
        seeds: the gradients of ``ys``; ones where None.
    """
    found = grad(ys, deltas, seeds, unconnected=None)
    connected = [g for g in found if g is not None]
    clean = iter(without_marks(connected, deltas))
    return [None if g is None else next(clean) for g in found]


def jacobian_at(y: Node, delta: Node, deltas: Iterable[Node]) -> Node | None:
    """The Jacobian of ``y`` by a marked value; None where nothing connects them.

    Args:
        deltas: those of all marks.
    """
    found = jacobian(y, delta)
    return None if found is None else without_marks([found], deltas)[0]


def without_marks(outputs: Iterable[Node], deltas: Iterable[Node]) -> list[Node]:
    """The outputs with every ``x + delta`` replaced by ``x``."""
    deltas = set(deltas)

    def visit(node: Node, inputs: tuple) -> Node | None:
        if node.op == "add" and node.inputs[1] in deltas:
            return inputs[0]
        return None

    return substitute(outputs, {}, visit)
