"""What a function is called with: tensors in any structure of values, and a key that says which trace serves them."""

from __future__ import annotations

import dataclasses
import types
import weakref
from collections.abc import Callable, Mapping

import numpy as np

from graphc.api.eager import EAGER
from graphc.api.operators import Composed, Operators
from graphc.api.ragged import RaggedTensor
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor
from graphc.api.spec import TensorSpec
from graphc.api.tensor import Tensor
from graphc.api.type_spec import type_spec_from_value
from graphc.errors import UsageError, explain
from graphc.ir.dtype import DType

_BY_VALUE = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), TensorShape, DType, range)
_NO_TENSOR = "tf.function: an argument of class {} cannot become a tensor"


class Same:
    """An object by identity, as a part of a key; it does not keep the object alive where that can be helped."""

    __slots__ = ("_get", "_number", "kind")

    def __init__(self, value):
        self._number, self.kind = id(value), type(value)
        try:
            self._get: Callable = weakref.ref(value)
        except TypeError:
            self._get = lambda: value

    def __hash__(self):
        return self._number

    def __eq__(self, other):
        if not isinstance(other, Same) or self._number != other._number:
            return False
        mine = self._get()
        return mine is not None and mine is other._get()

    def __repr__(self):
        return f"<{self.kind.__name__} object>"


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a tensor in a key.

    Attributes:
        dtype: of its elements; rank: None where a specification leaves it open.
        name: what the trace calls it; without meaning for the key.
    """

    dtype: DType
    rank: int | None
    name: str = dataclasses.field(default="x", compare=False)

    def __repr__(self):
        return f"tensor of {self.dtype.name} and rank {self.rank}"


def taken_apart(value, found: list, name: str = "x"):
    """The key of a value; its tensors, arrays and specifications of tensors are appended to ``found``.

    Raises:
        UsageError: a NumPy array holds objects.
    """
    if isinstance(value, Tensor):
        found.append(value)
        return Place(value.dtype, value.type.rank, name)
    if isinstance(value, (np.ndarray, np.generic)):  # some of which are Python's numbers as well
        array = np.asarray(value)
        if array.dtype.kind == "O" and not all(isinstance(v, (str, bytes)) for v in array.reshape(-1)):
            raise UsageError(explain(_NO_TENSOR.format(f"{type(value).__name__} of objects")))
        tensor = EAGER.convert(array)
        found.append(tensor)
        return Place(tensor.dtype, tensor.type.rank, name)
    if type(value) in _BY_VALUE or isinstance(value, _BY_VALUE):
        return type(value), str(value) if type(value) is float else value  # nan is nan, and 0.0 is not -0.0
    if isinstance(value, Operators):  # a variable
        return Same(value)
    if isinstance(value, TensorSpec):
        found.append(value)
        return Place(value.dtype, value.shape.ndims, value.name or name)
    if isinstance(value, Composed):
        return (type(value), *[taken_apart(part, found, f"{name}_{k}") for k, part in enumerate(value.parts)])
    opened = _opened(value)
    if opened is None:
        return _object(value)
    if not isinstance(value, (list, tuple, Mapping)):
        return _fields(value, opened, found, name)
    return (type(value), *[(k, taken_apart(part, found, _inner(name, k))) for k, part in opened])


def places_in(key) -> list[Place]:
    """The tensors that a key tells of, in order."""
    found, stack = [], [key]
    while stack:
        part = stack.pop()
        if isinstance(part, Place):
            found.append(part)
        elif isinstance(part, tuple):
            stack.extend(part[::-1])
    return found


def put_together(value, tensors, composed: Callable | None = None):
    """The value with the tensors of an iterator in the places of its own.

    Args:
        composed: what stands for a sparse or ragged tensor; by default one of the new parts.
    """
    if isinstance(value, (Tensor, np.ndarray, np.generic, TensorSpec)):
        return next(tensors)
    if isinstance(value, Composed):
        parts = [next(tensors) for _ in value.parts]
        return value.rebuilt(parts) if composed is None else composed(value)
    if isinstance(value, (*_BY_VALUE, Operators)):
        return value
    opened = _opened(value)
    if opened is None or not isinstance(value, (list, tuple, Mapping)) and not _has_tensors(value):
        return value
    parts = [(k, put_together(part, tensors, composed)) for k, part in opened]
    if isinstance(value, Mapping):
        made = dict(parts)
        ordered = {k: made[k] for k in value}
        return mapping_like(value, ordered)
    if isinstance(value, (list, tuple)):
        values = [part for _, part in parts]
        return type(value)(*values) if hasattr(value, "_fields") else type(value)(values)
    return _object_like(value, parts)


def packer(value) -> Callable:
    """A function of an iterator of tensors that does what ``put_together`` does for this value."""
    kind = type(value)
    if isinstance(value, TensorSpec):
        return next
    if kind in (tuple, list):
        parts = [packer(part) for part in value]
        return lambda tensors: kind([pack(tensors) for pack in parts])
    if kind is dict and all(type(key) is str for key in value):
        pairs, keys = [(key, packer(value[key])) for key in sorted(value)], list(value)

        def of_mapping(tensors):
            made = {key: pack(tensors) for key, pack in pairs}
            return {key: made[key] for key in keys}

        return of_mapping
    return lambda tensors: put_together(value, tensors)


def _opened(value) -> list | None:
    """Pairs of key and part of a structure, None for something else."""
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        try:
            return [(k, value[k]) for k in sorted(value)]
        except TypeError:
            return list(value.items())
    fields = getattr(type(value), "__dataclass_fields__", None) or getattr(type(value), "__attrs_attrs__", None)
    if fields is None or isinstance(value, type):
        return None
    names = fields if isinstance(fields, dict) else [f.name for f in fields]
    return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


def _fields(value, opened: list, found: list, name: str):
    """The key of an object of a data class: what is in it where that has tensors, else the object."""
    inside: list = []
    key = (type(value), *[(k, taken_apart(part, inside, _inner(name, k))) for k, part in opened])
    found += inside
    if inside:
        return key
    is_value = getattr(getattr(value, "__dataclass_params__", None), "frozen", False)
    return key if is_value else _object(value)


def _has_tensors(value) -> bool:
    found: list = []
    taken_apart(value, found)
    return bool(found)


def _inner(name: str, key) -> str:
    return f"{name}_{key}" if isinstance(key, (int, str)) and str(key).isidentifier() or isinstance(key, int) else name


def described(value: Composed):
    """The specification of a sparse or ragged tensor; the value itself where there is none."""
    return type_spec_from_value(value) if isinstance(value, (SparseTensor, RaggedTensor)) else value


def mapping_like(value, content: dict):
    """A mapping of the class of another one."""
    if type(value) is dict:
        return content
    if hasattr(value, "default_factory"):
        return type(value)(value.default_factory, content)
    return type(value)(content)


def _object_like(value, parts: list):
    """A copy of an object of a data class with other values in its fields."""
    made = object.__new__(type(value))
    for name, part in parts:
        object.__setattr__(made, name, part)
    return made


def _object(value):
    """The key of something that is no structure."""
    if isinstance(value, types.MethodType):
        return Same(value.__self__), value.__func__
    if isinstance(value, slice):
        return slice, (value.start, value.stop, value.step)
    return Same(value)
