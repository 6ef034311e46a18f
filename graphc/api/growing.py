"""TensorArrays that grow in a loop: the loop is run once to see how far they do, and then with rows for all that.

What it holds must change nothing about how far it grows: the first run leaves it out, and all that is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.compile import trimmed
from graphc.errors import StateError, explain
from graphc.ir.graph import input_node, needed
from graphc.ir.node import Node
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
        types: of all carries in the loop.
        run: ``(first, expand, reduce)``: the last carries of the loop without some of them; ``expand`` gives all the
            carries of those that are left, and ``reduce`` leaves these out again.

    Raises:
        StateError: what the elements are decides how many there will be.
    """
    counts = [g.count for g in found]
    left_out = {g.elements for g in found}
    while True:
        try:
            last = _first_run(left_out, counts, first, types, run)
            break
        except _Dependent as error:  # what is made of elements is left out as well
            left_out |= error.places
            if not left_out.isdisjoint(counts):
                raise _refusal() from None
    new = list(first)
    for g in found:
        new[g.elements] = _padded(first[g.elements], dim(last[g.count], "TensorArray"))
    return new


def _first_run(left_out: set[int], counts: Sequence[int], first: Sequence[Node], types, run: Callable) -> dict[int, Node]:
    """The last values of the carries that are not left out."""
    kept = [k for k in range(len(first)) if k not in left_out]
    absent = {k: input_node(f"ungrown{k}", types[k]) for k in left_out}

    def expand(values: Sequence[Node]) -> list[Node]:
        values = iter(values)
        return [absent[k] if k in left_out else next(values) for k in range(len(first))]

    def reduce(values: Sequence[Node]) -> list[Node]:
        values = [values[k] for k in kept]
        if _needs(values, absent):  # branches that write elements also tell how many there are
            values = list(trimmed(values))
        dependent = {k for k, value in zip(kept, values) if _needs([value], absent)}
        if dependent:
            raise _Dependent(dependent)
        return values

    last = dict(zip(kept, run([first[k] for k in kept], expand, reduce)))
    if _needs([last[k] for k in counts], absent):  # by the test of the loop
        raise _refusal()
    return last


class _Dependent(Exception):
    """Carries that depend on some that are left out."""

    def __init__(self, places: set[int]):
        super().__init__(places)
        self.places = places


def _refusal() -> StateError:
    what = "a loop in a graph: how far a TensorArray grows (dynamic_size=True), or what shape a variable of the loop gets"
    return StateError(explain(f"{what}, depends on the elements; give a TensorArray size=, and a variable its final shape"))


def _needs(values: Sequence[Node], absent: dict[int, Node]) -> bool:
    return not set(needed(values)).isdisjoint(absent.values())


def _padded(rows: Node, count) -> Node:
    """As many rows, zeros after those that there are."""
    row = rows.shape[1:]
    if rows.shape[0] == 0:
        return zeros((count, *row), rows.dtype)
    more = zeros((count - rows.shape[0], *row), rows.dtype)
    return apply("concat", rows, more, axis=0)
