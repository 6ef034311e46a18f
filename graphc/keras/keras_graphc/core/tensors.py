"""Tensors made of what Keras is given, their sizes, and arrays made of them."""

from __future__ import annotations

import graphc as tf
import numpy as np
from keras.src.backend import config
from graphc.keras.keras_graphc.sparse.tensors import SPARSE, to_dense
from keras.src.backend.common import KerasVariable, is_int_dtype, standardize_dtype


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """A tensor of an array, a number, a list, a variable or a tensor; of ``dtype`` where one is given.

    Args:
        sparse: False for the dense tensor that a sparse one stands for; dense ones stay dense.

    Raises:
        ValueError: a ragged tensor is asked for.
    """
    if ragged:
        raise ValueError("`ragged=True` is not supported with the graphc backend")
    dtype = None if dtype is None else standardize_dtype(dtype)
    if isinstance(x, KerasVariable):
        x = x.value
    if isinstance(x, tf.Variable):
        x = tf.convert_to_tensor(x)
    if type(x) in SPARSE:
        if sparse is not False:
            return x if dtype is None else x.with_values(convert_to_tensor(x.values, dtype))
        x = to_dense(x)
    if not tf.is_tensor(x):
        if dtype is not None and (isinstance(x, bool) or dtype == "bool" or is_int_dtype(dtype)):
            if isinstance(x, int) or isinstance(x, list) and all(type(part) is int for part in x):
                return tf.constant(np.array(x).astype(dtype))
            return tf.cast(tf.convert_to_tensor(x), dtype)
        if dtype is None and isinstance(x, float):
            dtype = config.floatx()
        return tf.convert_to_tensor(x, dtype=dtype)
    return x if dtype is None or x.dtype.name == dtype else tf.cast(x, dtype)


def convert_to_numpy(x) -> np.ndarray:
    """An array of the value, one's own to write to; of a sparse tensor the dense one."""
    if isinstance(x, KerasVariable):
        x = x.value
    if type(x) in SPARSE:
        x = to_dense(x)
    return np.array(x.numpy() if tf.is_tensor(x) else x)


def is_tensor(x) -> bool:
    return tf.is_tensor(x)


def shape(x) -> tuple:
    """The sizes: ints, and tensors where only a run knows; of other frameworks' tensors what they say."""
    if not isinstance(x, tf.Variable) and not tf.is_tensor(x):
        known = getattr(x, "shape", None)
        if known is not None:
            return tuple(known)
        x = tf.convert_to_tensor(x)
    sizes = x.shape.as_list()
    if None not in sizes or isinstance(x, tf.RaggedTensor):
        return tuple(sizes)
    measured = tf.shape(x)
    return tuple(measured[axis] if size is None else size for axis, size in enumerate(sizes))


def cast(x, dtype):
    return convert_to_tensor(x, dtype)
