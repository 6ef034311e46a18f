"""Nodes of GraphDefs that call functions for branches and loops, and tables from keys to values."""

from __future__ import annotations

import numpy as np

from graphc.api.saved_model.interpret import BRANCHES, LOOPS, Interpreter, is_known
from graphc.api.saved_model.library import Library
from graphc.api.saved_model.nodes import TABLE_FILLS, TABLE_USES, TABLES
from graphc.api.saved_model.resources import Table
from graphc.errors import GraphError, explain
from graphc.formats.tensors import array_of
from graphc.v1.tensor import Operation, Tensor

_TYPES = frozenset((*BRANCHES, *LOOPS, *TABLES, *TABLE_FILLS, *TABLE_USES))


class Functional:
    """Makes such nodes of one GraphDef, which may have a library of functions."""

    def __init__(self, graph_def):
        self._library = Library(graph_def, is_known)
        self._interpreter = Interpreter(self._library)
        self._nodes = {n.name: n for n in graph_def.node}

    def is_known(self, node) -> bool:
        """Whether a node is made here, with all that its functions need."""
        if node.op not in _TYPES:
            return False
        try:
            self._library.check_nodes(node.name, [node])
        except GraphError:
            return False
        return True

    def make(self, graph, node, inputs: list, full: str) -> tuple[list, Operation]:
        """The outputs of a node (tensors, tables), and the operation that has its name."""
        graph.unique_name(full)
        if node.op in TABLES:
            return [self._table(node)], graph.create(node.op, full, ())
        if node.op in TABLE_FILLS:
            return [], graph.create("NoOp", full, ())  # done when the table was made
        with graph.name_scope(f"{full}/"):
            outputs = self._interpreter.outputs(node, inputs)
        first = next((k for k, t in enumerate(outputs) if isinstance(t, Tensor)), None)
        if first is None:
            return outputs, graph.create("NoOp", full, ())
        named = graph.create("Identity", full, (outputs[first],), _same)
        return [named.outputs[0] if k == first else t for k, t in enumerate(outputs)], named

    def _table(self, node) -> Table:
        table = self._interpreter.outputs(node, [])[0]
        for fill in self._nodes.values():
            if fill.op in TABLE_FILLS and fill.input[0].partition(":")[0] == node.name:
                given = [self._known(node, i) for i in fill.input[1:] if not i.startswith("^")]
                self._interpreter.outputs(fill, [table, *given])
                break
        return table

    def _known(self, table, name: str) -> np.ndarray:
        """What a node without inputs says."""
        node = self._nodes.get(name.partition(":")[0])
        while node is not None and node.op == "Identity":
            node = self._nodes.get(node.input[0].partition(":")[0])
        if node is None or node.op != "Const":
            raise GraphError(explain(f"the content of table {table.name} is computed; only constants can be read"))
        return array_of(node.attr["value"].tensor)


def _same(node):
    return node
