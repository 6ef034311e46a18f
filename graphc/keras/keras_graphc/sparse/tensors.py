"""What sparse tensors are here: graphc's ``SparseTensor``, and ``IndexedSlices``, whose places are whole rows."""

from __future__ import annotations

import graphc as tf

SPARSE = frozenset({tf.SparseTensor, tf.IndexedSlices})  # looked up by every call of an operation


def to_dense(x):
    """The dense tensor that a sparse one stands for; anything else as it is."""
    if isinstance(x, tf.SparseTensor):
        full = tf.sparse.to_dense(x)
        full.set_shape(x.shape)
        return full
    return tf.convert_to_tensor(x) if isinstance(x, tf.IndexedSlices) else x


def is_scalar(x) -> bool:
    """Whether it has no axes: a Python number is one."""
    return not hasattr(x, "shape") or len(x.shape) == 0

