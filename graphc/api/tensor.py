"""Tensor: a value of the pure graph as Python sees it; EagerTensor: one that can be asked for its numbers."""

from __future__ import annotations

import numpy as np

from graphc.api.display_value import value_repr, value_str
from graphc.api.interop import EagerValue
from graphc.api.operators import Operators
from graphc.api.picking import picked
from graphc.api.places import full_name, home_place, place_of
from graphc.api.shape import TensorShape, may_broadcast, shown
from graphc.api.storage import references
from graphc.api.traced_value import TracedValue
from graphc.api.values import Value, given, location_of, value_of_node
from graphc.errors import Location, ShapeError, UsageError, explain, place
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.shape import ensure_shape
from graphc.runtime.buffer_slot import offer_buffers


class Tensor(TracedValue, Operators):
    """A value.

    Attributes:
        graph: the recorder that made it.
        node: what computes it.
    """

    # part: of a variable, where it is one; the last two: what Keras' layers attach, as native code has no dictionaries
    __slots__ = ("graph", "_node", "part", "__weakref__", "_keras_mask", "trainable")

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
        node = self.node
        if node.op != "input":
            return f"{node.op}:0"
        named = getattr(self.graph, "argument_name", None)
        return f"{(named(node) if named is not None else None) or dict(node.attrs)['name']}:0"

    @property
    def device(self) -> str:
        return ""

    def get_shape(self) -> TensorShape:
        """The shape; sizes that are not known are None."""
        return self.shape

    def set_shape(self, shape) -> None:
        """Say what the shape is; sizes that only a run knows are checked there.

        Raises:
            ShapeError: it is another one.
        """
        wanted = TensorShape(shape)
        if not self.shape.is_compatible_with(wanted):
            raise ShapeError(explain(f"set_shape: a tensor of shape {self.shape} cannot have {wanted}"))
        if wanted.rank is not None and not self.graph.is_eager:
            self._node = ensure_shape(self.node, wanted.as_list())

    def __eq__(self, other):
        return self._compared("Equal", math.equal, other)

    def __ne__(self, other):
        return self._compared("NotEqual", math.not_equal, other)

    def _compared(self, kind: str, function, other):
        if other is None:
            return kind == "NotEqual"
        if not may_broadcast(self.shape, TensorShape(_sizes(other))):
            return self.graph.convert(kind == "NotEqual")
        return self.graph.call(kind, kind, function, (self, other), "xy")

    def __hash__(self):
        raise TypeError(explain("a tensor is unhashable, as == compares elements; use tensor.ref() as the key"))

    def ref(self) -> "Reference":
        """Something hashable that stands for this very object."""
        return Reference(self)

    experimental_ref = ref

    def __getattr__(self, name: str):
        if name in ("assign", "assign_add", "assign_sub"):
            part = getattr(self, "part", None)
            if part is not None:
                return getattr(part, name)
        return super().__getattr__(name)

    def __repr__(self):
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"

    def __str__(self):
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'


def _sizes(value):
    """The sizes of an operand, None where they are not known or it has none."""
    if isinstance(value, (list, tuple)):
        return None if any(isinstance(v, (Operators, list, tuple)) for v in value) else (len(value),)
    return getattr(value, "shape", None)


class Reference:
    """A tensor or variable by identity, so that sets and dictionaries can hold it."""

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

    def __repr__(self):
        return f"<Reference wrapping {self._tensor!r}>"


class EagerTensor(EagerValue, Tensor):
    """A tensor with a value: an array, or operations recorded since and not carried out yet."""

    __slots__ = ("_value",)

    def __init__(self, graph, node: Node | None = None, array: np.ndarray | None = None, value: Value | None = None):
        self.graph = graph
        self._value = value or (given(array) if array is not None else value_of_node(node))

    @property
    def type(self) -> Type:
        return self._value.kind.type

    @property
    def node(self) -> Node:
        """Recorded operations, or an input Node that stands for the array."""
        return self._value.node

    @property
    def record(self) -> Value:
        """The value as eager evaluation knows it."""
        return self._value

    @property
    def array(self) -> np.ndarray:
        """The value as a read-only array; carries out what was recorded, and brings it from its device."""
        value = self._value
        if value.array is None:
            self.graph.compute(value)
            return value.fetch()
        return value.array

    @property
    def carried(self):
        """The same where it lies: a read-only array, or a Resident of a device."""
        value = self._value
        if not value.is_there:
            self.graph.compute(value)
        return value.held or value.array

    @property
    def device(self) -> str:
        """Where it is, or where it is going to be computed."""
        entry, held = self._value.entry, self._value.held
        if held is not None:
            return full_name(held.device.name)
        made = None if entry is None else entry.result
        return full_name(made.attr("source") if made is not None and made.op == "transfer" else home_place())

    backing_device = device

    def described(self) -> tuple[str, Location | None]:
        """What it is and the line that made it, for messages."""
        value = self._value
        if value.entry is None:
            return "is constant" if value.line is not None else "is a tensor", location_of(value.line)
        return f"from {value.entry.label}", location_of(value.line)

    def _on(self, name: str) -> "EagerTensor":
        """The tensor on the device of this name."""
        place = place_of(name, soft=False)
        return self if full_name(place) == self.device else self.graph.on(self, place)

    @property
    def is_settled(self) -> bool:
        """True if the value is there already."""
        return self._value.is_there

    @property
    def is_recorded(self) -> bool:
        """Whether operations that wait to be carried out, or tapes, refer to the value."""
        value = self._value
        return references(value) > 1  # the tensor itself does

    def __getitem__(self, key):
        found = picked(self, key)
        return super().__getitem__(key) if found is None else EagerTensor(self.graph, value=given(found, place()))

    def __iter__(self):
        if not self.ndim:
            raise TypeError(explain(f"a scalar of {self.type} cannot be iterated"))
        return (self[k] for k in range(len(self)))

    def keep_value(self) -> None:
        """Hold a copy of the value, as its memory is about to be written to."""
        self._value.keep()

    def __repr__(self):
        return f"<tf.Tensor: shape={self.shape}, dtype={self.dtype.name}, numpy={value_repr(self.array)}>"

    def __str__(self):
        return f"tf.Tensor({value_str(self.array)}, shape={self.shape}, dtype={self.dtype.name})"

    def __format__(self, spec: str):
        return format(self.numpy(), spec)

    def eval(self, feed_dict=None, session=None):
        """Refused: the value is at hand, as ``numpy()``."""
        raise UsageError(explain("eval: the tensor has a value without a session; use .numpy()"))


offer_buffers(EagerTensor)
