"""The element-wise end of a convolution: what becomes of a sum while it is at hand, and where the results go."""

from __future__ import annotations

from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.kernel import Array, Store
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.collapse import collapse
from graphc.lower.element import Elements
from graphc.lower.nests.loops import unravel
from graphc.lower.schedule import name_shared, read_first
from graphc.prims.shape import broadcast
from graphc.prims.table import TABLE


class Epilogue:
    """The operations of a region that follow its convolution.

    Attributes:
        arrays: what they read and write besides the sums: inputs of the region, ``x<k>``, and its outputs, ``out<k>``.
        used: the inputs of the region that they read.
        cost: rough instructions for one element.
        is_repeatable: no operand may lie where a result is written, so that a result may be computed twice.
    """

    def __init__(self, graph: Graph, node: Node):
        total = input_node("sum", node.type)
        outputs = rebuild(graph.outputs, lambda n, inputs: None, {node: total, **{x: x for x in graph.inputs}})
        order = toposort(outputs)
        self.used = frozenset(order) & frozenset(graph.inputs)
        self.is_repeatable = all(x.type.rank <= 1 for x in self.used)
        self.cost = sum(TABLE[n.op].cost for n in order if n.inputs)
        kept = [(k, x) for k, x in enumerate(graph.inputs) if x in self.used]
        # a vector over the channels keeps their axis apart from the others
        lanes = input_node("lanes", Type(node.dtype, (node.shape[-1],)))
        across = broadcast(lanes, node.shape, (len(node.shape) - 1,))
        region = Graph("epilogue", (total, *[x for _, x in kept], lanes), (*outputs, across))
        region, self.domain = collapse(region, node.shape)
        self.sum, *inputs, _ = region.inputs
        self.outputs = region.outputs[:-1]
        self.names = {x: f"x{k}" for (k, _), x in zip(kept, inputs)}
        results = [Array(f"out{k}", n.type, written=True) for k, n in enumerate(self.outputs)]
        self.arrays = (*[Array(name, x.type) for x, name in self.names.items()], *results)

    def store(self, pixel: Node, channel: Node, value: Node, guard: Node | None) -> tuple:
        """Statements that finish and store the sum ``value`` of an output pixel (its number) and channel."""
        where = (*unravel(pixel, self.domain[:-1]), channel)
        elements = Elements(self.names, {self.sum: value})
        lets, values = name_shared([elements.at(n, where, guard) for n in self.outputs], "e")
        lets, values = read_first(lets, values)
        return (*lets, *[Store(f"out{k}", where, v, guard) for k, v in enumerate(values)])
