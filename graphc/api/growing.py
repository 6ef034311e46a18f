"""TensorArrays that grow in a loop: the loop is run once to see how far they do, and then with rows for all that.

What grows is only written in the loop; so what it holds changes nothing about how far it grows, and the first run leaves
it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.compile import trimmed
from graphc.errors import StateError, explain
from graphc.ir.graph import input_node
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lib.dims import dim
from graphc.lib.shape import zeros
from graphc.prims.table import apply


@dataclass(frozen=True)
class Growing:
    """One TensorArray that grows: the positions of its elements and of their number among the carries of the loop."""

    elements: int
    count: int


def grown(found: Sequence[Growing], first: Sequence[Node], types: dict[int, Type], run: Callable) -> list[Node]:
    """The carries of a loop to begin with, where elements have as many rows as they need at its end.

    Args:
        first: the carries to begin with, before.
        types: of the elements in the loop, by position.
        run: ``(first, expand, reduce)``: the last carries of the loop without some of them; ``expand`` gives all the
            carries of those that are left, and ``reduce`` leaves these out again.

    Raises:
        StateError: elements are read in the loop, and that matters for something else.
    """
    left_out = {g.elements for g in found}
    kept = [k for k in range(len(first)) if k not in left_out]
    absent = {k: input_node(f"ungrown{k}", types[k]) for k in left_out}

    def expand(values: Sequence[Node]) -> list[Node]:
        values = iter(values)
        return [absent[k] if k in left_out else next(values) for k in range(len(first))]

    def reduce(values: Sequence[Node]) -> list[Node]:
        values = [values[k] for k in kept]
        if _needs(values, absent):  # branches that write elements also tell how many there are
            values = list(trimmed(values))
        if _needs(values, absent):
            what = "TensorArray: a loop in a graph that lets one grow (dynamic_size=True) can write it, not read it"
            raise StateError(explain(f"{what}; give size= the greatest number of elements"))
        return values

    last = dict(zip(kept, run([first[k] for k in kept], expand, reduce)))
    new = list(first)
    for g in found:
        new[g.elements] = _padded(first[g.elements], dim(last[g.count], "TensorArray"))
    return new


def _needs(values: Sequence[Node], absent: dict[int, Node]) -> bool:
    found = set(toposort(values))
    return any(n in found for n in absent.values())


def _padded(rows: Node, count) -> Node:
    """As many rows, zeros after those that there are."""
    row = rows.shape[1:]
    if rows.shape[0] == 0:
        return zeros((count, *row), rows.dtype)
    more = zeros((count - rows.shape[0], *row), rows.dtype)
    return apply("concat", rows, more, axis=0)
