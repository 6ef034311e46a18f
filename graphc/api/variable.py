"""Variable: a value that programs change."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from graphc.api.display_value import value_repr
from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.places import default_place, full_name
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.api.recording import RECORDING
from graphc.api.run import Resident
from graphc.api.scope import executing_eagerly, get_current_name_scope, init_scope
from graphc.api.shape import TensorShape
from graphc.api.storage import CHANGES, KEEPING, DeviceStorage, Storage, alone, may_run, references
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.values import Value, alias
from graphc.api.variable_members import VariableMembers
from graphc.errors import DtypeError, Location, ShapeError, explain, here
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.shape import ensure_shape
from graphc.runtime.device import Device

_numbers = itertools.count()


def _ensured(shape: tuple):
    return lambda x: ensure_shape(x, shape)


def _initial_array(value, dtype: DType | None) -> np.ndarray:
    """The first value of a variable, computed outside of functions that are being traced."""
    top = RECORDERS.top
    inside = top if top is not None and top.captures else None
    if inside is not None:
        inside.expect_creation()
    with init_scope():
        if callable(value) and not isinstance(value, Operators):
            value = value()
        if value is None:
            raise DtypeError(explain("Variable: needs an initial value"))
        if inside is not None and isinstance(value, Operators) and not value.graph.is_eager:
            value = inside.lifted(value)
        return EAGER.convert(value, dtype).array


class Variable(VariableMembers, Operators):
    """A tensor that can be assigned to.

    Args:
        initial_value: a value, or a function without arguments that makes it.
        trainable: whether tapes watch it by themselves.
        dtype: of the elements; that of the value if None.
        constraint: kept for optimizers: a function that maps a new value to one that is allowed.
        synchronization, aggregation: kept; they make no difference on one device.
        shape: that of the value; where sizes in it are None, or it is ``TensorShape(None)``, it may change.
    """

    __slots__ = (
        "_tensor", "_before", "_storage", "_type", "name", "number", "trainable", "location", "place", "__weakref__",
    )  # fmt: skip
    graph = EAGER

    def __init__(self, initial_value=None, trainable=None, validate_shape=True, caching_device=None, name=None,
                 variable_def=None, dtype=None, import_scope=None, constraint=None, synchronization=None,
                 aggregation=None, shape=None):  # fmt: skip
        kind = None if dtype is None else dt.as_dtype(dtype)
        array = _initial_array(initial_value, kind)
        if kind is not None and array.dtype != kind.numpy:
            found = dt.as_dtype(array.dtype).name
            what = f"Variable: dtype {kind.name} was asked for, the initial value is {found}; use tf.cast"
            raise DtypeError(explain(what))
        self._type = Type(dt.as_dtype(array.dtype), array.shape)
        self._tensor, self._before, self._storage = EagerTensor(EAGER, array=array), None, None
        self.number, self.location, self.place = next(_numbers), here(), default_place()
        around = get_current_name_scope() if executing_eagerly() else ""
        self.name = f"{around}{'/' if around else ''}{name or 'Variable'}:0"
        self.trainable = True if trainable is None else bool(trainable)
        self.set_members(constraint, synchronization, aggregation, shape)

    @property
    def type(self) -> Type:
        return self._type

    @property
    def dtype(self) -> DType:
        return self._type.dtype

    @property
    def device(self) -> str:
        """Where it is, or where it is going to be when a function needs it there."""
        storage = self._storage
        return full_name(storage.work.device.name if type(storage) is DeviceStorage else self.place)

    def as_tensor(self) -> EagerTensor:
        """The value as a tensor; new values that wait are computed, all of them together."""
        tensor = self._tensor
        if tensor is None:
            return self._seen()
        if not tensor.is_settled:
            EAGER.settle_waiting()
        return tensor

    def _seen(self) -> EagerTensor:
        """What the memory holds that functions write to."""
        with KEEPING:
            storage = self._storage
            if self._tensor is None and not may_run():
                self._tensor = EagerTensor(EAGER, array=storage.shown())
                CHANGES.note()
            if self._tensor is not None:
                return self._tensor
        return EagerTensor(EAGER, array=storage.copied())

    def described(self) -> tuple[str, Location | None]:
        """What it is and the line that made it, for messages."""
        return f"is variable {self.name.partition(':')[0]}", self.location

    @property
    def new_value(self) -> Value | None:
        """The value that was assigned, if it is not computed yet."""
        return None if self._tensor is None or self._tensor.is_settled else self._tensor.record

    def settled(self) -> None:
        """The value that was assigned has been computed."""
        self._before = None
        CHANGES.note()

    def refused(self) -> None:
        """The value that was assigned cannot be computed: the variable has the last one that could."""
        with KEEPING:
            if self._before is not None:
                self._tensor, self._before = self._before, None
            CHANGES.note()

    def stored(self, writes: bool, device: Device | None = None) -> np.ndarray | Resident:
        """The array with the value that functions are bound to; it stays the same one if possible.

        Args:
            writes: whether it is going to be written to. Then no tensor shows it any more.
            device: where the function wants it; None for the host. It is brought there, unless other threads run functions,
                which may use it where it is: then it is answered with as it lies.
        """
        storage = self._storage
        there = storage.work.device if type(storage) is DeviceStorage else None
        if there is not device and self.dtype is not dt.string and (storage is None or not may_run()):
            array = self.as_tensor().array
            self._storage = storage = None if device is None else DeviceStorage(device, array)
            if self._tensor is None:
                self._tensor = EagerTensor(EAGER, array=array)
            CHANGES.note()
        if type(storage) is DeviceStorage:
            return self._stored_there(writes)
        tensor = self._tensor
        if tensor is None:
            return self._storage.work
        if not tensor.is_settled:
            EAGER.settle_waiting()
            tensor = self._tensor
        array, storage = tensor.array, self._storage
        if storage is None:
            storage = self._storage = Storage(array)
        elif array is not storage.source and not storage.shows(array):
            if storage.is_seen:  # by a tensor that was read before another was assigned
                storage = self._storage = Storage(array)
            else:
                storage.put(array)
        if writes:
            self._tensor = storage.source = None
            if storage.shows(array):
                if references(tensor) or tensor.is_recorded:
                    tensor.keep_value()
                    CHANGES.note()
                del tensor
                if references(array):
                    storage = self._storage = Storage(array)
                    storage.source = None
        return storage.work

    def _stored_there(self, writes: bool) -> Resident:
        """``stored`` on a device."""
        storage = self._storage
        if self._tensor is not None:
            array = self.as_tensor().array
            if array is not storage.source and not storage.shows(array):
                storage.put(array)
            if writes:
                self._tensor = storage.source = None
        return storage.work

    def value(self) -> Tensor:
        """The value as a tensor that later assignments do not change."""
        top = RECORDERS.top
        if top is not None and top.captures:
            return top.read_state(self)
        tensor = self.as_tensor()
        if RECORDING.tapes:
            RECORDING.read(self, value=tensor)
        return tensor

    read_value = value

    def assign(self, value, use_locking=False, name=None, read_value=True) -> "Variable":
        """Give it a new value.

        Raises:
            ShapeError, DtypeError: the value does not fit.
        """
        top = RECORDERS.top
        if top is not None and top.captures:
            top.write_state(self, self._fitting(top.convert(value, self.dtype)))
            return self if read_value else None
        tensor = self._fitting(EAGER.convert(value, self.dtype))
        if self._tensor is None and self._storage is not None and may_run():
            array = tensor.array
            with alone():
                self._put(array, tensor)
        else:
            self._keep(tensor)
        return self if read_value else None

    def _keep(self, tensor: EagerTensor) -> None:
        """Take a tensor for the value."""
        with KEEPING:
            before = self._tensor
            self._tensor = EagerTensor(EAGER, value=alias(tensor.record))
            if tensor.is_settled:
                self._before = None
            else:
                if before is not None and before.is_settled:
                    self._before = before
                elif before is None:
                    self._before = EagerTensor(EAGER, array=self._storage.shown())
                EAGER.waiting[self.number] = self
            CHANGES.note()

    def _put(self, array: np.ndarray, tensor: EagerTensor) -> None:
        """Take an array for the value, in the memory that functions of other threads are bound to."""
        with KEEPING:
            if self._tensor is None and self._storage is not None:
                self._storage.put(array)
                self._storage.source = None
            else:
                self._keep(tensor)

    def changed(self, change: Callable, read_value=True) -> "Variable":
        """Give it the value that ``change()`` makes of the one that it has; no other thread's change gets lost."""
        top = RECORDERS.top
        if top is not None and top.captures:
            return self.assign(change(), read_value=read_value)
        while not self._has_changed(change):
            pass
        return self if read_value else None

    def _has_changed(self, change: Callable) -> bool:
        """Assign what ``change()`` makes of the value, unless another thread has assigned meanwhile."""
        before = self.as_tensor()
        if self._tensor is None:
            with alone():
                self.assign(change())
            return True
        tensor = self._fitting(EAGER.convert(change(), self.dtype))
        with KEEPING:
            if self._tensor is not before:
                return False
            self._keep(tensor)
            return True

    def _fitting(self, tensor: Tensor) -> Tensor:
        """A tensor that may become the value; sizes that are not known are checked while running."""
        if tensor.type == self._type:
            return tensor
        if tensor.dtype is self.dtype and tensor.shape.is_compatible_with(self.shape):
            if tensor.graph.is_eager:  # the shape may change
                self._type, self._storage = tensor.type, None
                return tensor
            if tensor.shape.is_compatible_with(TensorShape(self._type.shape)):
                return tensor.graph.call("EnsureShape", "assigned", _ensured(self._type.shape), [tensor], ["value"])
        kind = DtypeError if tensor.dtype is not self.dtype else ShapeError
        advice = "" if kind is ShapeError else "; use tf.cast"
        what = f"assign: {tensor.type} does not fit variable {self.name} of {self._type}{advice}"
        raise kind(explain(what, [self._made()]))

    def _made(self) -> tuple[str, str]:
        """The variable and its line, for a message about it."""
        text, location = self.described()
        return self.name.partition(":")[0], f"{text} of {self._type}" + ("" if location is None else f"   {location}")

    def assign_add(self, delta, use_locking=False, name=None, read_value=True) -> "Variable":
        """Add to the value."""
        recorder = recorder_for((self,), None)
        return self.changed(lambda: recorder.call("AddV2", "add", math.add, (self, delta), "xy"), read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True) -> "Variable":
        """Subtract from the value."""
        recorder = recorder_for((self,), None)
        return self.changed(lambda: recorder.call("Sub", "sub", math.subtract, (self, delta), "xy"), read_value)

    def __repr__(self):
        known = f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}"
        top = RECORDERS.top
        if top is not None and top.captures:
            return f"{known}>"
        return f"{known}, numpy={value_repr(self.as_tensor().array)}>"
