"""Strings, element by element, and joined: rows that run on the host. A string is a ``bytes`` object."""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Callable

import numpy as np

from graphc.errors import DataLossError, DtypeError, InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.type import Type
from graphc.prims import text_hash, unicode
from graphc.prims.effects import shown
from graphc.prims.pattern import full_match, replacement
from graphc.prims.table import Prim, declare


def texts(values: list, shape) -> np.ndarray:
    """Strings as an array of objects."""
    out = np.empty(len(values), object)
    out[:] = values
    return out.reshape(shape)


def each(op: str, function: Callable, array: np.ndarray) -> list:
    """``function`` of every element; what it refuses is reported with the element.

    Raises:
        InvalidArgumentError, DataLossError: as ``function`` raises, or for its ValueError.
    """
    out = []
    for k, value in enumerate(array.reshape(-1).tolist()):
        try:
            out.append(function(value))
        except (ValueError, OverflowError) as error:
            kind = type(error) if isinstance(error, (InvalidArgumentError, DataLossError)) else InvalidArgumentError
            at = list(map(int, np.unravel_index(k, array.shape)))
            raise kind(f"{op}: {error} (element {at}: {value!r})" if at else f"{op}: {error} ({value!r})") from None
    return out


def expect(op: str, x: Type, dtype: DType = dt.string) -> None:
    """Refuse operands of another dtype."""
    if x.dtype is not dtype:
        raise DtypeError(f"{op}: needs {dtype.name}, not {x}")


def _elementwise(name: str, result: DType | None, make: Callable, source: DType = dt.string) -> None:
    """Declare a row whose element is ``make(**attrs)(element)``; ``result`` None: the dtype is an attribute."""

    def infer(x: Type, **attrs) -> Type:
        expect(name, x, source)
        return x.with_dtype(result or attrs["dtype"])

    def meaning(x, **attrs):
        values = each(name, make(**attrs), x)
        kind = result or attrs["dtype"]
        return texts(values, x.shape) if kind is dt.string else np.array(values, kind.numpy).reshape(x.shape)

    declare(Prim(name, infer, meaning, native=False))


# ------------------------------------------------------------------------------------ letters and patterns


def _cased(method: str) -> Callable:
    def make(encoding: str) -> Callable:
        plain = getattr(bytes, method)
        wide = getattr(str, method)
        return (lambda s: wide(s.decode("utf-8", "replace")).encode()) if encoding else plain

    return make


_elementwise("string_lower", dt.string, _cased("lower"))
_elementwise("string_upper", dt.string, _cased("upper"))
_elementwise("string_strip", dt.string, lambda: bytes.strip)
_elementwise("string_length", dt.i32, lambda unit: len if unit == "BYTE" else lambda s: len(unicode.starts(s)) - 1)
_elementwise("string_match", dt.b1, full_match)
_elementwise("string_replace", dt.string, replacement)


def _transcoder(source: str, target: str, errors: str, replacement: int, controls: bool) -> Callable:
    return lambda s: unicode.transcoded(s, source, target, errors, replacement, controls)


_elementwise("string_transcode", dt.string, _transcoder)


# -------------------------------------------------------------------------------------------------- hashes


def _bucket(kind: str, buckets: int, key: tuple) -> Callable:
    if kind == "strong":
        return lambda s: text_hash.siphash(s, key) % buckets
    function = {"fast": text_hash.fingerprint64, "plain": text_hash.murmur64}[kind]
    return lambda s: function(s) % buckets


_elementwise("string_bucket", dt.i64, _bucket)


def _fingerprint_type(x: Type) -> Type:
    return Type(dt.u8, (x.shape[0], 8))


def _fingerprint_array(x):
    if x.dtype == object:
        prints = [text_hash.fingerprint64(s) for s in x.reshape(-1).tolist()]
        rows = np.array(prints, "<u8").reshape(x.shape)
        done = prints if x.ndim == 1 else [text_hash.fingerprint64(row.tobytes()) for row in rows]
    else:
        done = [text_hash.fingerprint64(row.tobytes()) for row in x]
    return np.array(done, "<u8").view(np.uint8).reshape(len(x), 8)


declare(Prim("fingerprint", _fingerprint_type, _fingerprint_array, native=False))


# ------------------------------------------------------------------------------------- numbers and their text

_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F.]+([pP][+-]?\d+)?")
_INT = re.compile(r"[+-]?\d+")


def number(dtype: DType) -> Callable[[bytes], object]:
    """What reads a number of ``dtype``; spaces around it are allowed."""

    def real(s: bytes):
        text = s.decode("latin-1").strip(" \t\n\v\f\r")
        if "_" in text or not text:
            raise InvalidArgumentError(f"this is no number of {dtype.name}")
        try:
            return float.fromhex(text) if _HEX.fullmatch(text) else float(text)
        except ValueError:
            raise InvalidArgumentError(f"this is no number of {dtype.name}") from None

    def whole(s: bytes):
        text = s.decode("latin-1").strip(" \t\n\v\f\r")
        info = np.iinfo(dtype.numpy)
        if not _INT.fullmatch(text) or not info.min <= int(text) <= info.max:
            raise InvalidArgumentError(f"this is no number of {dtype.name}")
        return int(text)

    return whole if dtype.is_integer else real


def _numbers(x, dtype):
    values = each("string_to_number", number(dtype), x)
    with np.errstate(over="ignore"):
        return np.array(values, np.float64 if dtype.is_float else dtype.numpy).astype(dtype.numpy).reshape(x.shape)


def _number_type(x: Type, dtype: DType) -> Type:
    expect("string_to_number", x)
    return x.with_dtype(dtype)


declare(Prim("string_to_number", _number_type, _numbers, native=False))


def _written(x, precision, kind, width, fill):
    size = str(width) if width >= 0 else ""
    if x.dtype == object:
        return texts([s.rjust(width) if fill != "-" else s.ljust(width) for s in x.reshape(-1).tolist()], x.shape)
    flat = x.reshape(-1)
    if x.dtype == bool:
        return texts([b"true" if v else b"false" for v in flat.tolist()], x.shape)
    if x.dtype.kind in "iu":
        return texts([f"%{fill}{size}d".__mod__(v).encode() for v in flat.tolist()], x.shape)
    digits = f".{precision}" if precision >= 0 else ""

    def one(v: float) -> str:
        flag = "" if fill == "0" and not np.isfinite(v) else fill
        return f"%{flag}{size}{digits}{kind}" % v

    if x.dtype.kind == "c":
        return texts([f"({one(v.real)},{one(v.imag)})".encode() for v in flat.tolist()], x.shape)
    return texts([one(v).encode() for v in flat.astype(np.float64).tolist()], x.shape)


declare(Prim("string_of", lambda x, precision, kind, width, fill: x.with_dtype(dt.string), _written, native=False))


def _format_array(*values, parts, summarize):
    text = [parts[0]]
    for value, part in zip(values, parts[1:]):
        text += [shown(value, summarize), part]
    return texts(["".join(text).encode()], ())


declare(Prim("string_format", lambda *types, parts, summarize: Type(dt.string, ()), _format_array, native=False))


# --------------------------------------------------------------------------------------- joining and cutting


def _join_type(*types: Type, separator: str) -> Type:
    for t in types:
        expect("string_join", t)
        if t.shape != types[0].shape:
            raise ShapeError(f"string_join: shapes differ, {types[0]} and {t}")
    return types[0]


def _join_array(*arrays, separator):
    gap = separator.encode("utf-8", "surrogateescape")
    rows = zip(*[a.reshape(-1).tolist() for a in arrays])
    return texts([gap.join(row) for row in rows], arrays[0].shape)


declare(Prim("string_join", _join_type, _join_array, native=False))


def _reduce_type(x: Type, axes: tuple, separator: str) -> Type:
    expect("reduce_join", x)
    return x.with_shape([d for k, d in enumerate(x.shape) if k not in axes])


def _reduce_array(x, axes, separator):
    kept = [k for k in range(x.ndim) if k not in axes]
    shape = tuple(x.shape[k] for k in kept)
    count = int(np.prod([x.shape[k] for k in axes], dtype=np.int64))
    rows = x.transpose((*kept, *axes)).reshape(int(np.prod(shape, dtype=np.int64)), count)
    gap = separator.encode("utf-8", "surrogateescape")
    return texts([gap.join(row) for row in rows.tolist()], shape)


declare(Prim("string_reduce_join", _reduce_type, _reduce_array, native=False))


def _segments_type(x: Type, ids: Type, number, separator: str) -> Type:
    expect("unsorted_segment_join", x)
    if ids.shape != x.shape[: ids.rank]:
        raise ShapeError(f"unsorted_segment_join: segment_ids {ids} are no leading part of {x}")
    return x.with_shape((number, *x.shape[ids.rank :]))


def _segments_array(x, ids, number, separator):
    rest = x.shape[ids.ndim :]
    rows = x.reshape(ids.size, int(np.prod(rest, dtype=np.int64)))
    groups = [[[] for _ in range(rows.shape[1])] for _ in range(number)]
    for k, (row, segment) in enumerate(zip(rows.tolist(), ids.reshape(-1).tolist())):
        if not 0 <= segment < number:
            raise InvalidArgumentError(f"unsorted_segment_join: segment_ids[{k}] = {segment} is not in [0, {number})")
        for place, value in zip(groups[segment], row):
            place.append(value)
    gap = separator.encode("utf-8", "surrogateescape")
    return texts([gap.join(p) for group in groups for p in group], (number, *rest))


declare(Prim("string_segment_join", _segments_type, _segments_array, native=False))


def _part_type(x: Type, pos: Type, length: Type, unit: str) -> Type:
    expect("substr", x)
    for t in (pos, length):
        if not t.dtype.is_integer or t.shape != x.shape:
            raise ShapeError(f"substr: pos and len must be integers of shape {x}, not {t}")
    return x


def _part_array(x, pos, length, unit):
    out = []
    for k, (s, p, n) in enumerate(zip(x.reshape(-1).tolist(), pos.reshape(-1).tolist(), length.reshape(-1).tolist())):
        places = range(len(s) + 1) if unit == "BYTE" else unicode.starts(s)
        total = len(places) - 1
        if not -total <= p <= total:
            raise InvalidArgumentError(f"substr: pos {p} is out of range for {s!r} at index {k}")
        first = p + total if p < 0 else p
        last = total if n < 0 else min(first + n, total)
        out.append(s[places[first] : places[last]])
    return texts(out, x.shape)


declare(Prim("string_part", _part_type, _part_array, native=False))


# ---------------------------------------------------------------------------------- base 64 and compression


def _encoder(pad: bool) -> Callable:
    return lambda s: base64.urlsafe_b64encode(s) if pad else base64.urlsafe_b64encode(s).rstrip(b"=")


_URL_SAFE = re.compile(rb"[A-Za-z0-9_-]*")


def _base64_decoded(s: bytes) -> bytes:
    text = s.rstrip(b"=") if len(s) % 4 == 0 else s
    if not _URL_SAFE.fullmatch(text):
        raise InvalidArgumentError("invalid character in base 64")
    if len(text) % 4 == 1:
        raise InvalidArgumentError("the length of base 64 cannot be 1 modulo 4")
    return binascii.a2b_base64(text.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(text) % 4))


_elementwise("encode_base64", dt.string, _encoder)
_elementwise("decode_base64", dt.string, lambda: _base64_decoded)


def _decompressor(kind: str) -> Callable:
    function = {"ZLIB": zlib.decompress, "GZIP": gzip.decompress, "": lambda s: s}[kind]

    def one(s: bytes) -> bytes:
        try:
            return function(s)
        except (zlib.error, OSError, EOFError) as error:
            raise DataLossError(f"damaged {kind} data: {error}") from None

    return one


_elementwise("decompress", dt.string, _decompressor)
