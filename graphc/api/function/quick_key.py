"""Arguments of a call as a key that is quick to make, and the arrays among them, where they lie."""

from __future__ import annotations

import numpy as np

from graphc.api.tensor import EagerTensor
from graphc.ir import dtype as dt

_FLAGS = frozenset({bool, int, str, type(None)})  # of which equal ones of one class are the same
_SCALARS = frozenset(d.numpy.type for d in dt.ALL if d is not dt.string)


def note_quick(values, key: list, arrays: list) -> bool:
    """Add the dtypes and shapes of arrays, the values of flags and what holds them to a key; False if there is more.

    Keys of values that a function tells apart differ; in lists, tuples and dictionaries the arrays come in the order in
    which a trace takes them.

    Args:
        values: arguments, or what is in one of them.
        key, arrays: what is added to.
    """
    for x in values:
        cls = x.__class__
        if cls is EagerTensor:
            value = x._value
            array = value.held or value.array
            if array is None:
                return False
        elif cls is np.ndarray:
            array = x
        elif cls in _FLAGS:
            key += cls, x
            continue
        elif cls is float:
            key += cls, x if x < 0 or x > 0 else str(x)  # there are two zeros, and no NaN equals another
            continue
        elif cls in _SCALARS:
            array = np.asarray(x)
        elif cls is list or cls is tuple:
            key += cls, len(x)
            if not note_quick(x, key, arrays):
                return False
            continue
        elif cls is dict:
            names = tuple(x)
            key += cls, names
            if not _are_words(names) or not note_quick([x[name] for name in sorted(names)], key, arrays):
                return False
            continue
        else:
            return False
        arrays.append(array)
        key += array.dtype, array.shape
    return True


def _are_words(names: tuple) -> bool:
    """Whether names can be sorted, and equal ones are the same."""
    return all([name.__class__ is str for name in names])
