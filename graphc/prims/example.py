"""Features of serialised Examples and SequenceExamples as tensors: rows on the host, one for each kind of feature."""

from __future__ import annotations

import numpy as np

from graphc.errors import DataLossError, InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.type import TupleType, Type
from graphc.prims import wire
from graphc.prims.strings import expect, texts
from graphc.prims.table import Prim, declare


def _expect_vector(x: Type) -> None:
    expect("parse_example", x)
    if x.rank != 1:
        raise ShapeError(f"parse_example: needs a vector of serialized examples, not {x}")


def _array(values: list, dtype: DType, shape) -> np.ndarray:
    return texts(values, shape) if dtype is dt.string else np.array(values, dtype.numpy).reshape(shape)


def _values(data: bytes, dtype: DType, key: str, at: int) -> list | None:
    """The values of a Feature; None where it holds no list."""
    kind, values = wire.feature_values(data)
    if kind is None:
        return None
    if wire.KINDS[kind] is not dtype:
        what = f"holds {wire.KINDS[kind].name}, expected {dtype.name}"
        raise InvalidArgumentError(f"parse_example: example {at}: feature {key!r} {what}")
    return values


def _parsed(function, data: bytes, at: int):
    try:
        return function(data)
    except (DataLossError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"parse_example: could not parse example {at}: {error}") from None


def _columns(serialized, key: str, dtype: DType) -> list:
    """The values of a feature in every example, None where it is missing."""
    out = []
    for at, data in enumerate(serialized.tolist()):
        found = _parsed(wire.features, data, at).get(key)
        out.append(None if found is None else _values(found, dtype, key, at))
    return out


def _steps(serialized, key: str, dtype: DType, missing: bool = True) -> list[list[list]]:
    """The values of each step of a feature list in every example."""
    out = []
    for at, data in enumerate(serialized.tolist()):
        found = _parsed(wire.feature_lists, data, at).get(key)
        if found is None and not missing:
            raise InvalidArgumentError(
                f"parse_sequence_example: example {at}: feature list {key!r} is required but missing"
            )
        out.append([_values(step, dtype, key, at) or [] for step in found or []])
    return out


def _fill(values: list, dtype: DType, key: str, shape, count: int, at: int) -> None:
    if len(values) != count:
        what = f"has {len(values)} values, expected {count} for shape {list(shape)}"
        raise InvalidArgumentError(f"parse_example: example {at}: feature {key!r} of {dtype.name} {what}")


# ------------------------------------------------------------------------------------------------- examples


def _dense_type(x: Type, default: Type, key: str, dtype: DType, shape: tuple, required: bool) -> Type:
    _expect_vector(x)
    return Type(dtype, (*x.shape, *shape))


def _dense_array(serialized, default, key, dtype, shape, required):
    count, rows = int(np.prod(shape, dtype=np.int64)), []
    for at, values in enumerate(_columns(serialized, key, dtype)):
        if values is None and required:
            what = f"feature {key!r} of {dtype.name} is required but could not be found"
            raise InvalidArgumentError(f"parse_example: example {at}: {what}")
        if values is None:
            values = default.reshape(-1).tolist()
        _fill(values, dtype, key, shape, count, at)
        rows += values
    return _array(rows, dtype, (len(serialized), *shape))


declare(Prim("example_dense", _dense_type, _dense_array, native=False))


def _padded_type(x: Type, default: Type, key: str, dtype: DType, shape: tuple, required: bool, sizes: tuple) -> Type:
    _expect_vector(x)
    return Type(dtype, (*x.shape, sizes[0], *shape))


def _padded_array(serialized, default, key, dtype, shape, required):
    count, columns = int(np.prod(shape, dtype=np.int64)), _columns(serialized, key, dtype)
    for at, values in enumerate(columns):
        if values is None and required:
            raise InvalidArgumentError(
                f"parse_example: example {at}: feature {key!r} is required but could not be found"
            )
        if len(values or []) % max(count, 1):
            what = f"has {len(values)} values, no multiple of {count}, the size of shape {list(shape)}"
            raise InvalidArgumentError(f"parse_example: example {at}: feature {key!r} {what}")
    longest = max((len(v or []) for v in columns), default=0)
    filler = default.reshape(-1).tolist()
    rows = [v for values in columns for v in (values or []) + filler * (longest - len(values or []))]
    return _array(rows, dtype, (len(columns), longest // max(count, 1), *shape))


declare(Prim("example_padded", _padded_type, _padded_array, native=False, sizes=1))


def _sparse_type(x: Type, key: str, dtype: DType, sizes: tuple) -> TupleType:
    _expect_vector(x)
    index, shape, lengths = Type(dt.i64, (sizes[0], 2)), Type(dt.i64, (2,)), Type(dt.i64, x.shape)
    return TupleType((index, Type(dtype, sizes), shape, lengths))


def _sparse_array(serialized, key, dtype):
    columns = [values or [] for values in _columns(serialized, key, dtype)]
    places = [(row, k) for row, values in enumerate(columns) for k in range(len(values))]
    lengths = [len(values) for values in columns]
    flat = [v for values in columns for v in values]
    return (np.array(places, np.int64).reshape(-1, 2), _array(flat, dtype, (len(flat),)),
            np.array([len(columns), max(lengths, default=0)], np.int64), np.array(lengths, np.int64))  # fmt: skip


declare(Prim("example_sparse", _sparse_type, _sparse_array, native=False, sizes=1))


def _indexed_type(
    x: Type, indices: tuple, key: str, dtype: DType, size: tuple, ordered: bool, sizes: tuple
) -> TupleType:
    _expect_vector(x)
    return TupleType((Type(dt.i64, (sizes[0], 1 + len(indices))), Type(dtype, sizes)))


def _indexed_array(serialized, indices, key, dtype, size, ordered):
    axes = [_columns(serialized, k, dt.i64) for k in indices]
    places, flat = [], []
    for row, values in enumerate(_columns(serialized, key, dtype)):
        at = [axis[row] or [] for axis in axes]
        if any(len(a) != len(values or []) for a in at):
            raise InvalidArgumentError(f"parse_example: example {row}: {key!r} and its indices differ in number")
        found = list(zip(zip(*at), values or []))
        for place, _ in found:
            if any(not 0 <= i < n for i, n in zip(place, size)):
                raise InvalidArgumentError(
                    f"parse_example: example {row}: index {list(place)} is outside of {list(size)}"
                )
        for place, value in found if ordered else sorted(found, key=lambda pair: pair[0]):
            places.append((row, *place))
            flat.append(value)
    return np.array(places, np.int64).reshape(-1, 1 + len(indices)), _array(flat, dtype, (len(flat),))


declare(Prim("example_indexed", _indexed_type, _indexed_array, native=False, sizes=1))


# --------------------------------------------------------------------------------------- sequences of features


def _sequence_type(x: Type, key: str, dtype: DType, shape: tuple, missing: bool, sizes: tuple) -> TupleType:
    _expect_vector(x)
    return TupleType((Type(dtype, (*x.shape, sizes[0], *shape)), Type(dt.i64, x.shape)))


def _sequence_array(serialized, key, dtype, shape, missing):
    count, all_steps = int(np.prod(shape, dtype=np.int64)), _steps(serialized, key, dtype, missing)
    longest, rows = max(map(len, all_steps), default=0), []
    for at, steps in enumerate(all_steps):
        for values in steps:
            _fill(values, dtype, key, shape, count, at)
            rows += values
        rows += [b"" if dtype is dt.string else 0] * ((longest - len(steps)) * count)
    lengths = np.array([len(steps) for steps in all_steps], np.int64)
    return _array(rows, dtype, (len(all_steps), longest, *shape)), lengths


declare(Prim("sequence_dense", _sequence_type, _sequence_array, native=False, sizes=1))


def _steps_type(x: Type, key: str, dtype: DType, sizes: tuple) -> TupleType:
    _expect_vector(x)
    values, steps = sizes
    return TupleType((Type(dt.i64, (values, 3)), Type(dtype, (values,)), Type(dt.i64, (3,)), Type(dt.i64, (steps,)),
                      Type(dt.i64, x.shape)))  # fmt: skip


def _steps_array(serialized, key, dtype):
    found = _steps(serialized, key, dtype)
    places = [(n, t, k) for n, steps in enumerate(found) for t, values in enumerate(steps) for k in range(len(values))]
    flat = [v for steps in found for values in steps for v in values]
    inner = [len(values) for steps in found for values in steps]
    outer = [len(steps) for steps in found]
    shape = [len(found), max(outer, default=0), max(inner, default=0)]
    return (np.array(places, np.int64).reshape(-1, 3), _array(flat, dtype, (len(flat),)), np.array(shape, np.int64),
            np.array(inner, np.int64), np.array(outer, np.int64))  # fmt: skip


declare(Prim("sequence_sparse", _steps_type, _steps_array, native=False, sizes=2))
