"""Variables in parts: how many parts, and the parts as one tensor."""

from __future__ import annotations

import math as python_math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphc.api.operators import Symbolic
from graphc.api.shape import DimensionShape, TensorShape
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import math
from graphc.lib import shape as lib_shape
from graphc.v1.control import group
from graphc.v1.tensor import Tensor


@dataclass(frozen=True)
class PartitionInfo:
    """Which part of a larger variable an initial value is for: the shape of all, and where the part begins."""

    full_shape: list
    var_offset: list


class PartitionedVariable(Symbolic):
    """Variables that are the parts of one: its value is their values one after the other.

    Args:
        name: of the whole; shape, dtype: of the whole; variable_list: the parts in order.
        partitions: for each axis the number of parts.
    """

    def __init__(self, name: str, shape, dtype, variable_list, partitions):
        self._variables, self._partitions = list(variable_list), [int(p) for p in partitions]
        if not self._variables:
            raise UsageError(explain(f"PartitionedVariable: {name} needs at least one part"))
        self.op_name, self.dtype, self._shape = name, dt.as_dtype(dtype), DimensionShape(shape)
        self.graph = self._variables[0].graph
        self._axis = next((k for k, p in enumerate(self._partitions) if p > 1), 0)
        with self.graph.name_scope(None):
            self._whole = self._concatenated(self.graph.unique_name(name))

    def _concatenated(self, full: str) -> Tensor:
        graph, axis = self.graph, self._axis
        parts = [v.as_tensor() for v in self._variables]
        if len(parts) > 1:
            with graph.name_scope(f"{full}/ConcatPartitions/"):
                name = graph.unique_name("concat")
            parts = graph.create("ConcatV2", name, parts, lambda *x: lib_shape.concat(list(x), axis)).outputs
        return graph.create("Identity", full, parts[:1], math.identity).outputs[0]

    @property
    def name(self) -> str:
        return self.op_name

    @property
    def shape(self) -> TensorShape:
        return self._shape

    def described(self) -> tuple:
        """What it is and the line that made it, for messages."""
        return f"is variable {self.op_name}", self._whole.op.location

    def get_shape(self) -> TensorShape:
        """The shape of the whole."""
        return self._shape

    @property
    def type(self):
        return self._whole.type

    def as_tensor(self) -> Tensor:
        """The whole value."""
        if not self.graph.has_control:
            return self._whole
        with self.graph.name_scope(None):
            return self._concatenated(self.graph.unique_name(self.op_name))

    value = as_tensor

    def as_element(self) -> Tensor:
        """The tensor that is fetched."""
        return self._whole

    @property
    def op(self):
        return self._whole.op

    def __iter__(self) -> Iterator:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def _get_variable_list(self) -> list:
        return list(self._variables)

    def _get_partitions(self) -> list[int]:
        return list(self._partitions)

    @property
    def initializer(self):
        """An operation that initialises all parts."""
        return group(*[v.initializer for v in self._variables], name=f"{self.op_name.rpartition('/')[2]}_init")

    def _changed(self, what: str, value, read_value: bool):
        tensor = self.graph.convert(value, self.dtype)
        if not tensor.shape.is_compatible_with(self._shape):
            what = f"{what}: variable {self.op_name} has shape {self._shape}, but the value has shape {tensor.shape}"
            raise ShapeError(explain(what))
        begin, made = 0, []
        for part in self._variables:
            size = part.shape.as_list()[self._axis]
            key = (slice(None),) * self._axis + (slice(begin, begin + size),)
            made.append(getattr(part, what)(tensor[key] if tensor.shape.ndims else tensor, read_value=read_value))
            begin += size
        return made

    def assign(self, value, use_locking=False, name=None, read_value=True) -> list:
        """Set the value; the new values of the parts, or the operations if not ``read_value``."""
        return self._changed("assign", value, read_value)

    def assign_add(self, value, use_locking=False, name=None, read_value=True) -> list:
        """Add to the value; answers like ``assign``."""
        return self._changed("assign_add", value, read_value)

    def assign_sub(self, value, use_locking=False, name=None, read_value=True) -> list:
        """Subtract from the value; answers like ``assign``."""
        return self._changed("assign_sub", value, read_value)

    def __repr__(self):
        return f"<tf.PartitionedVariable '{self.name}' shape={self.shape} dtype={self.dtype.name} parts={len(self)}>"

    __str__ = __repr__


def slices_of(shape: list[int], partitions: list[int]) -> list[tuple[list[int], list[int]]]:
    """Where each part begins and how large it is; the first parts are larger where the size cannot be divided."""
    axis = next((k for k, p in enumerate(partitions) if p > 1), 0)
    count = partitions[axis]
    short, more = divmod(shape[axis], count)
    found, begin = [], 0
    for k in range(count):
        size = short + (k < more)
        offset = [begin if a == axis else 0 for a in range(len(shape))]
        found.append((offset, [size if a == axis else n for a, n in enumerate(shape)]))
        begin += size
    return found


def partitions_by(partitioner: Callable, full: str, shape: TensorShape, dtype) -> list[int]:
    """For each axis the number of parts, as a partitioner says.

    Raises:
        ShapeError: the shape is not known. UsageError: the partitioner answers with something else.
    """
    if not shape.is_fully_defined():
        raise ShapeError(explain(f"get_variable: variable {full} needs a known shape for its partitioner, not {shape}"))
    found = partitioner(shape=DimensionShape(shape), dtype=dtype)
    good = isinstance(found, (list, tuple)) and len(found) == shape.ndims and all(int(p) >= 1 for p in found)
    if not good or sum(int(p) > 1 for p in found) > 1:
        what = f"get_variable: the partitioner of {full} answers with {found!r}, not one number of parts for each axis"
        raise UsageError(explain(f"{what} of {shape} of which at most one is more than 1"))
    return [int(p) for p in found]


def _axis_of(what: str, axis: int, shape) -> int:
    sizes = TensorShape(shape).as_list()
    if not 0 <= axis < len(sizes):
        raise ShapeError(explain(f"{what}: axis {axis} is out of range for shape {TensorShape(shape)}"))
    return sizes[axis]


def _positive(what: str, name: str, value) -> None:
    if value is not None and not value >= 1:
        raise UsageError(explain(f"{what}: {name} must be positive, got {value!r}"))


def _bytes(dtype, of_string: int) -> int:
    kind = dt.as_dtype(dtype)
    return of_string if kind is dt.string else kind.numpy.itemsize


def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Callable:
    """A partitioner that makes ``num_shards`` parts along an axis, fewer where that is shorter."""
    _positive("fixed_size_partitioner", "num_shards", num_shards)

    def partitioner(shape, **unused) -> list[int]:
        size = _axis_of("fixed_size_partitioner", axis, shape)
        return [min(num_shards, size) if k == axis else 1 for k in range(len(TensorShape(shape)))]

    return partitioner


def variable_axis_size_partitioner(max_shard_bytes: int, axis: int = 0, bytes_per_string_element: int = 16,
                                   max_shards: int | None = None) -> Callable:  # fmt: skip
    """A partitioner that makes parts along an axis of at most ``max_shard_bytes`` each."""
    what = "variable_axis_size_partitioner"
    for name, value in (("max_shard_bytes", max_shard_bytes), ("bytes_per_string_element", bytes_per_string_element),
                        ("max_shards", max_shards)):  # fmt: skip
        _positive(what, name, value)

    def partitioner(shape, dtype) -> list[int]:
        size = _axis_of(what, axis, shape)
        one = TensorShape(shape).num_elements() / size * _bytes(dtype, bytes_per_string_element)
        parts = python_math.ceil(size / max(1, python_math.floor(max_shard_bytes / one)))
        parts = parts if max_shards is None else min(max_shards, parts)
        return [parts if k == axis else 1 for k in range(len(TensorShape(shape)))]

    return partitioner


def min_max_variable_partitioner(max_partitions: int = 1, axis: int = 0, min_slice_size: int = 256 << 10,
                                 bytes_per_string_element: int = 16) -> Callable:  # fmt: skip
    """A partitioner that makes at most ``max_partitions`` parts along an axis, of ``min_slice_size`` bytes or more."""
    what = "min_max_variable_partitioner"
    for name, value in (("max_partitions", max_partitions), ("min_slice_size", min_slice_size),
                        ("bytes_per_string_element", bytes_per_string_element)):  # fmt: skip
        _positive(what, name, value)

    def partitioner(shape, dtype) -> list[int]:
        size = _axis_of(what, axis, shape)
        one = TensorShape(shape).num_elements() / size * _bytes(dtype, bytes_per_string_element)
        rows = max(1, python_math.ceil(min_slice_size / one))
        parts = max(1, min(size, max_partitions, python_math.ceil(size / rows)))
        return [parts if k == axis else 1 for k in range(len(TensorShape(shape)))]

    return partitioner
