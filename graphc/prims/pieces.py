"""Strings taken to pieces, as many as there are: rows on the host whose results have sizes known only while running."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from graphc.errors import InvalidArgumentError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.type import TupleType, Type
from graphc.prims import unicode
from graphc.prims.pattern import tokens
from graphc.prims.strings import each, expect, texts
from graphc.prims.table import Prim, declare


def _splits(rows: list[list]) -> np.ndarray:
    """Where each row begins in their concatenation, and where the last one ends."""
    return np.cumsum([0, *map(len, rows)]).astype(np.int64)


def _vector(op: str, x: Type) -> None:
    expect(op, x)
    if x.rank != 1:
        raise ShapeError(f"{op}: needs a vector of strings, not {x}")


def _pieces_type(x: Type, sizes: tuple, **attrs) -> TupleType:
    _vector("split", x)
    return TupleType((Type(dt.string, sizes), Type(dt.i64, (x.shape[0] + 1,))))


def _pieces(rows: list[list]) -> tuple[np.ndarray, np.ndarray]:
    flat = [v for row in rows for v in row]
    return texts(flat, (len(flat),)), _splits(rows)


def _cut(separator: str, most: int, plain: bool = False) -> Callable:
    gap = separator.encode("utf-8", "surrogateescape")

    def words(s: bytes) -> list[bytes]:
        found = s.split(None, most)
        return [*found, b""] if len(found) == most > 0 and not plain else found  # TensorFlow adds an empty rest too

    return (lambda s: s.split(gap, most)) if gap else words


declare(Prim("string_split", _pieces_type,
             lambda x, separator, most, plain=False: _pieces(each("split", _cut(separator, most, plain), x)),
             native=False, sizes=1))  # fmt: skip


def _cut_any(separators: str, skip: bool) -> Callable:
    marks = separators.encode("utf-8", "surrogateescape")
    alike = bytes.maketrans(marks, marks[:1] * len(marks))

    def one(s: bytes) -> list[bytes]:
        found = s.translate(alike).split(marks[:1]) if marks else [s[k : k + 1] for k in range(len(s))]
        return [p for p in found if p or not skip]

    return one


declare(Prim("string_split_any", _pieces_type,
             lambda x, separators, skip: _pieces(each("split", _cut_any(separators, skip), x)),
             native=False, sizes=1))  # fmt: skip
declare(Prim("string_tokens", _pieces_type,
             lambda x, **attrs: _pieces(each("tokens", tokens(**attrs), x)),
             native=False, sizes=1))  # fmt: skip
declare(Prim("string_bytes", _pieces_type,
             lambda x: _pieces([[s[k : k + 1] for k in range(len(s))] for s in x.tolist()]),
             native=False, sizes=1))  # fmt: skip


# ------------------------------------------------------------------------------------------------ characters


def _decode_type(x: Type, sizes: tuple, **attrs) -> TupleType:
    _vector("unicode_decode", x)
    return TupleType((Type(dt.i32, sizes), Type(dt.i64, sizes), Type(dt.i64, (x.shape[0] + 1,))))


def _decode_array(x, encoding, errors, replacement, controls):
    pairs = each("unicode_decode", lambda s: unicode.decoded(s, encoding, errors, replacement, controls), x)
    codes = [c for codes, _ in pairs for c in codes]
    places = [p for _, places in pairs for p in places]
    return np.array(codes, np.int32), np.array(places, np.int64), _splits([codes for codes, _ in pairs])


declare(Prim("unicode_decode", _decode_type, _decode_array, native=False, sizes=1))


def _encode_type(codes: Type, splits: Type, **attrs) -> Type:
    if codes.rank != 1 or splits.rank != 1 or codes.dtype is not dt.i32:
        raise ShapeError(f"unicode_encode: needs i32[n] and row splits, not {codes} and {splits}")
    return Type(dt.string, (splits.shape[0] - 1,))


def _encode_array(codes, splits, encoding, errors, replacement):
    flat, ends = codes.tolist(), splits.tolist()
    rows = [flat[a:b] for a, b in itertools.pairwise(ends)]
    return texts([unicode.encoded(row, encoding, errors, replacement) for row in rows], (len(rows),))


declare(Prim("unicode_encode", _encode_type, _encode_array, native=False))


# --------------------------------------------------------------------------------------------------- n-grams


def _ngrams_type(x: Type, splits: Type, sizes: tuple, **attrs) -> TupleType:
    expect("ngrams", x)
    return TupleType((Type(dt.string, sizes), Type(dt.i64, splits.shape)))


def _ngrams_array(x, splits, widths, separator, left, right, padding, keep):
    gap, first, last = (s.encode("utf-8", "surrogateescape") for s in (separator, left, right))
    flat, ends, rows = x.tolist(), splits.tolist(), []
    for a, b in itertools.pairwise(ends):
        found = []
        for width in widths:
            pad = width - 1 if padding < 0 else min(padding, width - 1)
            row = [first] * pad + flat[a:b] + [last] * pad
            found += [gap.join(row[k : k + width]) for k in range(len(row) - width + 1)]
        if keep and not found and a < b:
            pad = max(widths) - 1 if padding < 0 else min(padding, max(widths) - 1)
            found = [gap.join([first] * pad + flat[a:b] + [last] * pad)]
        rows.append(found)
    return _pieces(rows)


declare(Prim("string_ngrams", _ngrams_type, _ngrams_array, native=False, sizes=1))


# ------------------------------------------------------------------------------------------------- raw bytes


def _raw_type(x: Type, dtype, little: bool, sizes: tuple) -> Type:
    expect("decode_raw", x)
    return Type(dtype, (*x.shape, sizes[0]))


def _raw_array(x, dtype, little):
    flat = x.reshape(-1).tolist()
    lengths = {len(s) for s in flat}
    if len(lengths) > 1:
        raise InvalidArgumentError(f"decode_raw: strings must have one length, not {sorted(lengths)}")
    length = lengths.pop() if lengths else 0
    if length % dtype.size:
        raise InvalidArgumentError(
            f"decode_raw: length {length} is not a multiple of {dtype.size}, the size of {dtype.name}"
        )
    return _numbers(b"".join(flat), dtype, little).reshape(*x.shape, length // dtype.size)


def _numbers(data: bytes, dtype, little: bool) -> np.ndarray:
    if little:
        return np.frombuffer(data, dtype.numpy).copy()
    unit = dtype.size // 2 if dtype.is_complex else dtype.size
    swapped = np.frombuffer(data, np.uint8).reshape(-1, unit)[:, ::-1]
    return np.frombuffer(swapped.tobytes(), dtype.numpy).copy()


declare(Prim("decode_raw", _raw_type, _raw_array, native=False, sizes=1))


def _padded_raw_type(x: Type, dtype, little: bool, length: int) -> Type:
    expect("decode_raw", x)
    return Type(dtype, (*x.shape, length // dtype.size))


def _padded_raw_array(x, dtype, little, length):
    data = b"".join(s[:length].ljust(length, b"\0") for s in x.reshape(-1).tolist())
    return _numbers(data, dtype, little).reshape(*x.shape, length // dtype.size)


declare(Prim("decode_padded_raw", _padded_raw_type, _padded_raw_array, native=False))
