"""The bytes of an ELF shared object: segments, dynamic section, symbol table, section headers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from graphc.runtime.elf_object import EXEC, WRITE, Section, Symbol

GLOBAL_OBJECT, GLOBAL_FUNCTION = 0x11, 0x12  # binding global, type data or function

_HEADER_SIZE, _SEGMENT_SIZE, _SYMBOL_SIZE, _RELA_SIZE = 64, 56, 24, 24
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_R, _W, _X = 4, 2, 1
_ABSOLUTE = 0xFFF1


@dataclass(frozen=True)
class DynamicSymbol:
    """An imported (``symbol`` is None) or exported name."""

    name: str
    symbol: Symbol | None
    info: int
    size: int


class Image:
    """Places sections in three segments (read; read and execute; read and write) and writes the file.

    Args:
        abi: the flags of the file's header, by which a loader knows the calling convention.
        sections: what is loaded, in any order; ``place`` sets their addresses.
        relocation_count: how many relocations the loader will have to apply.
    """

    def __init__(
        self, machine: int, page: int, abi: int, needed, symbols: list[DynamicSymbol], sections: list[Section], relocation_count: int
    ):
        self.machine, self.page, self.abi, self.needed, self.symbols = machine, page, abi, tuple(needed), symbols
        self.strings = _Strings()
        self.needed_at = [self.strings.add(name) for name in self.needed]
        self.names_at = [self.strings.add(s.name) for s in symbols]
        self.indices = {s.name: i + 1 for i, s in enumerate(symbols)}
        self.hash = _own(".hash", 8, _hash_table([s.name for s in symbols]))
        self.dynsym = _own(".dynsym", 8, bytes(_SYMBOL_SIZE * (len(symbols) + 1)))
        self.dynstr = _own(".dynstr", 1, bytes(self.strings.data))
        self.rela = _own(".rela.dyn", 8, bytes(_RELA_SIZE * relocation_count))
        self.dynamic = _own(".dynamic", 8, bytes(16 * (len(self.needed) + 11)), WRITE)
        own = [self.hash, self.dynsym, self.dynstr, self.rela]
        groups = [
            (_R, own + [s for s in sections if not s.flags & (WRITE | EXEC)]),
            (_R | _X, [s for s in sections if s.flags & EXEC]),
            (_R | _W, [self.dynamic] + [s for s in sections if s.flags & WRITE and s.data is not None]
             + [s for s in sections if s.flags & WRITE and s.data is None]),
        ]  # fmt: skip
        self.groups = [(flags, [s for s in group if s.size]) for flags, group in groups]
        self.groups = [(flags, group) for flags, group in self.groups if group]  # an empty segment cannot be mapped
        self.listed = {id(s): i + 1 for i, s in enumerate(s for _, group in self.groups for s in group)}
        self.segments: list[tuple] = []
        self.offsets: dict[int, int] = {}
        self.end = 0

    def symbol_index(self, name: str) -> int:
        """The position of an imported or exported name in the dynamic symbol table."""
        return self.indices[name]

    def place(self) -> None:
        """Give every section its address and its offset in the file."""
        offset = _HEADER_SIZE + _SEGMENT_SIZE * (len(self.groups) + 2)
        base = 0  # address minus offset in the file: a segment starts on a new page, but not at a new file page
        for flags, group in self.groups:
            largest = max([s.align for s in group], default=1)
            if largest > self.page:
                offset = _up(offset, largest)
                base = _up(base, largest)
            start = 0 if not self.segments else offset
            memory = offset
            for section in group:
                memory = _up(memory, section.align)
                section.address = base + memory
                self.offsets[id(section)] = memory
                memory += section.size
                if section.data is not None:
                    offset = memory
            self.segments.append((flags, start, base + start, offset - start, memory - start))
            base += _up(memory - offset, self.page) + self.page
        self.end = offset

    def encode(self, loader_relocations: bytes) -> bytes:
        """The whole file, once the sections hold their final bytes."""
        self.rela.data[:] = loader_relocations
        self.dynsym.data[:] = self._symbol_table()
        entries = self._dynamic_entries()
        self.dynamic.data[: len(entries)] = entries
        out = bytearray(self.end)
        for _, group in self.groups:
            for section in group:
                if section.data is not None:
                    at = self.offsets[id(section)]
                    out[at : at + section.size] = section.data
        table, names, count = self._section_headers(len(out))
        out += names
        out += bytes(-len(out) % 8)
        table_at = len(out)
        out += table
        out[:_HEADER_SIZE] = struct.pack(
            "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, self.machine, 1, 0, _HEADER_SIZE, table_at, self.abi,
            _HEADER_SIZE, _SEGMENT_SIZE, len(self.groups) + 2, 64, count, count - 1,
        )  # fmt: skip
        out[_HEADER_SIZE : _HEADER_SIZE + _SEGMENT_SIZE * (len(self.groups) + 2)] = self._program_headers()
        return bytes(out)

    def _program_headers(self) -> bytes:
        pack = struct.Struct("<IIQQQQQQ").pack
        rows = []
        for (flags, offset, address, size, memory), (_, group) in zip(self.segments, self.groups):
            align = max([self.page] + [s.align for s in group])
            rows.append(pack(_LOAD, flags, offset, address, address, size, memory, align))
        at, size = self.offsets[id(self.dynamic)], self.dynamic.size
        rows.append(pack(_DYNAMIC, _R | _W, at, self.dynamic.address, self.dynamic.address, size, size, 8))
        rows.append(pack(_STACK, _R | _W, 0, 0, 0, 0, 0, 16))
        return b"".join(rows)

    def _symbol_table(self) -> bytes:
        pack = struct.Struct("<IBBHQQ").pack
        rows = [bytes(_SYMBOL_SIZE)]
        for name_at, entry in zip(self.names_at, self.symbols):
            if entry.symbol is None:
                rows.append(pack(name_at, entry.info, 0, 0, 0, 0))
            else:
                index = self.listed.get(id(entry.symbol.section), _ABSOLUTE)
                rows.append(pack(name_at, entry.info, 0, index, entry.symbol.address, entry.size))
        return b"".join(rows)

    def _dynamic_entries(self) -> bytes:
        entries = [(1, at) for at in self.needed_at]  # NEEDED
        entries += [
            (4, self.hash.address),
            (5, self.dynstr.address),
            (6, self.dynsym.address),
            (10, self.dynstr.size),
            (11, _SYMBOL_SIZE),
        ]
        if self.rela.size:
            entries += [(7, self.rela.address), (8, self.rela.size), (9, _RELA_SIZE)]
        entries += [(30, 8), (0x6FFFFFFB, 1), (0, 0)]  # FLAGS and FLAGS_1: bind now
        return b"".join(struct.pack("<QQ", *entry) for entry in entries)

    def _section_headers(self, names_at: int) -> tuple[bytes, bytes, int]:
        """Headers for tools; the loader does not read them. Answers (table, names, count)."""
        names = _Strings()
        rows = [bytes(64)]
        sections = [s for _, group in self.groups for s in group]
        kinds = {".hash": 5, ".dynsym": 11, ".dynstr": 3, ".rela.dyn": 4, ".dynamic": 6}
        links = {".hash": self.dynsym, ".dynsym": self.dynstr, ".rela.dyn": self.dynsym, ".dynamic": self.dynstr}
        sizes = {".hash": 4, ".dynsym": _SYMBOL_SIZE, ".rela.dyn": _RELA_SIZE, ".dynamic": 16}
        pack = struct.Struct("<IIQQQQIIQQ").pack
        for s in sections:
            kind = 8 if s.data is None else kinds.get(s.name, 1)
            link = self.listed.get(id(links.get(s.name)), 0)
            info = 1 if s.name == ".dynsym" else 0
            at = self.offsets[id(s)]
            rows.append(pack(names.add(s.name), kind, s.flags | 2, s.address, at, s.size, link, info, s.align, sizes.get(s.name, 0)))
        own_name = names.add(".shstrtab")
        rows.append(pack(own_name, 3, 0, 0, names_at, len(names.data), 0, 0, 1, 0))
        return b"".join(rows), bytes(names.data), len(rows)


class _Strings:
    """A string table; equal strings share one place."""

    def __init__(self):
        self.data = bytearray(b"\0")
        self.places: dict[str, int] = {}

    def add(self, text: str) -> int:
        if text not in self.places:
            self.places[text] = len(self.data)
            self.data += text.encode() + b"\0"
        return self.places[text]


def _own(name: str, align: int, data: bytes, flags: int = 0) -> Section:
    return Section(name, flags, align, len(data), bytearray(data))


def _up(value: int, align: int) -> int:
    return -(-value // align) * align


def _hash_table(names: list[str]) -> bytes:
    """The System V hash table of dynamic symbols 1, 2, ...."""
    bucket_count = max(1, len(names) // 2)
    buckets, chains = [0] * bucket_count, [0] * (len(names) + 1)
    for index, name in enumerate(names, 1):
        code = 0
        for byte in name.encode():
            code = (code << 4) + byte
            high = code & 0xF0000000
            code = (code ^ high >> 24) & ~high & 0xFFFFFFFF
        bucket = code % bucket_count
        chains[index], buckets[bucket] = buckets[bucket], index
    return struct.pack(f"<{2 + bucket_count + len(chains)}I", bucket_count, len(chains), *buckets, *chains)
