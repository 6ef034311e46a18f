"""Graphs handed to networkx."""

import pytest

from graphc.inspect.network import to_networkx
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.type import Type

networkx = pytest.importorskip("networkx")


def test_values_and_operands():
    x = input_node("x", Type(dt.f32, (3,)))
    graph = Graph("g", (x,), ((x + 1.0) * x,))
    network = to_networkx(graph)
    assert set(network) == {"x", "const0", "add0", "mul0"}
    assert network.edges["x", "mul0"]["operand"] == 1 and network.nodes["add0"]["type"] == "f32[3]"
    assert networkx.is_directed_acyclic_graph(network)
