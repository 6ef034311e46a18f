"""Datasets of values at hand: one element, the rows of arrays, numbers at equal distances."""

from __future__ import annotations

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.element import component, leaves, mapped, normalised, spec_of, with_shape
from graphc.api.data.flow import Flow, OfRows
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor
from graphc.api.spec import TensorSpec
from graphc.api.tensor import Tensor
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt


class OneTensor(Stage):
    """``from_tensors``: a dataset of one element."""

    kind, method = "_TensorDataset", "from_tensors"

    def __init__(self, tensors):
        values = normalised(tensors, self.method)
        super().__init__(mapped(symbolic_spec, values))
        self.is_given = any(map(is_symbolic, leaves(values)))
        self._row = tuple([component(v) for v in leaves(values)])

    def size(self) -> int:
        return 1

    def open(self, run: Run) -> Flow:
        return OfRows(iter([self._row]))


class Slices(Stage):
    """``from_tensor_slices``: the rows of tensors of one leading size.

    Attributes:
        columns: the tensors, as the columns of one block.
        count: how many rows.
    """

    kind, method = "_TensorSliceDataset", "from_tensor_slices"

    def __init__(self, tensors):
        values = normalised(tensors, self.method)
        flat = leaves(values)
        if not flat:
            raise UsageError(explain("from_tensor_slices: needs one tensor at least"))
        self.is_given = any(map(is_symbolic, flat))
        sizes = {UNKNOWN} if self.is_given else {_rows(self.method, v) for v in flat}
        if len(sizes) > 1:
            shapes = ", ".join(str(v.shape) for v in flat)
            what = f"from_tensor_slices: tensors have different numbers of rows, {sorted(sizes)} (shapes {shapes})"
            raise ShapeError(explain(what))
        (self.count,) = sizes
        super().__init__(mapped(_row_spec, values))
        self.columns = [component(v) for v in flat]

    def size(self) -> int:
        return self.count

    def block(self, start: int, stop: int) -> Block:
        """The rows from ``start`` to before ``stop``."""
        return Block(stop - start, [_sliced(c, range(start, stop)) for c in self.columns])

    def taken(self, places) -> Block:
        """The rows at these places."""
        columns = [c.take(places, axis=0) if isinstance(c, np.ndarray) else _sliced(c, places) for c in self.columns]
        return Block(len(places), columns)

    def open(self, run: Run) -> Flow:
        return _Slicing(self)


class _Slicing(Flow):
    def __init__(self, source: Slices):
        self._source, self._next = source, 0

    def pull(self, most: int) -> Block | None:
        start, count = self._next, self._source.count
        if start >= count:
            return None
        self._next = stop = min(start + most, count)
        return self._source.block(start, stop)

    def skip(self, count: int) -> int:
        """Pass over elements; how many."""
        before = self._next
        self._next = min(before + count, self._source.count)
        return self._next - before


def is_symbolic(value) -> bool:
    """Whether a value is not known, as a function is being traced."""
    graph = getattr(value, "graph", None)
    return graph is not None and not graph.is_eager


def symbolic_spec(value):
    """The spec of a value, also of one that is not known yet."""
    if is_symbolic(value) and isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype)
    return spec_of(value)


def _rows(op: str, value) -> int:
    dims = value.shape.as_list() if value is not None and hasattr(value, "shape") else None
    if not dims:
        raise ShapeError(explain(f"{op}: there are no rows in a scalar; use from_tensors for one element"))
    return int(dims[0]) if dims[0] is not None else int(value.nrows().numpy())


def _row_spec(value):
    spec = symbolic_spec(value)
    dims = spec.shape.as_list()[1:]
    if isinstance(value, RaggedTensor):
        return RaggedTensorSpec(TensorShape(dims), value.dtype, value.ragged_rank - 1, value.row_splits.dtype)
    return with_shape(spec, dims)


def _sliced(column, places):
    """Rows of a column: a view of an array where they follow each other."""
    if isinstance(column, np.ndarray):
        return column[places.start : places.stop] if isinstance(places, range) else column.take(places, axis=0)
    if isinstance(column, RaggedTensor):
        return [component(column[int(k)]) for k in places]
    if isinstance(column, SparseTensor):
        return [_sparse_row(column, int(k)) for k in places]
    raise UsageError(explain(f"from_tensor_slices: a {type(column).__name__} has no rows"))


def _sparse_row(tensor: SparseTensor, k: int) -> SparseTensor:
    indices, values, shape = (t.array for t in tensor.parts)
    mine = indices[:, 0] == k
    return SparseTensor(indices[mine][:, 1:], values[mine], shape[1:])


class Numbers(Stage):
    """``range`` and ``counter``: numbers at equal distances."""

    kind, method = "_RangeDataset", "range"

    def __init__(self, start: int, stop: int | None, step: int, dtype=dt.i64):
        if step == 0:
            raise UsageError(explain("range: the step must not be 0"))
        super().__init__(TensorSpec((), dtype))
        self.start, self.stop, self.step, self.dtype = start, stop, step, dtype

    def size(self) -> int:
        return INFINITE if self.stop is None else len(range(self.start, self.stop, self.step))

    def taken(self, places) -> Block:
        """The numbers at these places."""
        numbers = self.start + self.step * np.asarray(places, np.int64)
        return Block(len(numbers), [numbers.astype(self.dtype.numpy)])

    def open(self, run: Run) -> Flow:
        return _Counting(self)


class _Counting(Flow):
    def __init__(self, source: Numbers):
        self._source, self._next, self._left = source, source.start, source.size()

    def pull(self, most: int) -> Block | None:
        count = most if self._left == INFINITE else min(most, self._left)
        if not count:
            return None
        step = self._source.step
        numbers = (self._next + step * np.arange(count, dtype=np.int64)).astype(self._source.dtype.numpy)
        self.skip(count)
        return Block(count, [numbers])

    def skip(self, count: int) -> int:
        """Pass over elements; how many."""
        count = count if self._left == INFINITE else min(count, self._left)
        self._next += self._source.step * count
        if self._left != INFINITE:
            self._left -= count
        return count
