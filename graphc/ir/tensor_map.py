"""Arguments of kernels that are tensor maps: what the copy engine of a GPU is told of an array, in place of its address."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

from graphc.ir.type import Type

WORDS, _ALIGNMENT = 16, 8  # of 8 bytes: of a map, and what its place among the arguments is a multiple of
MOST, MOST_BOX = 4, 256  # dimensions, and elements of a box along one of them
ROW, ACCESS = 128, 16  # bytes of a row of a box, and what those of rows of the array are a multiple of


@dataclass(frozen=True)
class TensorMap:
    """An argument of a launch that is a tensor map; rows of its boxes are swizzled by 128 bytes.

    Attributes:
        argument: its number. type: of the array as the kernel sees it, with a static shape.
        box: elements that one copy takes, of each dimension.
    """

    argument: int
    type: Type
    box: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Elements of each dimension, the innermost first."""
        return self.type.shape[::-1]

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes between neighbours, for every dimension but the innermost."""
        found, size = [], self.type.dtype.size
        for extent in self.sizes[:-1]:
            size *= extent
            found.append(size)
        return tuple(found)


def fault_of_map(m: TensorMap, arguments: int) -> str:
    """What the copy engine could make nothing of; empty if nothing."""
    shape, box = m.type.shape, m.box
    if type(m.argument) is not int or not 0 <= m.argument < arguments:
        return f"there is no argument {m.argument} to be a tensor map"
    if not m.type.is_static or type(box) is not tuple or not 2 <= len(box) == len(shape) <= MOST:
        return f"a tensor map is of 2 to {MOST} dimensions of known size, not of {m.type} by {box}"
    if any(type(b) is not int or not 0 < b <= MOST_BOX for b in box) or box[-1] * m.type.dtype.size != ROW:
        return f"boxes of a tensor map have 1 to {MOST_BOX} elements of each dimension and rows of {ROW} bytes, not {box}"
    if 0 in shape or any(s % ACCESS for s in m.strides):
        return f"rows of a tensor map are multiples of {ACCESS} bytes, and there are some; not {m.type}"
    return ""


def argument_places(count: int, mapped: Collection[int]) -> list[int]:
    """Where each of ``count`` arrays stands among a launch's packed arguments, in words of 8 bytes, and behind them where dims do.

    Args:
        mapped: the numbers of those that are tensor maps.
    """
    places, place = [], 0
    for number in range(count):
        if number in mapped:
            place = -(-place // _ALIGNMENT) * _ALIGNMENT
        places.append(place)
        place += WORDS if number in mapped else 1
    return [*places, place]


def packed_arguments(addresses: list[int], maps: dict[int, bytes], dims: list[int]) -> bytes:
    """The arguments of a launch as a kernel takes them: addresses of its arrays, with maps in place of some, then values of its dims."""
    places = argument_places(len(addresses), maps.keys())
    content = bytearray(8 * places[-1])
    for number, place in enumerate(places[:-1]):
        one = maps.get(number) or struct.pack("<q", addresses[number])
        content[8 * place : 8 * place + len(one)] = one
    return bytes(content) + struct.pack(f"<{len(dims)}q", *dims)


def maps_of(kernel) -> tuple[TensorMap, ...]:
    """The arguments of a Kernel that are tensor maps."""
    return tuple([TensorMap(k, a.type, a.box) for k, a in enumerate(kernel.arrays) if a.box is not None])
