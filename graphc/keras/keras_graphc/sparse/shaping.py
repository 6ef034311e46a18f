"""Functions that move the places of a ``SparseTensor``; ``IndexedSlices`` become dense first."""

from __future__ import annotations

import functools
from collections.abc import Callable

import graphc as tf
from keras.src.backend.common import dtypes

from graphc.keras.keras_graphc.sparse.tensors import SPARSE, to_dense


def _moving(sparse: Callable) -> Callable:
    def of(function: Callable) -> Callable:
        @functools.wraps(function)
        def moved(x, *args, **kwargs):
            if type(x) not in SPARSE:
                return function(x, *args, **kwargs)
            if isinstance(x, tf.IndexedSlices):
                return function(to_dense(x), *args, **kwargs)
            return sparse(x, *args, **kwargs)

        return moved

    return of


def _reshaped(x, newshape):
    if isinstance(newshape, int):
        newshape = (newshape,)
    if not tf.is_tensor(newshape):
        newshape = [-1 if size is None else size for size in newshape]
        newshape = tf.stack(newshape) if any(tf.is_tensor(size) for size in newshape) else newshape
    return tf.sparse.reshape(x, newshape)


def _transposed(x, axes=None):
    return tf.sparse.transpose(x, perm=axes)


def _expanded(x, axis):
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = x.shape.rank + len(axes)
    for a in sorted(a % rank for a in axes):
        x = tf.sparse.expand_dims(x, a)
    return x


def squeezed(x, axis=None):
    sizes = x.shape.as_list()
    rank = len(sizes)
    axes = [a for a, size in enumerate(sizes) if size == 1] if axis is None else [axis] if isinstance(axis, int) else axis
    axes = [a % rank for a in axes]
    for a in axes:
        if sizes[a] not in (1, None):
            raise ValueError(f"Cannot squeeze axis={a}, because the dimension is not 1. Received: x.shape={tuple(sizes)}")
    kept = [a for a in range(rank) if a not in axes]
    extents = tf.unstack(x.dense_shape, num=rank)
    shape = tf.stack([extents[a] for a in kept]) if kept else tf.zeros([0], "int64")
    return tf.SparseTensor(tf.gather(x.indices, tf.constant(kept, "int32"), axis=1), x.values, shape)


reshaping, transposing = _moving(_reshaped), _moving(_transposed)
expanding, squeezing = _moving(_expanded), _moving(squeezed)


def concatenating(function: Callable) -> Callable:
    """``concatenate``: sparse where all parts are."""

    @functools.wraps(function)
    def concatenated(xs, axis=0):
        count = sum(type(x) in SPARSE for x in xs)
        if not count:
            return function(xs, axis)
        if axis is None or count < len(xs) or any(isinstance(x, tf.IndexedSlices) for x in xs):
            return function([to_dense(x) for x in xs], axis)
        dtype = dtypes.result_type(*[x.dtype for x in xs])
        return tf.sparse.concat(axis, [tf.cast(x, dtype) for x in xs])

    return concatenated
