"""What all forms of a convolution nest are made from: the sizes, the operands, and the element-wise end."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.kernel import load
from graphc.ir.node import Node
from graphc.lower.nests.conv_epilogue import Epilogue
from graphc.lower.nests.conv_shape import Shape
from graphc.lower.nests.loops import cast


@dataclass(frozen=True)
class Site:
    """A convolution, the names of the arrays that hold its operands, and what follows it.

    ``packed``: the weights lie in panels, [groups, panels, depth, width] in the dtype of the sums.
    ``lanes``: sums in one register. ``outside``: the array of what taps in the padding add to sums, where it is not 0.
    """

    node: Node
    shape: Shape
    source: str
    weights: str
    packed: bool
    epilogue: Epilogue
    lanes: int
    outside: str | None = None

    @property
    def wide(self) -> DType:
        """The dtype of the sums."""
        return dt.accumulator(self.node.dtype)

    def read(self, where: tuple, guard: Node | None = None) -> Node:
        """An element of the input."""
        return cast(load(self.source, where, self.node.dtype, guard), self.wide)

    def finish(self, pixel: Node, channel: Node, total: Node, guard: Node | None = None) -> tuple:
        """Statements that end the sum of an output element."""
        return self.epilogue.store(pixel, channel, cast(total, self.node.dtype), guard)
