"""Nodes of operations that TensorFlow does not have, written so that it can read the graph around them."""

from __future__ import annotations

from graphc.api.node_def.attrs import attr_of
from graphc.v1.graph import Graph
from graphc.v1.graph_def import own

_OWN = "Graphc"  # how the types of such nodes begin
_STAND_IN = "PyFunc"  # a node type with any inputs and outputs that TensorFlow reads, and refuses only when it is run


def make_portable(graph_def, graph: Graph) -> None:
    """Make them calls of a Python function that nobody has; what they are, graphc reads from their attributes.

    So TensorFlow can use all of the graph that does not need them: gradients do not hinder serving.
    """
    for node in graph_def.node:
        if node.op.startswith(_OWN) and graph.has_operation(node.name):
            op = graph.get_operation_by_name(node.name)
            kept = {key: node.attr[key].SerializeToString() for key in list(node.attr) if key.startswith("_")}
            kind, inputs = node.op, [i for i in node.input if not i.startswith("^")]
            if len(inputs) != len(op.operands) or own.PART in node.attr:
                continue
            node.attr.clear()
            node.op = _STAND_IN
            attrs = {"token": kind, "Tin": [t.dtype for t in op.operands], "Tout": [t.dtype for t in op.outputs]}
            for key, value in attrs.items():
                node.attr[key].CopyFrom(attr_of(value))
            for key, data in kept.items():
                node.attr[key].ParseFromString(data)
