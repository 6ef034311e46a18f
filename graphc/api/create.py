"""Tensors from Python and NumPy values."""

from __future__ import annotations

import numpy as np

from graphc.api.adopt import giver
from graphc.api.eager import eager
from graphc.api.lift import tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import recorder_for
from graphc.api.shape import TensorShape
from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import fits, literal_array


def constant(value, dtype=None, shape=None, name="Const"):
    """A tensor of a value; with ``shape``, a single value fills it and other values are reshaped.

    Raises:
        DtypeError: the value does not fit ``dtype``.
        ShapeError: the number of elements does not fit ``shape``.
    """
    kind = None if dtype is None else dt.as_dtype(dtype)
    if tensors_in([value]) or giver(value) is not None:
        return convert_to_tensor(value, kind)
    array = literal_array(_cast(value, kind), kind)
    if shape is not None:
        sizes = tuple(TensorShape(shape).as_list())
        if array.size != 1 and array.size != int(np.prod(sizes)):
            raise ShapeError(explain(f"constant: value of shape {array.shape} does not fit shape {sizes}"))
        array = np.full(sizes, array.reshape(()), array.dtype) if array.size == 1 else array.reshape(sizes)
    return recorder_for((), eager).convert(array, kind)


def _cast(value, kind: dt.DType | None):
    """An array of numbers as another kind of number, as NumPy converts it; other values as they are."""
    if kind is None or isinstance(value, Operators) or not hasattr(value, "__array__"):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or kind.kind not in "biufc":
        return value
    with np.errstate(invalid="ignore"):
        return array.astype(kind.numpy)


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """``value`` as a tensor: tensors stay, variables are read, everything else becomes a constant.

    Raises:
        DtypeError: it has, or would need, another dtype than ``dtype``.
    """
    kind = None if dtype is None else dt.as_dtype(dtype)
    value = value.as_tensor() if isinstance(value, Composed) else value
    if kind is None and dtype_hint is not None and not tensors_in([value]):
        hint = dt.as_dtype(dtype_hint)
        kind = hint if fits(np.asarray(value), hint) else None
    tensor = recorder_for(tensors_in([value]), eager).convert(_cast(value, kind), kind)
    if kind is not None and tensor.dtype is not kind:
        raise DtypeError(explain(f"convert_to_tensor: needs {kind.name}, got a tensor of {tensor.dtype.name}"))
    return tensor
