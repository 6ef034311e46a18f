"""Sparse data that ``fit`` and others are given: arrays of graphc's, SciPy's and other frameworks' sparse tensors."""

from __future__ import annotations

import graphc as tf
import numpy as np
from keras.src import tree
from keras.src.backend import config
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils


class SparseRows(array_slicing.Sliceable):
    """A sparse tensor as arrays, of which rows can be taken.

    Args:
        indices: the places, i64[n, rank]. values: the elements, a vector of n. shape: the sizes, ints.
    """

    def __init__(self, indices, values, shape):
        indices, values = np.asarray(indices, np.int64), np.asarray(values)
        if values.dtype.kind == "f" and values.dtype.name != config.floatx():
            values = values.astype(config.floatx())
        if (np.diff(indices[:, 0]) < 0).any():
            order = np.argsort(indices[:, 0], kind="stable")
            indices, values = indices[order], values[order]
        self.indices, self.values, self.shape = indices, values, tuple(int(size) for size in shape)
        self._starts = np.searchsorted(indices[:, 0], np.arange(self.shape[0] + 1))

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def __getitem__(self, indices) -> "SparseRows":
        """Some rows, in the order of their numbers; a slice of them."""
        numbers = np.arange(self.shape[0])[indices]
        counts = self._starts[numbers + 1] - self._starts[numbers]
        before = np.cumsum(counts) - counts
        taken = np.arange(counts.sum()) + np.repeat(self._starts[numbers] - before, counts)
        rows = np.repeat(np.arange(len(numbers)), counts)
        places = np.concatenate([rows[:, None], self.indices[taken, 1:]], axis=1)
        return SparseRows(places, self.values[taken], (len(numbers), *self.shape[1:]))

    def as_tensor(self) -> tf.SparseTensor:
        return tf.SparseTensor(self.indices, self.values, self.shape)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """The dense array; Keras takes data for arrays that have this."""
        full = np.zeros(self.shape, self.dtype if dtype is None else dtype)
        full[tuple(self.indices.T)] = self.values
        return full


def has_sparse(data) -> bool:
    """Whether an array in some structure is sparse."""
    kinds = SparseRows, tf.SparseTensor
    known = data_adapter_utils.is_scipy_sparse, data_adapter_utils.is_jax_sparse, data_adapter_utils.is_tensorflow_sparse
    return any(isinstance(x, kinds) or any(asks(x) for asks in known) for x in tree.flatten(data))


def as_rows(x):
    """The arrays of a sparse tensor; anything else as it is."""
    if data_adapter_utils.is_scipy_sparse(x):
        x = x.tocoo()
        return SparseRows(np.stack(x.coords, axis=1), x.data, x.shape)
    if data_adapter_utils.is_jax_sparse(x):
        return SparseRows(x.indices, x.data, x.shape)
    if isinstance(x, tf.SparseTensor) or data_adapter_utils.is_tensorflow_sparse(x):
        return SparseRows(np.asarray(x.indices), np.asarray(x.values), np.asarray(x.dense_shape))
    return x


def as_sparse(x):
    """The SparseTensor of what is sparse; anything else as it is."""
    x = x if isinstance(x, tf.SparseTensor) else as_rows(x)
    return x.as_tensor() if isinstance(x, SparseRows) else x


def without_sparse(batch) -> tuple[tuple[int, ...], object]:
    """The numbers of the leaves that are sparse, and the batch without them: itself, if there are none.

    Otherwise it is a pair: the batch with ``[rows, 0, *sizes]`` in their places, which have no elements and tell the sizes;
    and for each of them its indices and values.
    """
    leaves = tree.flatten(batch)
    places = tuple([k for k, x in enumerate(leaves) if isinstance(x, SparseRows)])
    if not places:
        return places, batch
    found = [leaves[k] for k in places]
    for k, x in zip(places, found):
        leaves[k] = np.empty((x.shape[0], 0, *x.shape[1:]), x.dtype)
    return places, (tree.pack_sequence_as(batch, leaves), [(x.indices, x.values) for x in found])


def with_sparse(places: tuple[int, ...], batch):
    """The batch, of tensors, that ``without_sparse`` took apart."""
    if not places:
        return batch
    batch, parts = batch
    leaves = tree.flatten(batch)
    for k, (indices, values) in zip(places, parts):
        rows, _, *sizes = tf.unstack(tf.shape(leaves[k], out_type="int64"), num=len(leaves[k].shape))
        leaves[k] = tf.SparseTensor(indices, values, tf.stack([rows, *sizes]))
    return tree.pack_sequence_as(batch, leaves)
