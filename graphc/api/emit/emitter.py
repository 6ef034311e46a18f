"""Nodes of the compiler's graphs written as TensorFlow's nodes below an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from graphc.api.emit.node_writer import NodeWriter
from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const_value
from graphc.ir.sizes import maker


class NoForm(GraphcError):
    """A primitive that no node of TensorFlow stands for."""


@dataclass(frozen=True)
class Value:
    """A tensor that stands for a Node, or for what becomes it by broadcasting.

    Attributes:
        name: as nodes name their inputs.
        sizes: of its axes, which are the last ones of the Node; 1 where it is stretched.
    """

    name: str
    sizes: tuple


@dataclass(frozen=True)
class Form:
    """How a Node is written: of what it is made, and the function of the Emitter and the Node that makes it."""

    needs: tuple[Node, ...]
    write: Callable[["Emitter", Node], Value]


_SHORT = {"AddV2": "add", "Sub": "sub", "Mul": "mul", "RealDiv": "truediv", "Neg": "Neg", "BatchMatMulV2": "MatMul"}


class Emitter:
    """Writes Nodes below the operation of a NodeWriter.

    Attributes:
        found: what has been written, or is there already. made: those of them that this one wrote.
        pools: the pooling nodes that there are, by the Node that calls for them.
        fresh: whether random bits may be drawn, which are those of no other operation.
    """

    def __init__(self, writer: NodeWriter, plan: Callable[["Emitter", Node], Form], found: dict[Node, Value],
                 pools=None, fresh: bool = False):  # fmt: skip
        self.writer, self._plan, self.found, self.pools, self.fresh = writer, plan, found, pools or {}, fresh
        self.made: dict[Node, Value] = {}
        self._names: dict = {}
        self._sizes: dict[Node, tuple[str, int]] = {}
        self._shapes: dict[tuple, str] = {}
        for node, value in found.items():
            self.learn(node, value)

    def learn(self, node: Node, value: Value) -> None:
        """Take a value for what stands for a Node, and its shape for what tells sizes."""
        self.found[node] = value
        if value.sizes == node.shape and any(isinstance(d, Node) for d in value.sizes):
            self._shapes.setdefault(value.sizes, value.name)
            for axis, d in enumerate(value.sizes):
                if isinstance(d, Node):
                    self._sizes.setdefault(d, (value.name, axis))

    def write(self, nodes: Iterable[Node]) -> None:
        """Write Nodes and what they are made of.

        Raises:
            NoForm: something of it has no form.
        """
        stack, plans = list(nodes), {}
        while stack:
            node = stack[-1]
            if node in self.found:
                stack.pop()
                continue
            form = plans.get(node)
            if form is None:
                form = plans[node] = self._plan(self, node)
            waiting = [x for x in form.needs if x not in self.found]
            if waiting:
                stack.extend(waiting)
                continue
            value = form.write(self, node)
            self.found[node] = self.made[node] = value
            if not hasattr(node.type, "items"):
                self.learn(node, value)
            stack.pop()

    def add(self, kind: str, inputs, **attrs) -> str:
        """A node below the operation; one like it that is there already is taken."""
        key = (kind, tuple(inputs), tuple([(k, str(v)) for k, v in attrs.items()]))
        if key not in self._names or kind in ("Const", "RandomUniformInt"):
            self._names[key] = self.writer.node(kind, inputs, _SHORT.get(kind, kind), **attrs)
        return self._names[key]

    def const(self, value, dtype: DType) -> str:
        """A constant."""
        array = np.asarray(value, dtype.numpy)
        key = ("Const", dtype, array.shape, array.tobytes() if array.dtype != object else repr(array.tolist()))
        if key not in self._names:
            self._names[key] = self.writer.node("Const", (), "Const", dtype=dtype, value=array)
        return self._names[key]

    def cast(self, name: str, source: DType, target: DType) -> str:
        """A tensor of one dtype as one of another; itself where they are the same."""
        if source is target:
            return name
        return self.add("Cast", [name], SrcT=source, DstT=target, Truncate=False)

    def loose(self, node: Node) -> Value:
        """What stands for a Node, perhaps before broadcasting."""
        return self.found[node]

    def full(self, node: Node) -> str:
        """A tensor with all axes of a Node."""
        value = self.found[node]
        if value.sizes == node.shape:
            return value.name
        if not value.sizes and all(type(d) is int for d in node.shape) and const_value(node) is not None:
            return self.const(np.broadcast_to(node.attr("value").array, node.shape), node.dtype)
        if not value.sizes:
            return self.add("Fill", [self.shape(node.shape), value.name], T=node.dtype, index_type=dt.i32)
        return self.add("BroadcastTo", [value.name, self.shape(node.shape)], T=node.dtype, Tidx=dt.i32)

    def reshaped(self, name: str, shape: tuple, dtype: DType) -> str:
        """A tensor under another shape."""
        unknown = [k for k, d in enumerate(shape) if isinstance(d, Node)]
        if len(unknown) == 1 and 0 not in shape:
            wanted = self.const([-1 if isinstance(d, Node) else d for d in shape], dt.i32)
        else:
            wanted = self.shape(shape)
        return self.add("Reshape", [name, wanted], T=dtype, Tshape=dt.i32)

    def shape(self, sizes: tuple) -> str:
        """Sizes as an int32 vector."""
        if all(type(d) is int for d in sizes):
            return self.const(np.array(sizes, np.int32), dt.i32)
        if sizes in self._shapes:
            return self._shape_of(self._shapes[sizes])
        return self.add("Pack", [self.size(d) for d in sizes], N=len(sizes), T=dt.i32, axis=0)

    def _shape_of(self, name: str) -> str:
        node = next(n for n, v in self.found.items() if v.name == name and v.sizes == n.shape)
        return self.add("Shape", [name], T=node.dtype, out_type=dt.i32)

    def size(self, d) -> str:
        """One size as an int32 scalar."""
        if not isinstance(d, Node):
            return self.const(d, dt.i32)
        if d in self._sizes:
            name, axis = self._sizes[d]
            bounds = [self.const([v], dt.i32) for v in (axis, axis + 1, 1)]
            return self.add("StridedSlice", [self._shape_of(name), *bounds], T=dt.i32, Index=dt.i32, shrink_axis_mask=1,
                            begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0)  # fmt: skip
        if d.op == "symbol":
            source = maker(d)
            if source is None:
                raise NoForm(f"nothing here has the size {d}")
            if source.op == "measure":
                return self.size(source.inputs[0])
            self.write([source])
            if d in self._sizes:
                return self.size(d)
            raise NoForm(f"nothing here has the size {d}")
        self.write([d])
        return self.cast(self.full(d), dt.i64, dt.i32)
