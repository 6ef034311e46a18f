"""Where new operations go: a v1 graph, the body of a function that is being traced, or eager evaluation.

A recorder is an object with these members:

``call(kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None, outputs=None)``
    the outputs of a new operation as Tensors (one, or a list of several); ``build`` maps Nodes to Nodes;
``draw(seed, kind="", blocks=None)``
    ``(key, counter, effect)`` of a new random operation of that kind, which draws that many blocks of numbers;
``expect_creation()``
    refuses that a variable is made now, if it must not;
``is_eager``
    whether its tensors have values at once;
``captures``
    whether tensors of other recorders may be used inside: it then takes every operation while it is innermost.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

from graphc.api.gate import GATE
from graphc.errors import GraphError, explain


class Stack(threading.local):
    """Objects entered by ``with``, per thread, above one that stands for all threads."""

    def __init__(self):
        self.entered = []

    @property
    def top(self):
        """The innermost object, or None."""
        return self.entered[-1] if self.entered else None

    def enter(self, value) -> None:
        """Put ``value`` on top."""
        GATE.shut()
        self.entered.append(value)

    def leave(self, value) -> None:
        """Take ``value`` out, wherever it stands."""
        self.entered = [v for v in self.entered if v is not value]

    @contextmanager
    def entering(self, value):
        """``value`` is on top inside.

        Raises:
            GraphError: something else was left on top at the end: ``with`` blocks that are not nested.
        """
        self.enter(value)
        try:
            yield value
        finally:
            if self.entered and self.entered[-1] is value:
                self.entered.pop()
            else:
                raise GraphError(explain("with blocks of default graphs or sessions are not properly nested"))


RECORDERS = Stack()


def recorder_for(tensors, fallback):
    """The recorder of an operation on these tensors; ``fallback()`` where neither they nor a ``with`` block decide."""
    top = RECORDERS.top
    if top is not None and top.captures:
        return top
    graphs = [tensor.graph for tensor in tensors]
    for graph in graphs:
        if not graph.is_eager:
            return graph
    return top or (graphs[0] if graphs else fallback())
