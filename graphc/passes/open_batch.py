"""A batch of a fixed size made open, where every operation treats its rows apart: the inverse of ``specialise`` for axis 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from graphc.errors import GraphcError, UsageError, explain, located
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node, const, simplified, symbol
from graphc.ir.order import toposort
from graphc.ir.type import TupleType
from graphc.passes.inline import inline_calls
from graphc.prims import TABLE, apply
from graphc.prims.interpret import interpret
from graphc.prims.shape import broadcast, reshape, slice_


def open_batch(graph: Graph) -> Graph:
    """The graph for any number of rows: each result is what ``graph`` gives for each batch of its own size, one after the other.

    The first axis of the first input that has one is the batch, and that of all inputs with as many elements there. It is followed through the
    operations. Only those are let through that compute each row from the same row of their operands, whatever values there are.

    Raises:
        UsageError: there is no such axis, or an operation that fixes it; the message names it and the user's line.
    """
    graph = inline_calls(graph)
    sizes = [x.shape[0] for x in graph.inputs if x.shape]
    if not sizes or not isinstance(sizes[0], int) or sizes[0] == 0:
        raise UsageError(f"{graph.name} has no first axis of an input that could be made open")
    if graph.donated or graph.measures:
        what = "writes its state over" if graph.donated else "has sizes that depend on data"
        raise UsageError(f"the batch of {graph.name} is fixed at {sizes[0]} and cannot be made open, as it {what}")
    taken = {s.attr("name") for s in graph.symbols}
    name = next(n for n in ("batch", *(f"batch{k}" for k in range(len(taken) + 1))) if n not in taken)
    return _Opening(graph, sizes[0], symbol(name)).opened()


@dataclass(frozen=True)
class _Value:
    """What became of a Node.

    Attributes:
        axis: where the batch is, None where the value is the same for all of it.
        many: elements of this axis for one of the batch: rows of rows may lie in it one after the other.
    """

    node: Node
    axis: int | None = None
    many: int = 1

    @property
    def place(self) -> tuple[int | None, int]:
        return self.axis, self.many


class _Opening:
    """The state of one walk over a graph, whose batch of ``size`` becomes ``batch``."""

    def __init__(self, graph: Graph, size: int, batch: Node):
        self.graph, self.size, self.batch = graph, size, batch
        self.values: dict[Node, _Value] = {}

    def opened(self) -> Graph:
        inputs = []
        for x in self.graph.inputs:
            is_open = bool(x.shape) and x.shape[0] == self.size
            with located(x.location):
                node = input_node(x.attr("name"), x.type.with_shape((self.batch, *x.shape[1:]))) if is_open else x
            self.values[x] = _Value(node, 0 if is_open else None)
            inputs.append(node)
        for node in self.graph.nodes:
            if node not in self.values:
                with located(node.location):
                    self.values[node] = self._value(node)
        outputs = [self.values[y] for y in self.graph.outputs]
        for name, old, new in zip(self.graph.names, self.graph.outputs, outputs):
            if new.axis is not None and new.many != 1:
                self.refuse(old, f"output {name} has no axis for it alone")
        if all(new.axis is None for new in outputs):
            raise UsageError(f"the batch of {self.graph.name} is fixed at {self.size}: no output has an axis for it")
        return replace(self.graph, inputs=tuple(inputs), outputs=tuple([v.node for v in outputs]))

    def refuse(self, node: Node, why: str) -> None:
        what = f"the batch of {self.graph.name} is fixed at {self.size} and cannot be made open: {why}"
        raise UsageError(explain(what, (), node.location))

    def _value(self, node: Node) -> _Value:
        if node.op == "random_bits":
            self.refuse(node, "random numbers are drawn for so many rows")
        values = [self.values[x] for x in node.inputs]
        if all(v.axis is None for v in values):
            return _Value(node)
        rule = _RULES.get(node.op)
        if isinstance(node.type, TupleType) or (rule is None and TABLE[node.op].scalar is None):
            self.refuse(node, f"{node.op} is not known to treat rows apart")
        try:
            found = (rule or _Opening._elementwise)(self, node, values)
        except UsageError:
            raise
        except GraphcError as error:  # sizes that fit for one number alone
            self.refuse(node, str(error).split("\n")[0])
        if found.node.shape != self._shape(node.shape, found):
            self.refuse(node, f"{node.op} makes {found.node.type} of {node.type}")
        return found

    def _dim(self, many: int):
        return self.batch if many == 1 else simplified(self.batch * many)

    def _shape(self, shape: tuple, at: _Value) -> tuple:
        return shape if at.axis is None else (*shape[: at.axis], self._dim(at.many), *shape[at.axis + 1 :])

    def _made(self, node: Node, inputs, at: tuple, **attrs) -> _Value:
        """The same operation on other operands, with the batch at ``at``."""
        return _Value(apply(node.op, *inputs, **{**dict(node.attrs), **attrs}), *at)

    def _alike(self, node: Node, values: list[_Value], operands: list[Node]) -> tuple[tuple, list[Node]]:
        """Where the batch is in all of them, and they with the batch there; what has none is repeated."""
        places = {v.place for v in values if v.axis is not None}
        if len(places) > 1:
            self.refuse(node, f"{node.op} combines different rows with each other")
        (at,) = places
        return at, [v.node if v.axis is not None else self._repeated(node, x, *at) for v, x in zip(values, operands)]

    def _repeated(self, user: Node, x: Node, axis: int, many: int) -> Node:
        """A value that all of the batch share, with an axis for the batch."""
        shape = self._shape(x.shape, _Value(x, axis, many))
        if x.op == "broadcast" and axis not in x.attr("axes"):
            return broadcast(x.inputs[0], shape, x.attr("axes"))
        if x.op == "const" and x.attr("value").is_splat:
            return const(x.attr("value").array.reshape(-1)[0], x.type.with_shape(shape))
        if self.size != 1 and not self._is_repetition(x, axis):
            self.refuse(user, f"{user.op} takes a value of {self.size * many} rows, {x.type}, which are not the batch's")
        stop = (*x.shape[:axis], many, *x.shape[axis + 1 :])
        one = slice_(x, [0] * x.type.rank, stop)
        wide = (*stop[:axis], self.batch, *stop[axis:])
        return reshape(broadcast(one, wide, [a for a in range(len(wide)) if a != axis]), shape)

    def _is_repetition(self, x: Node, axis: int) -> bool:
        """Whether a value is known to be the same for every row of the batch."""
        if any(n.op in ("input", "symbol") for n in toposort((x,))):
            return False
        (array,) = interpret(Graph("rows", (), (x,)))
        return len({part.tobytes() for part in np.split(array, self.size, axis)}) == 1

    # ---------------------------------------------------------------------------------------------- rules

    def _elementwise(self, node: Node, values: list[_Value]) -> _Value:
        if len({x.shape for x in node.inputs}) > 1:
            self.refuse(node, f"{node.op} is not known to treat rows apart")
        at, inputs = self._alike(node, values, list(node.inputs))
        return self._made(node, inputs, at)

    def _ensure(self, node: Node, values: list[_Value]) -> _Value:
        (v,) = values
        return self._made(node, [v.node], v.place, shape=self._shape(node.shape, v))

    def _reshape(self, node: Node, values: list[_Value]) -> _Value:
        (v,), old, new = values, node.inputs[0].shape, node.shape
        if any(not isinstance(d, int) for d in (*old, *new)):
            self.refuse(node, "reshape mixes it with sizes that are open")
        before, found = math.prod(old[: v.axis]), []
        for axis, d in enumerate(new):
            if math.prod(new[:axis]) == before and d % self.size == 0 and math.prod(new) > 0:
                found.append((d != self.size, axis != v.axis, axis, d // self.size))
        if not found:
            self.refuse(node, f"reshape of {node.inputs[0].type} to {node.type} mixes it with other axes")
        *_, axis, many = min(found)
        at = _Value(v.node, axis, many)
        return self._made(node, [v.node], at.place, shape=self._shape(new, at))

    def _broadcast(self, node: Node, values: list[_Value]) -> _Value:
        (v,) = values
        at = replace(v, axis=node.attr("axes")[v.axis])
        return self._made(node, [v.node], at.place, shape=self._shape(node.shape, at))

    def _transpose(self, node: Node, values: list[_Value]) -> _Value:
        (v,) = values
        return self._made(node, [v.node], (node.attr("perm").index(v.axis), v.many))

    def _slice(self, node: Node, values: list[_Value]) -> _Value:
        (v,), whole = values, node.inputs[0].shape[values[0].axis]
        if (node.attr("start")[v.axis], node.attr("stop")[v.axis], node.attr("step")[v.axis]) != (0, whole, 1):
            self.refuse(node, f"slice takes some rows of {node.inputs[0].type}")
        return self._made(node, [v.node], v.place, stop=self._shape(node.attr("stop"), v))

    def _pad(self, node: Node, values: list[_Value]) -> _Value:
        v, filling = values
        if v.axis is None or filling.axis is not None or node.attr("low")[v.axis] or node.attr("high")[v.axis]:
            self.refuse(node, f"pad adds rows to {node.inputs[0].type}")
        return self._made(node, [v.node, filling.node], v.place)

    def _concat(self, node: Node, values: list[_Value]) -> _Value:
        at, inputs = self._alike(node, values, list(node.inputs))
        if node.attr("axis") == at[0]:
            self.refuse(node, "concat puts other rows beside it")
        return self._made(node, inputs, at)

    def _along(self, node: Node, values: list[_Value]) -> _Value:
        """What goes along axes, or takes them away."""
        (v,), attrs = values, dict(node.attrs)
        axes = attrs["axes"] if "axes" in attrs else (attrs["axis"],)
        if v.axis in axes:
            self.refuse(node, f"{node.op} takes all rows of {node.inputs[0].type} together")
        gone = sum(a < v.axis for a in axes) if node.op in ("reduce", "argreduce") else 0
        return self._made(node, [v.node], (v.axis - gone, v.many))

    def _dot(self, node: Node, values: list[_Value]) -> _Value:
        x, y = values
        rank = node.type.rank
        if any(v.axis is not None and v.axis < rank - 2 for v in values):
            return self._together(node, values)
        rows = rank - 1 if node.attr("transpose_x") else rank - 2
        columns = rank - 2 if node.attr("transpose_y") else rank - 1
        if y.axis is None and x.axis == rows:
            return self._made(node, [x.node, y.node], (rank - 2, x.many))
        if x.axis is None and y.axis == columns:
            return self._made(node, [x.node, y.node], (rank - 1, y.many))
        self.refuse(node, f"dot of {node.inputs[0].type} and {node.inputs[1].type} sums over all rows, or takes each with each")

    def _together(self, node: Node, values: list[_Value]) -> _Value:
        at, inputs = self._alike(node, values, list(node.inputs))
        return self._made(node, inputs, at)

    def _conv(self, node: Node, values: list[_Value]) -> _Value:
        x, w = values
        if w.axis is not None or x.axis != 0:
            self.refuse(node, "conv goes along it")
        return self._made(node, [x.node, w.node], x.place)

    def _gather(self, node: Node, values: list[_Value]) -> _Value:
        x, indices = values
        batch, depth = node.attr("batch"), node.inputs[1].shape[-1]
        if any(v.axis is not None and v.axis < batch for v in values):
            return self._together(node, values)
        if x.axis is None and indices.axis < node.inputs[1].type.rank - 1:
            return self._made(node, [x.node, indices.node], indices.place)
        if indices.axis is None and x.axis >= batch + depth:
            return self._made(node, [x.node, indices.node], (x.axis - batch - depth + node.inputs[1].type.rank - 1, x.many))
        self.refuse(node, "gather chooses among its rows")


_RULES: dict[str, Callable] = {
    "ensure": _Opening._ensure, "reshape": _Opening._reshape, "broadcast": _Opening._broadcast, "transpose": _Opening._transpose,
    "slice": _Opening._slice, "pad": _Opening._pad, "concat": _Opening._concat, "dot": _Opening._dot, "conv": _Opening._conv,
    "gather": _Opening._gather, "stop": _Opening._elementwise, "guard": _Opening._elementwise,
    **dict.fromkeys(("reduce", "argreduce", "reverse", "cumulate", "window"), _Opening._along),
}  # fmt: skip
