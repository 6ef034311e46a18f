"""``tf.data.experimental``: transformations for ``Dataset.apply``, most of them older names of methods of Dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.api.data.dataset import Dataset
from graphc.api.data.element import leaves, mapped, normalised, packer
from graphc.api.data.files import whole_number
from graphc.api.data.special import Promised
from graphc.api.spec import TensorSpec
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt


def bucket_by_sequence_length(
    element_length_func, bucket_boundaries, bucket_batch_sizes, padded_shapes=None, padding_values=None,
    pad_to_bucket_boundary=False, no_padding=False, drop_remainder=False,
) -> Callable:  # fmt: skip
    """See ``Dataset.bucket_by_sequence_length``."""
    return lambda dataset: dataset.bucket_by_sequence_length(
        element_length_func, bucket_boundaries, bucket_batch_sizes, padded_shapes, padding_values,
        pad_to_bucket_boundary, no_padding, drop_remainder,
    )  # fmt: skip


def dense_to_ragged_batch(batch_size, drop_remainder=False, row_splits_dtype=dt.i64) -> Callable:
    """See ``Dataset.ragged_batch``."""
    return lambda dataset: dataset.ragged_batch(batch_size, drop_remainder, row_splits_dtype)


def dense_to_sparse_batch(batch_size, row_shape) -> Callable:
    """See ``Dataset.sparse_batch``."""
    return lambda dataset: dataset.sparse_batch(batch_size, row_shape)


def enumerate_dataset(start=0) -> Callable:
    """See ``Dataset.enumerate``."""
    return lambda dataset: dataset.enumerate(start)


def group_by_window(key_func, reduce_func, window_size=None, window_size_func=None) -> Callable:
    """See ``Dataset.group_by_window``."""
    return lambda dataset: dataset.group_by_window(key_func, reduce_func, window_size, window_size_func)


def ignore_errors(log_warning=False) -> Callable:
    """See ``Dataset.ignore_errors``."""
    return lambda dataset: dataset.ignore_errors(log_warning)


def map_and_batch(
    map_func, batch_size, num_parallel_batches=None, drop_remainder=False, num_parallel_calls=None
) -> Callable:
    """``map`` and then ``batch``."""
    return lambda dataset: dataset.map(map_func, num_parallel_calls).batch(batch_size, drop_remainder)


def map_and_batch_with_legacy_function(
    map_func, batch_size, num_parallel_batches=None, drop_remainder=False, num_parallel_calls=None
) -> Callable:
    """The same as ``map_and_batch``."""
    return map_and_batch(map_func, batch_size, num_parallel_batches, drop_remainder, num_parallel_calls)


def parallel_interleave(
    map_func, cycle_length, block_length=1, sloppy=False, buffer_output_elements=None, prefetch_input_elements=None
) -> Callable:
    """See ``Dataset.interleave``; the order is always the same."""
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length)


def rejection_resample(class_func, target_dist, initial_dist=None, seed=None) -> Callable:
    """See ``Dataset.rejection_resample``."""
    return lambda dataset: dataset.rejection_resample(class_func, target_dist, initial_dist, seed)


def scan(initial_state, scan_func) -> Callable:
    """See ``Dataset.scan``."""
    return lambda dataset: dataset.scan(initial_state, scan_func)


def shuffle_and_repeat(buffer_size, count=None, seed=None) -> Callable:
    """``shuffle`` and then ``repeat``: each pass in another order."""
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


def snapshot(path, compression="AUTO", reader_func=None, shard_func=None) -> Callable:
    """See ``Dataset.snapshot``."""
    return lambda dataset: dataset.snapshot(path, compression, reader_func, shard_func)


def take_while(predicate) -> Callable:
    """See ``Dataset.take_while``."""
    return lambda dataset: dataset.take_while(predicate)


def unbatch() -> Callable:
    """See ``Dataset.unbatch``."""
    return lambda dataset: dataset.unbatch()


def unique() -> Callable:
    """See ``Dataset.unique``."""
    return lambda dataset: dataset.unique()


def prefetch_to_device(device, buffer_size=None) -> Callable:
    """See ``Dataset.prefetch``: elements are where computations read them."""
    return lambda dataset: dataset.prefetch(-1 if buffer_size is None else buffer_size)


def copy_to_device(target_device, source_device="/cpu:0") -> Callable:
    """The dataset itself: its elements are where computations read them."""
    return lambda dataset: dataset


def cardinality(dataset):
    """How many elements there are: an i64 scalar; see ``Dataset.cardinality``."""
    return dataset.cardinality()


def choose_from_datasets(datasets, choice_dataset, stop_on_empty_dataset=False) -> Dataset:
    """See ``Dataset.choose_from_datasets``."""
    return Dataset.choose_from_datasets(datasets, choice_dataset, stop_on_empty_dataset)


def sample_from_datasets(datasets, weights=None, seed=None, stop_on_empty_dataset=False) -> Dataset:
    """See ``Dataset.sample_from_datasets``."""
    return Dataset.sample_from_datasets(datasets, weights, seed, stop_on_empty_dataset)


def Counter(start=0, step=1, dtype=dt.i64) -> Dataset:  # noqa: N802  as TensorFlow calls it
    """See ``Dataset.counter``."""
    return Dataset.counter(start, step, dtype)


def get_single_element(dataset):
    """See ``Dataset.get_single_element``."""
    return dataset.get_single_element()


def get_structure(dataset_or_iterator):
    """The TensorSpecs of an element, in its structure.

    Raises:
        UsageError: it is neither a dataset nor an iterator.
    """
    if not hasattr(dataset_or_iterator, "element_spec"):
        raise UsageError(explain(f"get_structure: needs a dataset or an iterator, got {dataset_or_iterator!r}"))
    return dataset_or_iterator.element_spec


def load(path, element_spec=None, compression=None, reader_func=None) -> Dataset:
    """See ``Dataset.load``."""
    return Dataset.load(path, element_spec, compression, reader_func)


def save(dataset, path, compression=None, shard_func=None, checkpoint_args=None) -> None:
    """See ``Dataset.save``."""
    dataset.save(path, compression, shard_func, checkpoint_args)


def from_list(elements, name=None) -> Dataset:
    """A dataset of these elements, which are of one structure, of the same dtypes and shapes.

    Raises:
        UsageError: there are none, or they are of different structures. ShapeError: of different shapes.
    """
    if not isinstance(elements, list) or not elements:
        raise UsageError(explain(f"from_list: needs a list of at least one element, got {elements!r}"))
    values = [normalised(e, "from_list") for e in elements]
    rows = [[t.numpy() for t in leaves(v)] for v in values]
    if any(len(row) != len(rows[0]) for row in rows):
        raise UsageError(explain("from_list: the elements are of different structures"))
    columns = list(zip(*rows))
    for column in columns:
        if len({np.shape(a) for a in column}) > 1:
            what = f"the elements are of different shapes: {sorted({np.shape(a) for a in column})}"
            raise ShapeError(explain(f"from_list: {what}"))
    return Dataset.from_tensor_slices(packer(mapped(lambda v: None, values[0]))([_stacked(c) for c in columns]))


def _stacked(column: tuple) -> np.ndarray:
    dtype = object if isinstance(column[0], bytes) else None
    return np.array(column, dtype)


def at(dataset, index):
    """The element number ``index``.

    Raises:
        OutOfRangeError: there are fewer.
    """
    return dataset.skip(whole_number("at", "index", index, 0, 0)).opened().get_next()


def pad_to_cardinality(cardinality, mask_key="valid") -> Callable:
    """Elements, which are dictionaries, get an entry ``mask_key``: True; zeros with False follow up to that number.

    Raises:
        UsageError: elements are no dictionaries, or have that entry already; or it is not known how many there are, or
            there are more.
    """

    def pad(dataset: Dataset) -> Dataset:
        count, spec = int(dataset.cardinality().numpy()), dataset.element_spec
        if not isinstance(spec, Mapping) or mask_key in spec:
            what = f"elements must be dictionaries without an entry {mask_key!r}, not {spec}"
            raise UsageError(explain(f"pad_to_cardinality: {what}"))
        if count < 0 or count > cardinality:
            known = "an unknown number of" if count < 0 else f"{count}"
            what = f"the dataset has {known} elements, not {cardinality} or fewer"
            raise UsageError(explain(f"pad_to_cardinality: {what}"))

        def zero(s: TensorSpec) -> np.ndarray:
            return np.full(s.shape.as_list(), b"" if s.dtype is dt.string else 0, s.dtype.numpy)

        zeros = Dataset.from_tensors({**mapped(zero, spec), mask_key: False}).repeat(cardinality - count)
        return dataset.map(lambda element: {**element, mask_key: np.array(True)}).concatenate(zeros)

    return pad


def enable_debug_mode() -> None:
    """Nothing: errors of a pipeline name the user's line anyway."""


def assert_cardinality(expected_cardinality) -> Callable:
    """The same elements, of which there are said to be so many; an error while iterating if there are not."""
    count = whole_number("assert_cardinality", "expected_cardinality", expected_cardinality, -1, -1)
    return lambda dataset: Dataset(Promised(dataset.stage, count))
