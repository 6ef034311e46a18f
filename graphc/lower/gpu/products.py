"""``dot`` regions on a GPU: the product with its element-wise end in one kernel; operands are read as they lie.

Weights are not packed ahead: a tile of either operand lies in shared memory before it is multiplied, in the order in which it is
read there, whatever its order in the device's memory, and neighbouring threads bring neighbouring bytes of both.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.graph import Graph
from graphc.ir.kernel import Array, Kernel, Store
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.contraction import PRODUCTS, multiply_add
from graphc.lower.element import Elements
from graphc.lower.gpu.tiers import boxes_of, product_nests
from graphc.lower.gpu.tiles import Product, Side, widest_access
from graphc.lower.nests.loops import as_index, cast, product, unravel
from graphc.lower.places import pointwise
from graphc.lower.region import Region
from graphc.lower.schedule import name_shared, read_first, symbols_of
from graphc.lower.step import Step
from graphc.prims.table import TABLE

_MOST_MAPPED = 1 << 31  # of a dimension that the copy engine counts, in 32 bits


def lower_dot(lowering, region: Region, outputs: dict, memory: dict) -> list[Step]:
    """The launch of a dot region.

    Args:
        lowering: of ``lower.lower``. outputs: names of the arrays of its results and where they lie. memory: where values lie.
    """
    graph = region.graph
    node = product_of(graph)
    places = {k: lowering.find(s, memory) for k, s in enumerate(region.sources)}
    operands = {s.root() for k, s in places.items() if graph.inputs[k] in node.inputs}
    pairs = pointwise(graph, places, list(outputs.values()), operands)
    inputs = {f"x{k}": s for k, s in places.items()}
    return [lowering.launch(graph, lambda: dot_kernel(graph, lowering.gpu), inputs, outputs, pairs)]


def product_of(graph: Graph) -> Node:
    """The product of a region."""
    return next(n for n in toposort(graph.outputs) if n.op in PRODUCTS)


def dot_kernel(graph: Graph, gpu: Gpu) -> Kernel:
    """A kernel for a dot region. Arrays: ``x<k>`` for the region's inputs, then ``out<k>``."""
    ends = Ends(graph, product_of(graph))
    p = ends.product()
    (body, why), boxes = product_nests(p, gpu), boxes_of(p, gpu)
    arrays = tuple([replace(a, box=boxes.get(a.name)) for a in ends.arrays()])
    return Kernel("dot", arrays, symbols_of(body, arrays), body, why)


class Ends:
    """Both ends of a product's kernel: how operands are read, and what becomes of a sum.

    Attributes:
        graph: the region. node: its product. names: the arrays of its inputs.
        shared: what the element-wise end reads or the region returns: operands among them keep their own shape, others have
            their batch axes as one.
    """

    def __init__(self, graph: Graph, node: Node):
        self.graph, self.node = graph, node
        self.names = {x: f"x{k}" for k, x in enumerate(graph.inputs)}
        after = [n for n in toposort(graph.outputs) if n is not node]
        self.shared = frozenset(x for n in after for x in n.inputs) | frozenset(graph.outputs)
        self.cost = sum(TABLE[n.op].cost for n in after if n.inputs)
        self.wide = dt.accumulator(node.dtype)

    @property
    def depth(self) -> object:
        """Products of a sum."""
        x = self.node.inputs[0]
        return x.shape[-2] if self.node.attr("transpose_x") else x.shape[-1]

    def arrays(self) -> tuple[Array, ...]:
        """The arrays of the kernel."""
        out = []
        for x, name in self.names.items():
            flat = x in self.node.inputs and x not in self.shared
            out.append(Array(name, Type(x.dtype, (product(x.shape[:-2]), *x.shape[-2:])) if flat else x.type))
        return (*out, *[Array(f"out{k}", n.type, written=True) for k, n in enumerate(self.graph.outputs)])

    def place(self, operand: Node, batch: Node, row: Node, column: Node) -> tuple:
        """The index of an element of an operand."""
        if operand in self.shared:
            return (*unravel(batch, operand.shape[:-2]), row, column)
        return batch, row, column

    def product(self) -> Product:
        """The product for ``fma_tile``."""
        return Product(product(self.node.shape[:-2]), self.depth, self._side(0), self._side(1), self.wide,
                       lambda a, b, c: multiply_add(self.node.op, a, b, c), self.finish, self.cost)  # fmt: skip

    def _side(self, which: int) -> Side:
        operand = self.node.inputs[which]
        turned = self.node.attr(("transpose_x", "transpose_y")[which])
        along = (which == 0) != turned

        def at(batch: Node, line: Node, k: Node, offset: Node, together: int) -> tuple[tuple, list]:
            row, column = (line, k) if along else (k, line)
            return self.place(operand, batch, row, as_index(column + offset)), []

        vector = widest_access(operand.shape[-1], operand.dtype)
        once = operand not in self.shared and self.node.inputs[0] is not self.node.inputs[1]
        whole = once and all(type(d) is int and 0 < d < _MOST_MAPPED for d in operand.shape)
        return Side(self.node.shape[-2:][which], self.names[operand], operand.dtype, at, along, vector, whole=whole)

    def finish(self, batch: Node, row: Node, column: Node, total: Node, guard: Node | None) -> tuple:
        """Statements that end a sum and store the results."""
        elements = Elements(self.names, {self.node: cast(total, self.node.dtype)})
        where = (*unravel(batch, self.node.shape[:-2]), row, column)
        lets, values = name_shared([elements.at(n, where, guard) for n in self.graph.outputs], "e")
        lets, values = read_first(lets, values)
        return (*lets, *[Store(f"out{k}", where, v, guard) for k, v in enumerate(values)])
