"""Reading relocatable ELF64 objects: sections, symbols and relocations, every offset checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from graphc.errors import CompileError

X86_64, AARCH64, RISCV64 = 62, 183, 243
MACHINES = {X86_64: "x86-64", AARCH64: "aarch64", RISCV64: "riscv64"}

WRITE, ALLOC, EXEC, TLS = 1, 2, 4, 0x400
LOCAL, GLOBAL, WEAK = 0, 1, 2
UNDEFINED, ABSOLUTE, COMMON = 0, 0xFFF1, 0xFFF2

_PROGBITS, _SYMTAB, _RELA, _NOBITS, _UNWIND = 1, 2, 4, 8, 0x70000001
_FAR, _LARGEST_ALIGN = 1 << 40, 1 << 20
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")


@dataclass(eq=False)
class Section:
    """A piece of an object that is loaded: code, constants or variables.

    Attributes:
        data: its bytes; None for zeros, of which only ``size`` is known.
        address: where it will be loaded; set while linking.
        relocations: ``(offset, type, Symbol, addend)``.
    """

    name: str
    flags: int
    align: int
    size: int
    data: bytearray | None
    address: int = 0
    relocations: list = field(default_factory=list)


@dataclass(eq=False)
class Symbol:
    """A name in an object; ``section`` is None for an undefined or absolute one."""

    name: str
    binding: int
    kind: int
    section: Section | None
    value: int
    size: int
    index: int

    @property
    def is_defined(self) -> bool:
        return self.section is not None or self.index == ABSOLUTE

    @property
    def address(self) -> int:
        """Where it will be loaded; valid once sections have addresses."""
        return self.value + (self.section.address if self.section is not None else 0)


@dataclass(frozen=True, eq=False)
class Object:
    """One relocatable object: its machine, the sections that are loaded, its symbols."""

    machine: int
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]


def read_object(data: bytes) -> Object:
    """Take a relocatable object apart.

    Raises:
        CompileError: it is no ELF64 little-endian relocatable object, is damaged, or needs what the linker cannot do.
    """
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise CompileError(f"object file is damaged: {error}") from None


def _read(data: bytes) -> Object:
    if data[:6] != b"\x7fELF\x02\x01":
        raise CompileError("object file is not a little-endian ELF64 file")
    _, kind, machine, *_, table, _, _, _, _, entry_size, count, names_index = _HEADER.unpack_from(data)
    if kind != 1 or machine not in MACHINES:
        known = ", ".join(MACHINES.values())
        raise CompileError(f"object file has type {kind} and machine {machine}; only relocatable objects for {known} can be linked")
    if entry_size != _SECTION.size or count == 0:
        raise CompileError("object file has no usable section table")
    headers = [_SECTION.unpack_from(data, table + i * entry_size) for i in range(count)]
    names = _bytes(data, headers[names_index])
    sections = [_section(data, header, _string(names, header[0])) for header in headers]
    symbols: list[Symbol] = []
    for header in headers:
        if header[1] == _SYMTAB:
            symbols = _symbols(_bytes(data, header), _bytes(data, headers[header[6]]), sections)
    for header in headers:
        target = sections[header[7]] if header[1] == _RELA and header[7] < count else None
        if target is not None:
            target.relocations = _relocations(_bytes(data, header), symbols, target)
    return Object(machine, tuple(s for s in sections if s is not None), tuple(symbols))


def _section(data: bytes, header, name: str) -> Section | None:
    """The section if it is loaded, else None. Unwind tables are dropped: generated code never unwinds."""
    _, kind, flags, _, _, size, _, _, align, _ = header
    if not flags & ALLOC or name == ".eh_frame" or kind == _UNWIND:
        return None
    if flags & TLS or kind not in (_PROGBITS, _NOBITS):
        what = "thread-local variables" if flags & TLS else f"section type {kind:#x}"
        raise CompileError(f"object file: section {name}: {what} cannot be linked")
    if align & (align - 1) or align > _LARGEST_ALIGN or size > _FAR:
        raise CompileError(f"object file: section {name} of {size} bytes at multiples of {align} cannot be linked")
    content = None if kind == _NOBITS else bytearray(_bytes(data, header))
    return Section(name, flags & (WRITE | ALLOC | EXEC), max(1, align), size, content)


def _bytes(data: bytes, header) -> bytes:
    offset, size = header[4], header[5]
    if offset + size > len(data):
        raise CompileError(f"object file is damaged: a section ends at {offset + size} of {len(data)} bytes")
    return data[offset : offset + size]


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode()


def _symbols(table: bytes, strings: bytes, sections: list) -> list[Symbol]:
    symbols = []
    for name, info, _, index, value, size in _SYMBOL.iter_unpack(table):
        section = sections[index] if UNDEFINED < index < 0xFF00 else None
        if index == COMMON:
            # `value` of a common symbol is its alignment. It becomes a piece of zeros of its own.
            section, value = Section("COMMON", WRITE | ALLOC, max(1, value), size, None), 0
            sections.append(section)
        if section is not None and value > section.size:
            raise CompileError(f"object file is damaged: a symbol at {value} of section {section.name} ({section.size} bytes)")
        symbols.append(Symbol(_string(strings, name), info >> 4, info & 15, section, value, size, index))
    return symbols


def _relocations(table: bytes, symbols: list[Symbol], section: Section) -> list:
    found = []
    for offset, info, addend in _RELOCATION.iter_unpack(table):
        if offset + 4 > section.size or section.data is None or abs(addend) > _FAR:
            raise CompileError(f"object file is damaged: relocation at {offset} of section {section.name} ({section.size} bytes)")
        found.append((offset, info & 0xFFFFFFFF, symbols[info >> 32], addend))
    return found
