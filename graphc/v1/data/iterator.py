"""Iterators of a graph: operations that give the next element of a dataset; every session has its own place in it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from graphc.api.data import iterator as eager_iterators
from graphc.api.data.dataset import Dataset
from graphc.api.data.element import NoneTensorSpec, dims_of, leaves, mapped, packer, same_outline
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.resource import Resource
from graphc.api.shape import DimensionShape, TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.prims.iterators import Source, definition_of, handles_of
from graphc.prims.running import Ranks
from graphc.v1.data.deferred import GraphRun, explain_placeholder, tensors_below
from graphc.v1.mode import default_recorder, executing_eagerly
from graphc.v1.tensor import Tensor

_MANY = 32  # calls of get_next after which the user is told
_COLLECTION = "iterators"
_FED = ("Placeholder", "PlaceholderV2")


class Iterator(Resource):
    """A place in a dataset; every session has its own.

    Made by ``make_one_shot_iterator``, ``make_initializable_iterator``, ``from_structure`` and ``from_string_handle``.

    Attributes:
        element_spec: of the elements; output_types, output_shapes, output_classes: the same in three structures.
    """

    fallback = staticmethod(default_recorder)

    def __init__(self, iterator_resource, initializer, output_types, output_shapes, output_classes):
        made = "tf.data.make_initializable_iterator(dataset) or tf.data.Iterator.from_structure"
        raise UsageError(explain(f"Iterator: iterators are made by {made}"))

    @classmethod
    def _of(cls, define: Callable, kind: str, element_spec, shared_name=None, operands=()) -> "Iterator":
        made = cls.__new__(cls)
        made.element_spec, made._operands, made._calls = element_spec, list(operands), 0
        made._initializer, made._source = None, None
        made._define(lambda full, _: define(full), kind, shared_name)
        return made

    output_types = property(lambda self: types_of(self.element_spec), doc="The dtypes of an element.")
    output_shapes = property(lambda self: shapes_of(self.element_spec), doc="The shapes of an element.")
    output_classes = property(lambda self: classes_of(self.element_spec), doc="The kinds of tensors of an element.")

    @staticmethod
    def from_structure(output_types, output_shapes=None, shared_name=None, output_classes=None) -> "Iterator":
        """An iterator for datasets of these dtypes and shapes; ``make_initializer`` starts one of them."""
        spec = _spec("from_structure", output_types, output_shapes, output_classes)
        return Iterator._of(definition_of, "IteratorV2", spec, shared_name)

    @staticmethod
    def from_string_handle(string_handle, output_types, output_shapes=None, output_classes=None) -> "Iterator":
        """The iterator that a string names, which ``string_handle()`` of it gave in the same session.

        Args:
            string_handle: a scalar string, such as a placeholder.
        """
        spec = _spec("from_string_handle", output_types, output_shapes, output_classes)
        handle = default_recorder().convert(string_handle, dt.string)
        if handle.dtype is not dt.string:
            raise DtypeError(explain(f"from_string_handle: the handle must be a string, not {handle.dtype.name}"))
        return Iterator._of(handles_of, "IteratorFromStringHandleV2", spec, operands=[handle])

    @property
    def initializer(self):
        """The operation that goes to the start of the dataset.

        Raises:
            UsageError: the iterator has none.
        """
        if self._initializer is None:
            what = f"{self.name}: the iterator has no initializer; make_initializer(dataset) makes one"
            raise UsageError(explain(f"{what}, and iterators of make_one_shot_iterator need none"))
        return self._initializer

    def make_initializer(self, dataset, name=None):
        """The operation that goes to the start of this dataset.

        Raises:
            DtypeError: its elements have another structure, other dtypes or other shapes.
        """
        _check_fits(self.element_spec, dataset.element_spec)
        source = _source_of(dataset)
        partner = _Partner(source)
        tensors = tensors_below(dataset.stage)
        return self._call("MakeIterator", "MakeIterator", "start", tensors, name=name, partner=partner)

    def get_next(self, name=None):
        """The next element; one operation gives one element in every run.

        Raises:
            OutOfRangeError: when running: there is none. StateError: the iterator was not initialised.
        """
        self._calls += 1
        if self._calls == _MANY + 1:
            warnings.warn(explain(f"{self.name}: get_next was called more than {_MANY} times, each time for a new "
                                  "operation; call it once, and run its answer again"), stacklevel=2)  # fmt: skip
        specs = leaves(self.element_spec)
        declared = tuple([part for spec in specs for part in _parts(spec)])
        results = declared
        if any(sizes is None for _, sizes in declared):
            results = Ranks(f"{self.name}_get_next", declared)
        found = self._call("IteratorGetNext", "IteratorGetNext", "get_next", self._operands, results, name)
        return _packed(self.element_spec, found if declared else [])

    def string_handle(self, name=None) -> Tensor:
        """A scalar string that names this iterator in the session that runs it; see ``from_string_handle``."""
        label = "IteratorToStringHandle"
        return self._call(label, label, "handle", (), ((dt.string, ()),), name)[0]


class _Partner:
    """A dataset as the partner of an operation."""

    def __init__(self, source: Source):
        self.source, self._definition = source, source.definition


def make_initializable_iterator(dataset, shared_name=None) -> Iterator:
    """An iterator that ``sess.run(iterator.initializer)`` puts at the start of the dataset, as often as one likes.

    Raises:
        UsageError: with eager evaluation.
    """
    _check_dataset("make_initializable_iterator", dataset)
    if executing_eagerly():
        what = "make_initializable_iterator is for graphs; with eager evaluation write: for element in dataset"
        raise UsageError(explain(what))
    made = Iterator._of(definition_of, "IteratorV2", dataset.element_spec, shared_name)
    made._initializer = made.make_initializer(dataset)
    return made


def make_one_shot_iterator(dataset):
    """An iterator that goes through the dataset once in every session, and needs no initialisation.

    Raises:
        UsageError: the dataset is made of placeholders.
    """
    _check_dataset("make_one_shot_iterator", dataset)
    if executing_eagerly():
        return iter(dataset)
    tensors = tensors_below(dataset.stage)
    fed = next((op for op in _before(tensors) if op.type in _FED), None)
    if fed is not None:
        raise UsageError(explain_placeholder(fed.name))
    source = _source_of(dataset)
    spec = dataset.element_spec
    made = Iterator._of(lambda full: definition_of(full, source), "OneShotIterator", spec, operands=tensors)
    made._source = source
    made.graph.add_to_collection(_COLLECTION, made)  # the dataset lives as long as the graph
    return made


def _before(tensors: list):
    """The operations that tensors are computed by."""
    waiting, seen = [getattr(t, "op", None) for t in tensors], set()
    while waiting:
        op = waiting.pop()
        if op is None or op in seen:
            continue
        seen.add(op)
        yield op
        waiting.extend(getattr(t, "op", None) for t in op.inputs)


def _check_dataset(op: str, dataset) -> None:
    if not isinstance(dataset, Dataset):
        raise UsageError(explain(f"{op}: needs a tf.data.Dataset, got {dataset!r}"))


def _source_of(dataset: Dataset) -> Source:
    tensors = tensors_below(dataset.stage)

    def start(arrays: tuple) -> Callable:
        run = GraphRun(values={id(t): a.copy() for t, a in zip(tensors, arrays)})
        rows = eager_iterators.Iterator(dataset.stage, run)

        def following() -> tuple | None:
            row = rows.row()
            return None if row is None else tuple([a for value in row for a in _arrays(value)])

        return following

    return Source(start)


# ------------------------------------------------------------------------------------- parts of elements


def _arrays(value) -> list[np.ndarray]:
    """The arrays that a component is made of."""
    if isinstance(value, SparseTensor):
        return [t.numpy() for t in (value.indices, value.values, value.dense_shape)]
    if isinstance(value, RaggedTensor):
        return [t.numpy() for t in (value.flat_values, *value.nested_row_splits)]
    return [] if value is None else [np.asarray(value)]


def _open(dims) -> tuple | None:
    return None if dims is None else tuple([-1 if d is None else d for d in dims])


def _parts(spec) -> list[tuple]:
    """Dtype and sizes (-1 for unknown ones, None for an unknown rank) of these arrays."""
    dims = None if isinstance(spec, NoneTensorSpec) or not hasattr(spec, "shape") else dims_of(spec)
    if isinstance(spec, SparseTensorSpec):
        rank = -1 if dims is None else len(dims)
        return [(dt.i64, (-1, rank)), (spec.dtype, (-1,)), (dt.i64, (rank,))]
    if isinstance(spec, RaggedTensorSpec):
        inner = () if dims is None else _open(dims[spec.ragged_rank + 1 :])
        return [(spec.dtype, (-1, *inner)), *[(spec.row_splits_dtype, (-1,))] * spec.ragged_rank]
    if isinstance(spec, NoneTensorSpec):
        return []
    if not isinstance(spec, TensorSpec):
        what = "elements that are datasets have no tensors in a graph; flat_map makes elements of their elements"
        raise UsageError(explain(f"get_next: {what}"))
    return [(spec.dtype, _open(dims))]


def _packed(element_spec, tensors: list):
    """Tensors of these arrays as an element."""
    tensors, values = iter(tensors), []
    for spec in leaves(element_spec):
        parts = [next(tensors) for _ in _parts(spec)]
        if isinstance(spec, SparseTensorSpec):
            values.append(SparseTensor(*parts))
        elif isinstance(spec, RaggedTensorSpec):
            values.append(RaggedTensor.from_nested_row_splits(parts[0], parts[1:], validate=False))
        else:
            values.append(parts[0] if parts else None)
    return packer(element_spec)(values)


# ---------------------------------------------------------------------------------- types, shapes, classes


def types_of(element_spec):
    """The dtypes of an element, in its structure."""
    return mapped(lambda spec: spec.dtype, element_spec)


def shapes_of(element_spec):
    """The shapes of an element, in its structure."""
    return mapped(lambda spec: DimensionShape(dims_of(spec)), element_spec)


_CLASSES = {SparseTensorSpec: SparseTensor, RaggedTensorSpec: RaggedTensor, TensorSpec: Tensor}


def classes_of(element_spec):
    """The kinds of tensors of an element, in its structure."""
    return mapped(lambda spec: _CLASSES.get(type(spec), type(spec)), element_spec)


def get_output_types(dataset_or_iterator):
    """The dtypes of the elements, in their structure."""
    return types_of(dataset_or_iterator.element_spec)


def get_output_shapes(dataset_or_iterator):
    """The shapes of the elements, in their structure."""
    return shapes_of(dataset_or_iterator.element_spec)


def get_output_classes(dataset_or_iterator):
    """The kinds of tensors of the elements, in their structure."""
    return classes_of(dataset_or_iterator.element_spec)


def _spec(op: str, types, shapes, classes):
    """Specs of dtypes, shapes (unknown if None) and kinds of tensors."""
    flat = [dt.as_dtype(t) for t in leaves(types)]
    sizes = [TensorShape(None)] * len(flat) if shapes is None else _flat_shapes(op, shapes, types)
    kinds = [Tensor] * len(flat) if classes is None else leaves(classes)
    if not len(flat) == len(sizes) == len(kinds):
        what = f"{len(flat)} output_types, {len(sizes)} output_shapes and {len(kinds)} output_classes"
        raise UsageError(explain(f"{op}: {what} do not fit"))
    made = [SparseTensorSpec(s, d) if k is SparseTensor else TensorSpec(s, d) for d, s, k in zip(flat, sizes, kinds)]
    return packer(types)(made)


def _flat_shapes(op: str, shapes, types) -> list[TensorShape]:
    """The shapes at the places of dtypes; lists and tuples of numbers are shapes themselves."""
    if isinstance(types, dict):
        if not isinstance(shapes, dict) or shapes.keys() != types.keys():
            raise UsageError(explain(f"{op}: output_shapes {shapes} do not fit output_types {types}"))
        return [s for key in sorted(types) for s in _flat_shapes(op, shapes[key], types[key])]
    if isinstance(types, tuple):
        if not isinstance(shapes, (tuple, list)) or len(shapes) != len(types):
            raise UsageError(explain(f"{op}: output_shapes {shapes} do not fit output_types {types}"))
        return [s for shape, t in zip(shapes, types) for s in _flat_shapes(op, shape, t)]
    return [TensorShape(shapes)]


def _check_fits(wanted, found) -> None:
    """Refuse a dataset whose elements an iterator cannot give.

    Raises:
        DtypeError: naming both.
    """
    one, other = leaves(wanted), leaves(found)
    if len(one) != len(other) or not same_outline(wanted, found):
        what = f"the iterator has elements {types_of(wanted)}, but the dataset {types_of(found)}"
        raise DtypeError(explain(f"make_initializer: {what}"))
    for a, b in zip(one, other):
        if a.dtype is not b.dtype:
            what = f"Expected output types {types_of(wanted)}, but the dataset has {types_of(found)}"
            raise DtypeError(explain(f"make_initializer: {what}"))
        if not a.shape.is_compatible_with(b.shape):
            what = f"Expected output shapes compatible with {shapes_of(wanted)}, but the dataset has {shapes_of(found)}"
            raise DtypeError(explain(f"make_initializer: {what}"))
