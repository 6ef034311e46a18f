"""Looking up data in an ELF shared object without loading it: nothing of the file is run."""

from __future__ import annotations

import struct

from graphc.errors import FormatError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SHARED, _DYNSYM, _NOBITS, _UNDEFINED = 3, 11, 8, 0


def find_data(view: memoryview, suffix: str) -> dict[str, bytes]:
    """The exported symbols whose names end with ``suffix``, and the bytes at each.

    Args:
        view: the file, bytes.

    Raises:
        FormatError: it is no little-endian ELF64 shared object, or is cut off or damaged; the message does not say which file.
    """
    try:
        return _find(view, suffix.encode())
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise FormatError(f"the tables of the shared library are damaged: {error}") from None


def _find(view: memoryview, suffix: bytes) -> dict[str, bytes]:
    if bytes(view[:6]) != b"\x7fELF\x02\x01" or len(view) < _HEADER.size:
        raise FormatError("this is no shared library for 64-bit little-endian Linux")
    _, kind, _, _, _, _, table, _, _, _, _, entry_size, count, _ = _HEADER.unpack_from(view)
    if kind != _SHARED:
        raise FormatError("this is an ELF file, but no shared library (an object file must be linked first)")
    if entry_size != _SECTION.size or count == 0 or table + count * entry_size > len(view):
        raise FormatError(f"the section table does not lie within the {len(view)} bytes of the file: it is cut off, or stripped of it")
    headers = [_SECTION.unpack_from(view, table + k * entry_size) for k in range(count)]
    found = {}
    for header in headers:
        if header[1] != _DYNSYM:
            continue
        symbols, strings = _content(view, header), bytes(_content(view, headers[header[6]]))
        for at in range(0, len(symbols) - _SYMBOL.size + 1, _SYMBOL.size):
            label, _, _, index, address, size = _SYMBOL.unpack_from(symbols, at)
            end = strings.find(b"\0", label)
            if index == _UNDEFINED or end < 0 or not strings[:end].endswith(suffix, label) or index >= count:
                continue
            content, begin = _content(view, headers[index]), address - headers[index][3]
            if begin < 0 or begin + size > len(content):
                raise FormatError(f"symbol {strings[label:end].decode()!r} lies outside its section")
            found[strings[label:end].decode()] = bytes(content[begin : begin + size])
    return found


def _content(view: memoryview, header: tuple) -> memoryview:
    """The bytes of a section; none for one that the file does not hold."""
    _, kind, _, _, offset, size, *_ = header
    if kind == _NOBITS:
        return view[:0]
    if offset + size > len(view):
        raise FormatError(f"{size} bytes at {offset} do not lie within the {len(view)} bytes of the file: it is cut off or damaged")
    return view[offset : offset + size]
