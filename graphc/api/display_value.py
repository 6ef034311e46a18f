"""How the values of tensors and variables are shown: by NumPy's settings, scalars as Python's numbers."""

from __future__ import annotations

import numpy as np


def value_repr(array: np.ndarray) -> str:
    """What stands behind ``numpy=``: a scalar as Python shows it; several lines begin below."""
    if not array.ndim:
        value = array[()]
        return repr(value.item() if isinstance(value, np.generic) else value)
    return _below(repr(array))


def value_str(array: np.ndarray) -> str:
    """A value as ``str`` of a tensor shows it."""
    value = array if array.ndim else array[()]
    return _below(repr(value) if isinstance(value, bytes) else str(value))


def _below(text: str) -> str:
    return f"\n{text}" if "\n" in text else text
