"""What a graph inside a node uses of the graph around it, as operands of a branch or loop."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Values
from typing import TYPE_CHECKING

from graphc.errors import UnimplementedError
from graphc.ir.node import Node, const
from graphc.ir.sizes import maker, symbols_in
from graphc.lib.dims import DataDependent, as_dims
from graphc.onnx.static import NeedsValue, static_value
from graphc.onnx.values import UNKNOWN, parts_of, with_parts

if TYPE_CHECKING:
    from graphc.onnx.trace import Frame, Subgraph


class Untraceable(Exception):
    """A body cannot be traced once for all its steps, or both branches into one result; the text says why."""


class Incomplete(Exception):
    """A body has nodes that are not supported; they are reported already."""


class Closure:
    """The values of names that bodies use of the graph around them.

    Constants, and numbers that follow from the sizes of inputs, stay what they are inside; other values become operands,
    so that nothing outside is computed again inside.

    Attributes:
        operands: the Nodes outside.
    """

    def __init__(self, frame: Frame, bodies: Values[Subgraph]):
        self.frame = frame
        self.values = {name: frame.lookup(name) for body in bodies for name in body.captured}
        if any(v is UNKNOWN for v in self.values.values()):
            raise Incomplete
        self.fixed: dict[Node, Node] = {}
        self.operands = [n for n in dict.fromkeys(n for v in self.values.values() for n in parts_of(v)) if not _stays(n)]

    def inside(self, stand_ins: Values[Node]) -> dict[str, object]:
        """The values of the names inside, where the operands are called so."""
        named = {**dict(zip(self.operands, stand_ins)), **self.fixed}
        return {name: with_parts(v, iter([named.get(n, n) for n in parts_of(v)])) for name, v in self.values.items()}

    def traced(self, body: Subgraph, given: Values, stand_ins: Values[Node], is_repeated: bool = False) -> list:
        """The results of a body.

        Raises:
            Incomplete: something in it is not supported. Again: with more values fixed.
            Untraceable: the value of what changes inside would have to be known.
        """
        try:
            found = body(*given, outer=self.inside(stand_ins), is_repeated=is_repeated)
        except NeedsValue as need:
            self._fix(need, stand_ins)
            raise Again from None
        if any(v is UNKNOWN for v in found):
            raise Incomplete
        return found

    def _fix(self, need: NeedsValue, stand_ins: Values[Node]) -> None:
        outside = {inner.attr("name"): node for node, inner in zip(self.operands, stand_ins)}
        if not need.names:
            raise need
        if not set(need.names) <= set(outside):
            raise Untraceable(need.why)
        for name in need.names:
            if outside[name] in self.fixed:
                raise UnimplementedError(f"{need.why} must be known before running")
            self.fixed[outside[name]] = const(static_value(outside[name], need.why))


class Again(Exception):
    """A body must be traced again, as more values outside have become constants inside."""


def retried(frame: Frame, attempt: Callable):
    """``attempt()``, again while it raises Again; problems that were entered meanwhile are forgotten."""
    problems = frame.tracer.problems
    before = len(problems)
    while True:
        try:
            return attempt()
        except Again:
            del problems[before:]


def _stays(x: Node) -> bool:
    """Whether a value is a constant, or made of sizes of the model's inputs alone."""
    if x.op == "const":
        return True
    if not x.dtype.is_integer or len(x.shape) > 1:
        return False
    try:
        found = as_dims(x)
    except DataDependent:
        return False
    return not any(maker(s) is not None for d in found for s in symbols_in(d))
