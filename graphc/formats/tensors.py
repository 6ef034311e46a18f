"""Arrays as TensorProto messages and back."""

from __future__ import annotations

import importlib
import math

import numpy as np

from graphc.errors import DataLossError, DtypeError, explain
from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.ir.dtype import NUMBERS, DType

_DTYPES = {number: kind for kind, number in NUMBERS.items()}
_MOST = 1 << 40  # elements; what claims more is damaged

# The field that lists values one by one, and the NumPy type of its elements where it is not the tensor's own.
_FIELDS = {
    dt.f32: "float_val", dt.f64: "double_val", dt.i32: "int_val", dt.u8: "int_val", dt.i16: "int_val",
    dt.i8: "int_val", dt.u16: "int_val", dt.string: "string_val", dt.c64: "scomplex_val", dt.i64: "int64_val",
    dt.b1: "bool_val", dt.f16: "half_val", dt.bf16: "half_val", dt.c128: "dcomplex_val", dt.u32: "uint32_val",
    dt.u64: "uint64_val", dt.f8e4m3: "float8_val", dt.f8e5m2: "float8_val",
}  # fmt: skip
_PARTS = {dt.f16: np.uint16, dt.bf16: np.uint16, dt.c64: np.float32, dt.c128: np.float64}
_AS_CONTENT = (dt.f32, dt.f64, dt.i32, dt.u8, dt.i16, dt.i8, dt.i64, dt.u32, dt.u64, dt.f16, dt.bf16)


def dtype_of(number: int) -> DType:
    """The dtype of TensorFlow's number, also of a reference to it.

    Raises:
        DtypeError: there is none here.
    """
    found = _DTYPES.get(number % 100)
    if found is None:
        name = protos.DataType.Name(number) if number in protos.DataType.values() else number
        raise DtypeError(explain(f"TensorFlow's data type {name} does not exist here"))
    return found


def shape_proto(sizes):
    """A TensorShapeProto of sizes, None for unknown ones; of None for an unknown rank."""
    made = protos.TensorShapeProto(unknown_rank=sizes is None)
    for d in sizes or ():
        made.dim.add(size=-1 if d is None else int(d))
    return made


def sizes_of(shape) -> tuple | None:
    """The sizes of a TensorShapeProto, None for unknown ones; None for an unknown rank."""
    return None if shape.unknown_rank else tuple(None if d.size < 0 else d.size for d in shape.dim)


def tensor_proto(array: np.ndarray, sizes=None):
    """A TensorProto of an array.

    Args:
        sizes: the shape, if the array has fewer elements: the last one is repeated.
    """
    kind = dt.as_dtype(array.dtype)
    sizes = array.shape if sizes is None else tuple(sizes)
    if array.size > 1 and not any(array.strides):  # one value, seen many times
        array = array.reshape(-1)[:1]
    made = protos.TensorProto(dtype=NUMBERS[kind], tensor_shape=shape_proto(sizes))
    if kind in _AS_CONTENT and array.size > 1 and array.size == math.prod(sizes):
        made.tensor_content = np.ascontiguousarray(array).tobytes()
        return made
    flat = np.ascontiguousarray(array).reshape(-1)
    if kind.kind == "e":
        made.float8_val = flat.tobytes()
        return made
    flat = flat.view(_PARTS[kind]) if kind in _PARTS else flat
    getattr(made, _FIELDS[kind]).extend(flat.tolist())
    return made


def array_of(proto) -> np.ndarray:
    """The array of a TensorProto; it may be read-only.

    Raises:
        DtypeError: of no dtype that is known here. DataLossError: the values do not fit the shape.
    """
    kind, sizes = dtype_of(proto.dtype), sizes_of(proto.tensor_shape)
    if sizes is None or None in sizes or math.prod(sizes) > _MOST:
        raise DataLossError(explain(f"a tensor in a message has the impossible shape {sizes}"))
    count = math.prod(sizes)
    if kind is not dt.string and proto.tensor_content:
        if len(proto.tensor_content) != count * kind.size:
            what = f"a tensor in a message has {len(proto.tensor_content)} bytes for {kind.name}{list(sizes)}"
            raise DataLossError(explain(what))
        return np.frombuffer(proto.tensor_content, kind.numpy).reshape(sizes)
    return _filled(_listed(getattr(proto, _FIELDS[kind]), kind), count, kind).reshape(sizes)


def array_of_bytes(data: bytes) -> np.ndarray:
    """The array of a serialised TensorProto.

    Raises:
        DtypeError: of no dtype that is known here. DataLossError: it is damaged.
    """
    message = protos.TensorProto()
    try:
        message.ParseFromString(data)
    except importlib.import_module("google.protobuf.message").DecodeError as error:
        raise DataLossError(explain(f"a tensor in a message is damaged: {error}")) from None
    return array_of(message)


def _listed(values, kind: DType) -> np.ndarray:
    if kind is dt.string:
        flat = np.empty(len(values), object)
        flat[:] = list(values)
        return flat
    if kind.kind == "e":
        return np.frombuffer(values, kind.numpy)
    if kind in _PARTS:
        return np.array(values, _PARTS[kind]).view(kind.numpy)
    return np.array(values, np.int64 if kind.is_integer and kind is not dt.u64 else kind.numpy).astype(kind.numpy)


def _filled(flat: np.ndarray, count: int, kind: DType) -> np.ndarray:
    """Fewer values than elements: the last one stands for the rest; none means zeros."""
    if flat.size > count:
        raise DataLossError(explain(f"a tensor in a message has {flat.size} values for {count} elements"))
    if flat.size == count:
        return flat
    empty = b"" if kind is dt.string else np.zeros((), kind.numpy)
    rest = np.full(count - flat.size, flat[-1] if flat.size else empty, flat.dtype)
    return np.concatenate([flat, rest])
