"""What all forms of a convolution nest are made from: the sizes, the operands, and the element-wise end."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.kernel import load
from graphc.ir.node import Node
from graphc.lower.nests.conv_epilogue import Epilogue
from graphc.lower.nests.conv_shape import Shape
from graphc.lower.nests.loops import cast, scalar
from graphc.prims.table import apply


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

    @property
    def padding(self) -> Node:
        """What stands around the input: zero, or the byte that a convolution of bytes has for it, in each of four."""
        byte = self.node.attr("fill") if self.node.op == "conv4" else 0
        return scalar(int.from_bytes(bytes([byte] * 4), "little", signed=True), self.wide)

    def multiply_add(self, x: Node, y: Node, total: Node) -> Node:
        """``x * y + total``."""
        return apply("madd4" if self.node.op == "conv4" else "fma", x, y, total)

    def read(self, where: tuple, guard: Node | None = None) -> Node:
        """An element of the input."""
        value = cast(load(self.source, where, self.node.dtype, guard), self.wide)
        if guard is None or self.node.op != "conv4" or not self.node.attr("fill"):
            return value
        return apply("select", guard, value, self.padding)

    def results(self, width: int) -> int:
        """Lanes of a panel that are results, where that is the same for all panels; else all are, under a guard."""
        return min(width, self.shape.outputs)

    def channel(self, group: object, panel: object, width: int, o: Node) -> tuple:
        """The output channel of a lane of a panel, and its guard."""
        outputs = self.shape.outputs
        of_group = panel * width + o
        exact = outputs % width == 0 or outputs < width
        return group * outputs + of_group, None if exact else of_group < outputs

    def finish(self, pixel: Node, channel: Node, total: Node, guard: Node | None = None) -> tuple:
        """Statements that end the sum of an output element."""
        return self.epilogue.store(pixel, channel, cast(total, self.node.dtype), guard)
