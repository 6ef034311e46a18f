"""Exchanging rows and columns of a square register array: a network of two-operand shuffles.

First neighbouring rows are interleaved inside blocks of 128 bits, then whole blocks change places: these are the shuffles
that vector units of every width have (unpack and shuffle of blocks on x86-64, zip on AArch64).
"""

from __future__ import annotations

from graphc.codegen.llvm.builder import Value, element_type
from graphc.codegen.llvm.function import Function
from graphc.codegen.llvm.storage import Storage
from graphc.errors import CompileError
from graphc.ir.dtype import b1

_BLOCK = 128  # bits that every vector unit can interleave within


def turn(function: Function, storage: Storage) -> None:
    """Make element [i, j] of the array what [j, i] was."""
    size, chunk, dtype = storage.array.type.shape[0], storage.chunk, storage.array.type.dtype
    if dtype is b1:
        raise CompileError(f"array {storage.array.name} of masks cannot be turned")
    function.here()
    if storage.pointer is not None:
        _turn_memory(function, storage, size)
        return
    name, count = storage.array.name, storage.values_per_row
    if chunk * count != size or chunk & (chunk - 1):
        raise CompileError(f"array {name} of {storage.array.type} has rows that are not whole registers")
    old = {k: function.read((name, k)) for k in range(size * count)}
    for column in range(count):
        for row in range(count):
            block = [old[(row * chunk + k) * count + column] for k in range(chunk)]
            for k, value in enumerate(columns_of(function, block)):
                function.state[name, (column * chunk + k) * count + row] = value


def columns_of(function: Function, rows: list[Value]) -> list[Value]:
    """The columns of as many rows as they have lanes."""
    rows, lanes = list(rows), len(rows)
    if lanes == 1:
        return rows
    group = min(lanes, max(1, _BLOCK // rows[0].dtype.bits))
    blocks = lanes // group
    low = [_inside(lanes, group, k) for k in (0, group // 2)]
    for start in range(0, lanes, group):
        part = rows[start : start + group]
        for _ in range(group.bit_length() - 1):
            half = group // 2
            part = [_shuffle(function, part[k], part[k + half], order) for k in range(half) for order in low]
        rows[start : start + group] = part
    result: list = [None] * lanes
    even, odd = [_alternate(lanes, group, first) for first in (0, 1)]
    for place in range(group):
        part = rows[place::group]
        for _ in range(blocks.bit_length() - 1):
            pairs = list(zip(part[::2], part[1::2]))
            part = [_shuffle(function, x, y, order) for order in (even, odd) for x, y in pairs]
        result[place::group] = part
    return result


def _inside(lanes: int, group: int, first: int) -> list[int]:
    """In each block the elements from ``first`` on of both operands, alternating."""
    return [start + first + k // 2 + (k % 2) * lanes for start in range(0, lanes, group) for k in range(group)]


def _alternate(lanes: int, group: int, first: int) -> list[int]:
    """Every other block of both operands, beginning with the first or the second."""
    return [start + k for start in range(first * group, 2 * lanes, 2 * group) for k in range(group)]


def _shuffle(function: Function, x: Value, y: Value, order: list[int]) -> Value:
    numbers = ", ".join(f"i32 {k}" for k in order)
    return function.builder.emit(f"shufflevector {x.operand}, {y.operand}, <{x.lanes} x i32> <{numbers}>", x.dtype, x.lanes)


def _turn_memory(function: Function, storage: Storage, size: int) -> None:
    """On machines without vectors the array lies in memory."""
    dtype = storage.array.type.dtype
    kind = element_type(dtype)
    for i in range(size):
        for j in range(i):
            places = []
            for place in (i * size + j, j * size + i):
                name = f"%p{next(function.names)}"
                function.put(f"  {name} = getelementptr i8, ptr {storage.pointer}, i64 {place * dtype.size}")
                places.append(name)
            values = [function.builder.emit(f"load {kind}, ptr {p}, align {dtype.size}", dtype, 1) for p in places]
            for value, place in zip(values, reversed(places)):
                function.put(f"  store {value.operand}, ptr {place}, align {dtype.size}")
