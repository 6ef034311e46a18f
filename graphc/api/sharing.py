"""Tensors that share memory with other libraries: ``experimental.dlpack``."""

from __future__ import annotations

from graphc.api.dlpack import imported
from graphc.api.eager import EAGER
from graphc.api.tensor import EagerTensor
from graphc.api.values import given
from graphc.errors import UnimplementedError, UsageError, explain, place


def to_dlpack(tf_tensor):
    """A capsule of a tensor's memory, without a copy; other libraries' ``from_dlpack`` takes it, once.

    Raises:
        UsageError: it is no tensor with a value. DtypeError: DLPack does not know the dtype.
    """
    if not isinstance(tf_tensor, EagerTensor):
        kind = type(tf_tensor).__name__
        raise UsageError(explain(f"to_dlpack: needs a tensor with a value, got {kind}; a variable v has v.value()"))
    return tf_tensor.__dlpack__()


def from_dlpack(dlcapsule) -> EagerTensor:
    """A tensor of the memory that a capsule, or any object with ``__dlpack__``, describes, without a copy.

    The memory lives as long as the tensor, and shows through it if its owner writes to it.

    Raises:
        UsageError: it is neither, or was used before. UnavailableError: the memory is not that of the CPU.
    """
    return EagerTensor(EAGER, value=given(imported(dlcapsule), place()))


def enable_numpy_behavior(prefer_float32=False, dtype_conversion_mode="legacy") -> None:
    """Refused: tensors keep TensorFlow's own rules.

    Raises:
        UnimplementedError: always.
    """
    what = "experimental_enable_numpy_behavior: tensors have no methods of NumPy's arrays and no NumPy promotion"
    raise UnimplementedError(explain(f"{what}; use tf.cast, tf.reshape and tf.gather, or x.numpy()"))
