"""Crosses of features and operations on sets, row by row: rows that run on the host, as their sizes depend on data."""

from __future__ import annotations

import itertools

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import INDEX, Node
from graphc.ir.type import TupleType, Type
from graphc.prims.order import item
from graphc.prims.table import Prim, apply, declare
from graphc.prims.text_hash import fingerprint64

_MASK, _MUL, _LARGEST = (1 << 64) - 1, 0xC6A4A7935BD1E995, (1 << 63) - 1


def _expect_pairs(op: str, rows: Type, values: Type) -> None:
    if rows.dtype is not dt.i64 or rows.rank != 1 or values.rank != 1:
        raise ShapeError(f"{op}: rows {rows} and values {values} instead of two vectors, the first of i64")


def _grouped(rows, values, count: int) -> list[list]:
    """The values of each of ``count`` rows."""
    found: list[list] = [[] for _ in range(count)]
    for r, v in zip(rows.tolist(), values.tolist()):
        if 0 <= r < count:
            found[r].append(v)
    return found


def _column(values: list, dtype) -> np.ndarray:
    out = np.empty(len(values), dtype)
    out[:] = values
    return out


# -------------------------------------------------------------------------------------------- crosses


def _cross_type(count: Type, *pairs: Type, separator: str, buckets: int, key: int, hashed: bool,
                sizes: tuple) -> TupleType:  # fmt: skip
    if count != INDEX or len(pairs) % 2 or not pairs:
        raise ShapeError("cross: needs the number of rows, and rows and values of one feature at least")
    for rows, values in zip(pairs[::2], pairs[1::2]):
        _expect_pairs("cross", rows, values)
        if values.dtype is not dt.string and not values.dtype.is_integer:
            raise DtypeError(f"cross: values {values} are neither strings nor integers")
    return TupleType((Type(dt.i64, sizes), Type(dt.i64 if hashed else dt.string, sizes)))


def _cross_array(count, *pairs, separator, buckets, key, hashed):
    features = [_grouped(r, v, int(count)) for r, v in zip(pairs[::2], pairs[1::2])]
    rows, found, between = [], [], separator.encode("latin-1")
    for row in range(int(count)):
        for choice in itertools.product(*[f[row] for f in features]):
            rows.append(row)
            found.append(_hashed(choice, buckets, key) if hashed else between.join(map(_text, choice)))
    return np.array(rows, np.int64), _column(found, np.int64 if hashed else object)


def _text(value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _mixed(x: int) -> int:
    return x ^ x >> 47


def _hashed(choice, buckets: int, key: int) -> int:
    total = key & _MASK
    for value in choice:
        one = fingerprint64(value) if isinstance(value, bytes) else value & _MASK
        part = (total ^ _MUL) ^ (_mixed(one * _MUL & _MASK) * _MUL & _MASK)
        total = _mixed(_mixed(part * _MUL & _MASK) * _MUL & _MASK)
    return total % (buckets or _LARGEST)


declare(Prim("cross", _cross_type, _cross_array, native=False, sizes=1))


def cross(count: Node, pairs, separator: str = "_X_", buckets: int = 0, key: int = 0, hashed: bool = False) -> tuple:
    """All combinations of one value of each feature in every row: their rows and values.

    Args:
        pairs: the rows (i64) and the values of each feature.
        hashed: integers below ``buckets`` (any, for 0) instead of strings with a separator in between.
    """
    operands = [x for pair in pairs for x in pair]
    found = apply("cross", count, *operands, separator=separator, buckets=int(buckets), key=int(key),
                  hashed=bool(hashed))  # fmt: skip
    return item(found, 0), item(found, 1)


# ------------------------------------------------------------------------------------------------ sets

_OPERATIONS = {
    "union": set.union,
    "intersection": set.intersection,
    "difference": set.difference,
}


def _sets_type(count: Type, a_rows: Type, a: Type, b_rows: Type, b: Type, kind: str, sizes: tuple) -> TupleType:
    if kind not in _OPERATIONS:
        raise ShapeError(f"set_operation: {kind!r} is none of {', '.join(_OPERATIONS)}")
    _expect_pairs("set_operation", a_rows, a)
    _expect_pairs("set_operation", b_rows, b)
    if count != INDEX or a.dtype is not b.dtype:
        raise DtypeError(f"set_operation: elements {a} and {b}")
    return TupleType((Type(dt.i64, sizes), Type(a.dtype, sizes)))


def _sets_array(count, a_rows, a, b_rows, b, kind):
    rows, found = [], []
    for row, (x, y) in enumerate(zip(_grouped(a_rows, a, int(count)), _grouped(b_rows, b, int(count)))):
        chosen = sorted(_OPERATIONS[kind](set(x), set(y)))
        rows += [row] * len(chosen)
        found += chosen
    return np.array(rows, np.int64), _column(found, a.dtype)


declare(Prim("set_operation", _sets_type, _sets_array, native=False, sizes=1))


def set_operation(kind: str, count: Node, a_rows: Node, a: Node, b_rows: Node, b: Node) -> tuple[Node, Node]:
    """Union, intersection or difference of the values of each row, as sets: their rows and values, both in order."""
    found = apply("set_operation", count, a_rows, a, b_rows, b, kind=kind)
    return item(found, 0), item(found, 1)
