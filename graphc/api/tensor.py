"""Tensor: a value of the pure graph as Python sees it; EagerTensor: one that can be asked for its numbers."""

from __future__ import annotations

import itertools
import weakref

import numpy as np

from graphc.api.operators import Operators
from graphc.api.recording import RECORDING
from graphc.api.shape import TensorShape, shown
from graphc.errors import Location, ShapeError, SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node, rebuild
from graphc.ir.node import Node, make
from graphc.ir.type import Type
from graphc.lib import math


class Tensor(Operators):
    """A value.

    Attributes:
        graph: the recorder that made it.
        node: what computes it.
    """

    __slots__ = ("graph", "_node", "__weakref__")

    def __init__(self, graph, node: Node | None):
        self.graph, self._node = graph, node

    @property
    def node(self) -> Node:
        return self._node

    @property
    def type(self) -> Type:
        return self.node.type

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def shape(self) -> TensorShape:
        return shown(self.type.shape)

    @property
    def ndim(self) -> int:
        return self.type.rank

    @property
    def name(self) -> str:
        return f"{self.node.op}:0"

    def get_shape(self) -> TensorShape:
        """The shape; sizes that are not known are None."""
        return self.shape

    def set_shape(self, shape) -> None:
        """Say what the shape is; it is known already.

        Raises:
            ShapeError: it is another one.
        """
        if not self.shape.is_compatible_with(TensorShape(shape)):
            raise ShapeError(explain(f"set_shape: a tensor of shape {self.shape} has not {TensorShape(shape)}"))

    def __eq__(self, other):
        return self._compared("Equal", math.equal, other)

    def __ne__(self, other):
        return self._compared("NotEqual", math.not_equal, other)

    def _compared(self, kind: str, function, other):
        if other is None:
            return kind == "NotEqual"
        return self.graph.call(kind, kind, function, (self, other), "xy")

    def __hash__(self):
        raise UsageError(explain("a tensor cannot be hashed, as == compares elements; use tensor.ref()"))

    def ref(self) -> "Reference":
        """Something hashable that stands for this very object."""
        return Reference(self)

    def numpy(self) -> np.ndarray:
        """The value.

        Raises:
            SymbolicError: it is not known while a function is being traced.
        """
        raise SymbolicError(explain(f"a value of {self.type} is not known while the function around it is traced"))

    def __array__(self, dtype=None, copy=None):
        value = np.asarray(self.numpy())
        if copy or (dtype is not None and value.dtype != dtype):
            return value.astype(dtype or value.dtype, copy=True)
        return value

    def __bool__(self):
        return bool(self._one_value("bool"))

    def __float__(self):
        return float(self._one_value("float"))

    def __int__(self):
        return int(self._one_value("int"))

    def __complex__(self):
        return complex(self._one_value("complex"))

    def __index__(self):
        value = self._one_value("index")
        if not self.dtype.is_integer or self.ndim:
            raise TypeError(explain(f"only a scalar integer tensor can be an index, not {self.type}"))
        return int(value)

    def _one_value(self, wanted: str):
        value = np.asarray(self.numpy())
        if value.size != 1:
            raise ShapeError(explain(f"{wanted}() needs a tensor with one element, not {self.type}"))
        return value.reshape(())[()]

    def __len__(self):
        if not self.ndim:
            raise TypeError(explain(f"a scalar of {self.type} has no len"))
        size = self.type.shape[0]
        if type(size) is not int:
            raise SymbolicError(explain(f"the length of {self.type} is not known while tracing; use tf.shape(x)[0]"))
        return size

    def __iter__(self):
        if not self.ndim:
            raise TypeError(explain(f"a scalar of {self.type} cannot be iterated"))
        return iter([self[k] for k in range(len(self))])

    def __repr__(self):
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}>"

    def __str__(self):
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'


class Reference:
    """A tensor by identity, so that sets and dictionaries can hold it."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor):
        self._tensor = tensor

    def deref(self) -> Tensor:
        """The tensor."""
        return self._tensor

    def __eq__(self, other):
        return isinstance(other, Reference) and self._tensor is other._tensor

    def __hash__(self):
        return id(self._tensor)


_LEAVES: "weakref.WeakKeyDictionary[Node, np.ndarray]" = weakref.WeakKeyDictionary()
MARKS: "weakref.WeakSet[Node]" = weakref.WeakSet()
_numbers = itertools.count()


def leaf(array: np.ndarray) -> Node:
    """A new input Node that stands for an array."""
    node = input_node(f"value{next(_numbers)}", Type(dt.as_dtype(array.dtype), array.shape))
    _LEAVES[node] = array
    return node


def value_of_leaf(leaf: Node) -> np.ndarray:
    """The array that an input Node of eager evaluation stands for."""
    return _LEAVES[leaf]


def without_marks(nodes) -> list[Node]:
    """The Nodes without the zeros that ``EagerTensor.marked`` added."""
    return rebuild(nodes, lambda n, inputs: inputs[0] if n.op == "add" and n.inputs[1] in MARKS else None)


class EagerTensor(Tensor):
    """A tensor with a value: an array, or operations recorded since and not carried out yet."""

    __slots__ = ("_array", "_history", "made")

    def __init__(self, graph, node: Node | None = None, array: np.ndarray | None = None):
        super().__init__(graph, node)
        self.made: tuple[str, Location | None] = ("is a tensor", None)  # what it is and the line that made it
        self._array, self._history = array, node if RECORDING.is_on else None

    @property
    def type(self) -> Type:
        if self._array is not None:
            return Type(dt.as_dtype(self._array.dtype), self._array.shape)
        return self._node.type

    @property
    def node(self) -> Node:
        """Recorded operations, or an input Node that stands for the array."""
        if self._history is not None and RECORDING.is_on:
            return self._history
        if self._node is None:
            self._node = leaf(self._array)
        return self._node

    @property
    def history(self) -> Node:
        """How it was computed, as far as a tape remembers."""
        return self._history or self.node

    @property
    def array(self) -> np.ndarray:
        """The value as a read-only array; carries out what was recorded."""
        if self._array is None:
            self.settle(self.graph.value_of(self._node))
        return self._array

    def described(self) -> tuple[str, Location | None]:
        """What it is and the line that made it, for messages."""
        return self.made

    @property
    def is_settled(self) -> bool:
        """True if the value is there already."""
        return self._array is not None

    def settle(self, array: np.ndarray) -> None:
        """Take ``array`` for the value and forget how it was computed, unless a tape recorded that or is recording."""
        array = array.view()
        array.flags.writeable = False
        if RECORDING.is_on:
            self._history = self._node
        self._array, self._node = array, None

    def marked(self) -> Node:
        """A Node of its own for this value, from which gradients can be told from those of equal values."""
        if self.history.op != "input":
            delta = leaf(np.broadcast_to(np.zeros((), self.dtype.numpy), self.type.shape))
            MARKS.add(delta)
            self._history = make("add", (self.history, delta), (), self.type)
            if self._array is None:
                self._node = self._history
        return self.history

    def numpy(self):
        """The value as an array of its own; a NumPy scalar for rank 0."""
        array = self.array
        return array.copy() if array.ndim else array[()]

    @property
    def device(self) -> str:
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    def __repr__(self):
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={value_text(self.numpy(), repr)}>"

    def __str__(self):
        return f"tf.Tensor({value_text(self.numpy(), str)}, shape={self.shape}, dtype={self.dtype.name})"

    def __format__(self, spec: str):
        return format(self.numpy(), spec)

    def eval(self, feed_dict=None, session=None):
        """Refused: the value is at hand, as ``numpy()``."""
        raise UsageError(explain("eval: the tensor has a value without a session; use .numpy()"))


def value_text(value, text) -> str:
    """A value as tensors show it: numbers without NumPy's type around them, several lines below the opening."""
    shown = str(value) if isinstance(value, (np.number, np.bool_)) else text(value)
    return f"\n{shown}" if "\n" in shown else shown
