"""What ``fit``, ``evaluate`` and ``predict`` are given, as batches: Keras' adapters, and one for graphc's data sets."""

from __future__ import annotations

import itertools
import sys

import numpy as np
from keras.src import tree
from keras.src.backend import config
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from keras.src.trainers.epoch_iterator import EpochIterator

from graphc.keras.keras_graphc.sparse.rows import SparseRows, as_rows, has_sparse

_BATCH = 32  # rows where nobody says how many


class Feed(EpochIterator):
    """Lists of as many batches as one execution takes, with the numbers of the first and last one."""

    def __init__(self, x, y=None, sample_weight=None, class_weight=None, **how):
        if _is_dataset(x):
            for name, value in (("y", y), ("sample_weight", sample_weight)):
                if value is not None:
                    raise ValueError(
                        f"`{name}` should not be passed beside a graphc.data.Dataset, whose elements hold it: "
                        "(inputs, targets) or (inputs, targets, sample_weights)."
                    )
            x, class_weight, how["shuffle"] = DatasetAdapter(x, class_weight), None, False
        elif has_sparse((x, y, sample_weight)):
            x, class_weight = _sparse_adapter(x, y, sample_weight, class_weight, how), None
            y = sample_weight = None
        super().__init__(x, y, sample_weight, class_weight=class_weight, **how)

    def __next__(self):
        begin, end, batches = next(self._epoch_iterator)
        found = list(itertools.islice(batches, self.steps_per_execution))
        if not found:
            with self.catch_stop_iteration():  # which says that there was less than was promised
                raise StopIteration
            raise StopIteration
        return begin, end, found


class DatasetAdapter(DataAdapter):
    """graphc's data sets: their elements are the batches, as they are."""

    def __init__(self, dataset, class_weight=None):
        self._dataset, self._class_weight = dataset, class_weight

    def get_numpy_iterator(self):
        for batch in self._dataset:
            yield batch if self._class_weight is None else self._weighted(batch)

    def _weighted(self, batch):
        x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(batch)
        if sample_weight is not None:
            raise ValueError("You cannot give `class_weight` and `sample_weight` at the same time.")
        if tree.is_nested(y):
            raise ValueError("`class_weight` is only supported for Models with a single output.")
        return x, y, data_adapter_utils.class_weight_to_sample_weights(np.asarray(y), self._class_weight)

    @property
    def num_batches(self):
        count = int(self._dataset.cardinality())
        return count if count >= 0 else None

    @property
    def batch_size(self):
        return tree.flatten(self._dataset.element_spec)[0].shape[0]

    @property
    def has_partial_batch(self):
        return None

    @property
    def partial_batch_size(self):
        return None


class SparseArrayAdapter(ArrayDataAdapter):
    """Arrays of which some are sparse, and so are the batches of these."""

    def get_numpy_iterator(self):
        def sliceable(x):
            return x if isinstance(x, SparseRows) else array_slicing.convert_to_sliceable(x, target_backend="numpy")

        def taken(x, indices=None):
            return x.convert_to_numpy(x[indices])

        return self._get_iterator(taken, tree.map_structure(sliceable, self._inputs))


def _sparse_adapter(x, y, sample_weight, class_weight, how: dict) -> SparseArrayAdapter:
    x, y, sample_weight = tree.map_structure(as_rows, (x, y, sample_weight))
    return SparseArrayAdapter(
        x, y, sample_weight, class_weight=class_weight, batch_size=how.get("batch_size"),
        steps=how.get("steps_per_epoch"), shuffle=how.get("shuffle", False),
    )  # fmt: skip


def train_validation_split(arrays, validation_split: float) -> tuple:
    """``arrays`` in two, as Keras does it; of sparse ones the rows that Keras gives for their numbers."""
    if not has_sparse(arrays):
        return array_slicing.train_validation_split(arrays, validation_split=validation_split)
    arrays = tree.map_structure(as_rows, arrays)
    numbers = tree.map_structure(lambda x: np.arange(x.shape[0]) if isinstance(x, SparseRows) else x, arrays)

    def rows(x, part):
        return x[part] if isinstance(x, SparseRows) else part

    parts = array_slicing.train_validation_split(numbers, validation_split=validation_split)
    return tuple([tree.map_structure(rows, arrays, part) for part in parts])


def is_one_batch(x, batch_size: int | None) -> bool:
    """Whether an adapter would give this array as it is, as its only batch."""
    if type(x) is not np.ndarray or not x.ndim or not 0 < len(x) <= (batch_size or _BATCH):
        return False
    return x.dtype.kind in "biu" or x.dtype.kind == "f" and x.dtype.name == config.floatx()


def _is_dataset(x) -> bool:
    """Whether it is one of graphc's data sets, of a class that nobody has before its module is imported."""
    module = sys.modules.get("graphc.api.data.dataset")
    return module is not None and isinstance(x, module.Dataset)
