"""Numbers, names and sections as WebAssembly's binary format writes them."""

from __future__ import annotations


def unsigned(value: int, width: int = 1) -> bytes:
    """An unsigned LEB128 number, padded to at least so many bytes."""
    out = bytearray()
    while value > 0x7F or len(out) + 1 < width:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int, width: int = 1) -> bytes:
    """A signed LEB128 number, padded to at least so many bytes."""
    out = bytearray()
    while not -0x40 <= value < 0x40 or len(out) + 1 < width:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name_bytes(name: bytes) -> bytes:
    """A name with its length."""
    return unsigned(len(name)) + name


def vector(items: list[bytes]) -> bytes:
    """Items with their number."""
    return unsigned(len(items)) + b"".join(items)


def section_pieces(kind: int, *content: bytes) -> list[bytes]:
    """A section of this id, without a copy of what is in it."""
    return [bytes([kind]) + unsigned(sum(map(len, content))), *content]


class Reader:
    """Reads one thing after the other from ``data[at:end]``.

    Raises:
        IndexError: there is no more.
    """

    def __init__(self, data: bytes, at: int = 0, end: int | None = None):
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def byte(self) -> int:
        return self.bytes(1)[0]

    def bytes(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > self.end:
            raise IndexError(f"{count} bytes wanted at {start}, where {self.end - start} are left")
        return self.data[start : self.at]

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        start = self.at
        value = self.unsigned()
        width = 7 * (self.at - start)
        return value - (1 << width) if value >> (width - 1) else value

    def name(self) -> bytes:
        return bytes(self.bytes(self.unsigned()))
