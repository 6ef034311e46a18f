"""Fields of protocol buffers of any type as arrays: found in a set of descriptors, decoded and encoded."""

from __future__ import annotations

import functools
import importlib
import itertools
import os

import numpy as np

from graphc.errors import DataLossError, InvalidArgumentError, UsageError, explain
from graphc.formats import protos
from graphc.formats.blocks import blocks
from graphc.formats.varint import varint
from graphc.ir import dtype as dt

NUMBERS = itertools.count()  # of operations that decode or encode

_LOCAL, _BYTES = "local://", b"bytes://"


def _google(module: str):
    return importlib.import_module(f"google.protobuf.{module}")


@functools.lru_cache(8)
def _pool(source: bytes):
    """The descriptors that a source names.

    Raises:
        NotFoundError: there is no such file. UsageError: it holds no FileDescriptorSet.
    """
    if source in (b"", _LOCAL.encode()):
        return protos.pool()
    data = source[len(_BYTES) :] if source.startswith(_BYTES) else b"".join(blocks(os.fsdecode(source)))
    try:
        files = _google("descriptor_pb2").FileDescriptorSet.FromString(data).file
    except _google("message").DecodeError as error:
        raise UsageError(explain(f"descriptor_source holds no FileDescriptorSet: {error}")) from None
    pool, known, waiting = _google("descriptor_pool").DescriptorPool(), set(), list(files)
    while waiting:
        ready = [f for f in waiting if known.issuperset(f.dependency)]
        if not ready:
            missing = sorted({d for f in waiting for d in f.dependency} - known - {f.name for f in waiting})
            raise UsageError(explain(f"descriptor_source lacks what its files import: {', '.join(missing)}"))
        for file in ready:
            pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
            known.add(file.name)
        waiting = [f for f in waiting if f.name not in known]
    return pool


class Fields:
    """Some fields of a message.

    Args:
        source: where its descriptor is: ``local://``, a file, or ``bytes://`` and its content.
        dtypes: of the arrays of the fields.

    Raises:
        UsageError: there is no such message or field, or a field cannot have that dtype.
    """

    def __init__(self, message_type: str, source, names, dtypes):
        source = source.encode() if isinstance(source, str) else bytes(source)
        self.name, self._names, self._dtypes = message_type, list(names), list(dtypes)
        try:
            descriptor = _pool(source).FindMessageTypeByName(message_type)
        except KeyError:
            what = f"no message {message_type!r} in {source[:40].decode('utf-8', 'replace')}"
            raise UsageError(explain(what)) from None
        self._class = _google("message_factory").GetMessageClass(descriptor)
        self._fields = [self._field(descriptor, n, k) for n, k in zip(self._names, self._dtypes)]

    def _field(self, descriptor, name: str, dtype: dt.DType):
        field = descriptor.fields_by_name.get(name)
        if field is None:
            known = ", ".join(descriptor.fields_by_name)
            raise UsageError(explain(f"{self.name} has no field {name!r}; it has {known}"))
        allowed = _allowed(field)
        if dtype not in allowed:
            wanted = " or ".join(sorted(d.name for d in allowed))
            raise UsageError(explain(f"{self.name}.{name} cannot be {dtype.name}, but {wanted}"))
        return field

    def decoded(self, array: np.ndarray, is_text: bool) -> list[np.ndarray]:
        """How many values each message has of each field, and for each field the values.

        Raises:
            DataLossError: a string is no such message.
        """
        messages = [self._message(data, is_text) for data in array.reshape(-1).tolist()]
        rows = [[_values(m, f) for m in messages] for f in self._fields]
        sizes = np.array([[len(v) for v in row] for row in rows], np.int32).reshape(len(rows), -1).T
        found = [np.ascontiguousarray(sizes).reshape(*array.shape, len(rows))]
        for row, field, dtype in zip(rows, self._fields, self._dtypes):
            out = np.full((len(row), max(map(len, row), default=1) or 1), _default(field, dtype), dtype.numpy)
            for k, values in enumerate(row):
                out[k, : len(values)] = values
            found.append(out.reshape(*array.shape, out.shape[1]))
        return found

    def _message(self, data: bytes, is_text: bool):
        try:
            if is_text:
                pool = self._class.DESCRIPTOR.file.pool
                return _google("text_format").Parse(data, self._class(), descriptor_pool=pool)
            return self._class.FromString(data)
        except (_google("message").DecodeError, _google("text_format").ParseError) as error:
            raise DataLossError(f"decode_proto: unable to parse a {self.name}: {error}") from None

    def encoded(self, sizes: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
        """Messages with these values.

        Raises:
            InvalidArgumentError: shapes do not fit, or there are fewer values than ``sizes`` says.
        """
        shape = sizes.shape[:-1]
        for name, v in zip(self._names, values):
            if v.shape[:-1] != shape:
                what = f"encode_proto: sizes {list(sizes.shape)} and values of {name!r} {list(v.shape)} do not fit"
                raise InvalidArgumentError(what)
        counts, rows = sizes.reshape(-1, len(values)), [v.reshape(-1, v.shape[-1]) for v in values]
        out = np.empty(len(counts), object)
        for k, count in enumerate(counts.tolist()):
            message = self._class()
            for field, n, row in zip(self._fields, count, rows):
                if not 0 <= n <= row.shape[1]:
                    what = f"encode_proto: message {k} has {n} values of {field.name!r}, but there are {row.shape[1]}"
                    raise InvalidArgumentError(what)
                _put(message, field, row[k, :n].tolist())
            out[k] = message.SerializeToString(deterministic=True)
        return [out.reshape(shape)]


def _allowed(field) -> set:
    """The dtypes that an array of this field may have."""
    known = {
        field.CPPTYPE_INT32: {dt.i32, dt.i64}, field.CPPTYPE_INT64: {dt.i64}, field.CPPTYPE_ENUM: {dt.i32},
        field.CPPTYPE_UINT32: {dt.u32, dt.u64}, field.CPPTYPE_UINT64: {dt.u64}, field.CPPTYPE_DOUBLE: {dt.f64},
        field.CPPTYPE_FLOAT: {dt.f32, dt.f64}, field.CPPTYPE_BOOL: {dt.b1},
    }  # fmt: skip
    return known.get(field.cpp_type, {dt.string})


def _is_many(field) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def _plain(field, value):
    """A value as an element of an array."""
    if field.cpp_type == field.CPPTYPE_MESSAGE:
        return value.SerializeToString(deterministic=True)
    return value.encode() if isinstance(value, str) else value


def _values(message, field) -> list:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = _google("message_factory").GetMessageClass(field.message_type)
        made = []
        for key, value in sorted(getattr(message, field.name).items()):
            one = entry(key=key)
            if hasattr(value, "CopyFrom"):
                one.value.CopyFrom(value)
            else:
                one.value = value
            made.append(one.SerializeToString(deterministic=True))
        return made
    if _is_many(field):
        return [_plain(field, v) for v in getattr(message, field.name)]
    present = (f is field or f.number == field.number for f, _ in message.ListFields())
    return [_plain(field, getattr(message, field.name))] if any(present) else []


def _default(field, dtype: dt.DType):
    if dtype is dt.string:
        default = b"" if field.cpp_type == field.CPPTYPE_MESSAGE or _is_many(field) else field.default_value
        return default.encode() if isinstance(default, str) else default
    return 0 if _is_many(field) else field.default_value


def _put(message, field, values: list) -> None:
    if field.cpp_type == field.CPPTYPE_STRING and field.type == field.TYPE_STRING:
        values = [v.decode() for v in values]
    if field.cpp_type == field.CPPTYPE_MESSAGE:
        partial = message.__class__()
        for v in values:  # a field is added as it stands on the wire
            partial.MergeFromString(varint(field.number << 3 | 2) + varint(len(v)) + v)
        message.MergeFrom(partial)
    elif _is_many(field):
        getattr(message, field.name).extend(values)
    else:
        for v in values:
            setattr(message, field.name, v)


def examples_of_json(array: np.ndarray) -> list[np.ndarray]:
    """Examples as JSON, serialised.

    Raises:
        InvalidArgumentError: naming the element and what is wrong in it.
    """
    out, form = np.empty(array.size, object), _google("json_format")
    for k, data in enumerate(array.reshape(-1).tolist()):
        try:
            out[k] = form.Parse(data, protos.Example()).SerializeToString(deterministic=True)
        except (form.ParseError, UnicodeDecodeError) as error:
            what = f"decode_json_example: element {k} is no Example: {error}"
            raise InvalidArgumentError(what) from None
    return [out.reshape(array.shape)]
