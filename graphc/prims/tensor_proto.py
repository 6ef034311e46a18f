"""TensorProto, TensorFlow's serialised tensors: to bytes and back, and the rows on the host that do it."""

from __future__ import annotations

import numpy as np

from graphc.errors import DataLossError, InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import NUMBERS, DType
from graphc.ir.type import TupleType, Type
from graphc.prims import wire
from graphc.prims.strings import expect, texts
from graphc.prims.table import Prim, declare

_DTYPES = {number: kind for kind, number in NUMBERS.items()}
_DTYPE, _SHAPE, _CONTENT, _STRINGS = 1, 2, 4, 8

# The field that lists values one by one: its number and what is in it.
_LISTED = {
    dt.f32: (5, "<f4"), dt.f64: (6, "<f8"), dt.c64: (9, "<f4"), dt.c128: (12, "<f8"), dt.i64: (10, None),
    dt.b1: (11, None), dt.u32: (16, None), dt.u64: (17, None), dt.f16: (13, None), dt.bf16: (13, None),
    dt.i32: (7, None), dt.i16: (7, None), dt.i8: (7, None), dt.u8: (7, None), dt.u16: (7, None),
    dt.f8e4m3: (18, "u1"), dt.f8e5m2: (18, "u1"),
}  # fmt: skip


def written(array: np.ndarray) -> bytes:
    """A serialised TensorProto."""
    kind = dt.as_dtype(array.dtype)
    sizes = b"".join(wire.field(2, wire.number_field(1, d) if d else b"") for d in array.shape)
    out = wire.number_field(_DTYPE, NUMBERS[kind]) + wire.field(_SHAPE, sizes)
    if kind is dt.string:
        return out + b"".join(wire.field(_STRINGS, bytes(v)) for v in array.reshape(-1).tolist())
    little = np.ascontiguousarray(array).tobytes()
    return out + (wire.field(_CONTENT, little) if little else b"")


def read(data: bytes) -> np.ndarray:
    """The tensor in a serialised TensorProto.

    Raises:
        DataLossError: it is damaged, or of an unknown dtype.
    """
    number, sizes, content, words, listed = 0, [], None, [], []
    for field, how, value in wire.fields(data):
        if field == _DTYPE and how == wire.VARINT:
            number = value
        elif field == _SHAPE and how == wire.BYTES:
            sizes = _sizes(value)
        elif field == _CONTENT and how == wire.BYTES:
            content = value
        elif field == _STRINGS and how == wire.BYTES:
            words.append(value)
        else:
            listed.append((field, how, value))
    kind = _DTYPES.get(number)
    if kind is None:
        raise DataLossError(f"a serialized tensor is of unknown dtype {number}")
    count = 1
    for d in sizes:
        count *= d
    if kind is dt.string:
        flat = texts(words, (len(words),))
    elif content is not None:
        if len(content) != count * kind.size:
            raise DataLossError(f"a serialized tensor has {len(content)} bytes for {kind.name}{sizes}")
        flat = np.frombuffer(content, kind.numpy).copy()
    else:
        flat = _listed_values(listed, kind)
    return _filled(flat, count, kind).reshape(sizes)


def _sizes(data: bytes) -> list[int]:
    sizes = []
    for field, how, value in wire.fields(data):
        if field == 2 and how == wire.BYTES:
            found = [v for n, k, v in wire.fields(value) if n == 1 and k == wire.VARINT]
            sizes.append(found[-1] if found else 0)
    if any(d >= 1 << 47 for d in sizes):
        raise DataLossError(f"a serialized tensor is of impossible shape {sizes}")
    return sizes


def _listed_values(listed: list, kind: DType) -> np.ndarray:
    wanted, form = _LISTED[kind]
    parts = [(how, value) for field, how, value in listed if field == wanted]
    if form:
        data = b"".join(value for how, value in parts if how != wire.VARINT)
        if len(data) % kind.size:
            raise DataLossError(f"a serialized tensor has {len(data)} bytes of {kind.name}")
        return np.frombuffer(data, kind.numpy).copy()
    values = [wire.integers(v) if how == wire.BYTES else np.array([v], np.uint64).view(np.int64) for how, v in parts]
    flat = np.concatenate([np.zeros(0, np.int64), *values])
    return flat.astype(np.uint16).view(kind.numpy) if kind in (dt.f16, dt.bf16) else flat.astype(kind.numpy)


def _filled(flat: np.ndarray, count: int, kind: DType) -> np.ndarray:
    """Fewer values than elements: the last one stands for the rest; none means zeros."""
    if flat.size > count or count > 1 << 40:
        raise DataLossError(f"a serialized tensor has {flat.size} values for {count} elements")
    if flat.size == count:
        return flat
    empty = b"" if kind is dt.string else np.zeros((), kind.numpy)
    rest = np.full(count - flat.size, flat[-1] if flat.size else empty, flat.dtype)
    return np.concatenate([flat, rest])


def parsed(data: bytes, dtype: DType) -> np.ndarray:
    """``read`` for a tensor of a known dtype.

    Raises:
        InvalidArgumentError: damaged, or another dtype.
    """
    try:
        array = read(data)
    except DataLossError as error:
        raise InvalidArgumentError(f"parse_tensor: {error}") from None
    if dt.as_dtype(array.dtype) is not dtype:
        raise InvalidArgumentError(f"parse_tensor: the tensor is {dt.as_dtype(array.dtype).name}, not {dtype.name}")
    return array


def _serialize_array(x):
    return texts([written(x)], ())


declare(Prim("serialize_tensor", lambda x: Type(dt.string, ()), _serialize_array, native=False))


def _parse_type(x: Type, dtype: DType, rank: int, sizes: tuple) -> TupleType:
    expect("parse_tensor", x)
    return TupleType((Type(dtype, sizes), Type(dt.i64, (rank,))))


def _parse_array(x, dtype, rank):
    array = parsed(x[()], dtype)
    if array.ndim != rank:
        raise ShapeError(f"parse_tensor: the tensor has shape {list(array.shape)}, expected rank {rank}")
    return array.reshape(-1), np.array(array.shape, np.int64)


declare(Prim("parse_tensor", _parse_type, _parse_array, native=False, sizes=1))
