"""batch, ragged_batch, padded_batch, unbatch and rebatch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.data.block import Block, is_stackable, joined, stacked, values_of
from graphc.api.data.element import (
    DatasetSpec, NoneTensorSpec, array_for, dims_of, leaves, mapped, number_of, pack, same_outline, with_shape,
)  # fmt: skip
from graphc.api.data.flow import Flow
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt

TOO_MANY = 1 << 22  # elements that are asked for at once at most


class Batch(Stage):
    """``batch``: elements side by side on a new leading axis.

    Args:
        method: what messages call it.
        combined: from the values of one component (a list) to that of the batch; None for stacking.
    """

    kind, method = "_BatchDataset", "batch"

    def __init__(self, source: Stage, size, drop_remainder: bool, kind: str | None = None):
        self.batch_size = number_of(self.method, "batch_size", size, 1)
        self.drop_remainder = bool(drop_remainder)
        super().__init__(self._spec_of(source.element_spec), (source,))
        if kind is not None:
            self.kind = kind
        self.is_ragged = [isinstance(s, RaggedTensorSpec) for s in leaves(self.element_spec)]

    def _spec_of(self, element_spec):
        return mapped(lambda spec: batched_spec(self.method, spec, self._rows), element_spec)

    @property
    def _rows(self) -> int | None:
        return self.batch_size if self.drop_remainder else None

    def size(self) -> int:
        count = self.inputs[0].size()
        if count < 0:
            return count
        return count // self.batch_size if self.drop_remainder else -(-count // self.batch_size)

    def open(self, run: Run) -> Flow:
        return _Batching(self, self.inputs[0].open(run))

    def stack(self, k: int, column, full: int):
        """Component ``k`` of ``full`` batches."""
        size = self.batch_size
        if not self.is_ragged[k] and is_stackable(column):
            rows = stacked(column)
            return rows.reshape(full, size, *rows.shape[1:]) if full else rows[None]
        column = values_of(column)
        parts = [column[i * size : (i + 1) * size] for i in range(full)] if full else [column]
        return [self.combined(k, part) for part in parts]

    def combined(self, k: int, values: list):
        """Component ``k`` of one batch."""
        first = values[0]
        if isinstance(first, np.ndarray) and not self.is_ragged[k]:
            if all(v.shape == first.shape for v in values):
                return stacked(values)
            wrong = next(i for i, v in enumerate(values) if v.shape != first.shape)
            what = f"cannot batch tensors with different shapes in component {k}: the first element had shape"
            what += f" {list(first.shape)} and element {wrong} had shape {list(values[wrong].shape)}; padded_batch or"
            raise InvalidArgumentError(self.explain(f"{what} ragged_batch take such elements"))
        if first is None:
            return None
        return sparse_stacked(self, values) if isinstance(first, SparseTensor) else ragged_stacked(values)


class _Batching(Flow):
    def __init__(self, stage: Batch, source: Flow):
        self._stage, self._source, self._rest = stage, source, None

    def pull(self, most: int) -> Block | None:
        size = self._stage.batch_size
        rest, self._rest = self._rest, None
        block = _gathered(self._source, size, min(most * size, max(size, TOO_MANY)), rest)
        if block is None or (block.count < size and self._stage.drop_remainder):
            return None
        full = block.count // size
        if full and block.count > full * size:
            self._rest, block = block.part(full * size, block.count), block.part(0, full * size)
        return Block(full or 1, [self._stage.stack(k, c, full) for k, c in enumerate(block.columns)])

    def close(self) -> None:
        self._source.close()


def _gathered(source: Flow, least: int, most: int, rest: Block | None = None) -> Block | None:
    """``least`` to ``most`` elements, of which ``rest`` is first; fewer at the end of the source, None for none."""
    parts = [] if rest is None else [rest]
    have = sum(p.count for p in parts)
    while have < least:
        block = source.pull(most - have)
        if block is None:
            break
        parts.append(block)
        have += block.count
    return joined(parts) if parts else None


def batched_spec(op: str, spec, rows: int | None):
    """The spec of a component after batching."""
    if isinstance(spec, NoneTensorSpec):
        return spec
    if isinstance(spec, DatasetSpec):
        raise DtypeError(explain(f"{op}: elements that are datasets cannot be batched"))
    dims = dims_of(spec)
    if isinstance(spec, RaggedTensorSpec):
        shape = TensorShape(None if dims is None else [rows, *dims])
        return RaggedTensorSpec(shape, spec.dtype, (spec.ragged_rank or 0) + 1, spec.row_splits_dtype)
    return with_shape(spec, None if dims is None else [rows, *dims])


def sparse_stacked(stage: Stage, values: list) -> SparseTensor:
    """Sparse tensors of one shape as one with a leading axis."""
    parts = [[t.array for t in v.parts] for v in values]
    shape = parts[0][2]
    for _, _, other in parts:
        if other.tolist() != shape.tolist():
            what = f"sparse elements of shapes {shape.tolist()} and {other.tolist()} cannot be batched"
            raise InvalidArgumentError(stage.explain(what))
    indices = [np.insert(i, 0, k, axis=1) for k, (i, _, _) in enumerate(parts)]
    return SparseTensor(
        np.concatenate(indices), np.concatenate([v for _, v, _ in parts]), np.insert(shape, 0, len(values))
    )


def ragged_stacked(values: list, splits_dtype=dt.i64) -> RaggedTensor:
    """Ragged tensors, or arrays of any first sizes, as the rows of one more partition."""
    if isinstance(values[0], np.ndarray):
        return RaggedTensor.from_row_lengths(
            np.concatenate(values), np.array([len(v) for v in values], splits_dtype.numpy)
        )
    parts = [[t.array for t in v.parts] for v in values]
    flat, splits = np.concatenate([p[0] for p in parts]), []
    for level in range(1, len(parts[0])):
        lengths = np.concatenate([np.diff(p[level]) for p in parts])
        splits.append(np.concatenate([[0], np.cumsum(lengths)]).astype(parts[0][level].dtype))
    rows = [len(p[1]) - 1 for p in parts]
    outer = np.concatenate([[0], np.cumsum(rows)]).astype(splits[0].dtype)
    return RaggedTensor.from_nested_row_splits(flat, [outer, *splits])


# ------------------------------------------------------------------------------------- ragged and sparse


class RaggedBatch(Batch):
    """``ragged_batch``: elements of any sizes as the rows of ragged tensors."""

    method = "ragged_batch"

    def __init__(self, source: Stage, size, drop_remainder: bool, row_splits_dtype):
        self.splits_dtype = dt.as_dtype(row_splits_dtype)
        super().__init__(source, size, drop_remainder)

    def _spec_of(self, element_spec):
        def one(spec):
            dims = dims_of(spec) if isinstance(spec, TensorSpec) else []
            if isinstance(spec, TensorSpec) and dims is None:
                raise ShapeError(explain("ragged_batch: elements of unknown rank cannot be batched"))
            if isinstance(spec, RaggedTensorSpec) or not dims or None not in dims:
                return batched_spec(self.method, spec, self._rows)
            rank = max(k for k, d in enumerate(dims) if d is None)
            return RaggedTensorSpec(TensorShape([self._rows, *dims]), spec.dtype, rank + 1, self.splits_dtype)

        return mapped(one, element_spec)

    def combined(self, k: int, values: list):
        if not self.is_ragged[k] or not isinstance(values[0], np.ndarray):
            return super().combined(k, values)
        rank = leaves(self.element_spec)[k].ragged_rank
        return ragged_stacked([_with_partitions(v, rank - 1, self.splits_dtype) for v in values], self.splits_dtype)


def _with_partitions(array: np.ndarray, rank: int, splits_dtype):
    """An array as a ragged tensor of ``rank`` partitions; itself for none."""
    if not rank:
        return array
    splits = [
        np.arange(0, int(np.prod(array.shape[: k + 1])) * n + 1, n, splits_dtype.numpy) if n else
        np.zeros(int(np.prod(array.shape[: k + 1])) + 1, splits_dtype.numpy)
        for k, n in enumerate(array.shape[1 : rank + 1])
    ]  # fmt: skip
    flat = array.reshape(-1, *array.shape[rank + 1 :]) if array.size else array.reshape(0, *array.shape[rank + 1 :])
    return RaggedTensor.from_nested_row_splits(flat, splits)


class SparseBatch(Batch):
    """``sparse_batch``: dense elements of any sizes as one sparse tensor."""

    method = "sparse_batch"

    def __init__(self, source: Stage, size, row_shape):
        self.row_shape = [None if d in (None, -1) else int(d) for d in TensorShape(row_shape).as_list()]
        super().__init__(source, size, False)

    def _spec_of(self, element_spec):
        return mapped(lambda spec: SparseTensorSpec(TensorShape([None, *self.row_shape]), spec.dtype), element_spec)

    def stack(self, k: int, column, full: int):
        values, size = values_of(column), self.batch_size
        parts = [values[i * size : (i + 1) * size] for i in range(full)] if full else [values]
        return [self.combined(k, part) for part in parts]

    def combined(self, k: int, values: list):
        shape = [max(v.shape[d] for v in values) if n is None else n for d, n in enumerate(self.row_shape)]
        for v in values:
            if any(a > b for a, b in zip(v.shape, shape)):
                what = f"an element of shape {list(v.shape)} does not fit row_shape {self.row_shape}"
                raise InvalidArgumentError(self.explain(what))
        indices = [np.insert(np.argwhere(np.ones(v.shape, bool)), 0, i, axis=1) for i, v in enumerate(values)]
        flat = np.concatenate([v.reshape(-1) for v in values])
        return SparseTensor(np.concatenate(indices).astype(np.int64), flat, np.array([len(values), *shape], np.int64))


# ------------------------------------------------------------------------------------------------ padded


class PaddedBatch(Batch):
    """``padded_batch``: elements padded to a common shape."""

    kind, method = "_PaddedBatchDataset", "padded_batch"

    def __init__(self, source: Stage, size, padded_shapes, padding_values, drop_remainder: bool):
        specs = leaves(source.element_spec)
        for spec in specs:
            if not isinstance(spec, TensorSpec):
                raise DtypeError(explain(f"padded_batch: only tensors can be padded, the elements have {spec}"))
        self.shapes = [_padded(spec, shape) for spec, shape in zip(specs, _shapes(source.element_spec, padded_shapes))]
        self.fillers = [_filler(s, v) for s, v in zip(specs, _values(source.element_spec, padding_values))]
        super().__init__(source, size, drop_remainder)

    def _spec_of(self, element_spec):
        found = [with_shape(s, [self._rows, *dims]) for s, dims in zip(leaves(element_spec), self.shapes)]
        return pack(element_spec, iter(found))

    def stack(self, k: int, column, full: int):
        wanted = self.shapes[k]
        if type(column) is not list and all(d in (None, n) for d, n in zip(wanted, column.shape[1:])):
            return super().stack(k, column, full)
        values, size = values_of(column), self.batch_size
        parts = [values[i * size : (i + 1) * size] for i in range(full)] if full else [values]
        return [self.combined(k, part) for part in parts]

    def combined(self, k: int, values: list):
        wanted = self.shapes[k]
        for v in values:
            if v.ndim != len(wanted) or any(d is not None and n > d for n, d in zip(v.shape, wanted)):
                what = f"component {k} of an element has shape {list(v.shape)}, which padded shape {wanted} cannot hold"
                raise InvalidArgumentError(self.explain(what))
        shape = [max(v.shape[d] for v in values) if n is None else n for d, n in enumerate(wanted)]
        if not shape:
            return stacked(values)
        found = np.empty((len(values), *shape), values[0].dtype)
        found[...] = self.fillers[k]
        for row, value in zip(found, values):
            row[tuple([slice(n) for n in value.shape])] = value
        return found


def _shapes(element_spec, padded_shapes) -> list:
    if padded_shapes is None:
        for spec in leaves(element_spec):
            if dims_of(spec) is None:
                what = f"padded_batch: give padded_shapes, as the elements have an unknown rank: {spec}"
                raise ShapeError(explain(what))
        return [None for _ in leaves(element_spec)]
    return shape_leaves(element_spec, padded_shapes)


def shape_leaves(spec, shapes) -> list:
    """The shapes (lists, tuples of sizes, TensorShapes) at the places of the specs."""
    if isinstance(spec, dict):
        if not isinstance(shapes, dict) or shapes.keys() != spec.keys():
            raise UsageError(explain(f"padded_batch: padded_shapes {shapes!r} have not the structure of the elements"))
        return [s for key in sorted(spec) for s in shape_leaves(spec[key], shapes[key])]
    if isinstance(spec, tuple):
        if not isinstance(shapes, (tuple, list)) or len(shapes) != len(spec):
            raise UsageError(explain(f"padded_batch: padded_shapes {shapes!r} have not the structure of the elements"))
        return [s for a, b in zip(spec, shapes) for s in shape_leaves(a, b)]
    return [shapes]


def _padded(spec: TensorSpec, shape) -> list:
    own = dims_of(spec)
    if shape is None:
        return own
    if hasattr(shape, "array"):
        shape = shape.array.tolist()
    found = [
        None if d in (None, -1) else int(d)
        for d in (TensorShape(shape).as_list() if not isinstance(shape, list) else shape)
    ]
    wrong = own is not None and (
        len(own) != len(found) or any(None not in (a, b) and a > b for a, b in zip(own, found))
    )
    if wrong:
        raise ShapeError(explain(f"padded_batch: padded shape {found} cannot hold elements of shape {own}"))
    return found


def _values(element_spec, padding_values) -> list:
    specs = leaves(element_spec)
    if padding_values is None:
        return [None] * len(specs)
    if same_outline(element_spec, padding_values):
        return leaves(padding_values)
    if not isinstance(padding_values, (tuple, dict)):
        return [padding_values] * len(specs)
    raise UsageError(explain(f"padded_batch: padding_values {padding_values!r} have not the structure of the elements"))


def _filler(spec: TensorSpec, value):
    if value is None:
        return b"" if spec.dtype is dt.string else spec.dtype.numpy.type(0)
    found = array_for(spec, value)
    if found.dtype != spec.dtype.numpy:
        raise DtypeError(explain(f"padded_batch: padding value {value!r} is not of {spec.dtype.name}"))
    if found.ndim:
        raise ShapeError(explain(f"padded_batch: padding value {value!r} must be a scalar"))
    return found[()]


# ----------------------------------------------------------------------------------------------- unbatch


class Unbatch(Stage):
    """``unbatch``: the rows of the elements."""

    kind, method = "_UnbatchDataset", "unbatch"

    def __init__(self, source: Stage):
        super().__init__(mapped(self._row_spec, source.element_spec), (source,))

    def _row_spec(self, spec):
        dims = dims_of(spec) if not isinstance(spec, (DatasetSpec, NoneTensorSpec)) else []
        if dims == []:
            raise ShapeError(explain(f"unbatch: elements must have rows, but there is {spec}"))
        rest = None if dims is None else dims[1:]
        if isinstance(spec, RaggedTensorSpec):
            return RaggedTensorSpec(TensorShape(rest), spec.dtype, spec.ragged_rank - 1, spec.row_splits_dtype)
        return with_shape(spec, rest)

    def size(self) -> int:
        count = self.inputs[0].size()
        rows = next((d[0] for s in leaves(self.inputs[0].element_spec) if (d := dims_of(s)) and d[0] is not None), None)
        if count == INFINITE:
            return INFINITE
        dense = not any(isinstance(s, SparseTensorSpec) for s in leaves(self.element_spec))
        return count * rows if count >= 0 and rows is not None and dense else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Unbatching(self, self.inputs[0].open(run))


class _Unbatching(Flow):
    def __init__(self, stage: Unbatch, source: Flow):
        self._stage, self._source, self._rest, self._start = stage, source, None, 0

    def pull(self, most: int) -> Block | None:
        while self._rest is None:
            block = self._source.pull(1)
            if block is None:
                return None
            rows = [_rows_of(c[0] if type(c) is list else c[0, ...]) for c in block.columns]
            counts = {len(r) for r in rows}
            if len(counts) > 1:
                what = f"the components of an element have different numbers of rows, {sorted(counts)}"
                raise InvalidArgumentError(self._stage.explain(what))
            (count,) = counts
            if count:
                self._rest, self._start = Block(count, rows), 0
        block, start = self._rest, self._start
        self._start = stop = min(start + most, block.count)
        if stop == block.count:
            self._rest = None
        return block.part(start, stop)

    def close(self) -> None:
        self._source.close()


def _rows_of(value):
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, RaggedTensor):
        rows = [value[k] for k in range(int(value.nrows().numpy()))]
        return [r if isinstance(r, RaggedTensor) else r.array for r in rows]
    indices, values, shape = (t.array for t in value.parts)
    bounds = np.searchsorted(indices[:, 0], np.arange(int(shape[0]) + 1))
    return [SparseTensor(indices[a:b, 1:], values[a:b], shape[1:]) for a, b in zip(bounds, bounds[1:])]


class Rebatch(Stage):
    """``rebatch``: rows gathered into batches of other sizes, which are taken in turn."""

    kind, method = "_RebatchDataset", "rebatch"

    def __init__(self, source: Stage, sizes, drop_remainder: bool):
        found = np.atleast_1d(np.asarray(getattr(sizes, "array", sizes)))
        self.sizes = [number_of(self.method, "batch_size", s, 1) for s in found]
        self.drop_remainder = bool(drop_remainder)
        rows = Unbatch(source)
        whole = [d[0] for spec in leaves(source.element_spec) if (d := dims_of(spec))]
        is_even = len(set(self.sizes)) == 1 and (
            drop_remainder or all(n is not None and n % self.sizes[0] == 0 for n in whole)
        )
        known = self.sizes[0] if is_even else None
        super().__init__(mapped(lambda s: batched_spec(self.method, s, known), rows.element_spec), (source,))
        self._rows = rows
        self._batch = Batch(rows, 1, drop_remainder)
        self._batch.method = self.method

    def size(self) -> int:
        return INFINITE if self.inputs[0].size() == INFINITE else UNKNOWN

    def open(self, run: Run) -> Flow:
        return _Rebatching(self, self._rows.open(run), self._batch.stack)


class _Rebatching(Flow):
    def __init__(self, stage: Rebatch, source: Flow, stack: Callable):
        self._stage, self._source, self._stack, self._turn = stage, source, stack, 0

    def pull(self, most: int) -> Block | None:
        size = self._stage.sizes[self._turn]
        block = _gathered(self._source, size, size)
        if block is None or (block.count < size and self._stage.drop_remainder):
            return None
        self._turn = (self._turn + 1) % len(self._stage.sizes)
        return Block(1, [self._stack(k, c, 0) for k, c in enumerate(block.columns)])

    def close(self) -> None:
        self._source.close()
