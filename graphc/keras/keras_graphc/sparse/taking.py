"""Rows looked up by sparse indices, which are 0 at places without a value: what comes is dense."""

from __future__ import annotations

import functools
from collections.abc import Callable

from graphc.keras.keras_graphc.sparse.tensors import SPARSE, to_dense


def taking(function: Callable) -> Callable:
    """A function of a tensor and of indices into it, on sparse ones too."""

    @functools.wraps(function)
    def taken(x, indices, axis=None):
        x = to_dense(x) if type(x) in SPARSE else x
        return function(x, to_dense(indices) if type(indices) in SPARSE else indices, axis)

    return taken
