"""Encodings of classes as sparse tensors, and counts of them."""

from __future__ import annotations

import graphc as tf

from graphc.keras.keras_graphc.sparse.tensors import to_dense


def one_hot(x, num_classes: int, axis: int, dtype: str):
    """A value for each of the integers ``x``, at its class along a new axis: 1, or 0 where there is no such class."""
    x = tf.cast(to_dense(x), "int64")
    rank, known = x.shape.rank, x.shape.as_list()
    axis = axis + rank + 1 if axis < 0 else axis
    sizes = tf.shape(x, out_type="int64")
    flat = tf.reshape(x, [-1])
    ramp = tf.range(tf.size(x, out_type="int64"))
    columns = tf.unstack(tf.unravel_index(ramp, sizes), num=rank) if rank else []
    inside = (flat >= 0) & (flat < num_classes)
    columns.insert(axis, tf.where(inside, flat, tf.zeros_like(flat)))
    found = tf.SparseTensor(
        tf.stack(columns, axis=1), tf.cast(inside, dtype),
        tf.concat([sizes[:axis], tf.constant([num_classes], "int64"), sizes[axis:]], 0),
    )  # fmt: skip
    found.set_shape([*known[:axis], num_classes, *known[axis:]])
    return found


def multi_hot(x, num_classes: int, axis: int, dtype: str):
    """Whether each class is among the integers along the axis that goes: the second one, or the only one."""
    found = one_hot(x, num_classes, axis, "int8" if dtype == "bool" else dtype)
    gone = 1 if found.shape.rank > 2 else 0
    sizes = found.shape.as_list()
    found = tf.sparse.reduce_max(found, gone, output_is_sparse=True)
    found.set_shape([size for a, size in enumerate(sizes) if a != gone])
    return tf.cast(found, dtype)


def bincount(x, weights, minlength: int, dtype: str):
    """How often each integer is in a vector, or in each row of a matrix; ``weights`` have the places of a sparse ``x``."""
    rank = x.shape.rank
    x = tf.cast(x, "int64")
    found = tf.sparse.bincount(x, weights=weights, minlength=minlength, axis=-1)
    rows = x.shape.as_list()[:1] if rank > 1 else []
    found.set_shape([*rows, None])
    return tf.cast(found, dtype)
