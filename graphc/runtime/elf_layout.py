"""How the tables of ELF files lie: those of 64 bits, and those of 32."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from graphc.errors import CompileError


@dataclass(frozen=True)
class Symbol:
    """An entry of a symbol table."""

    name: int
    info: int
    other: int
    section: int
    value: int
    size: int

    @property
    def binding(self) -> int:
        return self.info >> 4


@dataclass(frozen=True)
class Layout:
    """The records of one class of files.

    Attributes:
        bits: width of an address.
        section: name, type, flags, address, offset, size, link, info, alignment, size of entries.
    """

    bits: int
    word: struct.Struct
    section: struct.Struct
    entry: struct.Struct
    table_at: int
    counts_at: int

    def table(self, data) -> tuple[int, int, int]:
        """Where the headers of sections begin, how many there are, and which section has their names."""
        return (*self.word.unpack_from(data, self.table_at), *_COUNTS.unpack_from(data, self.counts_at))

    def headers(self, data) -> list[list[int]]:
        """The headers of all sections."""
        table, count, _ = self.table(data)
        return [list(self.section.unpack_from(data, table + k * self.section.size)) for k in range(count)]

    def move_table(self, data: bytearray, table: int, count: int) -> None:
        """Say that the headers of sections are somewhere else."""
        self.word.pack_into(data, self.table_at, table)
        struct.pack_into("<H", data, self.counts_at, count)

    def symbol(self, data, at: int) -> Symbol:
        """The entry of a symbol table at an offset of the file."""
        found = self.entry.unpack_from(data, at)
        if self.bits == 64:
            return Symbol(*found)
        name, value, size, info, other, section = found
        return Symbol(name, info, other, section, value, size)

    def put_symbol(self, data: bytearray, at: int, s: Symbol) -> None:
        """Write the entry of a symbol table at an offset of the file."""
        fields = (s.info, s.other, s.section)
        self.entry.pack_into(data, at, s.name, *((*fields, s.value, s.size) if self.bits == 64 else (s.value, s.size, *fields)))


_COUNTS = struct.Struct("<HH")
_BITS_64 = Layout(64, struct.Struct("<Q"), struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ"), 40, 60)
_BITS_32 = Layout(32, struct.Struct("<I"), struct.Struct("<10I"), struct.Struct("<IIIBBH"), 32, 48)


def layout_of(data: bytes) -> Layout:
    """The layout of a relocatable object.

    Raises:
        CompileError: it is no relocatable little-endian ELF file.
    """
    layout = {b"\x7fELF\x02\x01": _BITS_64, b"\x7fELF\x01\x01": _BITS_32}.get(bytes(data[:6]))
    if layout is None or len(data) < 64 or struct.unpack_from("<H", data, 16)[0] != 1:
        raise CompileError("object file is not a relocatable little-endian ELF file")
    return layout
