"""Putting bytes into a relocatable object, as the content of a symbol that it leaves undefined."""

from __future__ import annotations

import struct

from graphc.errors import CompileError
from graphc.runtime.elf_object import ALLOC

_PROGBITS, _SYMTAB = 1, 2
_GLOBAL_OBJECT = 0x11  # binding global, type object
_ALIGN = 64
_MOST_SECTIONS = 0xFF00
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")


def embed(data: bytes, name: str, content) -> bytes:
    """The object ``data`` with ``content`` as the definition of its undefined symbol ``name``.

    The content is copied as it is and starts at a multiple of 64 bytes, so its size costs nothing but the copy; written
    as text for LLVM it would be parsed byte by byte.

    Raises:
        CompileError: ``data`` is no relocatable ELF64 object, or leaves no such symbol undefined.
    """
    _check(data)
    (table,) = struct.unpack_from("<Q", data, 40)
    count, names_index = struct.unpack_from("<HH", data, 60)
    headers = [list(_SECTION.unpack_from(data, table + k * _SECTION.size)) for k in range(count)]
    if count + 1 >= _MOST_SECTIONS:
        raise CompileError(f"object file has {count} sections, too many to add one")
    result = bytearray(data)
    _define(result, headers, name, count, len(content))
    result += bytes(-len(result) % _ALIGN)
    begin = len(result)
    result += content
    _, _, _, _, offset, size, *_ = headers[names_index]
    strings = bytes(data[offset : offset + size]) + b".rodata." + name.encode() + b"\0"
    headers[names_index][4:6] = len(result), len(strings)
    result += strings
    result += bytes(-len(result) % 8)
    headers.append([size, _PROGBITS, ALLOC, 0, begin, len(content), 0, 0, _ALIGN, 0])
    struct.pack_into("<Q", result, 40, len(result))
    struct.pack_into("<H", result, 60, count + 1)
    for header in headers:
        result += _SECTION.pack(*header)
    return bytes(result)


def _check(data: bytes) -> None:
    """Refuse what is no relocatable object; machines that the linker does not know are fine here."""
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64 or struct.unpack_from("<H", data, 16)[0] != 1:
        raise CompileError("object file is not a relocatable little-endian ELF64 file")


def _define(result: bytearray, headers: list, name: str, section: int, size: int) -> None:
    """Make every undefined symbol ``name`` the start of a section."""
    found = False
    for header in headers:
        if header[1] != _SYMTAB:
            continue
        begin, strings = header[4], headers[header[6]]
        for at in range(begin, begin + header[5], _SYMBOL.size):
            label, _, other, index, _, _ = _SYMBOL.unpack_from(result, at)
            start = strings[4] + label
            if index == 0 and result[start : result.index(0, start)] == name.encode():
                _SYMBOL.pack_into(result, at, label, _GLOBAL_OBJECT, other, section, 0, size)
                found = True
    if not found:
        raise CompileError(f"object file does not leave {name!r} undefined")
