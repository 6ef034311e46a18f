"""Elements and slices of a value that is there already: taken at once, so that no index makes a program of its own."""

from __future__ import annotations

import numpy as np

from graphc.api.recorder import RECORDERS
from graphc.api.recording import RECORDING


def _is_bound(value) -> bool:
    return value is None or type(value) is int or isinstance(value, np.integer)


def _is_plain(key: tuple) -> bool:
    """Whether a key has only ints, slices of ints, ``...`` and None."""
    for part in key:
        if type(part) is slice:
            if not (_is_bound(part.start) and _is_bound(part.stop) and _is_bound(part.step)):
                return False
        elif not _is_bound(part) and part is not Ellipsis:
            return False
    return True


def _is_forgotten(tensor) -> bool:
    """Whether no tape may ask for gradients by this tensor."""
    tapes = RECORDING.tapes
    if not tapes or not tensor.dtype.is_inexact:
        return True
    return not tensor.is_recorded and all(getattr(tape, "records", None) is not None for tape in tapes)


def picked(tensor, key) -> np.ndarray | None:
    """``tensor[key]`` as a read-only array; None where it has to be recorded.

    A tensor that waits to be computed is computed if one element, or one row, is asked for and no tape records.
    """
    parts = key if type(key) is tuple else (key,)
    if RECORDERS.top is not None or not _is_plain(parts):
        return None
    if not tensor.is_settled and (RECORDING.tapes or not all(type(p) is int for p in parts)):
        return None
    if not _is_forgotten(tensor):
        return None
    try:
        found = tensor.array[parts if Ellipsis in parts else (*parts, Ellipsis)]
    except (IndexError, ValueError):
        return None  # which finds out what is wrong with it
    if not found.flags.c_contiguous:
        found = found.copy()
        found.flags.writeable = False
    return found
