"""Tables from keys to values, and the rows on the host that look up in them.

A table is Python's, found by its name. That of a fixed table is a digest of its content, so that a graph says all
that it depends on; the rows of a changing one are strung on a token.
"""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, StateError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.type import TupleType, Type
from graphc.prims.strings import texts
from graphc.prims.table import Prim, declare

_TABLES: dict[str, Table] = {}
_TOKEN = np.zeros(0, np.uint8)
_numbers = itertools.count()


class Table:
    """Keys and their values.

    Attributes:
        key, value: dtypes. shape: the shape of one value. name: what rows call it by.
        forbidden: keys that may not be used.
    """

    def __init__(self, key: DType, value: DType, shape: tuple = (), forbidden: tuple = ()):
        self.key, self.value, self.shape, self.forbidden = key, value, shape, forbidden
        self.entries: dict = {}
        self.name = f"table{next(_numbers)}"

    def insert(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Add entries, or replace those of equal keys."""
        flat = keys.reshape(-1).tolist()
        self._check(flat)
        self.entries.update(zip(flat, values.reshape(len(flat), *self.shape).copy()))

    def remove(self, keys: np.ndarray) -> None:
        """Take entries out; keys that are not there are ignored."""
        flat = keys.reshape(-1).tolist()
        self._check(flat)
        for k in flat:
            self.entries.pop(k, None)

    def find(self, keys: np.ndarray, default: np.ndarray) -> np.ndarray:
        """The values of keys, and the default for others: one for all of them, or one for each key."""
        flat = keys.reshape(-1).tolist()
        self._check(flat)
        own = default.ndim > len(self.shape)
        rest = default.reshape(len(flat), *self.shape) if own else default
        found = [self.entries.get(k, rest[i] if own else rest) for i, k in enumerate(flat)]
        return self.stacked(found, (*keys.shape, *self.shape))

    def stacked(self, values: list, shape: tuple) -> np.ndarray:
        """Values as one array."""
        if self.value is dt.string and not self.shape:
            return texts([v if isinstance(v, bytes) else v[()] for v in values], shape)
        return np.array(values, self.value.numpy).reshape(shape)

    def keys_array(self) -> np.ndarray:
        """The keys in the order in which they were added."""
        keys = list(self.entries)
        return texts(keys, (len(keys),)) if self.key is dt.string else np.array(keys, self.key.numpy)

    def _check(self, keys: list) -> None:
        for k in keys if self.forbidden else ():
            if k in self.forbidden:
                raise InvalidArgumentError(f"table: the empty or deleted key {k!r} cannot be used as a key")


def register(table: Table) -> Table:
    """Make a table known by its name."""
    _TABLES[table.name] = table
    return table


def fixed(keys: np.ndarray, values: np.ndarray) -> Table:
    """A table that never changes; equal ones are the same.

    Raises:
        ShapeError: keys and values differ in number. StateError: a key has two values.
    """
    if keys.size != values.size:
        raise ShapeError(f"table: {keys.size} keys for {values.size} values")
    made = Table(dt.as_dtype(keys.dtype), dt.as_dtype(values.dtype))
    pairs = list(zip(keys.reshape(-1).tolist(), values.reshape(-1).tolist()))
    for k, v in pairs:
        if made.entries.setdefault(k, v) != v:
            raise StateError(f"table: key {k!r} has the value {made.entries[k]!r} and another one, {v!r}")
    made.name = "fixed" + hashlib.sha256(repr((made.key, made.value, pairs)).encode()).hexdigest()[:24]
    return _TABLES.setdefault(made.name, made)


def table_of(name: str) -> Table:
    """The table of a name.

    Raises:
        StateError: it belongs to another process.
    """
    try:
        return _TABLES[name]
    except KeyError:
        raise StateError(f"the table {name} does not exist in this process") from None


# ---------------------------------------------------------------------------------------------------- rows


def _find_type(keys: Type, default: Type, table: str) -> Type:
    found = table_of(table)
    if keys.dtype is not found.key or default.dtype is not found.value:
        what = f"from {found.key.name} to {found.value.name}, not from {keys} to {default}"
        raise DtypeError(f"lookup: the table is {what}")
    return Type(found.value, (*keys.shape, *found.shape))


declare(Prim("table_find", _find_type, lambda keys, default, table: table_of(table).find(keys, default), native=False))
declare(Prim("table_find_now", lambda token, keys, default, table: TupleType((token, _find_type(keys, default, table))),
             lambda token, keys, default, table: (_TOKEN, table_of(table).find(keys, default)),
             native=False))  # fmt: skip


def _insert_type(token: Type, keys: Type, values: Type, table: str) -> Type:
    found = table_of(table)
    _find_type(keys, values, table)
    wanted = (*keys.shape, *found.shape)
    sure = len(wanted) == values.rank and not any(
        type(a) is int and type(b) is int and a != b for a, b in zip(wanted, values.shape)
    )
    if not sure:
        raise ShapeError(
            f"insert: keys {keys} and values {values} of shape {list(found.shape)} each do not fit together"
        )
    return token


def _insert_array(token, keys, values, table):
    table_of(table).insert(keys, values)
    return _TOKEN


def _remove_array(token, keys, table):
    table_of(table).remove(keys)
    return _TOKEN


def _export_type(token: Type, table: str, sizes: tuple) -> TupleType:
    found = table_of(table)
    return TupleType((token, Type(found.key, sizes), Type(found.value, (*sizes, *found.shape))))


def _export_array(token, table):
    found = table_of(table)
    values = list(found.entries.values())
    return _TOKEN, found.keys_array(), found.stacked(values, (len(values), *found.shape))


def _count(token, table):
    return _TOKEN, np.int64(len(table_of(table).entries))


declare(Prim("table_insert", _insert_type, _insert_array, native=False))
declare(Prim("table_remove", lambda token, keys, table: token, _remove_array, native=False))
declare(Prim("table_export", _export_type, _export_array, native=False, sizes=1))
declare(Prim("table_size", lambda token, table: TupleType((token, Type(dt.i64, ()))), _count, native=False))
