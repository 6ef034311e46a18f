"""``tf.make_tensor_proto`` and ``tf.make_ndarray``."""

from __future__ import annotations

import math

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.formats import tensors
from graphc.ir import dtype as dt
from graphc.lib.promote import literal_array


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of values.

    Args:
        values: nested lists or an array. dtype: anything that names a data type, the values' own if None.
        shape: the shape, into which the values are put in order; fewer values repeat the last one.
        verify_shape: they must have it already. allow_broadcast: only one value may stand for all.

    Raises:
        ShapeError: the values do not fit the shape. DtypeError: or not the dtype.
    """
    if is_tensor_proto(values):
        return values
    array = literal_array(values, None if dtype is None else dt.as_dtype(dtype))
    if shape is None:
        return tensors.tensor_proto(array)
    sizes = tuple(int(d) for d in shape)
    if verify_shape and array.shape != sizes:
        raise ShapeError(explain(f"make_tensor_proto: values of shape {list(array.shape)} instead of {list(sizes)}"))
    few = array.size == 1 if allow_broadcast else 0 < array.size < math.prod(sizes)
    if array.size != math.prod(sizes) and not few:
        raise ShapeError(explain(f"make_tensor_proto: {array.size} values do not fit shape {list(sizes)}"))
    return tensors.tensor_proto(array, sizes)


def is_tensor_proto(value) -> bool:
    """Whether it is a TensorProto, ours or another library's."""
    return getattr(getattr(value, "DESCRIPTOR", None), "full_name", "") == "tensorflow.TensorProto"


def make_ndarray(tensor) -> np.ndarray:
    """The array of a TensorProto.

    Raises:
        UsageError: it is none. DtypeError, DataLossError: it holds what cannot be.
    """
    if not is_tensor_proto(tensor):
        raise UsageError(explain(f"make_ndarray: {tensor!r} is no TensorProto"))
    return np.array(tensors.array_of(tensor))
