"""What lies before fed tensors: gradients go on there, and only what their values really need is run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from graphc.ir.graph import input_node, symbols_of
from graphc.ir.node import Node, symbol
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.v1.tensor import Differentiate, Operation, Read, Tensor

_numbers = itertools.count()


class Wanted(Exception):
    """Gradients need the values of operations that were left out, because what is computed from them is fed."""

    def __init__(self, operations: Iterable[Operation]):
        super().__init__()
        self.operations = tuple(operations)


class Upstream:
    """Stand-ins for values that nobody may need: of operations that a run leaves out unless it must have them.

    Attributes:
        has_cuts: whether tensors are fed that would be computed.
    """

    def __init__(self, has_cuts: bool = False):
        self.has_cuts = has_cuts
        self._makers: dict[Node, Operation] = {}

    def stand_in(self, op: Operation) -> list[Node]:
        """A Node for each output, with sizes of its own.

        Raises:
            Wanted: a rank is not known.
        """
        if any(t.node is None for t in op.outputs):
            raise Wanted([op])
        return [self._one(t) for t in op.outputs]

    def _one(self, tensor: Tensor) -> Node:
        name = f"left_out_{next(_numbers)}"
        sizes = [d if type(d) is int else symbol(f"{name}_{k}") for k, d in enumerate(tensor.node.shape)]
        node = input_node(name, Type(tensor.dtype, tuple(sizes)))
        self._makers.update(dict.fromkeys([node, *(d for d in sizes if type(d) is not int)], tensor.op))
        return node

    def behind(self, nodes: Sequence[Node | None]) -> list[Operation]:
        """The operations whose stand-ins these Nodes are computed from."""
        if not self._makers:
            return []
        found: dict[Operation, None] = {}
        for node in toposort([n for n in nodes if n is not None]):
            for n in (node, *symbols_of(node)):
                if n in self._makers:
                    found[self._makers[n]] = None
        return list(found)


def crossed(path: Sequence[Operation], effect: Differentiate, is_fed: Callable[[Tensor], bool]) -> set[Tensor]:
    """Fed tensors that are computed from something that is differentiated by: derivatives go on before them.

    Args:
        path: all that the tensors are computed from, whatever is fed, in order.
    """
    reached = {x for x in effect.xs if isinstance(x, Tensor)}
    variables = {x for x in effect.xs if not isinstance(x, Tensor)}
    found = set()
    for op in path:
        if any(t in reached for t in op.operands):
            more = {t for t in op.outputs if t.dtype.is_inexact and t not in effect.stops}
            found.update(t for t in more if is_fed(t))
            reached |= more
        elif isinstance(op.effect, Read) and op.effect.variable in variables:
            reached.update(t for t in op.outputs if t not in effect.stops)
            found.update(t for t in op.outputs if is_fed(t))
    return found
