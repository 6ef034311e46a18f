"""Results too large to stay in the caches: stores to them go past, which spares reading each line before it is written."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from graphc.ir.kernel import Array
from graphc.ir.type import Type

LEAST_ROW = 256  # elements of a row, whose two ends are stored as usual


def streamed(array: Array, row: object, least: int, read: Container[str] = ()) -> Array:
    """The array, streamed if it is a big result that is written in rows of so many elements and not read again.

    Args:
        row: elements that lie together; only a number is looked at.
        least: bytes from which on a result is big, as the machine has it (``ir.machine.Machine.stream_bytes``).
        read: names of the arrays that the kernel itself reads again.
    """
    known = type(row) is int and row >= LEAST_ROW
    once = array.written and array.name not in read
    return replace(array, streamed=True) if known and once and is_large(array.type, least) else array


def is_large(type: Type, least: int) -> bool:
    """Whether a result of this type is known to be too big for the caches."""
    return isinstance(type.size, int) and type.size * type.dtype.size >= least
