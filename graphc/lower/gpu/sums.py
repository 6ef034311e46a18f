"""What schedules of reductions on GPUs share: sums over the same axes of one shape, how elements go into them, and what waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.graph import Graph
from graphc.ir.kernel import Let
from graphc.ir.node import Node, const, make, var
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lower.element import Elements, as_data
from graphc.lower.gpu.threads import WARP
from graphc.lower.lanes import accumulator
from graphc.lower.map_nest import index_vars, region_arrays, work_of
from graphc.lower.nests.loops import cast, product
from graphc.lower.reduce_nest import COSTLY, Row, find_phases, loops_of, needed_at
from graphc.prims.table import TABLE

REGISTERS = 64  # of a thread at the most, for the elements of a row that wait there
CODE = 8192  # flops of the written-out elements of a thread at the most


@dataclass(frozen=True)
class Sums:
    """Reductions over the same axes of one shape, whose last axis is kept."""

    nodes: tuple[Node, ...]
    shape: tuple
    reduced: tuple
    index: tuple
    terms: tuple[Node, ...]  # what each adds, as wide as it is carried

    @property
    def kept(self) -> tuple:
        return tuple([a for a in range(len(self.shape)) if a not in self.reduced])

    @property
    def outputs(self):
        """Columns: elements of a result."""
        return product(self.shape[a] for a in self.kept)


def carried(node: Node) -> DType:
    """The dtype in which a reduction is carried."""
    return accumulator(node.dtype, node.attr("kind"))


def identity(node: Node) -> Node:
    """What a reduction begins with."""
    return const(TABLE["reduce"].reduce(node.attr("kind"), carried(node))[0], Type(carried(node), ()))


def combined(node: Node, x: Node, y: Node) -> Node:
    """What a reduction makes of two values."""
    return make(TABLE["reduce"].reduce(node.attr("kind"), x.dtype)[1], (x, y), (), Type(x.dtype, ()))


def is_ordered(node: Node) -> bool:
    """Whether the bits of a reduction depend on the order of its elements; signs of zeros and kinds of NaN do not count."""
    return carried(node).is_inexact and node.attr("kind") not in ("max", "min")


# ------------------------------------------------------------------------------------------------ rows


def planned(graph: Graph, shape: tuple, reduced: tuple) -> tuple[Row, list, list]:
    """A region of reductions over some axes of ``shape``, its Nodes in order, and the loops of a row."""
    arrays, names = region_arrays(graph)
    kept = tuple([a for a in range(len(shape)) if a not in reduced])
    row = Row(graph, shape, kept, reduced, index_vars(shape), Elements(names), arrays)
    order = toposort(graph.outputs)
    find_phases(row, order)
    return row, order, loops_of(row, order)


def words_of(graph: Graph, shape: tuple) -> int:
    """Registers that one element of everything that lies along a row takes."""
    return sum(-(-x.dtype.size // 4) for x in graph.inputs if x.shape == shape) or 1


def waits(graph: Graph, shape: tuple, threads: int = WARP) -> bool:
    """Whether a row is of known length, and so short that it waits in the registers of so many threads."""
    if type(shape[-1]) is not int:
        return False
    each = -(-shape[-1] // threads)
    return each * words_of(graph, shape) <= REGISTERS and each * work_of(graph) <= CODE


def waiting_inputs(row: Row, order: list) -> dict[str, Node]:
    """The arrays that are read along the row at the very place where an element is computed, and their Nodes."""

    def is_read(x: Node) -> bool:
        return any(x in n.inputs and (n.op == "reduce" or TABLE[n.op].scalar is not None) for n in order)

    return {f"x{k}": x for k, x in enumerate(row.graph.inputs) if x.shape == row.shape and is_read(x)}


def waiting_values(row: Row, loops: list) -> dict[Node, int]:
    """Costly values that several loops need, and the first of these, which computes them."""
    needed = needed_at(row, loops)
    found = [n for n in sorted(needed, key=lambda n: row.phase[n]) if len(needed[n]) > 1 and TABLE[n.op].cost >= COSTLY]
    return {n: min(needed[n]) for n in found}


def named(row: Row, level: int, reductions: list[Node], totals: list[Node]) -> list[Let]:
    """Names for the reductions of a level, by which all that comes after knows them."""
    out = []
    for k, (node, total) in enumerate(zip(reductions, totals)):
        name = var(f"r{level}_{k}", Type(node.dtype, ()))
        out.append(Let(name, cast(total, node.dtype)))
        row.elements.values[node] = as_data(name)
    return out
