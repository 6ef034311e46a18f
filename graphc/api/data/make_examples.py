"""Datasets of Examples from files, parsed in batches; datasets of records written to files."""

from __future__ import annotations

import os

from graphc.api import parsing
from graphc.api.data.dataset import Dataset
from graphc.api.data.file_datasets import TFRecordDataset
from graphc.api.data.sources import Names
from graphc.api.records import TFRecordWriter as RecordWriter
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt


def make_batched_features_dataset(
    file_pattern, batch_size, features, reader=None, label_key=None, reader_args=None, num_epochs=None, shuffle=True,
    shuffle_buffer_size=10000, shuffle_seed=None, prefetch_buffer_size=None, reader_num_threads=None,
    parser_num_threads=None, sloppy_ordering=False, drop_final_batch=False,
) -> Dataset:  # fmt: skip
    """Batches of the features of serialised Examples: dictionaries, and the label if there is one.

    Args:
        file_pattern: names of files or patterns; features: as ``tf.io.parse_example`` takes them.
        reader: the dataset of the records of a file, TFRecordDataset if None; reader_args: further arguments of it.
        label_key: this feature is the second part of a pair.
        num_epochs: how often the records are gone through, without end if None (batches are all whole then).
        shuffle: whether files and records (``shuffle_buffer_size`` at a time) come in random order.
        reader_num_threads: from so many files records are taken in turn.
        drop_final_batch: leave out a batch that is not whole.

    Raises:
        UsageError: ``label_key`` is no feature. InvalidArgumentError: no file matches.
    """
    if label_key is not None and label_key not in features:
        what = f"label_key must be one of the features {', '.join(features)}, got {label_key!r}"
        raise UsageError(explain(f"make_batched_features_dataset: {what}"))
    names, make = Names(file_pattern).names, TFRecordDataset if reader is None else reader
    arguments = list(reader_args or ())
    files = Dataset.from_tensor_slices(names)
    if shuffle:
        files = files.shuffle(len(names), shuffle_seed)
    reads = max(int(reader_num_threads or 1), 1)
    found = files.interleave(lambda name: make(name, *arguments), cycle_length=reads, block_length=1)
    if isinstance(found.element_spec, tuple):  # pairs of keys and values
        found = found.map(lambda _, value: value)
    if shuffle:
        found = found.shuffle(shuffle_buffer_size, shuffle_seed)
    if num_epochs != 1:
        found = found.repeat(num_epochs)
    found = found.batch(batch_size, drop_remainder=drop_final_batch or num_epochs is None)
    found = found.apply(parse_example_dataset(features, parser_num_threads or 1))
    if label_key is not None:

        def pair(parsed):
            return {k: v for k, v in parsed.items() if k != label_key}, parsed[label_key]

        found = found.map(pair)
    return found.prefetch(-1 if prefetch_buffer_size is None else prefetch_buffer_size)


def parse_example_dataset(features, num_parallel_calls=1, deterministic=None):
    """A transformation, for ``Dataset.apply``: features of batches of serialised Examples, as dictionaries.

    Raises:
        UsageError: there are no features. DtypeError: elements are no vectors of strings.
    """
    if not features:
        raise UsageError(explain("parse_example_dataset: features are missing"))

    def parse(dataset: Dataset) -> Dataset:
        spec = dataset.element_spec
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.string or spec.shape.rank not in (1, None):
            what = f"parse_example_dataset: elements must be vectors of strings (batch them first), not {spec}"
            raise DtypeError(explain(what))
        return dataset.map(lambda texts: parsing.parse_example(texts, features), num_parallel_calls)

    return parse


class TFRecordWriter:
    """Writes the records of a dataset to a file.

    Args:
        compression_type: ``""``, ``"ZLIB"`` or ``"GZIP"``.
    """

    def __init__(self, filename, compression_type=None):
        self._name, self._kind = os.fspath(filename), compression_type

    def write(self, dataset) -> None:
        """Write all elements, which must be scalar strings; the file is complete then.

        Raises:
            DtypeError: they are something else.
        """
        spec = getattr(dataset, "element_spec", None)
        if not isinstance(spec, TensorSpec) or spec.dtype is not dt.string or spec.shape.rank not in (0, None):
            what = f"TFRecordWriter: elements must be scalar strings, such as serialised Examples, not {spec}"
            raise DtypeError(explain(what))
        with RecordWriter(self._name, self._kind) as writer:
            for record in dataset.as_numpy_iterator():
                writer.write(record)
