"""What ``fit``, ``evaluate`` and ``predict`` are given, as batches: Keras' adapters, and one for graphc's data sets."""

from __future__ import annotations

import itertools
import sys

import numpy as np
from keras.src import tree
from keras.src.backend import config
from keras.src.trainers.data_adapters import data_adapter_utils
from keras.src.trainers.data_adapters.data_adapter import DataAdapter
from keras.src.trainers.epoch_iterator import EpochIterator


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


def is_one_batch(x, batch_size: int | None) -> bool:
    """Whether an adapter would give this array as it is, as its only batch."""
    if type(x) is not np.ndarray or not x.ndim or not 0 < len(x) <= (batch_size or _BATCH):
        return False
    return x.dtype.kind in "biu" or x.dtype.kind == "f" and x.dtype.name == config.floatx()


def _is_dataset(x) -> bool:
    """Whether it is one of graphc's data sets, of a class that nobody has before its module is imported."""
    module = sys.modules.get("graphc.api.data.dataset")
    return module is not None and isinstance(x, module.Dataset)
