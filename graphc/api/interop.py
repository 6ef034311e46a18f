"""What a tensor with a value can be turned into: arrays, buffers, DLPack capsules, Python's numbers, pickles."""

from __future__ import annotations

import numpy as np

from graphc.api.dlpack import exported
from graphc.errors import ShapeError, UnimplementedError, UsageError, explain


def as_array(array: np.ndarray, dtype=None, copy=None) -> np.ndarray:
    """A read-only array as NumPy's ``__array__`` protocol wants it.

    Args:
        dtype: of the result; that of the array if None.
        copy: True for a copy of the caller's own, False to refuse one, None where one is needed only.

    Raises:
        ValueError: another dtype needs a copy and ``copy`` is False.
    """
    if dtype is None or array.dtype == dtype:
        return array.copy() if copy else array
    if copy is False:
        what = f"__array__: {array.dtype} as {np.dtype(dtype)} needs a copy, and copy=False refuses it"
        raise UsageError(explain(what))
    return array.astype(dtype)


class EagerValue:
    """The conversions of a tensor with a value; ``array`` is that value, read-only."""

    __slots__ = ()
    is_packed = False

    def __array__(self, dtype=None, copy=None):
        return as_array(self.array, dtype, copy)

    def numpy(self):
        """The value as an array of its own; a NumPy scalar, or bytes, for rank 0."""
        array = self._value.array
        if array is None:
            array = self.array
        return array.copy() if array.ndim else array[()]

    def __buffer__(self, flags: int) -> memoryview:
        if self.dtype.numpy.kind == "V":
            advice = "use x.numpy().view(np.uint16), or tf.cast"
            raise BufferError(f"Python's buffers know no {self.dtype.name}; {advice}")
        if flags & 1:
            raise BufferError("a tensor cannot be written to through a buffer; write to a copy, x.numpy()")
        return memoryview(self.array)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A capsule of the value's memory, not copied; whoever takes it must not write to it."""
        return exported(self.array, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __reduce__(self):
        return self.graph.convert, (self.array,)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self  # nothing changes it

    # -------------------------------------------------------------------------------------- Python's numbers

    def __bool__(self):
        array = self.array
        if array.size > 1:
            advice = "use tf.reduce_any or tf.reduce_all"
            raise ShapeError(explain(f"bool() of a tensor with more than one element, {self.type}; {advice}"))
        return bool(array.size and array.reshape(())[()])

    def __float__(self):
        return float(self._one_value("float"))

    def __int__(self):
        return int(self._one_value("int"))

    def __complex__(self):
        return complex(self._one_value("complex"))

    def __index__(self):
        if not self.dtype.is_integer or self.ndim:
            raise TypeError(explain(f"only a scalar integer tensor can be an index, not {self.type}"))
        return int(self.array[()])

    def __round__(self, digits=None):
        value = self._one_value("round")
        return round(float(value) if self.dtype.is_float else value.item(), digits)

    def _one_value(self, wanted: str):
        array = self.array
        if array.size != 1:
            kind = TypeError if array.ndim else ShapeError
            raise kind(explain(f"{wanted}() needs a tensor with one element, not {self.type}"))
        return array.reshape(())[()] if array.ndim else array[()]

    def __contains__(self, value):
        found = self.array == (value.numpy() if hasattr(value, "numpy") else value)
        return bool(np.any(found))

    # ------------------------------------------------------------------------------------------------ places

    def cpu(self):
        """The tensor in the memory of the CPU."""
        return self._on("/cpu:0")

    def gpu(self, gpu_index=0):
        """The tensor in the memory of a GPU.

        Raises:
            DeviceUnavailable: it is not there.
        """
        return self._on(f"/gpu:{gpu_index}")

    def consumers(self):
        """Refused: only graphs know which operations use a tensor."""
        raise UnimplementedError(explain("consumers: a tensor with a value does not know what uses it; only graphs do"))

    # What other libraries ask TensorFlow's tensors for.

    def _numpy(self) -> np.ndarray:
        return self.array

    def _shape_tuple(self) -> tuple:
        return self.array.shape if self.is_settled else tuple(self.shape)

    def _rank(self) -> int:
        return self.ndim
