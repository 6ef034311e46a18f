"""What schedules of reductions on GPUs share: sums over the same axes of one shape, and how elements go into them."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtype import DType
from graphc.ir.node import Node, const, make
from graphc.ir.type import Type
from graphc.lower.lanes import accumulator
from graphc.lower.nests.loops import product
from graphc.prims.table import TABLE


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
