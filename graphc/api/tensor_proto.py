"""TensorProto, TensorFlow's message for one tensor, and its makers."""

from __future__ import annotations

import numpy as np

from graphc.api.example import Message
from graphc.api.shape import TensorShape
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import literal_array
from graphc.prims import tensor_proto as lib


class TensorProto(Message):
    """A tensor as a message; ``FromString`` reads serialised ones.

    Attributes:
        dtype: TensorFlow's number of the data type. tensor_shape: the shape.
        tensor_content: the numbers as bytes; empty for strings.
    """

    def __init__(self, **fields):
        super().__init__(**fields)
        self._array, self._bytes = np.zeros((), np.float32), b""

    @property
    def dtype(self) -> int:
        return lib.NUMBERS[dt.as_dtype(self._array.dtype)] if self._bytes else 0

    @property
    def tensor_shape(self) -> TensorShape:
        return TensorShape(self._array.shape)

    @property
    def tensor_content(self) -> bytes:
        return b"" if self._array.dtype == object or not self._bytes else self._array.tobytes()

    def SerializeToString(self, deterministic=None) -> bytes:  # noqa: N802
        return self._bytes

    def MergeFromString(self, serialized: bytes) -> int:  # noqa: N802
        self._array, self._bytes = lib.read(serialized), bytes(serialized)
        return len(serialized)

    def lines(self) -> list[str]:
        sizes = [line for d in self._array.shape for line in ("  dim {", f"    size: {d}", "  }")]
        kind = dt.as_dtype(self._array.dtype)
        return [f"dtype: {lib.NUMBERS[kind]}", "tensor_shape {", *sizes, "}", f"value: {self._array.tolist()}"]


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False) -> TensorProto:
    """A message of values.

    Args:
        shape: the shape, into which the values are put in order. verify_shape: they must have it already.
        allow_broadcast: one value may fill it.

    Raises:
        ShapeError: the values do not fit the shape.
    """
    if isinstance(values, TensorProto):
        return values
    array = literal_array(values, None if dtype is None else dt.as_dtype(dtype))
    if shape is not None:
        sizes = tuple(int(d) for d in shape)
        if verify_shape and array.shape != sizes:
            raise ShapeError(
                explain(f"make_tensor_proto: values of shape {list(array.shape)} instead of {list(sizes)}")
            )
        if array.size == 1 and allow_broadcast:
            array = np.broadcast_to(array.reshape(()), sizes)
        elif array.size != int(np.prod(sizes)):
            raise ShapeError(explain(f"make_tensor_proto: {array.size} values do not fill shape {list(sizes)}"))
        array = np.ascontiguousarray(array).reshape(sizes)
    return TensorProto.FromString(lib.written(array, listed_scalar=True))


def make_ndarray(tensor: TensorProto) -> np.ndarray:
    """The array of a message.

    Raises:
        UsageError: it is no TensorProto.
    """
    if not isinstance(tensor, TensorProto):
        raise UsageError(explain(f"make_ndarray: {tensor!r} is no TensorProto"))
    return tensor._array.copy()
