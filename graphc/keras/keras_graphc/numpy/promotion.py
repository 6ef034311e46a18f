"""The dtypes that operands are computed in: Keras' rules, which are JAX's with float32 for the widest integers."""

from __future__ import annotations

from keras.src.backend import config
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import convert_to_tensor


def weak(x):
    """The dtype of an operand; the type of a Python number, which adopts the other operand's."""
    return getattr(x, "dtype", None) or type(x)


def operand(x):
    """A tensor, or the Python number that it is."""
    return x if isinstance(x, (bool, int, float, complex)) else convert_to_tensor(x)


def pair(x1, x2, *more) -> tuple:
    """Both as tensors of the dtype in which they meet (and of ``more`` dtypes or Python types)."""
    x1, x2 = operand(x1), operand(x2)
    dtype = dtypes.result_type(weak(x1), weak(x2), *more)
    return convert_to_tensor(x1, dtype), convert_to_tensor(x2, dtype)


def as_float(x):
    """A tensor of floating-point or complex numbers: integers become floats."""
    x = convert_to_tensor(x)
    return convert_to_tensor(x, float_dtype(x.dtype))


def float_dtype(dtype) -> str:
    """The dtype of what a function of real numbers gives for elements of this one."""
    name = standardize_dtype(dtype)
    return config.floatx() if name == "int64" else dtypes.result_type(name, float)


def summed_in(dtype: str) -> str:
    """The dtype of sums and products: small integers widen to 32 bits."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


def is_whole(x) -> bool:
    """Whether the elements are integers or booleans."""
    name = standardize_dtype(x.dtype)
    return name == "bool" or name in dtypes.INT_TYPES
