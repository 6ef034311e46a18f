"""Variable: a value that programs change."""

from __future__ import annotations

import itertools

import numpy as np

from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.recording import RECORDING
from graphc.api.scope import executing_eagerly, get_current_name_scope
from graphc.api.shape import TensorShape
from graphc.api.tensor import EagerTensor, Reference, value_text
from graphc.errors import DtypeError, Location, ShapeError, explain, here
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib import math, scatter, shape

_numbers = itertools.count()


def _scattered(kind: str, what: str):
    """The methods ``scatter_nd_*`` and ``scatter_*`` that change parts of a variable."""
    changed = getattr(scatter, f"tensor_scatter_nd_{kind}")

    def scatter_nd(self, indices, updates, name=None) -> "Variable":
        operands = (self, indices, updates)
        answer = EAGER.call(f"ScatterNd{kind.title()}", "scatter_nd", changed, operands, ("ref", "indices", "updates"),
                            groups=(0, 1, 0))  # fmt: skip
        return self.assign(answer)

    def scatter_rows(self, sparse_delta, use_locking=False, name=None) -> "Variable":
        def build(ref, indices, updates):
            return changed(ref, shape.expand_dims(indices, -1), updates)

        operands = (self, sparse_delta.indices, sparse_delta.values)
        answer = EAGER.call(f"Scatter{kind.title()}", "scatter", build, operands, ("ref", "indices", "updates"),
                            groups=(0, 1, 0))  # fmt: skip
        return self.assign(answer)

    scatter_nd.__name__ = scatter_nd.__qualname__ = f"scatter_nd_{kind}"
    scatter_nd.__doc__ = f"The slices at ``indices`` become those with ``updates`` {what}; the variable."
    scatter_rows.__name__ = scatter_rows.__qualname__ = f"scatter_{kind}"
    scatter_rows.__doc__ = f"The rows of ``sparse_delta``, IndexedSlices, are {what}; the variable."
    return scatter_nd, scatter_rows


class Variable(Operators):
    """A tensor that can be assigned to.

    Args:
        initial_value: a value, or a function without arguments that makes it.
        trainable: whether tapes watch it by themselves.
        dtype: of the elements; that of the value if None.
        shape: accepted for compatibility; it must be that of the value.
    """

    __slots__ = ("_tensor", "_type", "name", "number", "trainable", "location", "__weakref__")
    graph = EAGER

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None,
                 variable_def=None, dtype=None, import_scope=None, constraint=None, synchronization=None,
                 aggregation=None, shape=None):  # fmt: skip
        if callable(initial_value) and not isinstance(initial_value, Operators):
            initial_value = initial_value()
        if initial_value is None:
            raise DtypeError(explain("Variable: needs an initial value"))
        kind = None if dtype is None else dt.as_dtype(dtype)
        tensor = EAGER.convert(initial_value, kind)
        self._type = tensor.type
        self._tensor = EagerTensor(EAGER, array=tensor.array)
        self.number, self.location = next(_numbers), here()
        around = get_current_name_scope() if executing_eagerly() else ""
        self.name = f"{around}{'/' if around else ''}{name or 'Variable'}:0"
        self.trainable = True if trainable is None else bool(trainable)
        if shape is not None and not TensorShape(shape).is_compatible_with(self.shape):
            raise ShapeError(explain(f"Variable: a value of shape {self.shape} does not fit {TensorShape(shape)}"))

    @property
    def type(self) -> Type:
        return self._type

    @property
    def dtype(self) -> DType:
        return self._type.dtype

    @property
    def shape(self) -> TensorShape:
        return TensorShape(self._type.shape)

    def get_shape(self) -> TensorShape:
        """The shape."""
        return self.shape

    def as_tensor(self) -> EagerTensor:
        """The value as a tensor; new values that wait are computed, all of them together."""
        if not self._tensor.is_settled:
            EAGER.settle_waiting()
        return self._tensor

    def described(self) -> tuple[str, Location | None]:
        """What it is and the line that made it, for messages."""
        return f"is variable {self.name.partition(':')[0]}", self.location

    @property
    def new_value(self) -> Node:
        """What computes the value that was assigned."""
        return self._tensor.node

    def settle(self, array: np.ndarray) -> None:
        """Take ``array`` for the value that was assigned."""
        self._tensor = EagerTensor(EAGER, array=array)

    def value(self) -> EagerTensor:
        """The value as a tensor that later assignments do not change."""
        RECORDING.read(self)
        return self.as_tensor()

    read_value = value

    def numpy(self):
        """The value as an array of its own."""
        return self.as_tensor().numpy()

    def assign(self, value, use_locking=False, name=None, read_value=True) -> "Variable":
        """Give it a new value.

        Raises:
            ShapeError, DtypeError: the value does not fit.
        """
        tensor = EAGER.convert(value, self.dtype)
        if tensor.type != self._type:
            kind = DtypeError if tensor.dtype is not self.dtype else ShapeError
            raise kind(explain(f"assign: {tensor.type} does not fit variable {self.name} of {self._type}"))
        self._tensor = EagerTensor(EAGER, tensor.node) if not tensor.is_settled else EagerTensor(EAGER, array=tensor.array)
        if not tensor.is_settled:
            EAGER.waiting[self.number] = self
        return self

    def assign_add(self, delta, use_locking=False, name=None, read_value=True) -> "Variable":
        """Add to the value."""
        return self.assign(EAGER.call("AddV2", "add", math.add, (self, delta), "xy"))

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True) -> "Variable":
        """Subtract from the value."""
        return self.assign(EAGER.call("Sub", "sub", math.subtract, (self, delta), "xy"))

    scatter_nd_update, scatter_update = _scattered("update", "put in")
    scatter_nd_add, scatter_add = _scattered("add", "added")
    scatter_nd_sub, scatter_sub = _scattered("sub", "subtracted")
    scatter_nd_max, scatter_max = _scattered("max", "put in where they are greater")
    scatter_nd_min, scatter_min = _scattered("min", "put in where they are less")

    def ref(self) -> Reference:
        """Something hashable that stands for this very variable."""
        return Reference(self)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.as_tensor().numpy(), dtype=dtype)

    def __len__(self):
        return len(self.as_tensor())

    def __iter__(self):
        return iter(self.value())

    def __float__(self):
        return float(self.as_tensor())

    def __int__(self):
        return int(self.as_tensor())

    def __bool__(self):
        return bool(self.as_tensor())

    def __eq__(self, other):
        return self.value() == other

    def __ne__(self, other):
        return self.value() != other

    def __hash__(self):
        return id(self)

    def __repr__(self):
        value = value_text(self.as_tensor().numpy(), repr)
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}, numpy={value}>"

