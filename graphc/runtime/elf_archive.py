"""Static libraries: relocatable objects in the archive format of ``ar`` with an index of symbols, as GNU tools read it."""

from __future__ import annotations

import struct

from graphc.errors import CompileError
from graphc.runtime.elf_layout import layout_of
from graphc.runtime.wasm_object import MAGIC, read_object

_SYMTAB = 2
_LOCAL = 0
_HEADER = 60
_LONGEST = 15  # bytes of a name in the header of a member; a longer one goes into a table of names
_LARGEST_SIZE = 10**10 - 1
_LARGEST_OFFSET = (1 << 32) - 1


def archive(members: dict[str, bytes]) -> list[bytes]:
    """The pieces of a static library of relocatable objects, by file name.

    The same objects always give the same bytes: dates, owners and modes are fixed, as in the deterministic mode of ``ar``.

    Raises:
        CompileError: an object or the library is too large for the format.
    """
    names = b""
    labels = []
    for name in members:
        raw = name.encode()
        if len(raw) > _LONGEST:
            labels.append(f"/{len(names)}".encode())
            names += raw + b"/\n"
        else:
            labels.append(raw + b"/")
    names += b"\n" * (len(names) % 2)
    symbols = [(member, name) for member, data in enumerate(members.values()) for name in defined_names(data)]
    strings = b"".join([name + b"\0" for _, name in symbols])
    strings += bytes(len(strings) % 2)
    place = 8 + _HEADER + 4 + 4 * len(symbols) + len(strings) + (_HEADER + len(names) if names else 0)
    places = []
    for data in members.values():
        places.append(place)
        place += _HEADER + len(data) + len(data) % 2
    if any(p > _LARGEST_OFFSET for p in places) or any(len(data) > _LARGEST_SIZE for data in members.values()):
        raise CompileError(f"a static library of {place} bytes does not fit its format, which counts to 4 GiB")
    index = struct.pack(f">{1 + len(symbols)}I", len(symbols), *[places[member] for member, _ in symbols])
    pieces = [b"!<arch>\n", *_member(b"/", index + strings, mode=0)]
    if names:
        pieces += [b"%-48s%-10d`\n" % (b"//", len(names)), names]
    for label, data in zip(labels, members.values(), strict=True):
        pieces += _member(label, data)
    return pieces


def defined_names(data: bytes) -> list[bytes]:
    """The names that a relocatable object defines for others: its global and weak symbols, in order."""
    if data[:4] == MAGIC:
        return [s.name for s in read_object(data).symbols if s.is_defined and not s.is_local]
    layout = layout_of(data)
    found, headers = [], layout.headers(data)
    for header in headers:
        if header[1] != _SYMTAB:
            continue
        strings = headers[header[6]][4]
        for at in range(header[4], header[4] + header[5], layout.entry.size):
            symbol = layout.symbol(data, at)
            if symbol.binding != _LOCAL and symbol.section != 0:
                start = strings + symbol.name
                found.append(data[start : data.index(0, start)])
    return found


def _member(label: bytes, data: bytes, mode: int = 0o644) -> list[bytes]:
    header = b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (label, 0, 0, 0, mode, len(data))
    return [header, data, b"\n" * (len(data) % 2)]
