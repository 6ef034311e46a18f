"""Serialised Examples and SequenceExamples as dictionaries of tensors. All of it runs on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from graphc.api.composite import record
from graphc.api.create import convert_to_tensor
from graphc.api.operators import Operators
from graphc.api.ragged import RaggedTensor
from graphc.api.scope import init_scope
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import math
from graphc.lib import parsing as lib


class VarLenFeature(NamedTuple):
    """A feature of any length: a SparseTensor."""

    dtype: object


class FixedLenFeature(NamedTuple):
    """A feature of one shape: a dense tensor. Without a default it is required."""

    shape: object
    dtype: object
    default_value: object = None


class FixedLenSequenceFeature(NamedTuple):
    """A sequence of entries of one shape: a dense tensor, filled up with the default; ``allow_missing``: or none."""

    shape: object
    dtype: object
    allow_missing: bool = False
    default_value: object = None


class SparseFeature(NamedTuple):
    """A SparseTensor of values and indices in features of their own; several index keys make several axes."""

    index_key: object
    value_key: str
    dtype: object
    size: object
    already_sorted: bool = False


class RaggedFeature(NamedTuple):
    """A feature of any length: a RaggedTensor (for one example: a vector)."""

    dtype: object
    value_key: str | None = None
    partitions: tuple = ()
    row_splits_dtype: object = dt.i32
    validate: bool = False


def parse_example(serialized, features, example_names=None, name=None) -> dict:
    """The features of a vector of serialised Examples (or of one): name -> Tensor, SparseTensor or RaggedTensor.

    Args:
        features: name -> FixedLenFeature, VarLenFeature, FixedLenSequenceFeature, SparseFeature or RaggedFeature.
        example_names: accepted for compatibility.

    Raises:
        UsageError: no features, or a feature that means nothing. InvalidArgumentError, while running: a damaged
            example, a missing feature, another dtype or length.
    """
    if not features:
        raise UsageError(explain("parse_example: features are missing"))
    x = _serialized(serialized)
    ordered = sorted(_checked("parse_example", features).items(), key=_place)
    return {key: _feature(x, key, feature) for key, feature in ordered}


def _place(item: tuple) -> tuple:
    """Where TensorFlow has a feature among the others: sparse ones first, ragged ones last."""
    key, feature = item
    is_sparse, is_ragged = isinstance(feature, (VarLenFeature, SparseFeature)), isinstance(feature, RaggedFeature)
    return 0 if is_sparse else 2 if is_ragged else 1, key


def parse_single_example(serialized, features, example_names=None, name=None) -> dict:
    """``parse_example`` for one serialised Example, a scalar string."""
    x = _serialized(serialized)
    if x.shape.ndims not in (0, None):
        raise UsageError(explain(f"parse_single_example: serialized must be one string, not of shape {x.shape}"))
    return parse_example(x, features)


def parse_sequence_example(serialized, context_features=None, sequence_features=None, example_names=None, name=None):
    """Features of a vector of serialised SequenceExamples (or of one).

    Returns:
        Three dictionaries: features of the contexts; feature lists [n, longest, ...]; lengths i64[n] of the dense ones.
    """
    if not context_features and not sequence_features:
        raise UsageError(explain("parse_sequence_example: context_features and sequence_features are missing"))
    x = _serialized(serialized)
    context = parse_example(x, context_features) if context_features else {}
    sequences, lengths = {}, {}
    for key, feature in sorted(_checked("parse_sequence_example", sequence_features or {}).items()):
        sequences[key] = _sequence(x, key, feature, lengths)
    return context, sequences, lengths


def parse_single_sequence_example(
    serialized, context_features=None, sequence_features=None, example_name=None, name=None
):
    """``parse_sequence_example`` for one example, without the lengths."""
    return parse_sequence_example(serialized, context_features, sequence_features)[:2]


def _serialized(value):
    return convert_to_tensor(value, None if isinstance(value, Operators) else dt.string)


def _checked(op: str, features) -> Mapping:
    known = (VarLenFeature, FixedLenFeature, FixedLenSequenceFeature, SparseFeature, RaggedFeature)
    for key, feature in features.items():
        if not isinstance(feature, known):
            raise UsageError(
                explain(f"{op}: feature {key!r} is {feature!r}, none of {', '.join(k.__name__ for k in known)}")
            )
        if dt.as_dtype(feature.dtype) not in lib.TYPES:
            what = f"{op}: feature {key!r} is of {dt.as_dtype(feature.dtype).name}, not float32, int64 or string"
            raise DtypeError(explain(what))
    return features


def _feature(x, key: str, feature):
    kind = dt.as_dtype(feature.dtype)
    match feature:
        case FixedLenFeature():
            shape = _sizes(key, feature.shape)
            return record("ParseExample", lib.fixed, serialized=x, **_defaults(feature, kind, shape), key=key,
                          dtype=kind, shape=shape, required=feature.default_value is None)  # fmt: skip
        case FixedLenSequenceFeature():
            if not feature.allow_missing:
                raise UsageError(
                    explain(f"parse_example: FixedLenSequenceFeature {key!r} needs allow_missing=True here")
                )
            return record("ParseExample", lib.padded, serialized=x, **_defaults(feature, kind, (), empty=False),
                          key=key, dtype=kind, shape=_sizes(key, feature.shape), required=False)  # fmt: skip
        case VarLenFeature():
            return SparseTensor(*record("ParseExample", lib.varying, serialized=x, key=key, dtype=kind))
        case SparseFeature():
            return _indexed(x, feature, kind)
    return _ragged(x, key, feature, kind)


def _indexed(x, feature: SparseFeature, kind) -> SparseTensor:
    many = isinstance(feature.index_key, (list, tuple))
    keys = tuple(feature.index_key) if many else (feature.index_key,)
    size = tuple(feature.size) if isinstance(feature.size, (list, tuple)) else (feature.size,)
    if len(keys) != len(size):
        raise UsageError(explain(f"parse_example: SparseFeature has {len(keys)} index keys for {len(size)} sizes"))
    size = tuple(map(int, size))
    indices, values = record("ParseExample", lib.indexed, serialized=x, indices=keys, key=feature.value_key, dtype=kind,
                             size=size, ordered=bool(feature.already_sorted))  # fmt: skip
    shape = list(size)
    if x.shape.ndims:
        shape = record("Shape", lib.batch_shape, "serialized", serialized=x, size=size)
    return SparseTensor(indices, values, shape)


def _ragged(x, key: str, feature: RaggedFeature, kind):
    if feature.partitions:
        raise UsageError(explain(f"parse_example: RaggedFeature {key!r} has partitions, which are not supported here"))
    values, splits = record("ParseExample", lib.rows, serialized=x, key=feature.value_key or key, dtype=kind)
    return values if not x.shape.ndims else RaggedTensor(values, _cast(splits, feature.row_splits_dtype))


def _cast(splits, kind):
    return splits if dt.as_dtype(kind) is dt.i64 else record("Cast", math.cast, x=splits, dtype=dt.i32)


def _sequence(x, key: str, feature, lengths: dict):
    kind, single = dt.as_dtype(feature.dtype), not x.shape.ndims
    match feature:
        case FixedLenSequenceFeature():
            dense, lengths[key] = record("ParseSequenceExample", lib.sequence, serialized=x, key=key, dtype=kind,
                                         shape=_sizes(key, feature.shape),
                                         missing=bool(feature.allow_missing))  # fmt: skip
            return dense
        case VarLenFeature():
            return SparseTensor(
                *record("ParseSequenceExample", lib.varying_sequence, serialized=x, key=key, dtype=kind)
            )
        case RaggedFeature():
            found = record(
                "ParseSequenceExample", lib.rows_of_sequence, serialized=x, key=feature.value_key or key, dtype=kind
            )
            values, inner, outer = found[0], *(_cast(s, feature.row_splits_dtype) for s in found[1:])
            return RaggedTensor(values, inner) if single else RaggedTensor(RaggedTensor(values, inner), outer)
    raise UsageError(explain(f"parse_sequence_example: {key!r} cannot be a {type(feature).__name__}"))


def _sizes(key: str, shape) -> tuple:
    sizes = TensorShape(shape).as_list()
    if None in sizes:
        raise UsageError(explain(f"parse_example: feature {key!r} needs a known shape, not {shape}"))
    return tuple(sizes)


def _defaults(feature, kind, shape: tuple, empty: bool = True) -> dict:
    """The default as an operand of the feature's shape; an empty one where the feature is required."""
    value = feature.default_value
    if value is None:
        zero = b"" if kind is dt.string else 0
        return {"default": np.full((0,) if empty else (), zero, kind.numpy)}
    if isinstance(value, Operators):
        return {"default": value}
    with init_scope():
        array = np.asarray(convert_to_tensor(value, kind).numpy(), dtype=kind.numpy)
    if array.size not in (1, int(np.prod(shape))):
        raise UsageError(explain(f"parse_example: default {value!r} does not fit shape {list(shape)}"))
    return {
        "default": np.broadcast_to(array if array.size == 1 and array.ndim == 0 else array.reshape(shape), shape).copy()
    }
