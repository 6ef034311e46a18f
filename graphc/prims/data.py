"""Results whose size is known only while running, and strings: rows that run on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.data import Data
from graphc.ir.node import INDEX, Node, const_value
from graphc.ir.sizes import made_by
from graphc.ir.type import TupleType, Type
from graphc.prims.dims import axis_of, integer
from graphc.prims.order import item
from graphc.prims.table import Prim, apply, declare

_LARGEST = 1 << 47


# -------------------------------------------------------------------------------------------- sizes


def _nonzero_type(mask: Type, sizes: tuple) -> Type:
    if mask.dtype is not dt.b1:
        raise DtypeError(f"nonzero: the mask is {mask} instead of b1")
    return Type(dt.i64, (sizes[0], mask.rank))


declare(Prim("nonzero", _nonzero_type, lambda mask: np.argwhere(mask).astype(np.int64), native=False, sizes=1))


def nonzero(mask: Node) -> Node:
    """The indices of the true elements in row-major order: i64[number of them, rank]."""
    return apply("nonzero", mask)


def _unique_type(x: Type, axis: int, sizes: tuple, ordered: bool = False) -> TupleType:
    axis_of(axis, x.rank, "unique")
    values = x.with_shape((*x.shape[:axis], sizes[0], *x.shape[axis + 1 :]))
    return TupleType((values, Type(dt.i64, (x.shape[axis],)), Type(dt.i64, (sizes[0],))))


def _unique_array(x, axis, ordered=False):
    key = x.astype(np.float32) if x.dtype in (dt.bf16.numpy, dt.f16.numpy) else x
    count = key.shape[axis]
    if key.ndim > 1:
        rows = np.moveaxis(key, axis, 0).reshape(count, key.size // count if count else 0)
        key = rows[:, 0] if rows.shape[1] == 1 else rows
    if key.ndim > 1 and key.dtype == object:  # NumPy orders rows of numbers only: every string by its rank
        key = np.unique(key, return_inverse=True)[1].reshape(key.shape)
    if key.ndim > 1 and not key.shape[1]:
        key = np.zeros(count, np.int64)
    line = key.ndim == 1
    _, first, inverse, counts = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True, axis=None if line else 0, equal_nan=False
    )
    order = np.arange(first.size) if ordered else np.argsort(first, kind="stable")
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    return np.take(x, first[order], axis), place[inverse.reshape(-1)], counts[order].astype(np.int64)


declare(Prim("unique", _unique_type, _unique_array, native=False, sizes=1))


def unique(x: Node, axis: int = 0, ordered: bool = False) -> tuple[Node, Node, Node]:
    """The different slices along ``axis``; which of them each slice is; how often each occurs.

    They are in order of first appearance, or, ``ordered``, from the smallest on, slices like words in a dictionary.
    """
    found = apply("unique", x, axis=integer(axis, "unique: axis"), **({"ordered": True} if ordered else {}))
    return item(found, 0), item(found, 1), item(found, 2)


def _measure_type(size: Type, sizes: tuple) -> Type:
    if size != INDEX:
        raise DtypeError(f"measure: the size is {size} instead of i64[]")
    return Type(dt.u8, (sizes[0], 0))


def _measure_array(size):
    if not 0 <= int(size) < _LARGEST:
        raise ShapeError(f"a size computed while running is {int(size)}" + (", which is negative" if size < 0 else ""))
    return np.empty((int(size), 0), np.uint8)


declare(Prim("measure", _measure_type, _measure_array, native=False, sizes=1))


def measured(size: Node):
    """A dimension with the value of a rank-0 i64 Node: an int where that is constant, else a symbol.

    A negative value is refused while running.
    """
    value = const_value(size)
    if value is not None:
        return int(value)
    return size if size.op == "symbol" else made_by(apply("measure", size))[0]


# ------------------------------------------------------------------------------------------ strings


def _text_array(elements, shape):
    array = np.empty(len(elements), object)
    array[:] = [e.encode("latin-1") for e in elements]
    return np.broadcast_to(array.reshape(()) if len(elements) == 1 else array.reshape(shape), shape).copy()


declare(Prim("text", lambda elements, shape: Type(dt.string, shape), _text_array, native=False))


def text(data: Data, type: Type) -> Node:
    """A constant of strings as an operation, whose attributes hold the bytes (each as one character)."""
    elements = tuple([_bytes(e).decode("latin-1") for e in data.array.reshape(-1)])
    return apply("text", elements=elements or ("",), shape=type.shape)


def _bytes(element) -> bytes:
    return element if isinstance(element, bytes) else str(element).encode()
