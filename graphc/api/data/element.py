"""The structure of elements: tuples, named tuples and dictionaries of tensors, and what describes them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from graphc.api.composite import Composite
from graphc.api.data.stage import Stage
from graphc.api.eager import EAGER
from graphc.api.lift import tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.recorder import RECORDERS
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec, SparseTensorValue
from graphc.api.spec import TensorSpec
from graphc.api.tensor import EagerTensor, Tensor
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.lib.promote import literal_array


class DatasetSpec:
    """What is known about a dataset: the spec of its elements.

    Args:
        element_spec: of its elements; dataset_shape: accepted for compatibility.
    """

    value_type: type  # Dataset, set by its module: what elements that are datasets become

    def __init__(self, element_spec, dataset_shape=()):
        self.element_spec = element_spec

    @classmethod
    def from_value(cls, value) -> "DatasetSpec":
        """What a dataset fulfils."""
        return cls(value.element_spec)

    def is_compatible_with(self, value) -> bool:
        """Whether a dataset, or another description, fulfils this."""
        return same_outline(self.element_spec, value.element_spec)

    def __eq__(self, other):
        return type(other) is DatasetSpec and self.element_spec == other.element_spec

    def __hash__(self):
        return hash(tuple(leaves(self.element_spec)))

    def __repr__(self):
        return f"DatasetSpec({self.element_spec!r}, TensorShape([]))"


class NoneTensorSpec:
    """The description of None."""

    def is_compatible_with(self, value) -> bool:
        """Whether it is None."""
        return value is None

    def __eq__(self, other):
        return type(other) is NoneTensorSpec

    def __hash__(self):
        return hash(NoneTensorSpec)

    def __repr__(self):
        return "NoneTensorSpec()"


# ------------------------------------------------------------------------------------------- structures


def is_nested(value) -> bool:
    """Whether it is a structure; lists are tensors here."""
    return isinstance(value, (tuple, Mapping)) and not isinstance(value, SparseTensorValue)


def leaves(structure) -> list:
    """The values of a structure in order; those of a dictionary by sorted keys."""
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in leaves(structure[key])]
    if is_nested(structure):
        return [leaf for part in structure for leaf in leaves(part)]
    return [structure]


def pack(structure, values: Iterator):
    """The structure with its values replaced, in the order of ``leaves``."""
    if isinstance(structure, Mapping):
        found = {key: pack(structure[key], values) for key in sorted(structure)}
        ordered = {key: found[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)
    if is_nested(structure):
        parts = [pack(part, values) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return next(values)


def mapped(function: Callable, *structures):
    """The structure of what ``function`` makes of the values at the same places."""
    return pack(structures[0], iter([function(*values) for values in zip(*map(leaves, structures))]))


def packer(structure) -> Callable:
    """``pack`` for one structure: from a sequence of values to the structure."""
    if not is_nested(structure):
        return lambda values: values[0]
    if type(structure) is tuple and not any(is_nested(part) for part in structure):
        return tuple
    return lambda values: pack(structure, iter(values))


def same_outline(one, other) -> bool:
    """Whether two structures have values at the same places."""
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        both = isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys()
        return both and all(same_outline(one[key], other[key]) for key in one)
    if is_nested(one) or is_nested(other):
        both = is_nested(one) and is_nested(other) and len(one) == len(other)
        return both and all(same_outline(a, b) for a, b in zip(one, other))
    return True


def unpacked(value) -> tuple:
    """An element as the arguments of a function: a tuple is several, a named tuple one."""
    return value if type(value) is tuple else (value,)


# --------------------------------------------------------------------------------------------- values


def normalised(structure, op: str = "Dataset"):
    """A structure of tensors, sparse and ragged ones, datasets and None; lists and NumPy values become tensors.

    Raises:
        DtypeError, ShapeError: something in it cannot become a tensor.
    """
    if isinstance(structure, Mapping):
        kept = {key: normalised(part, op) for key, part in structure.items()}
        return kept if type(structure) is dict else type(structure)(kept)
    if is_nested(structure):
        parts = [normalised(part, op) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return value_of(structure, op)


def value_of(value, op: str = "Dataset"):
    """One value as a tensor, a sparse or ragged tensor, a dataset or None."""
    if value is None or isinstance(value, (Composite, DatasetSpec.value_type)):
        return value
    if isinstance(value, SparseTensorValue):
        return SparseTensor.from_value(value)
    if isinstance(value, list) and any(not t.graph.is_eager for t in tensors_in(value)):
        return RECORDERS.top.convert(value)
    if isinstance(value, EagerTensor) or (isinstance(value, Tensor) and not value.graph.is_eager):
        return value
    if isinstance(value, (Operators, Composed)):
        return EAGER.convert(value.as_tensor() if isinstance(value, Composed) else value)
    if isinstance(value, np.ndarray) and value.dtype != object and value.dtype.kind not in "SU":
        return EAGER.convert(value)
    try:
        return EAGER.convert(value)
    except (DtypeError, ShapeError) as error:
        raise type(error)(explain(f"{op}: {error.message.splitlines()[0]}")) from None


def spec_of(value):
    """The TensorSpec, SparseTensorSpec, RaggedTensorSpec, DatasetSpec or NoneTensorSpec of one value."""
    if value is None:
        return NoneTensorSpec()
    if isinstance(value, DatasetSpec.value_type):
        return DatasetSpec.from_value(value)
    if isinstance(value, RaggedTensor):
        return RaggedTensorSpec.from_value(value)
    if isinstance(value, SparseTensor):
        return SparseTensorSpec.from_value(value)
    return TensorSpec(value.shape, value.dtype)


def component(value):
    """A value of ``normalised`` as the component of an element."""
    if isinstance(value, DatasetSpec.value_type):
        return value.stage
    return value.array if isinstance(value, EagerTensor) else value


def shown(value):
    """A component as users see it."""
    if value.__class__ is np.ndarray:
        return EagerTensor(EAGER, array=value)
    return DatasetSpec.value_type(value) if isinstance(value, Stage) else value


def builder(element_spec) -> Callable:
    """From the components of an element to what users see."""
    packed = packer(element_spec)
    return lambda row: packed([shown(value) for value in row])


def as_numpy(value):
    """A value as arrays, as ``as_numpy_iterator`` gives it."""
    if isinstance(value, EagerTensor):
        return value.numpy()
    if isinstance(value, RaggedTensor):
        return value.fetched([t.numpy() for t in value.parts])
    if isinstance(value, SparseTensor):
        return SparseTensorValue(*[t.numpy() for t in value.parts])
    if isinstance(value, DatasetSpec.value_type):
        return value.as_numpy_iterator()
    return value


def number_of(op: str, name: str, value, least: int | None = None) -> int:
    """An argument that is an integer; 1 for one that is not known while a function is traced, where types alone count.

    Raises:
        UsageError: it is no integer. InvalidArgumentError: it is below ``least``.
    """
    if isinstance(value, Tensor) and not value.graph.is_eager:
        return 1
    try:
        found = operator.index(value.numpy() if isinstance(value, Operators) else value)
    except TypeError:
        raise UsageError(explain(f"{op}: {name} must be an integer, got {value!r}")) from None
    if least is not None and found < least:
        raise InvalidArgumentError(explain(f"{op}: {name} must be {least} at least, got {found}"))
    return found


# ---------------------------------------------------------------------------------------------- specs


def dims_of(spec) -> list | None:
    """The sizes of a spec, ints and None; None if the rank is unknown."""
    return None if spec.shape.dims is None else spec.shape.as_list()


def with_shape(spec, dims):
    """A spec of the same kind with other sizes."""
    if isinstance(spec, RaggedTensorSpec):
        return RaggedTensorSpec(TensorShape(dims), spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    if isinstance(spec, SparseTensorSpec):
        return SparseTensorSpec(TensorShape(dims), spec.dtype)
    return TensorSpec(TensorShape(dims), spec.dtype)


def most_specific(one, other):
    """The narrowest spec that both fulfil, or None if there is none."""
    if type(one) is not type(other):
        return None
    if isinstance(one, NoneTensorSpec):
        return one
    if isinstance(one, DatasetSpec):
        return one if one == other else None
    if one.dtype is not other.dtype:
        return None
    a, b = dims_of(one), dims_of(other)
    if a is None or b is None or len(a) != len(b):
        return with_shape(one, None)
    return with_shape(one, [x if x == y else None for x, y in zip(a, b)])


def common_spec(op: str, specs: list):
    """The spec that the elements of several datasets fulfil.

    Raises:
        DtypeError: there is none: naming two that differ.
    """
    found = specs[0]
    for other in specs[1:]:
        fit = same_outline(found, other)
        merged = [most_specific(a, b) for a, b in zip(leaves(found), leaves(other))] if fit else [None]
        if any(m is None for m in merged):
            what = f"{op}: the datasets have elements of different types"
            raise DtypeError(explain(what, (("one", str(found)), ("other", str(other)))))
        found = pack(found, iter(merged))
    return found


def from_signature(signature):
    """The structure of specs that a user gave.

    Raises:
        UsageError: something in it describes nothing.
    """
    specs = (TensorSpec, RaggedTensorSpec, SparseTensorSpec, DatasetSpec, NoneTensorSpec)
    for leaf in leaves(signature):
        if not isinstance(leaf, specs):
            raise UsageError(explain(f"output_signature must be made of tf.TypeSpec objects, got {leaf!r}"))
    return signature


def array_for(spec: TensorSpec, value) -> np.ndarray:
    """A value as an array of the dtype of a spec; its shape is not looked at."""
    if isinstance(value, (Operators, Composed)):
        value = value_of(value).array
    return literal_array(value, spec.dtype)
