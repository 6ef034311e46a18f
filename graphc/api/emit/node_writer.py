"""Nodes of TensorFlow's graphs, as they are put together: names that are free, attributes as messages."""

from __future__ import annotations

from graphc.api.node_def.attrs import attr_of
from graphc.formats import protos


class NodeWriter:
    """Makes nodes with names of their own.

    Args:
        scope: what their names begin with; may be empty.
        taken: names that are used already; those that are made are added.

    Attributes:
        nodes: what has been made.
    """

    def __init__(self, scope: str, taken: set):
        self.scope, self._taken, self.nodes = scope, taken, []

    def node(self, kind: str, inputs, name: str | None = None, **attrs) -> str:
        """Make a node. Answers with its name, for inputs of others.

        Args:
            inputs: names of tensors. name: below the scope; None for the scope itself.
        """
        full = self.scope if name is None else self._free(f"{self.scope}/{name}" if self.scope else name)
        made = protos.NodeDef(name=full, op=kind, input=list(inputs))
        for key, value in attrs.items():
            made.attr[key].CopyFrom(attr_of(value))
        self.nodes.append(made)
        return full

    def discard(self) -> None:
        """Forget the nodes that have been made."""
        self._taken.difference_update(n.name for n in self.nodes if n.name != self.scope)
        self.nodes.clear()

    def _free(self, name: str) -> str:
        candidate, count = name, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate
