"""Reading WebAssembly objects: sections, symbols and relocations, as LLVM writes them."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.errors import CompileError
from graphc.runtime.wasm_numbers import Reader

MAGIC = b"\0asm"
FUNCTION, DATA, GLOBAL, SECTION, TAG, TABLE = range(6)  # kinds of symbols
TYPES, IMPORTS, FUNCTIONS, ELEMENTS, CODE, CONTENT = 1, 2, 3, 9, 10, 11  # ids of sections
_CUSTOM = 0
_LOCAL, _UNDEFINED, _NAMED = 0x02, 0x10, 0x40
_SEGMENTS, _SYMBOLS = 5, 8
_WITH_ADDEND = (3, 4, 5, 8, 9)  # relocations: addresses in memory, and what debuggers read


@dataclass(frozen=True)
class Symbol:
    """A name in an object.

    Attributes:
        index: of the function, global or table among all of its kind, or of the segment of data; 0 for undefined data.
        offset: where the data begins in its segment. size: bytes of data.
    """

    kind: int
    name: bytes
    flags: int
    index: int
    offset: int = 0
    size: int = 0

    @property
    def is_defined(self) -> bool:
        return not self.flags & _UNDEFINED

    @property
    def is_local(self) -> bool:
        return bool(self.flags & _LOCAL)


@dataclass(frozen=True)
class Segment:
    """Bytes that are put into memory: where they lie in the file, and in the content of their section."""

    begin: int
    size: int
    place: int
    align: int


@dataclass(frozen=True)
class Relocation:
    """A number to be written at an offset of the content of a section."""

    kind: int
    offset: int
    symbol: int
    addend: int


@dataclass(frozen=True, eq=False)
class Object:
    """One relocatable object.

    Attributes:
        sections: id -> where the content begins and ends in the file; custom sections are not among them.
        imports: names of imported things by kind of symbol, in their order.
        relocations: id of a section -> those in its content.
    """

    sections: dict[int, tuple[int, int]]
    imports: dict[int, list[bytes]]
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]
    relocations: dict[int, list[Relocation]]


def read_object(data: bytes) -> Object:
    """Take a relocatable object apart.

    Raises:
        CompileError: it is no relocatable WebAssembly object, or is damaged.
    """
    try:
        return _read(data)
    except (IndexError, KeyError, ValueError) as error:
        raise CompileError(f"object file is damaged: {error}") from None


def _read(data: bytes) -> Object:
    if data[:8] != MAGIC + b"\1\0\0\0":
        raise CompileError("object file is no WebAssembly object")
    sections: dict[int, tuple[int, int]] = {}
    numbered: list[int] = []
    custom: list[tuple[bytes, Reader]] = []
    reader = Reader(data, 8)
    while reader.at < len(data):
        kind, size = reader.byte(), reader.unsigned()
        content = Reader(data, reader.at, reader.at + size)
        reader.bytes(size)
        numbered.append(kind)
        if kind == _CUSTOM:
            custom.append((content.name(), content))
        else:
            sections[kind] = content.at, content.end
    imports = _imports(_reader(data, sections, IMPORTS))
    aligns, symbols, relocations = [], (), {}
    for name, content in custom:
        if name == b"linking":
            aligns, symbols = _linking(content, imports)
        elif name.startswith(b"reloc.") and (kind := numbered[content.unsigned()]) != _CUSTOM:
            relocations[kind] = [_relocation(content) for _ in range(content.unsigned())]
    segments = _segments(_reader(data, sections, CONTENT), sections, aligns)
    functions = _reader(data, sections, FUNCTIONS).unsigned()
    for symbol in symbols:
        _check(symbol, len(imports[FUNCTION]) + functions, segments)
    return Object(sections, imports, segments, symbols, relocations)


def _check(symbol: Symbol, functions: int, segments: tuple[Segment, ...]) -> None:
    """Refuse a symbol of what is not there."""
    if symbol.kind == FUNCTION:
        fits = symbol.index < functions
    elif symbol.kind == DATA and symbol.is_defined:
        fits = symbol.index < len(segments) and symbol.offset + symbol.size <= segments[symbol.index].size
    else:
        fits = True
    if not fits:
        raise ValueError(f"symbol {symbol.name.decode(errors='replace')} is nowhere in it")


def _reader(data: bytes, sections: dict[int, tuple[int, int]], kind: int) -> Reader:
    """A reader of a section; of nothing but a zero where there is none."""
    return Reader(data, *sections[kind]) if kind in sections else Reader(b"\0")


def _imports(reader: Reader) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {FUNCTION: [], TABLE: [], DATA: [], GLOBAL: []}
    kinds = (FUNCTION, TABLE, DATA, GLOBAL)  # as imports number them; there DATA stands for a memory
    for _ in range(reader.unsigned()):
        reader.name()
        name, kind = reader.name(), kinds[reader.byte()]
        found[kind].append(name)
        if kind == FUNCTION:
            reader.unsigned()
        elif kind == GLOBAL:
            reader.bytes(2)
        else:
            reader.bytes(1 if kind == TABLE else 0)
            for _ in range(1 + (reader.byte() & 1)):  # the least size, and the most if there is one
                reader.unsigned()
    return found


def _linking(reader: Reader, imports: dict[int, list[bytes]]) -> tuple[list[int], tuple[Symbol, ...]]:
    """The alignments of segments and the symbols."""
    if (version := reader.unsigned()) != 2:
        raise CompileError(f"object file has version {version} of what linkers need; 2 is known")
    aligns: list[int] = []
    symbols: tuple[Symbol, ...] = ()
    while reader.at < reader.end:
        kind, size = reader.byte(), reader.unsigned()
        part = Reader(reader.data, reader.at, reader.at + size)
        reader.bytes(size)
        if kind == _SEGMENTS:
            for _ in range(part.unsigned()):
                part.name()
                aligns.append(1 << part.unsigned())
                part.unsigned()
        elif kind == _SYMBOLS:
            symbols = tuple([_symbol(part, imports) for _ in range(part.unsigned())])
        else:
            raise CompileError(f"object file has a part {kind} that cannot be linked")
    return aligns, symbols


def _symbol(reader: Reader, imports: dict[int, list[bytes]]) -> Symbol:
    kind, flags = reader.byte(), reader.unsigned()
    if kind == DATA:
        name = reader.name()
        return Symbol(kind, name, flags, *([0] if flags & _UNDEFINED else [reader.unsigned() for _ in range(3)]))
    index = reader.unsigned()
    if kind == SECTION:
        return Symbol(kind, b"", flags, index)
    name = reader.name() if not flags & _UNDEFINED or flags & _NAMED else imports[kind][index]
    return Symbol(kind, name, flags, index)


def _relocation(reader: Reader) -> Relocation:
    kind, offset, symbol = reader.byte(), reader.unsigned(), reader.unsigned()
    return Relocation(kind, offset, symbol, reader.signed() if kind in _WITH_ADDEND else 0)


def _segments(reader: Reader, sections: dict[int, tuple[int, int]], aligns: list[int]) -> tuple[Segment, ...]:
    start, _ = sections.get(CONTENT, (0, 0))
    found = []
    for k in range(reader.unsigned()):
        if (mode := reader.unsigned()) != 0:
            raise CompileError(f"object file has a segment of mode {mode}, which cannot be linked")
        if reader.byte() != 0x41:  # i32.const
            raise CompileError("object file has a segment at no fixed place")
        reader.signed()
        reader.byte()
        size = reader.unsigned()
        found.append(Segment(reader.at, size, reader.at - start, aligns[k]))
        reader.bytes(size)
    return tuple(found)
