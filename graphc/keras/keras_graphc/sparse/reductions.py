"""Sums and means of sparse tensors: sparse again, unless the axis that ``IndexedSlices`` are sparse along is gone."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import graphc as tf

from graphc.keras.keras_graphc.sparse.tensors import SPARSE


def summing(function: Callable) -> Callable:
    """``sum``, on sparse tensors too."""

    @functools.wraps(function)
    def summed(x, axis=None, keepdims=False):
        if type(x) not in SPARSE:
            return function(x, axis, keepdims)
        x = x.with_values(function(x.values, ()))  # in the dtype of sums
        return _sum(x, _axes(x, axis), keepdims)

    return summed


def averaging(function: Callable) -> Callable:
    """``mean``, on sparse tensors too: of all places, also those without a value."""

    @functools.wraps(function)
    def averaged(x, axis=None, keepdims=False):
        if type(x) not in SPARSE:
            return function(x, axis, keepdims)
        x = x.with_values(function(x.values, ()))  # in the dtype of means
        axes = _axes(x, axis)
        total = _sum(x, axes, keepdims)
        sizes = x.shape.as_list()
        if all(sizes[a] is not None for a in axes):
            count = tf.constant(math.prod(sizes[a] for a in axes), x.dtype)
        else:
            count = tf.cast(tf.reduce_prod(tf.gather(x.dense_shape, axes)), x.dtype)
        return total.with_values(total.values / count) if type(total) in SPARSE else total / count

    return averaged


def _axes(x, axis) -> list[int]:
    rank = x.shape.rank
    given = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    for a in given:
        if not -rank <= a < rank:
            raise ValueError(f"axis {a} is out of bounds for a sparse tensor of rank {rank}")
    return sorted({a % rank for a in given})


def _sum(x, axes: list[int], keepdims: bool):
    if not axes:
        return x
    if isinstance(x, tf.SparseTensor):
        return tf.sparse.reduce_sum(x, axes, keepdims=keepdims, output_is_sparse=True)
    rows = tf.reduce_sum(x.values, axes, keepdims=keepdims)
    if axes[0] == 0:
        return rows
    if len(rows.shape) == 1:
        return tf.math.unsorted_segment_sum(rows, x.indices, x.dense_shape[0])
    sizes = tf.unstack(x.dense_shape)
    left = [tf.ones_like(s) if a in axes else s for a, s in enumerate(sizes) if keepdims or a not in axes]
    return tf.IndexedSlices(rows, x.indices, tf.stack(left))
