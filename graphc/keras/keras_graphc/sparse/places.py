"""The places of two sparse tensors together, and what a dense tensor has at the places of a sparse one."""

from __future__ import annotations

from collections.abc import Callable

import graphc as tf
from graphc.api.composite import record, static
from graphc.lib import sparse_math


def joined(x1, x2) -> tuple[Callable, object, object]:
    """What makes a sparse tensor with the places of either, in order, of values; and the values of both there.

    Where one has no value it counts as 0.
    """
    return _both(x1, x2, in_both=False)


def shared(x1, x2) -> tuple[Callable, object, object]:
    """As ``joined``, with the places that both have."""
    return _both(x1, x2, in_both=True)


def _both(x1, x2, in_both: bool) -> tuple:
    if isinstance(x1, tf.SparseTensor):
        indices, values1, values2 = _united(x1.indices, x1.values, x2.indices, x2.values, static(x1.dense_shape), in_both)
        shape = x1.shape.merge_with(x2.shape)

        def rebuilt(values):
            found = tf.SparseTensor(indices, values, x1.dense_shape)
            found.set_shape(shape)
            return found

        return rebuilt, values1, values2
    columns = [tf.cast(x.indices, "int64")[:, None] for x in (x1, x2)]
    indices, values1, values2 = _united(columns[0], x1.values, columns[1], x2.values, [1], in_both)
    indices = tf.cast(tf.squeeze(indices, 1), x1.indices.dtype)
    return (lambda values: tf.IndexedSlices(values, indices, x1.dense_shape)), values1, values2


def _united(indices1, values1, indices2, values2, shape, in_both: bool):
    return record("SparseUnion", sparse_math.united, "a_values | b_values", op="places", a_indices=indices1,
                  a_values=values1, b_indices=indices2, b_values=values2, dense_shape=shape, in_both=in_both)  # fmt: skip


def fits(x, dense) -> bool:
    """Whether a dense tensor broadcasts to the shape of a sparse one."""
    sizes, wanted = x.shape, dense.shape
    if sizes.rank is None or len(wanted) > sizes.rank:
        return False
    pairs = zip(sizes.as_list()[sizes.rank - len(wanted) :], wanted.as_list())
    return all(other == 1 or other == own or own != 1 and (own is None or other is None) for own, other in pairs)


def at_places(x, dense):
    """The elements of a dense tensor that fits, or its rows, at the places of a sparse one."""
    if isinstance(x, tf.SparseTensor):
        return record("GatherNd", sparse_math.at_places, op="multiply", indices=x.indices, dense=dense)
    whole = len(dense.shape) == x.shape.rank and dense.shape[0] != 1
    return tf.gather(dense, x.indices) if whole else dense
