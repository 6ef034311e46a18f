"""Operation and Tensor: what a TensorFlow 1 graph is made of."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

from graphc.api.device_names import canonical_device
from graphc.api.operators import Symbolic
from graphc.api.shape import DimensionShape, TensorShape, shown
from graphc.api.tensor import Reference
from graphc.errors import GraphError, Location, ShapeError, StateError, explain
from graphc.formats.attributes import plain_value
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib.shape import ensure_shape
from graphc.v1.default import SESSIONS


@dataclass(frozen=True)
class OpDef:
    """What an operation's kind is called and takes, as ``Operation.op_def`` tells it."""

    name: str
    input_arg: tuple[str, ...]
    output_arg: tuple[str, ...]
    is_stateful: bool


@dataclass(frozen=True, eq=False)
class Feed:
    """The value comes from ``feed_dict``."""

    type: tuple  # (dtype, sizes with None, or None for an unknown rank)


@dataclass(frozen=True, eq=False)
class Read:
    """The value of a variable: at the start of the run, or after the writes that control dependencies put before."""

    variable: object


@dataclass(frozen=True, eq=False)
class Write:
    """A new value for a variable: ``build(current, *inputs)``; writes happen one after the other."""

    variable: object
    uses_current: bool


@dataclass(frozen=True, eq=False)
class Update:
    """New values for several variables: ``build(*current values, *inputs)``; the first one's is the output.

    ``attrs``: pairs of name and value that TensorFlow's node has besides its inputs.
    """

    variables: tuple
    attrs: tuple = ()


@dataclass(frozen=True, eq=False)
class Initialised:
    """Whether a variable has a value: at the start of the run, or after the writes that come before."""

    variable: object


@dataclass(frozen=True, eq=False)
class ReadOr:
    """The value of a variable, or the operand where it has none yet."""

    variable: object


@dataclass(frozen=True, eq=False)
class Random:
    """New numbers in every run, drawn at the session's counter."""

    seeded: bool  # False: other numbers in every session


@dataclass(frozen=True, eq=False)
class Differentiate:
    """Gradients of ``ys`` with respect to ``xs`` (Tensors and Variables), with ``stops`` held constant.

    Attributes:
        seeds: a Tensor or None for each of ``ys``.
        whole: instead of the sum over ``ys``, the Jacobian of the only ``y``.
        places: for each of ``xs`` None, or the dtype of indices: its gradient is two outputs then, rows and places.
    """

    ys: tuple
    xs: tuple
    stops: tuple
    seeds: tuple
    whole: bool = False
    places: tuple = ()


class Operation:
    """One named operation of a graph.

    Attributes:
        name, type: TensorFlow's, such as ``layer/MatMul`` and ``MatMul``.
        inputs: Tensors, of an assignment the variable first; control_inputs: Operations that run before.
        operands: the Tensors whose values it takes.
        build: lib function from input Nodes to one Node or several; None for operations without outputs.
        effect: None for a pure operation, else what it does besides.
        location: the user's line.
        attrs: what else is said of it, as in a NodeDef: a dict or None.
        colocated: the Operations whose place is its place.
    """

    __slots__ = ("graph", "name", "type", "operands", "outputs", "control_inputs", "build", "effect", "device",
                 "location", "id", "attrs", "colocated", "__weakref__")  # fmt: skip

    def __init__(self, graph, name: str, type: str, operands: tuple, build: Callable | None, effect, id: int,
                 location: Location | None):  # fmt: skip
        self.graph, self.name, self.type, self.operands = graph, name, type, operands
        self.build, self.effect, self.id, self.location = build, effect, id, location
        self.control_inputs: list[Operation] = []
        self.outputs: list[Tensor] = []
        self.device = ""
        self.attrs: dict | None = None
        self.colocated: tuple = ()

    @property
    def inputs(self) -> tuple:
        """The Tensors that it takes; of an assignment the variable first."""
        if isinstance(self.effect, Write):
            return (self.effect.variable.as_element(), *self.operands)
        return self.operands

    def run(self, feed_dict=None, session=None) -> None:
        """Run this operation in ``session`` or the default one."""
        session_for(self, session).run(self, feed_dict)

    def values(self) -> tuple:
        """The outputs."""
        return tuple(self.outputs)

    def colocation_groups(self) -> list[bytes]:
        """The names of what it is colocated with, at least its own."""
        return [f"loc:@{op.name}".encode() for op in self.colocated] or [f"loc:@{self.name}".encode()]

    @property
    def node_def(self):
        """The operation as TensorFlow's NodeDef."""
        return self.graph.node_def(self)

    def get_attr(self, name: str):
        """The value of an attribute of ``node_def``: a number, bytes, a DType, a message, or a list of such.

        Raises:
            GraphError: there is no such attribute.
        """
        found = self.node_def.attr
        if name not in found:
            raise GraphError(explain(f"{self.name}: there is no attribute {name!r}, only {', '.join(sorted(found))}"))
        return plain_value(found[name])

    @property
    def op_def(self) -> OpDef:
        """The kind of operation: its name, and how many inputs and outputs it has here."""
        inputs = tuple(f"input_{k}" for k in range(len(self.inputs)))
        return OpDef(self.type, inputs, tuple(f"output_{k}" for k in range(len(self.outputs))), self.effect is not None)

    @property
    def traceback(self) -> traceback.StackSummary:
        """The user's line that made it, as the traceback module shows lines."""
        at = self.location
        frames = [] if at is None else [traceback.FrameSummary(at.file, at.line, "<module>", line=at.source)]
        return traceback.StackSummary.from_list(frames)

    def _set_device(self, device: str) -> None:
        self.device = canonical_device(device) if device else ""

    def _add_control_input(self, op: "Operation") -> None:
        self._add_control_inputs([op])

    def _add_control_inputs(self, ops) -> None:
        self.graph.check_not_finalized(f"{self.name}: a new control input")
        self.control_inputs.extend(self.graph.as_graph_element(op, allow_tensor=False) for op in ops)
        self.graph.version += 1

    def __repr__(self):
        return f"<tf.Operation '{self.name}' type={self.type}>"

    def __str__(self):
        return f'name: "{self.name}"\nop: "{self.type}"\n' + "".join(f'input: "{t.op.name}"\n' for t in self.inputs)


class Tensor(Symbolic):
    """One output of an operation.

    Attributes:
        op, index, dtype: where it comes from and what its elements are.
        node: a Node of its dtype and static shape, for building; None where the rank is unknown.
        refined: sizes set by ``set_shape`` (None for unknown ones), or None.
    """

    __slots__ = ("op", "index", "dtype", "node", "refined", "__weakref__")

    def __init__(self, op: Operation, index: int, dtype: DType, node: Node | None):
        self.op, self.index, self.dtype, self.node = op, index, dtype, node
        self.refined: tuple | None = None

    @property
    def graph(self):
        return self.op.graph

    @property
    def value_index(self) -> int:
        """Which output of its operation it is."""
        return self.index

    def ref(self) -> Reference:
        """Something hashable that stands for this very tensor."""
        return Reference(self)

    experimental_ref = ref

    @property
    def assign(self):
        """Of a slice of a variable: give that part of the variable a new value.

        Raises:
            AttributeError: it is no slice of a variable.
        """
        found = self.graph.slices.get(self)
        if found is None:
            raise AttributeError(explain(f"{self.name} is a tensor, which cannot be assigned to; assign to a variable"))
        return found

    @property
    def name(self) -> str:
        return f"{self.op.name}:{self.index}"

    @property
    def device(self) -> str:
        return self.op.device

    @property
    def type(self) -> Type | None:
        """Dtype and shape with symbolic sizes; None where the rank is unknown."""
        return None if self.node is None else self.node.type

    @property
    def shape(self) -> TensorShape:
        return DimensionShape(shown(None if self.node is None else self.node.shape))

    @property
    def ndim(self) -> int | None:
        """The rank, None if it is not known."""
        return self.shape.ndims

    def get_shape(self) -> TensorShape:
        """The static shape."""
        return self.shape

    def set_shape(self, shape) -> None:
        """Promise sizes that are not known; they are checked when running.

        Raises:
            ShapeError: they contradict what is known.
        """
        wanted = TensorShape(shape)
        if not self.shape.is_compatible_with(wanted):
            raise ShapeError(explain(f"set_shape: {self.name} has shape {self.shape}, which cannot become {wanted}"))
        if wanted.dims is None:
            return
        self.refined = tuple(self.shape.merge_with(wanted).as_list())
        if self.node is None:
            self.node = self.op.graph.stand_in(f"{self.op.name}_{self.index}", self.dtype, self.refined, self.op.name)
        else:
            self.node = ensure_shape(self.node, self.refined)

    def described(self) -> tuple[str, Location | None]:
        """What it is and the line that made it, for messages."""
        op = self.op
        if op.type == "Identity" and isinstance(op.operands[0].op.effect, Read):
            op = op.operands[0].op  # what reads a variable
        effect = op.effect
        if isinstance(effect, Read):
            own = getattr(effect.variable, "op", op)
            return f"is variable {own.name}", own.location
        if op.type == "Argument":
            return "is an argument of the function", op.location
        if isinstance(effect, Feed):
            return f"is placeholder {op.name}", op.location
        if op.type == "Const":
            return f"is constant {op.name}", op.location
        return f"from {op.name}" + ("" if _says_type(op) else f" ({op.type})"), op.location

    def consumers(self) -> list[Operation]:
        """The operations that use it."""
        return [op for op in self.graph.get_operations() if any(t is self for t in op.inputs)]

    def eval(self, feed_dict=None, session=None):
        """The value, computed in ``session`` or the default one."""
        return session_for(self, session).run(self, feed_dict)

    def __repr__(self):
        shape = f" shape={self.shape}" if self.node is not None else " shape=<unknown>"
        return f"<tf.Tensor '{self.name}'{shape} dtype={self.dtype.name}>"

    def __str__(self):
        shape = f", shape={self.shape}" if self.node is not None else ""
        device = f", device={self.device}" if self.device else ""
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name}{device})'


def _says_type(op: Operation) -> bool:
    """Whether the name of an operation is its type, but for case, underscores and a number."""
    plain = op.name.rpartition("/")[2].replace("_", "").rstrip("0123456789").lower()
    return plain == op.type.replace("_", "").rstrip("0123456789").lower()


def session_for(what, session):
    """The session to run ``what`` in.

    Raises:
        StateError: none is given and there is no default one.
    """
    session = session if session is not None else SESSIONS.top
    if session is None:
        raise StateError(explain(f"{what.name}: no session; pass session= or use 'with tf.Session():'"))
    if not hasattr(session, "run"):
        raise StateError(explain(f"{what.name}: session must be a tf.Session, got {session!r}"))
    return session
