"""Functions of single elements or small matrices, applied to all of a tensor."""

from __future__ import annotations

from collections.abc import Callable

import graphc as tf
from keras.src.backend.common.backend_utils import vectorize_impl


def vectorize(pyfunc, *, excluded=None, signature=None):
    return vectorize_impl(pyfunc, _over_rows, excluded=excluded, signature=signature)


def _over_rows(function: Callable, axes: tuple) -> Callable:
    """The function of the rows of the arguments whose axis is 0, and of the other arguments whole; one native loop."""

    def applied(*args):
        def of_rows(rows):
            left = iter(rows)
            return function(*(x if axis is None else next(left) for x, axis in zip(args, axes)))

        return tf.vectorized_map(of_rows, [x for x, axis in zip(args, axes) if axis is not None])

    return applied
