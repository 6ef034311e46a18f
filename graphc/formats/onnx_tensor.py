"""TensorProtos as arrays: every count is checked against the data before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.errors import FormatError, explain
from graphc.formats.onnx_elements import Element, element, unpack, widen

_MOST_DIMENSIONS = 32  # of any NumPy
_MOST_DENSE = 1 << 30  # bytes that a sparse tensor may become
_LISTS = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def called(tensor, where: str) -> str:
    """How an error begins that is about a tensor."""
    name = getattr(tensor, "name", "") or getattr(getattr(tensor, "values", None), "name", "")
    return f"{where}: tensor {name[:200]!r}" if name else f"{where}: a tensor without name"


def sizes(dims, what: str, itemsize: int = 16) -> tuple[int, ...]:
    """Dimensions of a stored tensor, none negative, of which the product is a size that memory has.

    Raises:
        FormatError: they cannot be; the message begins with ``what``.
    """
    if len(dims) > _MOST_DIMENSIONS:
        raise FormatError(explain(f"{what}: has {len(dims)} dimensions, more than {_MOST_DIMENSIONS}"))
    shape = tuple(dims)
    if any(d < 0 for d in shape):
        raise FormatError(explain(f"{what}: its dimensions {list(shape)} are not all positive or 0"))
    if math.prod(d for d in shape if d) * itemsize >= 1 << 62:
        raise FormatError(explain(f"{what}: its dimensions {list(shape)} are more than memory can hold"))
    return shape


def array_of(tensor, stored: Callable, where: str) -> np.ndarray:
    """The values of a TensorProto.

    Args:
        stored: of a tensor and a text that errors begin with, the bytes that are not in the message and the field
            that they are of (``raw_data`` for those of other files); None where it has none.
        where: the file, for errors.

    Returns:
        An array that must not be written; elements below a byte take a byte each, strings are ``bytes`` objects.

    Raises:
        FormatError: type, dimensions and data do not fit together.
        OSError: a file that holds the values is not there.
    """
    what = called(tensor, where)
    kind = element(tensor.data_type, what)
    shape = sizes(tensor.dims, what)
    if tensor.HasField("segment"):
        raise FormatError(explain(f"{what}: it is one segment of a tensor; segments are not read"))
    outside = stored(tensor, what)
    lists = [name for name in _LISTS if len(getattr(tensor, name))]
    raw = tensor.HasField("raw_data") or (outside is not None and outside[1] == "raw_data")
    sources = lists + ([outside[1]] if outside else []) + (["raw_data"] if tensor.HasField("raw_data") else [])
    if len(sources) > 1 and not _only_empty(tensor, lists, outside):
        raise FormatError(explain(f"{what}: its values are given more than once, in {' and '.join(sources)}"))
    count = math.prod(shape)
    if raw and not lists:
        data = outside[0] if outside is not None and outside[1] == "raw_data" else tensor.raw_data
        return _raw(data, kind, count, what).reshape(shape)
    field = outside[1] if outside is not None else (lists[0] if lists else kind.field)
    if field != kind.field:
        raise FormatError(explain(f"{what}: of type {kind.name}, but its values are in {field}, not in {kind.field}"))
    values = _listed(tensor, outside, kind)
    made = _from_list(values, kind, count, f"{what} of shape {list(shape)}").reshape(shape)
    made.setflags(write=False)
    return made


def _only_empty(tensor, lists, outside) -> bool:
    """Whether ``raw_data`` is there but empty, beside a list: some writers set both."""
    return outside is None and len(lists) == 1 and not tensor.raw_data


def _raw(data, kind: Element, count: int, what: str) -> np.ndarray:
    if kind.name == "string":
        raise FormatError(explain(f"{what}: strings cannot be stored as raw_data"))
    if len(data) != kind.bytes(count):
        have = f"{count} elements of {kind.name} take {kind.bytes(count)} bytes, there are {len(data)}"
        raise FormatError(explain(f"{what}: {have}"))
    if kind.bits < 8:
        made = widen(unpack(np.frombuffer(data, np.uint8), count, kind.bits), kind)
    else:
        made = np.frombuffer(data, kind.dtype)
        if kind.name == "bool" and count and made.view(np.uint8).max() > 1:
            made = made.view(np.uint8) != 0
    made = made.view()
    made.setflags(write=False)
    return made


def _listed(tensor, outside, kind: Element):
    """The field that lists values: an array where it was left in the file."""
    if outside is None:
        return getattr(tensor, kind.field)
    part = "<f4" if kind.field == "float_data" else "<f8"
    if len(outside[0]) % np.dtype(part).itemsize:
        raise FormatError(explain(f"tensor {tensor.name[:200]!r}: {kind.field} ends inside of a number"))
    return np.frombuffer(outside[0], part)


def _from_list(values, kind: Element, count: int, what: str) -> np.ndarray:
    """Of values one by one, an array of rank 1."""
    each = 8 // kind.bits if kind.bits in (2, 4) else 1
    need = -(-count // each) * (2 if kind.name.startswith("complex") else 1)
    if len(values) != need:
        raise FormatError(explain(f"{what} takes {need} values of {kind.field}, there are {len(values)}"))
    if kind.name == "string":
        made = np.empty(count, object)
        made[:] = list(values)
        return made
    if isinstance(values, np.ndarray):
        return values.view(kind.dtype)
    if kind.field != "int32_data" and kind.field != "uint64_data":
        return np.fromiter(values, kind.part or kind.dtype, need).view(kind.dtype)
    wide = np.fromiter(values, np.uint64 if kind.field == "uint64_data" else np.int64, need)
    if kind.name == "bool":
        return wide != 0
    target = np.dtype(kind.part or kind.dtype)
    narrow = wide.astype(target)
    if (narrow.astype(wide.dtype) != wide).any():
        wrong = wide[np.flatnonzero(narrow.astype(wide.dtype) != wide)[0]]
        raise FormatError(explain(f"{what}: {wrong} is no {kind.name}"))
    if each > 1:
        return widen(unpack(narrow, count, kind.bits), kind)
    return narrow.view(kind.dtype)


def dense_of(sparse, stored: Callable, where: str) -> np.ndarray:
    """A SparseTensorProto with its zeros, in memory of its own.

    Raises:
        FormatError: values, indices and dimensions do not fit together.
    """
    what = f"{called(sparse, where)} (sparse)"
    kind = element(sparse.values.data_type, what)
    shape = sizes(sparse.dims, what)
    if math.prod(shape) * max(1, kind.dtype.itemsize) > _MOST_DENSE:
        raise FormatError(explain(f"{what}: dense it would take more than {_MOST_DENSE >> 20} MiB: {list(shape)}"))
    values, indices = array_of(sparse.values, stored, where), array_of(sparse.indices, stored, where)
    if indices.dtype != np.int64 or values.ndim != 1:
        raise FormatError(explain(f"{what}: needs values of rank 1 and indices of int64"))
    if indices.shape not in ((len(values),), (len(values), len(shape))):
        have = f"{list(indices.shape)} for {len(values)} values and {len(shape)} dimensions"
        raise FormatError(explain(f"{what}: its indices have shape {have}"))
    limits = np.array(shape, np.int64) if indices.ndim == 2 else math.prod(shape)
    if ((indices < 0) | (indices >= limits)).any():
        raise FormatError(explain(f"{what}: an index lies outside of {list(shape)}"))
    made = np.full(shape, b"", object) if kind.name == "string" else np.zeros(shape, kind.dtype)
    made[tuple(indices.T) if indices.ndim == 2 else np.unravel_index(indices, shape)] = values
    return made
