"""SparseTensor and IndexedSlices, and TensorFlow's functions on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from graphc.api.composite import Composite, converted, known_sizes, record, static
from graphc.api.create import convert_to_tensor
from graphc.api.lift import tensors_in
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.api.spec import TypeSpec
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import segment, shape
from graphc.lib import sparse as lib
from graphc.lib import sparse_math
from graphc.lib.dims import measured


class SparseTensorValue(NamedTuple):
    """The value of a SparseTensor: three arrays."""

    indices: np.ndarray
    values: np.ndarray
    dense_shape: np.ndarray


class SparseTensor(Composite):
    """A tensor given by the elements that are there.

    Args:
        indices: their places, int64[n, rank]; most functions expect them in row-major order, see ``tf.sparse.reorder``.
        values: the elements, a vector of n.
        dense_shape: the shape, int64[rank].

    Raises:
        ShapeError: these shapes do not fit together.
    """

    __slots__ = ("indices", "values", "dense_shape", "_promised")

    def __init__(self, indices, values, dense_shape):
        self._promised = TensorShape(None)
        self.indices, self.values, self.dense_shape = converted((indices, values, dense_shape), (dt.i64, None, dt.i64))
        i, v, s = (t.shape.as_list() if t.shape.ndims is not None else None for t in self.parts)
        wrong = (i is not None and len(i) != 2) or (v is not None and len(v) != 1) or (s is not None and len(s) != 1)
        if not wrong and i is not None:
            wrong = any(t is not None and None not in (a, t[0]) and a != t[0] for a, t in ((i[0], v), (i[1], s)))
        if wrong:
            what = f"SparseTensor: indices {i}, values {v} and dense_shape {s}; they must be [n, rank], [n] and [rank]"
            raise ShapeError(explain(what))

    @classmethod
    def from_value(cls, sparse_tensor_value) -> "SparseTensor":
        """A SparseTensor of another one or of a SparseTensorValue."""
        return cls(*(getattr(sparse_tensor_value, n) for n in SparseTensorValue._fields))

    @property
    def parts(self) -> tuple:
        return self.indices, self.values, self.dense_shape

    def rebuilt(self, parts) -> "SparseTensor":
        return type(self)(*parts)

    def fetched(self, arrays) -> SparseTensorValue:
        return SparseTensorValue(*arrays)

    @property
    def dtype(self):
        return self.values.dtype

    @property
    def op(self):
        """The operation of the values, in a graph."""
        return self.values.op

    @property
    def shape(self) -> TensorShape:
        """The shape, as far as it is known before running."""
        return TensorShape(known_sizes(self.dense_shape)).merge_with(self._promised)

    def set_shape(self, shape) -> None:
        """Promise sizes that are not known."""
        self._promised = self.shape.merge_with(shape)

    @property
    def rank(self) -> int | None:
        return self.shape.ndims

    def get_shape(self) -> TensorShape:
        """The shape, as far as it is known before running."""
        return self.shape

    def with_values(self, new_values) -> "SparseTensor":
        """Other values at the same places."""
        found = SparseTensor(self.indices, new_values, self.dense_shape)
        found._promised = self._promised
        return found

    def eval(self, feed_dict=None, session=None) -> SparseTensorValue:
        """The value in a session, for tensors of graphs."""
        return SparseTensorValue(*[t.eval(feed_dict, session) for t in self.parts])

    def operands(self) -> dict:
        """The parts as the arguments of a lib function."""
        return {"indices": self.indices, "values": self.values, "dense_shape": static(self.dense_shape)}

    def dispatch(self, name: str, public: Callable, arguments: dict):
        """Unary element-wise functions work on the values, and some others have a meaning of their own."""
        first = next(iter(arguments))
        name = name.removeprefix("dtypes.")
        if name in UNARY and arguments[first] is self:
            return self.with_values(public(**{**arguments, first: self.values}))
        if name in ("shape", "rank", "size") and arguments[first] is self:
            return _measured(self, name, arguments)
        return super().dispatch(name, public, arguments)

    def __mul__(self, other):
        return self._times(other, False)

    def __truediv__(self, other):
        return self._times(other, True)

    def _times(self, other, divide: bool):
        if isinstance(other, Composite):
            return NotImplemented
        found = record("SparseDenseCwiseDiv" if divide else "SparseDenseCwiseMul", sparse_math.times, "values dense",
                       **self.operands(), dense=other, divide=divide)  # fmt: skip
        return self.with_values(found)

    __array_ufunc__ = None

    def __repr__(self):
        return f"SparseTensor(indices={self.indices!s}, values={self.values!s}, dense_shape={self.dense_shape!s})"


UNARY = frozenset(
    "cast math.abs abs math.negative negative math.sign sign math.square square math.sqrt sqrt math.tanh tanh math.sin "
    "math.cos math.exp exp math.log math.floor math.ceil math.round round math.erf math.sigmoid sigmoid identity "
    "nn.relu math.log1p math.expm1 math.reciprocal math.rsqrt stop_gradient".split()
)


def _measured(x: SparseTensor, name: str, arguments: dict):
    """The shape, size or rank that a sparse tensor stands for."""
    kind = dt.as_dtype(arguments.get("out_type") or dt.i32)

    def measure(dense_shape):
        s = lib.shape_vector(dense_shape)
        if name == "rank":
            return lib.dim_node(s.shape[0], kind)
        return lib.math.cast(s if name == "shape" else lib.reduction.reduce("size", "prod", s, None, False), kind)

    return record(name.capitalize(), measure, dense_shape=x.dense_shape)


class IndexedSlices(Composite):
    """Slices of a larger tensor along its first axis; equal indices add up.

    Args:
        values: the slices. indices: where each belongs. dense_shape: of the larger tensor, if known.
    """

    __slots__ = ("values", "indices", "dense_shape")

    def __init__(self, values, indices, dense_shape=None):
        given = (values, indices) if dense_shape is None else (values, indices, dense_shape)
        self.values, self.indices, *rest = converted(given, (None, None, None))
        self.dense_shape = rest[0] if rest else None

    @property
    def parts(self) -> tuple:
        both = self.values, self.indices
        return both if self.dense_shape is None else (*both, self.dense_shape)

    def rebuilt(self, parts) -> "IndexedSlices":
        return type(self)(*parts)

    def fetched(self, arrays) -> "IndexedSlicesValue":
        return IndexedSlicesValue(*arrays)

    @property
    def dtype(self):
        return self.values.dtype

    @property
    def device(self) -> str:
        return self.values.device

    @property
    def name(self) -> str:
        return self.values.name

    @property
    def op(self):
        """The operation that makes the slices."""
        return self.values.op

    @property
    def shape(self) -> TensorShape:
        if self.dense_shape is None:
            return TensorShape(None)
        return TensorShape(known_sizes(self.dense_shape))

    def as_tensor(self):
        """The larger tensor, 0 where there are no slices.

        Raises:
            UsageError: its size is not known.
        """
        if self.dense_shape is None:
            raise UsageError(explain("IndexedSlices without a dense_shape cannot become a tensor"))

        def added(values, indices, dense_shape):
            rows = lib.extents(dense_shape)[0]
            return segment.unsorted_segment_sum(values, indices, measured(rows))

        return record("UnsortedSegmentSum", added, "values | indices", values=self.values, indices=self.indices,
                      dense_shape=static(self.dense_shape))  # fmt: skip

    def dispatch(self, name: str, public: Callable, arguments: dict):
        """Functions that scale or clip work on the slices; others take the larger tensor that these stand for."""
        if name in _ON_SLICES:
            return _on_slices(name, public, arguments)
        return public(**{k: _densified(v) for k, v in arguments.items()})

    def with_values(self, values) -> "IndexedSlices":
        """Other slices at the same places."""
        return IndexedSlices(values, self.indices, self.dense_shape)

    def __neg__(self):
        return self.with_values(-self.values)

    def __repr__(self):
        tail = "" if self.dense_shape is None else f", dense_shape={self.dense_shape!s}"
        return f"IndexedSlices(indices={self.indices!s}, values={self.values!s}{tail})"


class IndexedSlicesValue(NamedTuple):
    """The value of IndexedSlices: arrays."""

    values: np.ndarray
    indices: np.ndarray
    dense_shape: np.ndarray | None = None


def _densified(value):
    if isinstance(value, (list, tuple)):
        return [_densified(v) for v in value]
    return value.as_tensor() if isinstance(value, IndexedSlices) else value


_ON_SLICES = "clip_by_norm clip_by_value clip_by_global_norm linalg.global_norm math.scalar_mul identity".split()


def _on_slices(name: str, public: Callable, arguments: dict):
    """The function of the slices, equal indices not added up, and its result at the same places."""
    found = public(**{k: _slices(v) for k, v in arguments.items()})
    if name == "linalg.global_norm":
        return found
    if name == "clip_by_global_norm":
        both = zip(arguments["t_list"], found[0])
        return [g.with_values(f) if isinstance(g, IndexedSlices) else f for g, f in both], found[1]
    return next(v for v in arguments.values() if isinstance(v, IndexedSlices)).with_values(found)


def _slices(value):
    if isinstance(value, (list, tuple)):
        return [_slices(v) for v in value]
    return value.values if isinstance(value, IndexedSlices) else value


class SparseTensorSpec(TypeSpec):
    """What is known about a SparseTensor: shape and dtype."""

    def __init__(self, shape=None, dtype=dt.f32):
        self.shape, self.dtype = TensorShape(shape), dt.as_dtype(dtype)

    value_type = SparseTensor

    @classmethod
    def from_value(cls, value) -> "SparseTensorSpec":
        """What a SparseTensor fulfils."""
        return cls(value.shape, value.dtype)

    def is_compatible_with(self, value) -> bool:
        """Whether a SparseTensor (or another specification) fulfils this."""
        if not isinstance(value, (SparseTensor, SparseTensorSpec)):
            return False
        return self.dtype is value.dtype and self.shape.is_compatible_with(value.shape)

    def __eq__(self, other):
        return isinstance(other, SparseTensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self):
        return hash((self.shape, self.dtype))

    def __repr__(self):
        return f"SparseTensorSpec({self.shape!r}, {self.dtype!r})"


def sparse(value, op: str) -> SparseTensor:
    """A SparseTensor, or what a session answered for one.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(value, SparseTensor):
        return value
    if all(hasattr(value, n) for n in SparseTensorValue._fields):
        return SparseTensor.from_value(value)
    raise UsageError(explain(f"{op}: needs a SparseTensor, got {type(value).__name__}"))


# ------------------------------------------------------------------------------------ dense and sparse


def from_dense(tensor, name=None) -> SparseTensor:
    """The elements of a tensor that are not 0, found on the host."""
    return SparseTensor(*record("SparseFromDense", lib.from_dense, "tensor", tensor=tensor))


def to_dense(sp_input, default_value=None, validate_indices=True, name=None):
    """The tensor with the values at their places and ``default_value`` (0) elsewhere; a place's last value counts.

    ``validate_indices`` has no effect: places out of range are left out.
    """
    x = sparse(sp_input, "sparse.to_dense")
    return record("SparseToDense", lib.to_dense, "values default_value", **x.operands(), default_value=default_value)


def to_indicator(sp_input, vocab_size, name=None):
    """A bool tensor that is True at ``[..., values[i]]`` in place of a last axis, now ``vocab_size`` long."""
    x = sparse(sp_input, "sparse.to_indicator")
    return record("SparseToIndicator", lib.to_indicator, **x.operands(), vocab_size=vocab_size)


# ------------------------------------------------------------------------------------------- structure


def reorder(sp_input, name=None) -> SparseTensor:
    """The same elements in row-major order."""
    x = sparse(sp_input, "sparse.reorder")
    return SparseTensor(*record("SparseReorder", lib.reorder, **x.operands()), x.dense_shape)


def transpose(sp_input, perm=None, name=None) -> SparseTensor:
    """The axes in another order, reversed by default."""
    x = sparse(sp_input, "sparse.transpose")
    return SparseTensor(*record("SparseTranspose", lib.transpose, **x.operands(), perm=perm))


def expand_dims(sp_input, axis=None, name=None) -> SparseTensor:
    """A new axis of size 1, by default the last."""
    x = sparse(sp_input, "sparse.expand_dims")
    i, s = record("SparseExpandDims", lib.expand_dims, indices=x.indices, dense_shape=static(x.dense_shape), axis=axis)
    return SparseTensor(i, x.values, s)


def reshape(sp_input, shape, name=None) -> SparseTensor:  # noqa: A002  TensorFlow's argument
    """The same elements under another shape, in which one size may be -1."""
    x = sparse(sp_input, "sparse.reshape")
    i, s = record("SparseReshape", lib.reshape, indices=x.indices, dense_shape=static(x.dense_shape),
                  shape=plain(shape))  # fmt: skip
    return SparseTensor(i, x.values, s)


def plain(vector):
    """A vector argument: eager tensors and shapes as arrays."""
    if isinstance(vector, TensorShape):
        return np.array(vector.as_list(), np.int64)
    return static(vector) if isinstance(vector, Operators) else vector


def reset_shape(sp_input, new_shape=None) -> SparseTensor:
    """The same places in a greater shape, or in the smallest that holds them."""
    x = sparse(sp_input, "sparse.reset_shape")
    s = record("SparseResetShape", lib.reset_shape, indices=x.indices, dense_shape=static(x.dense_shape),
               new_shape=plain(new_shape))  # fmt: skip
    return SparseTensor(x.indices, x.values, s)


def retain(sp_input, to_retain) -> SparseTensor:
    """The elements for which the bool vector ``to_retain`` is true."""
    x = sparse(sp_input, "sparse.retain")
    i, v = record("SparseRetain", lib.retain, "to_retain", indices=x.indices, values=x.values, to_retain=to_retain)
    return SparseTensor(i, v, x.dense_shape)


def slice(sp_input, start, size, name=None) -> SparseTensor:  # noqa: A001  TensorFlow's name
    """The elements inside of ``[start, start + size)``."""
    x = sparse(sp_input, "sparse.slice")
    return SparseTensor(*record("SparseSlice", lib.slice_of, **x.operands(), start=plain(start), size=plain(size)))


def split(sp_input=None, num_split=None, axis=None, name=None) -> list[SparseTensor]:
    """``num_split`` sparse tensors along one axis."""
    x = sparse(sp_input, "sparse.split")
    found = record("SparseSplit", lib.split, **x.operands(), num_split=num_split, axis=axis)
    return [SparseTensor(*parts) for parts in found]


def concat(axis, sp_inputs, expand_nonconcat_dims=False, name=None) -> SparseTensor:
    """Sparse tensors one behind the other; with ``expand_nonconcat_dims`` the other sizes may differ."""
    xs = [sparse(x, "sparse.concat") for x in (sp_inputs if isinstance(sp_inputs, (list, tuple)) else [sp_inputs])]
    if len(xs) == 1:
        return xs[0]
    shapes = [static(x.dense_shape) for x in xs]
    operands = "*indices | *values" + (" | *shapes" if tensors_in(shapes) else "")
    return SparseTensor(*record("SparseConcat", lib.concat, operands, axis=axis, indices=[x.indices for x in xs],
                                values=[x.values for x in xs], shapes=shapes,
                                expand_nonconcat_dims=expand_nonconcat_dims))  # fmt: skip


def fill_empty_rows(sp_input, default_value, name=None):
    """With an element ``[row, 0, ...]`` in each row that has none, and a bool vector of which rows those were."""
    x = sparse(sp_input, "sparse.fill_empty_rows")
    i, v, empty = record("SparseFillEmptyRows", lib.fill_empty_rows, "values default_value", **x.operands(),
                         default_value=default_value)  # fmt: skip
    return SparseTensor(i, v, x.dense_shape), empty


def eye(num_rows, num_columns=None, dtype=dt.f32, name=None) -> SparseTensor:
    """A matrix with ones on its diagonal."""
    return SparseTensor(*record("SparseEye", lib.eye, num_rows=num_rows, num_columns=num_columns, dtype=dtype))


def mask(a, mask_indices, name=None) -> IndexedSlices:
    """The slices whose index does not occur in ``mask_indices``."""
    v, i = record("SparseMask", lib.mask, "values | indices | mask_indices", values=a.values, indices=a.indices,
                  mask_indices=mask_indices)  # fmt: skip
    return IndexedSlices(v, i, a.dense_shape)


def map_values(op, *args, **kwargs) -> SparseTensor:
    """``op`` applied to the values of the sparse tensors among its arguments, which have the same places."""
    found = [a for a in (*args, *kwargs.values()) if isinstance(a, SparseTensor)]
    if not found:
        raise UsageError(explain("sparse.map_values: no argument is a SparseTensor"))
    plain = [a.values if isinstance(a, SparseTensor) else a for a in args]
    named = {k: a.values if isinstance(a, SparseTensor) else a for k, a in kwargs.items()}
    return found[0].with_values(op(*plain, **named))


# ------------------------------------------------------------------------------------------ arithmetic


def add(a, b, threshold=0):
    """The sum: sparse for two sparse tensors (without sums below ``threshold``), dense if one is dense."""
    if not isinstance(a, SparseTensor) and not hasattr(a, "dense_shape"):
        a, b = b, a
    x = sparse(a, "sparse.add")
    if not hasattr(b, "dense_shape"):
        return record("SparseTensorDenseAdd", sparse_math.add_dense, "values dense", indices=x.indices, values=x.values,
                      dense=b)  # fmt: skip
    y = sparse(b, "sparse.add")
    _expect_same_shape("sparse.add", x, y)
    i, v = record("SparseAdd", sparse_math.add, **_both(x, y), threshold=threshold)
    return SparseTensor(i, v, x.dense_shape)


def _both(x: SparseTensor, y: SparseTensor) -> dict:
    return {"a_indices": x.indices, "a_values": x.values, "b_indices": y.indices, "b_values": y.values,
            "dense_shape": static(x.dense_shape)}  # fmt: skip


def _expect_same_shape(op: str, x: SparseTensor, y: SparseTensor) -> None:
    if not x.shape.is_compatible_with(y.shape):
        raise ShapeError(explain(f"{op}: shapes {x.shape} and {y.shape} differ"))


def _extreme(kind: str, title: str):
    def op(sp_a, sp_b, name=None) -> SparseTensor:
        x, y = sparse(sp_a, f"sparse.{kind}imum"), sparse(sp_b, f"sparse.{kind}imum")
        _expect_same_shape(f"sparse.{kind}imum", x, y)
        i, v = record(f"SparseSparse{kind.capitalize()}imum", sparse_math.extreme, kind=kind, **_both(x, y))
        return SparseTensor(i, v, x.dense_shape)

    op.__name__ = op.__qualname__ = f"{kind}imum"
    op.__doc__ = f"The {title} element at each place that one of them has; the other one counts as 0 there."
    return op


maximum, minimum = _extreme("max", "greater"), _extreme("min", "smaller")


def _reduction(kind: str, what: str):
    def op(sp_input, axis=None, keepdims=None, output_is_sparse=False, name=None):
        x = sparse(sp_input, f"sparse.reduce_{kind}")
        given = {**x.operands(), "axis": axis, "keepdims": bool(keepdims)}
        if output_is_sparse:
            return SparseTensor(*record(f"SparseReduce{kind.capitalize()}Sparse", sparse_math.reduce_sparse, kind=kind,
                                        **given))  # fmt: skip
        return record(f"SparseReduce{kind.capitalize()}", sparse_math.reduce, kind=kind, **given)

    op.__name__ = op.__qualname__ = f"reduce_{kind}"
    op.__doc__ = f"The {what} of the elements that are there, along axes (all by default); 0 where there are none."
    return op


reduce_sum, reduce_max = _reduction("sum", "sum"), _reduction("max", "maximum")


def sparse_dense_matmul(sp_a, b, adjoint_a=False, adjoint_b=False, name=None):
    """The product of two matrices one of which is sparse, each conjugated and transposed first if so wanted."""
    if hasattr(sp_a, "dense_shape"):
        x = sparse(sp_a, "sparse_dense_matmul")
        return record("SparseTensorDenseMatMul", sparse_math.matmul, "values b", **x.operands(), b=b,
                      adjoint_a=adjoint_a, adjoint_b=adjoint_b)  # fmt: skip
    x = sparse(b, "sparse_dense_matmul")
    return record("SparseTensorDenseMatMul", _dense_times_sparse, "values a", **x.operands(), a=sp_a,
                  adjoint_a=adjoint_a, adjoint_b=adjoint_b)  # fmt: skip


def _dense_times_sparse(indices, values, dense_shape, a, adjoint_a, adjoint_b):
    turned = sparse_math.matmul(indices, values, dense_shape, a, not adjoint_b, not adjoint_a)
    return shape.transpose(turned, conjugate=True)


def softmax(sp_input, name=None) -> SparseTensor:
    """The softmax of the values along the last axis; places without values count as minus infinity."""
    x = sparse(sp_input, "sparse.softmax")
    return x.with_values(record("SparseSoftmax", sparse_math.softmax, **x.operands()))


def _segmented(function):
    def op(data, indices, segment_ids, num_segments=None, name=None, sparse_gradient=False):
        return record(function.__name__, function, "data | indices | segment_ids", data=data, indices=indices,
                      segment_ids=segment_ids, num_segments=plain(num_segments))  # fmt: skip

    op.__name__ = op.__qualname__ = function.__name__.removeprefix("sparse_")
    op.__doc__ = function.__doc__
    return op


segment_sum = _segmented(sparse_math.segment_sum)
segment_mean = _segmented(sparse_math.segment_mean)
segment_sqrt_n = _segmented(sparse_math.segment_sqrt_n)


def bincount(values, weights=None, axis=0, minlength=None, maxlength=None, binary_output=False,
             name=None) -> SparseTensor:  # fmt: skip
    """How often each value occurs, in total (axis 0) or in each row (axis -1); ``weights`` are summed up instead.

    ``values`` and ``weights`` are both dense, or both sparse or ragged with the same places.
    """
    if axis not in (0, -1):
        raise UsageError(explain(f"sparse.bincount: axis {axis} is neither 0 nor -1"))
    if hasattr(values, "dense_shape"):
        x = sparse(values, "sparse.bincount")
        rows, v, count = x.indices, x.values, static(x.dense_shape)
        w = None if weights is None else weights.values
    elif hasattr(values, "nested_row_splits"):
        rows, v, count = values.value_rowids(), values.flat_values, values.nrows()
        w = None if weights is None else weights.flat_values
    else:
        v, w, rows, count = convert_to_tensor(values), weights, None, None
    given = {"rows": rows, "values": v, "weights": w, "count": count, "axis": axis}
    return SparseTensor(*record("SparseBincount", _bincount, "values | weights", **given, minlength=minlength,
                                maxlength=maxlength, binary_output=binary_output))  # fmt: skip


def _bincount(rows, values, weights, count, axis, minlength, maxlength, binary_output):
    """What ``rows`` means: index vectors of a sparse tensor, row numbers of a ragged one, or None for a dense one."""
    one = lib.as_node(1, dt.i64)
    if rows is None:
        rank = len(values.shape)
        ramp = lib.apply("iota", shape=values.shape, axis=0, dtype=dt.i64)
        rows, total = shape.reshape(ramp, [-1]), lib.dim_node(values.shape[0]) if rank else one
        values = shape.reshape(values, [-1])
        weights = None if weights is None else shape.reshape(weights, [-1])
    elif len(rows.shape) == 2:
        rank, total = lib.rank_of("bincount", rows), lib.extents(count)[0]
        rows = lib.columns("bincount", rows)[0]
    else:
        rank, rows, total = 2, lib.math.cast(rows, dt.i64), lib.math.cast(count, dt.i64)
    if axis == 0 or rank < 2:
        rows, total = None, one
    return sparse_math.bincount(rows, values, weights, total, minlength, maxlength, binary_output)
