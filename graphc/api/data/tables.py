"""Tables from keys to values that are read from datasets."""

from __future__ import annotations

import numpy as np

from graphc.api.data.dataset import Dataset
from graphc.api.eager import EAGER
from graphc.api.lookup import KeyValueTensorInitializer, StaticHashTable, StaticVocabularyTable
from graphc.api.recorder import RECORDERS
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt


class DatasetInitializer(KeyValueTensorInitializer):
    """The content of a table: the elements of a dataset, pairs of a key and a value.

    Raises:
        UsageError: elements are no pairs of scalars.
    """

    def __init__(self, dataset):
        spec = _spec("DatasetInitializer", dataset)
        if not isinstance(spec, tuple) or len(spec) != 2:
            raise UsageError(explain(f"DatasetInitializer: elements must be pairs of a key and a value, not {spec}"))
        pairs = _elements(dataset)
        keys, values = zip(*pairs) if pairs else ((), ())
        super().__init__(_array(keys, spec[0].dtype), _array(values, spec[1].dtype))


def table_from_dataset(dataset=None, num_oov_buckets=0, vocab_size=None, default_value=None, hasher_spec=None,
                       key_dtype=dt.string, name=None):  # fmt: skip
    """A lookup table of the elements of a dataset, pairs of a key and a value.

    Args:
        num_oov_buckets: other keys get one of so many numbers more, by their fingerprints (values are int64 then).
        vocab_size: of so many elements at most. default_value: of other keys, -1 if None.
        hasher_spec: accepted for compatibility; key_dtype: of keys that are looked up.

    Raises:
        UsageError: elements are no pairs of scalars, or both ways of answering for other keys are given.
    """
    op = "table_from_dataset"
    _spec(op, dataset)
    if num_oov_buckets and default_value is not None:
        raise UsageError(explain(f"{op}: give num_oov_buckets or default_value, not both"))
    content = DatasetInitializer(dataset if vocab_size is None else dataset.take(vocab_size))
    if num_oov_buckets:
        kind = dt.as_dtype(key_dtype)
        return StaticVocabularyTable(content, num_oov_buckets, None if kind is dt.string else kind, name)
    other = "" if content.value_dtype is dt.string else -1
    return StaticHashTable(content, other if default_value is None else default_value, name)


def index_table_from_dataset(dataset=None, num_oov_buckets=0, vocab_size=None, default_value=-1, hasher_spec=None,
                             key_dtype=dt.string, name=None):  # fmt: skip
    """A lookup table from the elements of a dataset, scalars, to their numbers; see ``table_from_dataset``."""
    spec = _spec("index_table_from_dataset", dataset)
    if isinstance(spec, (tuple, dict)):
        raise UsageError(explain(f"index_table_from_dataset: elements must be keys, not {spec}"))
    pairs = Dataset.zip((dataset, Dataset.counter()))
    other = None if num_oov_buckets else default_value
    return table_from_dataset(pairs, num_oov_buckets, vocab_size, other, hasher_spec, key_dtype, name)


def _spec(op: str, dataset):
    if not isinstance(dataset, Dataset):
        raise UsageError(explain(f"{op}: needs a tf.data.Dataset, got {dataset!r}"))
    return dataset.element_spec


def _elements(dataset) -> list[tuple]:
    with RECORDERS.entering(EAGER):
        return [tuple([t.numpy() for t in pair]) for pair in Dataset(dataset.stage)]


def _array(values, dtype) -> np.ndarray:
    found = np.empty(len(values), dtype.numpy)
    found[:] = values
    return found
