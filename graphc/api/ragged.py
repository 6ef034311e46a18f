"""RaggedTensor: a tensor whose rows may have different lengths."""

from __future__ import annotations

import numpy as np

from graphc.api import ragged_dispatch
from graphc.api.composite import Composite, converted, index_dtype, record
from graphc.api.create import convert_to_tensor
from graphc.api.ragged_dispatch import is_ragged
from graphc.api.ragged_index import picked
from graphc.api.ragged_value import RaggedTensorValue, array, known, lists
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, sparse
from graphc.api.spec import TypeSpec
from graphc.api.tensor import EagerTensor
from graphc.errors import InvalidArgumentError, ShapeError, SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import math as lib_math
from graphc.lib import ragged as lib
from graphc.lib import ragged_parts as parts


class RaggedTensor(Composite):
    """Rows of values: ``values[row_splits[r] : row_splits[r + 1]]`` is row ``r``; the values may be ragged themselves.

    Made by ``from_row_splits`` and its likes, ``from_tensor``, ``from_sparse`` and ``tf.ragged.constant``.
    """

    __slots__ = ("_values", "_row_splits", "_uniform")

    def __init__(self, values, row_splits, uniform: int | None = None):
        self._values, self._row_splits, self._uniform = values, row_splits, uniform

    # ------------------------------------------------------------------------------------------- makers

    @classmethod
    def from_row_splits(cls, values, row_splits, name=None, validate=True) -> "RaggedTensor":
        """Row ``r`` is ``values[row_splits[r] : row_splits[r + 1]]``.

        Raises:
            InvalidArgumentError: the splits are known and do not ascend from 0 to the number of values.
        """
        values, splits = _with_partition(values, row_splits)
        if validate and isinstance(splits, EagerTensor):
            _check(splits.array, _rows_known(values))
        return cls(values, splits)

    @classmethod
    def from_row_lengths(cls, values, row_lengths, name=None, validate=True) -> "RaggedTensor":
        """Row ``r`` holds the next ``row_lengths[r]`` values."""
        values, lengths = _with_partition(values, row_lengths)
        return cls.from_row_splits(values, record("RowSplits", lib.splits_of_lengths, "lengths", lengths=lengths),
                                   validate=validate)  # fmt: skip

    @classmethod
    def from_value_rowids(cls, values, value_rowids, nrows=None, name=None, validate=True) -> "RaggedTensor":
        """Value ``i`` belongs to row ``value_rowids[i]``, ascending; ``nrows`` are found from the last one."""
        values, ids = _with_partition(values, value_rowids)
        if validate and isinstance(ids, EagerTensor) and ids.array.ndim == 1:
            _check_rowids(ids.array, nrows)
        rows = int(nrows.array) if isinstance(nrows, EagerTensor) else nrows
        if rows is None and isinstance(ids, EagerTensor):
            rows = int(ids.array[-1]) + 1 if ids.array.size else 0
        splits = record("RowSplits", lib.splits_of_rowids, "value_rowids", value_rowids=ids, nrows=rows)
        return cls.from_row_splits(values, splits, validate=validate)

    @classmethod
    def from_row_starts(cls, values, row_starts, name=None, validate=True) -> "RaggedTensor":
        """Row ``r`` begins at ``row_starts[r]``; the first one at 0."""
        values, starts = _with_partition(values, row_starts)
        total = values.nrows(dt.i64) if is_ragged(values) else record("Size", parts.first_size, "x", x=values)
        splits = record("RowSplits", parts.ended, "starts | total", starts=starts, total=total)
        return cls.from_row_splits(values, splits, validate=validate)

    @classmethod
    def from_row_limits(cls, values, row_limits, name=None, validate=True) -> "RaggedTensor":
        """Row ``r`` ends at ``row_limits[r]``."""
        values, limits = _with_partition(values, row_limits)
        return cls.from_row_splits(values, record("RowSplits", lib.splits_of_limits, "limits", row_limits=limits),
                                   validate=validate)  # fmt: skip

    @classmethod
    def from_uniform_row_length(cls, values, uniform_row_length, nrows=None, validate=True,
                                name=None) -> "RaggedTensor":  # fmt: skip
        """Rows of equal length; ``nrows`` is needed only where that is 0."""
        values = values if is_ragged(values) else convert_to_tensor(values)
        length, total = int(uniform_row_length), _rows_known(values)
        if nrows is not None:
            nrows = int(nrows)
        if total is not None:
            rows = (total // length if length else 0) if nrows is None else nrows
            if rows * length != total:
                what = f"from_uniform_row_length: {total} values do not fill {rows} rows of {length}"
                raise InvalidArgumentError(explain(what))
        kind = values.row_splits.dtype if is_ragged(values) else dt.i64
        given = {"x": values.row_splits if is_ragged(values) else values, "less": int(is_ragged(values))}
        splits = record("RowSplits", parts.even_splits, "x", **given, length=length, rows=nrows, kind=kind)
        return cls(values, splits, length)

    @classmethod
    def from_nested_row_splits(cls, flat_values, nested_row_splits, name=None, validate=True) -> "RaggedTensor":
        """Several partitions, the outermost first."""
        return _nested(cls.from_row_splits, flat_values, nested_row_splits, validate)

    @classmethod
    def from_nested_row_lengths(cls, flat_values, nested_row_lengths, name=None, validate=True) -> "RaggedTensor":
        """Several partitions by row lengths, the outermost first."""
        return _nested(cls.from_row_lengths, flat_values, nested_row_lengths, validate)

    @classmethod
    def from_nested_value_rowids(cls, flat_values, nested_value_rowids, nested_nrows=None, name=None,
                                 validate=True) -> "RaggedTensor":  # fmt: skip
        """Several partitions by row numbers, the outermost first."""
        counts = [None] * len(nested_value_rowids) if nested_nrows is None else list(nested_nrows)
        found = flat_values
        for ids, n in zip(reversed(list(nested_value_rowids)), reversed(counts)):
            found = cls.from_value_rowids(found, ids, n, validate=validate)
        return found

    @classmethod
    def from_tensor(cls, tensor, lengths=None, padding=None, ragged_rank=1, name=None, row_splits_dtype=dt.i64):
        """The rows of a dense tensor: whole, their first ``lengths`` entries, or without ``padding`` at their ends.

        Raises:
            ShapeError: the rank of the tensor is not above ``ragged_rank``.
        """
        kind, x = dt.as_dtype(row_splits_dtype), convert_to_tensor(tensor)
        if lengths is not None and padding is not None:
            raise UsageError(explain("from_tensor: only one of lengths and padding"))
        if not 0 < ragged_rank < x.ndim:
            raise ShapeError(explain(f"from_tensor: ragged_rank {ragged_rank} for a tensor of rank {x.ndim}"))
        if isinstance(lengths, (list, tuple)) and np.ndim(lengths[0] if len(lengths) else 0):
            return cls._from_tensor_nested(x, list(lengths), kind)
        if ragged_rank > 1:
            return cls._from_tensor_deep(x, lengths, padding, ragged_rank, kind)
        if padding is not None:
            lengths = record("RaggedLengths", lib.lengths_before_padding, "tensor padding", tensor=x, padding=padding,
                             dtype=kind)  # fmt: skip
        if lengths is not None:
            (n,) = converted((lengths,), (kind,))
            n = n if n.dtype is kind else record("Cast", lib_math.cast, x=n, dtype=kind)
            values, splits = record("RaggedFromTensor", lib.rows_cut, "tensor | lengths", tensor=x, lengths=n)
            return cls(values, splits)
        values, splits = record("RaggedFromTensor", parts.rows_whole, "x", x=x, kind=kind)
        return cls(values, splits, x.shape.as_list()[1])

    @classmethod
    def _from_tensor_deep(cls, x, lengths, padding, ragged_rank: int, kind):
        """Axes inside first: the outer ones are merged for that, and become a partition again."""
        flat = record("Reshape", parts.rows_merged, "x", x=x)
        if lengths is None:
            values = cls.from_tensor(flat, None, padding, ragged_rank - 1, row_splits_dtype=kind)
            _, splits = record("RaggedFromTensor", parts.rows_whole, "x", x=x, kind=kind)
            return cls(values, splits, x.shape.as_list()[1])
        outer = cls.from_tensor(x, lengths, row_splits_dtype=kind)
        return outer.with_values(cls.from_tensor(outer.values, None, None, ragged_rank - 1, row_splits_dtype=kind))

    @classmethod
    def _from_tensor_nested(cls, x, lengths: list, kind):
        outer = cls.from_tensor(x, lengths[0], row_splits_dtype=kind)
        if len(lengths) == 1:
            return outer
        rest = lengths[1] if len(lengths) == 2 else lengths[1:]
        return outer.with_values(cls.from_tensor(outer.values, rest, row_splits_dtype=kind))

    @classmethod
    def from_sparse(cls, st_input, name=None, row_splits_dtype=dt.i64) -> "RaggedTensor":
        """The rows of a sparse matrix whose elements stand at the beginning of each row, in row-major order."""
        x, kind = sparse(st_input, "from_sparse"), dt.as_dtype(row_splits_dtype)
        if x.rank not in (2, None):
            raise ShapeError(explain(f"from_sparse: needs a sparse matrix, not one of rank {x.rank}"))
        given = {k: v for k, v in x.operands().items() if k != "values"}
        splits = record("RaggedFromSparse", parts.sparse_splits, **given, kind=kind)
        return cls.from_row_splits(x.values, splits, validate=False)

    # ------------------------------------------------------------------------------------------- parts

    @property
    def values(self):
        """All rows one behind the other: a tensor, or a ragged one."""
        return self._values

    @property
    def row_splits(self):
        """Where the rows begin and end in the values."""
        return self._row_splits

    @property
    def flat_values(self):
        """The innermost values, a tensor."""
        return self._values.flat_values if is_ragged(self._values) else self._values

    @property
    def nested_row_splits(self) -> tuple:
        """The row splits of every partition, the outermost first."""
        inner = self._values.nested_row_splits if is_ragged(self._values) else ()
        return (self._row_splits, *inner)

    @property
    def parts(self) -> tuple:
        return (self.flat_values, *self.nested_row_splits)

    def rebuilt(self, parts) -> "RaggedTensor":
        flat, *splits = parts
        return type(self).from_nested_row_splits(flat, splits, validate=False)

    def fetched(self, arrays) -> "RaggedTensorValue":
        values, *splits = arrays
        for s in reversed(splits):
            values = RaggedTensorValue(values, s)
        return values

    @property
    def dtype(self):
        return self.flat_values.dtype

    @property
    def ragged_rank(self) -> int:
        """How many partitions there are."""
        return len(self.nested_row_splits)

    @property
    def uniform_row_length(self):
        """The length of all rows where it is the same by construction, else None."""
        return None if self._uniform is None else convert_to_tensor(self._uniform, self._row_splits.dtype)

    @property
    def shape(self) -> TensorShape:
        """Sizes as far as they are known; those of ragged axes are None."""
        rows = self._row_splits.shape.as_list()[0]
        inner = self._values.shape.as_list()
        return TensorShape([None if rows is None else rows - 1, self._uniform, *inner[1:]])

    def get_shape(self) -> TensorShape:
        """The shape, as far as it is known."""
        return self.shape

    def with_values(self, new_values) -> "RaggedTensor":
        """Other values in the same rows."""
        new = new_values if is_ragged(new_values) else convert_to_tensor(new_values)
        return type(self)(new, self._row_splits, self._uniform)

    def with_flat_values(self, new_values) -> "RaggedTensor":
        """Other innermost values in the same rows."""
        if is_ragged(self._values):
            return self.with_values(self._values.with_flat_values(new_values))
        return self.with_values(new_values)

    def with_row_splits_dtype(self, dtype) -> "RaggedTensor":
        """The same rows with partitions of another integer dtype."""
        kind = dt.as_dtype(dtype)
        inner = self._values.with_row_splits_dtype(kind) if is_ragged(self._values) else self._values
        splits = self._row_splits
        splits = splits if splits.dtype is kind else record("Cast", lib_math.cast, x=splits, dtype=kind)
        return type(self)(inner, splits, self._uniform)

    # ---------------------------------------------------------------------------------------- partitions

    def row_lengths(self, axis=1, name=None):
        """How long the rows along ``axis`` are: a vector, ragged for an axis further inside.

        Raises:
            ShapeError: there is no such axis.
        """
        rank = self.ragged_rank + self.flat_values.ndim
        if not -rank <= axis < rank:
            raise ShapeError(explain(f"row_lengths: axis {axis} is out of range for a ragged tensor of rank {rank}"))
        axis %= rank
        if axis > 1 and is_ragged(self._values):
            return self.with_values(self._values.row_lengths(axis - 1))
        if axis == 1:
            return record("RowLengths", lib.row_lengths, splits=self._row_splits)
        if axis == 0:
            return self.nrows()
        widths = record("RowLengths", parts.all_alike, "x", x=self._values, axis=axis - 1, kind=self._row_splits.dtype)
        return self.with_values(widths)

    def nested_row_lengths(self, name=None) -> tuple:
        """The row lengths of every partition."""
        return tuple([record("RowLengths", lib.row_lengths, splits=s) for s in self.nested_row_splits])

    def row_starts(self, name=None):
        """Where each row begins in the values."""
        return record("RowStarts", lib.row_starts, splits=self._row_splits)

    def row_limits(self, name=None):
        """Where each row ends in the values."""
        return record("RowLimits", lib.row_limits, splits=self._row_splits)

    def value_rowids(self, name=None):
        """The number of the row of each value."""
        if is_ragged(self._values):
            return record("ValueRowIds", parts.ids_of_rows, splits=self._row_splits, inner=self._values.row_splits)
        return record("ValueRowIds", parts.ids_of_values, "splits | values", splits=self._row_splits,
                      values=self._values)  # fmt: skip

    def nested_value_rowids(self, name=None) -> tuple:
        """The row numbers of every partition."""
        inner = self._values.nested_value_rowids() if is_ragged(self._values) else ()
        return (self.value_rowids(), *inner)

    def nrows(self, out_type=None, name=None):
        """How many rows there are, a scalar."""
        kind = self._row_splits.dtype if out_type is None else dt.as_dtype(out_type)
        return record("NRows", parts.row_count, splits=self._row_splits, kind=kind)

    def bounding_shape(self, axis=None, name=None, out_type=None):
        """The smallest dense shape into which all rows fit, or its sizes along ``axis``."""
        kind = self._row_splits.dtype if out_type is None else dt.as_dtype(out_type)
        splits = {f"splits{k}": s for k, s in enumerate(self.nested_row_splits)}
        found = record("BoundingShape", parts.bounds, "flat", flat=self.flat_values, kind=kind, **splits)
        return found if axis is None else ragged_dispatch.rows_of(found, axis)

    # ----------------------------------------------------------------------------------------- conversion

    def to_tensor(self, default_value=None, name=None, shape=None):
        """A dense tensor, with ``default_value`` (0) where rows are shorter; ``shape`` pads and cuts to known sizes."""
        rank = self.ragged_rank + self.flat_values.ndim
        sizes = [None] * rank if shape is None else list(TensorShape(shape).as_list())
        if len(sizes) != rank:
            raise ShapeError(explain(f"to_tensor: shape {sizes} for a ragged tensor of rank {rank}"))
        inside = self._values
        if is_ragged(inside):
            inside = inside.to_tensor(default_value, shape=[None, *sizes[2:]])
        width = self._uniform if sizes[1] is None else sizes[1]
        return record("RaggedTensorToTensor", lib.padded, "values default_value | splits", values=inside,
                      splits=self._row_splits, default_value=default_value, width=width, rows=sizes[0])  # fmt: skip

    def to_sparse(self, name=None) -> SparseTensor:
        """The values as a sparse tensor of the bounding shape."""
        splits = {f"splits{k}": s for k, s in enumerate(self.nested_row_splits)}
        i, v = record("RaggedTensorToSparse", parts.sparse_parts, "flat", flat=self.flat_values, **splits)
        return SparseTensor(i, v, self.bounding_shape(out_type=dt.i64))

    def numpy(self) -> np.ndarray:
        """The rows as an array: of objects where they have different lengths."""
        return array(known(self.flat_values), [known(s) for s in self.nested_row_splits])

    def to_list(self) -> list:
        """The rows as nested lists."""
        return lists(known(self.flat_values), [known(s) for s in self.nested_row_splits])

    def merge_dims(self, outer_axis, inner_axis):
        """Axes from ``outer_axis`` to ``inner_axis`` as one."""
        rank = self.ragged_rank + self.flat_values.ndim
        first, last = outer_axis % rank, inner_axis % rank
        if first >= last:
            return self
        if first > 0:
            if first > self.ragged_rank:
                merged = record("Reshape", parts.merged, "x", x=self.flat_values, first=first - self.ragged_rank,
                                last=last - self.ragged_rank)  # fmt: skip
                return self.with_flat_values(merged)
            if first > 1:
                return self.with_values(self._values.merge_dims(first - 1, last - 1))
            splits = self._row_splits
            inside = self._values
            for _ in range(last - first):
                if is_ragged(inside):
                    splits = ragged_dispatch.rows_of(inside.row_splits, splits)
                    inside = inside.values
                else:
                    splits = record("Mul", parts.scaled, "x | splits", x=inside, splits=splits)
                    inside = record("Reshape", parts.rows_merged, "x", x=inside)
            return type(self).from_row_splits(inside, splits, validate=False)
        found = self
        for _ in range(last):
            found = found.values if is_ragged(found) else record("Reshape", parts.rows_merged, "x", x=found)
        return found

    def as_tensor(self):
        raise UsageError(explain("a RaggedTensor is no tensor; use its to_tensor()"))

    # -------------------------------------------------------------------------------------------- picking

    def __getitem__(self, key):
        """``x[row]``, ``x[a:b]``, ``x[:, a:b]`` and so on; inside of ragged axes only slices are possible.

        Raises:
            UsageError: an index of another kind, or a number inside of a ragged axis.
        """
        keys = list(key) if isinstance(key, tuple) else [key]
        rank = self.ragged_rank + self.flat_values.ndim
        if Ellipsis in [k for k in keys if k is Ellipsis]:
            at = next(n for n, k in enumerate(keys) if k is Ellipsis)
            used = sum(k is not None and k is not Ellipsis for k in keys)
            keys[at : at + 1] = [slice(None)] * (rank - used)
        return picked(self, keys)

    def __iter__(self):
        rows = self.shape.as_list()[0]
        if rows is None:
            raise SymbolicError(explain("a RaggedTensor of unknown length cannot be iterated"))
        return iter([self[k] for k in range(rows)])

    def dispatch(self, name, public, arguments):
        return ragged_dispatch.answer(self, name, public, arguments)

    # ------------------------------------------------------------------------------------------ operators

    def __repr__(self):
        if isinstance(self.flat_values, EagerTensor):
            return f"<tf.RaggedTensor {_shown(self)}>"
        return f"tf.RaggedTensor(values={self._values}, row_splits={self._row_splits})"

    __str__ = __repr__
    __array_ufunc__ = None
    __array_priority__ = 200
    __hash__ = object.__hash__


def _binary(kind: str, function, swapped: bool = False):
    def public(x, y):
        return record(kind, function, "x y", x=x, y=y)

    def operator(self, other):
        x, y = (other, self) if swapped else (self, other)
        return ragged_dispatch.elementwise(public, {"x": x, "y": y})

    return operator


def _unary(kind: str, function):
    def operator(self):
        return self.with_flat_values(record(kind, function, "x", x=self.flat_values))

    return operator


_BINARY = {
    "add": ("Add", lib_math.add), "sub": ("Sub", lib_math.subtract), "mul": ("Mul", lib_math.multiply),
    "truediv": ("RealDiv", lib_math.truediv), "floordiv": ("FloorDiv", lib_math.floordiv),
    "mod": ("FloorMod", lib_math.floormod), "pow": ("Pow", lib_math.pow), "and": ("LogicalAnd", lib_math.logical_and),
    "or": ("LogicalOr", lib_math.logical_or), "xor": ("LogicalXor", lib_math.logical_xor),
}  # fmt: skip
_COMPARE = {
    "lt": ("Less", lib_math.less), "le": ("LessEqual", lib_math.less_equal), "gt": ("Greater", lib_math.greater),
    "ge": ("GreaterEqual", lib_math.greater_equal), "eq": ("Equal", lib_math.equal),
    "ne": ("NotEqual", lib_math.not_equal),
}  # fmt: skip
_UNARY = {
    "neg": ("Neg", lib_math.negative), "abs": ("Abs", lib_math.abs), "invert": ("LogicalNot", lib_math.logical_not),
}  # fmt: skip
for _name, (_kind, _function) in {**_BINARY, **_COMPARE}.items():
    setattr(RaggedTensor, f"__{_name}__", _binary(_kind, _function))
for _name, (_kind, _function) in _BINARY.items():
    setattr(RaggedTensor, f"__r{_name}__", _binary(_kind, _function, True))
for _name, (_kind, _function) in _UNARY.items():
    setattr(RaggedTensor, f"__{_name}__", _unary(_kind, _function))


class RaggedTensorSpec(TypeSpec):
    """What is known about a RaggedTensor: shape, dtype, number and dtype of its partitions."""

    value_type = RaggedTensor

    def __init__(self, shape=None, dtype=dt.f32, ragged_rank=None, row_splits_dtype=dt.i64, flat_values_spec=None):
        self.shape, self.dtype = TensorShape(shape), dt.as_dtype(dtype)
        self.ragged_rank = max(self.shape.ndims - 1, 0) if ragged_rank is None and self.shape.ndims else ragged_rank
        self.row_splits_dtype = dt.as_dtype(row_splits_dtype)

    @classmethod
    def from_value(cls, value) -> "RaggedTensorSpec":
        """What a RaggedTensor fulfils."""
        return cls(value.shape, value.dtype, value.ragged_rank, value.row_splits.dtype)

    def is_compatible_with(self, value) -> bool:
        """Whether a RaggedTensor fulfils this."""
        if not isinstance(value, (RaggedTensor, RaggedTensorSpec)):
            return False
        alike = self.dtype is value.dtype and self.ragged_rank == value.ragged_rank
        return alike and self.shape.is_compatible_with(value.shape)

    def _key(self):
        return self.shape, self.dtype, self.ragged_rank, self.row_splits_dtype

    def __eq__(self, other):
        return isinstance(other, RaggedTensorSpec) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return f"RaggedTensorSpec({self.shape!r}, {self.dtype!r}, {self.ragged_rank}, {self.row_splits_dtype!r})"


# --------------------------------------------------------------------------------------- parts of the class


def _with_partition(values, partition) -> tuple:
    """Values and a partition as tensors, the latter i32 or i64."""
    values = values if is_ragged(values) else convert_to_tensor(values)
    like = values.row_splits.dtype if is_ragged(values) else dt.i64
    kind = index_dtype(partition, like)
    _, found = converted((values.flat_values if is_ragged(values) else values, partition), (None, kind))
    if found.dtype not in (dt.i32, dt.i64):
        found = record("Cast", lib_math.cast, x=found, dtype=dt.i64)
    if is_ragged(values) and found.dtype is not values.row_splits.dtype:
        found, values = (record("Cast", lib_math.cast, x=found, dtype=dt.i64), values.with_row_splits_dtype(dt.i64))
    return values, found


def _rows_known(values) -> int | None:
    return values.shape.as_list()[0] if values.shape.ndims else None


def _check(splits: np.ndarray, count: int | None) -> None:
    if splits.ndim != 1 or not splits.size:
        what = f"row_splits must be a vector with one element at least, not {splits.shape}"
        raise InvalidArgumentError(explain(what))
    if splits[0] != 0 or (np.diff(splits) < 0).any() or (count is not None and splits[-1] != count):
        what = f"row_splits {splits.tolist()[:20]} must ascend from 0 to the number of values, {count}"
        raise InvalidArgumentError(explain(what))


def _check_rowids(ids: np.ndarray, nrows) -> None:
    beyond = isinstance(nrows, int) and ids.size and ids[-1] >= nrows
    if beyond or (ids.size and ids[0] < 0) or (np.diff(ids) < 0).any():
        raise InvalidArgumentError(explain(f"from_value_rowids: row numbers {ids.tolist()} do not ascend in range"))


def _nested(maker, flat, partitions, validate):
    found = flat
    for p in reversed(list(partitions)):
        found = maker(found, p, validate=validate)
    return found


def _shown(x: RaggedTensor) -> str:
    text = str(x.to_list())
    return text if len(text) <= 1000 else text[:997] + "..."
