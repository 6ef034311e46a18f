"""Operation and Tensor: what a TensorFlow 1 graph is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.errors import Location, ShapeError, StateError, explain
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib.shape import ensure_shape
from graphc.v1.default import SESSIONS
from graphc.api.operators import Symbolic
from graphc.api.shape import DimensionShape, TensorShape, shown


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
class Random:
    """New numbers in every run, drawn at the session's counter."""

    seeded: bool  # False: other numbers in every session


@dataclass(frozen=True, eq=False)
class Differentiate:
    """Gradients of ``ys`` with respect to ``xs`` (Tensors and Variables), with ``stops`` held constant.

    ``whole``: instead of the sum over ``ys``, the Jacobian of the only ``y``.
    """

    ys: tuple
    xs: tuple
    stops: tuple
    seeds: tuple  # a Tensor or None for each of ys
    whole: bool = False


class Operation:
    """One named operation of a graph.

    Attributes:
        name, type: TensorFlow's, such as ``layer/MatMul`` and ``MatMul``.
        inputs: Tensors; control_inputs: Operations that run before.
        build: lib function from input Nodes to one Node or several; None for operations without outputs.
        effect: None for a pure operation, else what it does besides.
        location: the user's line.
    """

    __slots__ = ("graph", "name", "type", "inputs", "outputs", "control_inputs", "build", "effect", "device",
                 "location", "id")  # fmt: skip

    def __init__(self, graph, name: str, type: str, inputs: tuple, build: Callable | None, effect, id: int,
                 location: Location | None):  # fmt: skip
        self.graph, self.name, self.type, self.inputs, self.build, self.effect = (
            graph,
            name,
            type,
            inputs,
            build,
            effect,
        )
        self.id, self.location = id, location
        self.control_inputs: list[Operation] = []
        self.outputs: list[Tensor] = []
        self.device = ""

    def run(self, feed_dict=None, session=None) -> None:
        """Run this operation in ``session`` or the default one."""
        session_for(self, session).run(self, feed_dict)

    def _add_control_input(self, op: "Operation") -> None:
        self._add_control_inputs([op])

    def _add_control_inputs(self, ops) -> None:
        self.control_inputs.extend(ops)
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
            self.node = self.op.graph.stand_in(self.op.name, self.dtype, self.refined)
        else:
            self.node = ensure_shape(self.node, self.refined)

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
