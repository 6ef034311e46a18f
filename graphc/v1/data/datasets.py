"""Datasets in graphs: those of ``graphc.data``, which may be made of tensors of a graph, with iterators of sessions."""

from __future__ import annotations

import functools
import inspect

from graphc.api.data import csv_files, file_datasets
from graphc.api.data import dataset as api
from graphc.api.data.make_csv import make_csv_dataset as _make_csv_dataset
from graphc.api.data.make_examples import make_batched_features_dataset as _make_batched_features_dataset
from graphc.api.structure import map_structure
from graphc.api.tensor import EagerTensor
from graphc.errors import UsageError, explain
from graphc.v1.data import iterator
from graphc.v1.data.deferred import applied, tensors_below
from graphc.v1.mode import default_recorder, executing_eagerly


class Dataset(api.Dataset):
    """A sequence of elements, each a structure of tensors; see ``graphc.data.Dataset``.

    In a graph ``make_one_shot_iterator`` and ``make_initializable_iterator`` give its elements. It may be made of
    tensors of the graph, such as placeholders: they are fed when the iterator is initialised.
    """

    def make_one_shot_iterator(self):
        """An iterator that goes through it once; see ``tf.data.make_one_shot_iterator``."""
        return iterator.make_one_shot_iterator(self)

    def make_initializable_iterator(self, shared_name=None):
        """An iterator with an ``initializer``; see ``tf.data.make_initializable_iterator``."""
        return iterator.make_initializable_iterator(self, shared_name)

    output_types = property(lambda self: iterator.types_of(self.element_spec), doc="The dtypes of an element.")
    output_shapes = property(lambda self: iterator.shapes_of(self.element_spec), doc="The shapes of an element.")
    output_classes = property(
        lambda self: iterator.classes_of(self.element_spec), doc="The kinds of tensors of an element."
    )

    def __iter__(self):
        if not executing_eagerly():
            what = "a Dataset can be iterated over in Python only with eager evaluation"
            raise UsageError(explain(f"{what}; in a graph use tf.data.make_one_shot_iterator(dataset).get_next()"))
        return super().__iter__()

    def map_with_legacy_function(self, map_func, num_parallel_calls=None, deterministic=None) -> "Dataset":
        """The same as ``map``."""
        return self.map(map_func, num_parallel_calls, deterministic)

    def filter_with_legacy_function(self, predicate) -> "Dataset":
        """The same as ``filter``."""
        return self.filter(predicate)

    @staticmethod
    def from_sparse_tensor_slices(sparse_tensor) -> "Dataset":
        """The rows of a sparse tensor."""
        return Dataset.from_tensor_slices(sparse_tensor)


def _as_v1(found):
    """An answer of a method: datasets of the kind of this module, and in a graph its tensors instead of values."""
    if isinstance(found, api.Dataset):
        return found if isinstance(found, Dataset) else Dataset(found.stage)
    recorder = default_recorder()
    if recorder.is_eager:
        return found
    return map_structure(lambda v: recorder.convert(v.numpy()) if isinstance(v, EagerTensor) else v, found)


def _wrapped(name: str, function):
    @functools.wraps(function)
    def method(*args, **kwargs):
        if name in _ANSWERS and args and tensors_below(args[0].stage):
            what = f"{name}: the dataset is made of tensors of a graph, which have values only while a session runs"
            raise UsageError(explain(f"{what}; use an iterator"))
        return _as_v1(applied(function, name, args, kwargs))

    return method


_KEPT = ("as_numpy_iterator", "options")
_ANSWERS = ("cardinality", "get_single_element", "reduce", "save")  # these are no datasets


def _override() -> None:
    """Let every method of datasets take tensors of a graph and answer with datasets of this kind."""
    methods = {name: value for kind in reversed(api.Dataset.__mro__[:-1]) for name, value in vars(kind).items()}
    for name, value in methods.items():
        if name.startswith("_") or name in vars(Dataset) or name in _KEPT:
            continue
        if isinstance(value, staticmethod):
            setattr(Dataset, name, staticmethod(_wrapped(name, value.__func__)))
        elif inspect.isfunction(value):
            setattr(Dataset, name, _wrapped(name, value))


_override()


def _source(cls) -> type:
    """The dataset of the same name here."""

    @functools.wraps(cls.__init__)
    def init(self, *args, **kwargs):
        api.Dataset.__init__(self, applied(cls, cls.__name__, args, kwargs).stage)

    made = type(cls.__name__, (Dataset,), {"__init__": init, "__doc__": cls.__doc__, "__module__": __name__})
    made.__signature__ = inspect.signature(cls)
    return made


TFRecordDataset = _source(file_datasets.TFRecordDataset)
TextLineDataset = _source(file_datasets.TextLineDataset)
FixedLengthRecordDataset = _source(file_datasets.FixedLengthRecordDataset)
CsvDataset = _source(csv_files.CsvDataset)
SqlDataset = _source(file_datasets.SqlDataset)
RandomDataset = _source(file_datasets.RandomDataset)
make_csv_dataset = _wrapped("make_csv_dataset", _make_csv_dataset)
make_batched_features_dataset = _wrapped("make_batched_features_dataset", _make_batched_features_dataset)
