"""Dimensions: attributes put into their normal form, and what can be proved about sizes."""

from __future__ import annotations

import operator

from graphc.errors import DtypeError, ShapeError
from graphc.ir.node import INDEX, Node, bounds, const, is_index, simplified
from graphc.ir.type import Type


def integer(value, what: str) -> int:
    """A plain int.

    Raises:
        DtypeError: ``value`` is no integer.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise DtypeError(f"{what}: {value!r} is not an integer") from None


def integers(values, what: str) -> tuple[int, ...]:
    """A tuple of plain ints."""
    try:
        return tuple([integer(v, what) for v in values])
    except TypeError as error:
        if isinstance(error, DtypeError):
            raise
        raise DtypeError(f"{what}: {values!r} is not a sequence of integers") from None


def dim(value, what: str = "shape"):
    """A dimension: an int, or a rank-0 i64 Node that is not constant."""
    if isinstance(value, Node):
        if not is_index(value):
            raise DtypeError(f"{what}: {value.type} is not a rank-0 i64 value")
        return simplified(value)
    return integer(value, what)


def dims(values, what: str = "shape") -> tuple:
    """A tuple of dimensions."""
    try:
        values = tuple(values)
    except TypeError:
        raise DtypeError(f"{what}: {values!r} is not a sequence of dimensions") from None
    return tuple([dim(v, what) for v in values])


def size_of(shape):
    """The product of dimensions, as a dimension."""
    total = 1
    for d in shape:
        total = total * d
    return simplified(total)


def lowest(value) -> int | None:
    """The smallest value a dimension is known to have, None if unknown."""
    return bounds(value)[0]


def highest(value) -> int | None:
    """The largest value a dimension is known to have, None if unknown."""
    return bounds(value)[1]


def never_negative(value, message: str):
    """Refuse a dimension that is surely negative.

    Raises:
        ShapeError: with ``message``.
    """
    top = highest(value)
    if top is not None and top < 0:
        raise ShapeError(message)


def axis_of(axis: int, rank: int, op: str) -> int:
    """``axis`` itself, when it is one of ``rank`` axes counted from 0."""
    if not 0 <= axis < rank:
        raise ShapeError(f"{op}: axis {axis} is not one of the {rank} axes")
    return axis


def axes_of(axes: tuple, rank: int, op: str) -> tuple:
    """``axes`` themselves, when they are different axes counted from 0."""
    for axis in axes:
        axis_of(axis, rank, op)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{op}: axes {axes} repeat one")
    return axes


def as_node(value) -> Node:
    """A dimension or index as a rank-0 i64 Node."""
    return value if isinstance(value, Node) else const(value, INDEX)


def zeros(type: Type) -> Node:
    """The constant 0 of a type."""
    return const(0, type)


def ones(type: Type) -> Node:
    """The constant 1 of a type."""
    return const(1, type)
