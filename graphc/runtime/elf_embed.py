"""Putting bytes into a relocatable object, as the content of a symbol that it leaves undefined."""

from __future__ import annotations

from graphc.errors import CompileError
from graphc.runtime.elf_layout import Layout, Symbol, layout_of
from graphc.runtime.elf_object import ALLOC

_PROGBITS, _SYMTAB = 1, 2
_GLOBAL_OBJECT = 0x11  # binding global, type object
_ALIGN = 64
_MOST_SECTIONS = 0xFF00


def embed(data: bytes, name: str, content) -> bytes:
    """The object ``data`` with ``content`` as the definition of its undefined symbol ``name``.

    The content is copied as it is and starts at a multiple of 64 bytes, so its size costs nothing but the copy; written
    as text for LLVM it would be parsed byte by byte.

    Raises:
        CompileError: ``data`` is no relocatable ELF object, or leaves no such symbol undefined.
    """
    layout = layout_of(data)
    _, count, names_index = layout.table(data)
    headers = layout.headers(data)
    if count + 1 >= _MOST_SECTIONS:
        raise CompileError(f"object file has {count} sections, too many to add one")
    result = bytearray(data)
    _define(layout, result, headers, name, count, len(content))
    result += bytes(-len(result) % _ALIGN)
    begin = len(result)
    result += content
    _, _, _, _, offset, size, *_ = headers[names_index]
    strings = bytes(data[offset : offset + size]) + b".rodata." + name.encode() + b"\0"
    headers[names_index][4:6] = len(result), len(strings)
    result += strings
    result += bytes(-len(result) % 8)
    headers.append([size, _PROGBITS, ALLOC, 0, begin, len(content), 0, 0, _ALIGN, 0])
    layout.move_table(result, len(result), count + 1)
    for header in headers:
        result += layout.section.pack(*header)
    return bytes(result)


def _define(layout: Layout, result: bytearray, headers: list, name: str, section: int, size: int) -> None:
    """Make every undefined symbol ``name`` the start of a section."""
    found = False
    for header in headers:
        if header[1] != _SYMTAB:
            continue
        begin, strings = header[4], headers[header[6]]
        for at in range(begin, begin + header[5], layout.entry.size):
            symbol = layout.symbol(result, at)
            start = strings[4] + symbol.name
            if symbol.section == 0 and result[start : result.index(0, start)] == name.encode():
                layout.put_symbol(result, at, Symbol(symbol.name, _GLOBAL_OBJECT, symbol.other, section, 0, size))
                found = True
    if not found:
        raise CompileError(f"object file does not leave {name!r} undefined")
