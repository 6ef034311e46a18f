"""Numbers in groups of seven bits, the lowest first, as protobuf's messages and checkpoint tables have them."""

from __future__ import annotations

_MOST_BITS = 70  # of ten bytes, which 64 bits take


def varint(number: int) -> bytes:
    """A number that is not negative."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, at: int, end: int) -> tuple[int, int]:
    """The number that stands at a place, and the place after it; -1 where none ends before ``end`` or after ten bytes."""
    number = shift = 0
    while at < end and shift < _MOST_BITS:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    return -1, at
