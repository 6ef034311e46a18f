"""What TensorFlow's common functions do with ragged tensors: the table that RaggedTensor answers from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.composite import Composite, record
from graphc.api.create import convert_to_tensor
from graphc.api.operators import Operators
from graphc.api.tensor import EagerTensor
from graphc.errors import ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import index as lib_index
from graphc.lib import math as lib_math
from graphc.lib import ragged as lib
from graphc.lib import ragged_parts as parts
from graphc.lib import shape as lib_shape

# Functions of elements (or of the axes inside the values): they work on the flat values.
ELEMENTWISE = frozenset(
    "abs acos acosh add angle asin asinh atan atan2 atanh ceil conj cos cosh digamma divide divide_no_nan equal erf "
    "erfc erfinv exp expm1 floor floordiv floormod mod greater greater_equal imag is_finite is_inf is_nan less "
    "less_equal lgamma log log1p log_sigmoid logical_and logical_not logical_or logical_xor maximum minimum multiply "
    "multiply_no_nan negative ndtri nextafter not_equal pow real reciprocal reciprocal_no_nan rint round rsqrt "
    "scalar_mul sigmoid sign sin sinh softplus sqrt square squared_difference subtract tan tanh truediv truncatediv "
    "truncatemod xdivy xlogy xlog1py zeta polygamma igamma igammac cumulative_logsumexp bessel_i0 bessel_i1 cast "
    "saturate_cast bitcast identity stop_gradient ones_like zeros_like clip_by_value where one_hot add_n "
    "check_numerics debugging.check_numerics debugging.assert_finite complex grad_pass_through bitwise.bitwise_and "
    "bitwise.bitwise_or bitwise.bitwise_xor bitwise.invert bitwise.left_shift bitwise.right_shift nn.relu nn.relu6 "
    "nn.elu nn.selu nn.gelu nn.silu nn.swish nn.leaky_relu nn.softplus nn.softsign nn.sigmoid nn.tanh nn.dropout "
    "nn.sigmoid_cross_entropy_with_logits strings.as_string as_string strings.length "
    "strings.lower strings.upper strings.strip strings.substr strings.to_number strings.to_hash_bucket "
    "strings.to_hash_bucket_fast strings.to_hash_bucket_strong strings.regex_full_match strings.regex_replace "
    "strings.join strings.unicode_script strings.unicode_transcode strings.to_lower io.decode_base64 io.encode_base64 "
    "io.decode_raw io.decode_compressed io.parse_tensor".split()
)

REDUCTIONS = {
    "reduce_sum": "sum", "reduce_prod": "prod", "reduce_max": "max", "reduce_min": "min", "reduce_mean": "mean",
    "reduce_any": "any", "reduce_all": "all",
}  # fmt: skip


def answer(x, name: str, public: Callable, arguments: dict):
    """What the public function of this name answers for a ragged tensor (or several) among its arguments.

    Raises:
        UsageError: it does not take ragged tensors.
    """
    plain = name.removeprefix("math.").removeprefix("dtypes.")
    arguments = {k: v for k, v in arguments.items() if k != "name"}
    if plain in ELEMENTWISE:
        return elementwise(public, arguments)
    if plain in REDUCTIONS:
        return reduce(REDUCTIONS[plain], public, **arguments)
    if plain in HANDLERS:
        return HANDLERS[plain](public, **arguments)
    raise UsageError(explain(f"tf.{name} does not take a RaggedTensor; use tf.ragged.map_flat_values, or to_tensor()"))


def is_ragged(value) -> bool:
    """True for a RaggedTensor."""
    return isinstance(value, Composite) and hasattr(value, "nested_row_splits")


# ----------------------------------------------------------------------------------------- flat values


def expect_same_rows(values: list) -> None:
    """Refuse ragged tensors with other rows, as far as these are known.

    Raises:
        ShapeError: their row splits differ.
    """
    first = values[0]
    for other in values[1:]:
        alike = first.ragged_rank == other.ragged_rank
        pairs = zip(first.nested_row_splits, other.nested_row_splits) if alike else ()
        if not alike or not all(_equal(a, b) for a, b in pairs):
            what = f"ragged tensors of shapes {first.shape} and {other.shape} have rows of other lengths"
            raise ShapeError(explain(what))


def _equal(a, b) -> bool:
    if a is b:
        return True
    if not (isinstance(a, EagerTensor) and isinstance(b, EagerTensor)):
        return True  # what only a run knows
    return np.array_equal(a.array, b.array)


def found_in(values) -> list:
    """The ragged tensors among values and lists of them."""
    found = []
    for v in values:
        if is_ragged(v):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found.extend(found_in(v))
    return found


def map_flat_values(op, *args, **kwargs):
    """``op`` applied to the flat values of the ragged tensors among its arguments, whose rows must be alike."""
    given = found_in((*args, *kwargs.values()))
    if not given:
        return op(*args, **kwargs)
    expect_same_rows(given)
    answer = op(*[_flat(a) for a in args], **{k: _flat(a) for k, a in kwargs.items()})
    return given[0].with_flat_values(answer)


def _flat(value):
    if is_ragged(value):
        return value.flat_values
    return type(value)([_flat(v) for v in value]) if type(value) in (list, tuple) else value


def elementwise(public: Callable, arguments: dict):
    """A function of elements: dense operands of enough axes are repeated along the rows."""
    given = found_in(arguments.values())
    fitted = {k: _fitted(v, given[0]) for k, v in arguments.items()}
    return map_flat_values(lambda **named: public(**named), **fitted)


def _expect_fitting(value, x) -> None:
    """Refuse a tensor that has other rows than a ragged one, as far as these are known.

    Raises:
        ShapeError: it has.
    """
    width = value.shape[1] if value.ndim == x.ragged_rank + x.flat_values.ndim and value.ndim > 1 else 1
    if width in (None, 1) or value.shape[0] == 1 or not isinstance(x.row_splits, EagerTensor):
        return
    lengths = np.diff(x.row_splits.array)
    if (lengths != width).any():
        what = f"a tensor of shape {value.shape} does not fit a ragged tensor with rows of {sorted({*lengths.tolist()})} elements"
        raise ShapeError(explain(what))


def _fitted(value, x):
    if isinstance(value, Operators):
        rank = value.ndim
    elif isinstance(value, np.ndarray):
        rank = value.ndim
    elif isinstance(value, list) and not found_in(value):
        try:
            rank = np.ndim(value)
        except ValueError:
            return value
    else:
        return value
    if not rank or rank < x.flat_values.ndim:
        return value
    value = value if isinstance(value, Operators) else convert_to_tensor(value, dtype_hint=x.dtype)
    _expect_fitting(value, x)
    splits = {f"splits{k}": s for k, s in enumerate(x.nested_row_splits)}
    return record("RaggedBroadcast", parts.broadcast, "dense | flat", dense=value, flat=x.flat_values, **splits)


# ------------------------------------------------------------------------------------------ reductions


def reduce(kind: str, public: Callable, input_tensor, axis=None, keepdims=False):
    """A reduction along axes of a ragged tensor."""
    x = input_tensor
    if kind == "mean" and x.dtype.is_integer:  # a true division, other than that of tensors
        wide = dt.f64 if x.dtype.size > 2 else dt.f32
        x = x.with_flat_values(record("Cast", lib_math.cast, x=x.flat_values, dtype=wide))
    rank = x.ragged_rank + x.flat_values.ndim
    if isinstance(axis, Operators):
        axis = axis.numpy().tolist()
    if axis is None:
        found = public(x.flat_values)
        return record("Reshape", lib_shape.reshape, "tensor", tensor=found, shape=[1] * rank) if keepdims else found
    axes = sorted({_axis(a, rank, f"reduce_{kind}") for a in (axis if isinstance(axis, (list, tuple)) else [axis])})
    if len(axes) > 1 and kind == "mean":
        ones = x.with_flat_values(x.flat_values * 0 + 1)
        total, count = (reduce("sum", _plain_sum, v, axes, keepdims) for v in (x, ones))
        return total / count
    for a in reversed(axes):
        x = _reduced(kind, public, x, a) if is_ragged(x) else public(x, axis=a)
        if keepdims:
            x = expanded(x, a)
    return x


def _plain_sum(x, axis=None):
    return record("Sum", lib.reduction.reduce_sum, "input_tensor", input_tensor=x, axis=axis)


def _axis(axis, rank: int, op: str) -> int:
    k = int(axis)
    if not -rank <= k < rank:
        raise ShapeError(explain(f"{op}: axis {k} is out of range for a ragged tensor of rank {rank}"))
    return k % rank


def _reduced(kind: str, public: Callable, x, axis: int):
    if axis > x.ragged_rank:
        return x.with_flat_values(public(x.flat_values, axis=axis - x.ragged_rank))
    if axis > 1:
        return x.with_values(_reduced(kind, public, x.values, axis - 1))
    if axis == 1:
        return _aggregated(kind, x.values, x.value_rowids(), x.nrows(dt.i64))
    ids = record("RaggedPositions", lib.positions, splits=x.row_splits, ids=x.value_rowids())
    count = record("RaggedWidth", parts.widest, splits=x.row_splits)
    return _aggregated(kind, x.values, ids, count)


def _aggregated(kind: str, values, ids, count):
    """The rows with the same number combined, element by element where they are ragged."""
    if not is_ragged(values):
        return record(f"reduce_{kind}", lib.reduce_rows, "values | ids", kind=kind, values=values, ids=ids,
                      count=_static(count))  # fmt: skip
    splits, starts, total = record("RaggedMerge", lib.merged, splits=values.row_splits, ids=ids, count=_static(count))
    inside = values.values
    rows = inside.nrows(dt.i64) if is_ragged(inside) else record("Shape", parts.first_size, "x", x=inside)
    places = record("RaggedPlaces", parts.placed, splits=values.row_splits, starts=starts, count=_static(rows))
    return type(values).from_row_splits(_aggregated(kind, inside, places, total), splits, validate=False)


def _static(count):
    return int(count.array) if isinstance(count, EagerTensor) else count


# ------------------------------------------------------------------------------------- rows and axes


def gather_rows(x, rows):
    """A ragged tensor of some rows, given by a vector."""
    places, splits = record("RaggedGather", lib.taken, "splits | rows", splits=x.row_splits, rows=rows)
    return type(x).from_row_splits(rows_of(x.values, places), splits, validate=False)


def rows_of(values, places):
    """Some rows of values, ragged or not."""
    if is_ragged(values):
        return gather_rows(values, places)
    return record("GatherV2", lib_index.gather, "params | indices", params=values, indices=places)


def gather(public, params, indices, validate_indices=None, axis=None, batch_dims=0, **rest):
    """Rows of a ragged tensor, or of a dense one by ragged indices."""
    if batch_dims or axis not in (None, 0):
        raise UsageError(explain("gather: ragged tensors are gathered along axis 0 without batch_dims"))
    if is_ragged(indices):
        return indices.with_values(gather(public, params, indices.values))
    if not is_ragged(params):
        return public(params, indices)
    i = convert_to_tensor(indices)
    if i.ndim == 0:
        return params[i]
    found = gather_rows(params, record("Reshape", lib_shape.reshape, "tensor", tensor=i, shape=[-1]))
    for size in reversed(i.shape.as_list()[1:]):
        found = type(params).from_uniform_row_length(found, size)
    return found


def expand_dims(public, input, axis, **rest):  # noqa: A002  TensorFlow's argument
    """A new axis of size 1."""
    x = input
    k = _axis(axis, x.ragged_rank + x.flat_values.ndim + 1, "expand_dims")
    return expanded(x, k)


def expanded(x, axis: int):
    if not is_ragged(x):
        return record("ExpandDims", lib_shape.expand_dims, "input", input=x, axis=axis)
    if axis == 0:
        splits = record("RaggedSplits", parts.around, n=x.nrows(x.row_splits.dtype))
        return type(x).from_row_splits(x, splits, validate=False)
    if axis == 1:
        return type(x).from_uniform_row_length(x, 1)
    return x.with_values(expanded(x.values, axis - 1))


def concat(public, values, axis, **rest):
    """Ragged (and dense) tensors one behind the other."""
    xs = list(values)
    first = found_in(xs)[0]
    depth = max(x.ragged_rank for x in found_in(xs))
    k = _axis(axis, first.ragged_rank + first.flat_values.ndim, "concat")
    return _concatenated([_as_ragged(x, depth, first) for x in xs], k)


def _as_ragged(x, depth: int, like):
    return x if is_ragged(x) else like.from_tensor(x, ragged_rank=depth, row_splits_dtype=like.row_splits.dtype)


def _concatenated(xs: list, axis: int):
    if len(xs) == 1:
        return xs[0]
    if not all(is_ragged(x) for x in xs):
        return record("ConcatV2", lib_shape.concat, "*values", values=xs, axis=axis)
    if axis > 1:
        expect_same_rows([x.with_values(x.flat_values) if x.ragged_rank == 1 else x for x in xs][:1])
        return xs[0].with_values(_concatenated([x.values for x in xs], axis - 1))
    kind = type(xs[0])
    lengths = record("ConcatV2", lib_shape.concat, "*values", values=[x.row_lengths() for x in xs], axis=0)
    below = kind.from_row_lengths(_concatenated([x.values for x in xs], 0), lengths, validate=False)
    if axis == 0:
        return below
    order, splits = record("RaggedInterleave", parts.interleaved, "*lengths", lengths=[x.row_lengths() for x in xs])
    return kind.from_row_splits(gather_rows(below, order).values, splits, validate=False)


def stack(public, values, axis=0, **rest):
    """Ragged tensors along a new axis."""
    xs = list(values)
    first = found_in(xs)[0]
    depth = max(x.ragged_rank for x in found_in(xs))
    k = _axis(axis, first.ragged_rank + first.flat_values.ndim + 1, "stack")
    return _concatenated([expanded(_as_ragged(x, depth, first), k) for x in xs], k)


def _size(public, input, out_type=dt.i32, **rest):  # noqa: A002
    return public(input.flat_values, out_type=out_type)


def _rank(public, input, **rest):  # noqa: A002
    return convert_to_tensor(input.ragged_rank + input.flat_values.ndim, dt.i32)


def softmax(public, logits, axis=-1, **rest):
    """The softmax of the values of each row."""
    rank = logits.ragged_rank + logits.flat_values.ndim
    k = _axis(-1 if axis is None else axis, rank, "softmax")
    if k > logits.ragged_rank:
        return logits.with_flat_values(public(logits.flat_values, axis=k - logits.ragged_rank))
    if k < logits.ragged_rank:
        raise UsageError(explain(f"softmax: axis {k} of a ragged tensor has ragged axes inside"))
    splits = logits.nested_row_splits[-1]
    found = record("RaggedSoftmax", lib.softmax, "values | splits", values=logits.flat_values, splits=splits)
    return logits.with_flat_values(found)


def reverse(public, tensor, axis, **rest):
    """Rows in reverse order, and values of rows likewise."""
    x = tensor
    rank = x.ragged_rank + x.flat_values.ndim
    for a in sorted({_axis(a, rank, "reverse") for a in (axis if isinstance(axis, (list, tuple)) else [axis])}):
        x = _reversed(public, x, a)
    return x


def _reversed(public, x, axis: int):
    if not is_ragged(x):
        return record("ReverseV2", lib_shape.reverse, "tensor", tensor=x, axis=[axis])
    if axis == 0:
        return x[::-1]
    if axis == 1:
        return x[:, ::-1]
    return x.with_values(_reversed(public, x.values, axis - 1))


def tile(public, input, multiples, **rest):  # noqa: A002
    """Copies along each axis."""
    x = input
    counts = multiples.numpy().tolist() if isinstance(multiples, Operators) else list(multiples)
    for axis, n in enumerate(counts):
        x = _concatenated([x] * int(n), axis) if n != 1 else x
    return x


def boolean_mask(public, tensor=None, mask=None, axis=None, **rest):
    """The elements whose place in the mask is true; see ``tf.ragged.boolean_mask``."""
    raise UsageError(explain("boolean_mask: use tf.ragged.boolean_mask for ragged tensors"))


def _embedded(public, params, ids, **rest):
    """The rows of ``params`` that ragged ids name."""
    if not is_ragged(ids) or found_in([params]):
        raise UsageError(explain("tf.nn.embedding_lookup: of its arguments only ids can be a RaggedTensor"))
    return ids.with_flat_values(public(params, ids.flat_values, **rest))


HANDLERS = {
    "nn.embedding_lookup": _embedded,
    "gather": gather,
    "expand_dims": expand_dims,
    "concat": concat,
    "stack": stack,
    "size": _size,
    "rank": _rank,
    "nn.softmax": softmax,
    "softmax": softmax,
    "reverse": reverse,
    "tile": tile,
    "boolean_mask": boolean_mask,
}
