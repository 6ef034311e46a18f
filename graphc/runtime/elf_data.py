"""Relocatable objects that hold nothing but data, under names that programs in C declare."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from graphc.errors import CompileError
from graphc.runtime.elf_object import AARCH64, ALLOC, GLOBAL, RISCV64, X86_64

MACHINE_OF = {"x86_64": X86_64, "aarch64": AARCH64, "riscv64": RISCV64}  # by the first word of a target's triple
_FLAGS = {RISCV64: 0x5}  # compressed instructions, doubles in registers: what C compilers there expect of all objects
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATABLE, _PROGBITS, _SYMTAB, _STRTAB = 1, 1, 2, 3
_OBJECT, _HIDDEN = GLOBAL << 4 | 1, 2
_ALIGN = 64


def data_object(contents: Mapping[str, object], machine: str) -> list:
    """The pieces of an object with a symbol for each content, a bytes-like object that begins at a multiple of 64 bytes.

    Libraries that are linked with it do not offer the symbols to others.

    Args:
        machine: ``x86_64``, ``aarch64`` or ``riscv64``.

    Raises:
        CompileError: it is for another machine.
    """
    if machine not in MACHINE_OF:
        raise CompileError(f"there are no objects with data for {machine}; there are for {', '.join(MACHINE_OF)}")
    number = MACHINE_OF[machine]
    pieces, end = [], _HEADER.size
    rows, symbols, names, section_names = [bytes(_SECTION.size)], [bytes(_SYMBOL.size)], b"\0", b"\0"

    def add(name: str, kind: int, flags: int, content, link: int = 0, info: int = 0, entry: int = 0) -> None:
        nonlocal end, section_names
        content = memoryview(content).cast("B")
        gap = -end % _ALIGN
        rows.append(_SECTION.pack(len(section_names), kind, flags, 0, end + gap, len(content), link, info, _ALIGN, entry))
        section_names += name.encode() + b"\0"
        pieces.extend((bytes(gap), content))
        end += gap + len(content)

    for place, (name, content) in enumerate(contents.items(), 1):
        add(f".rodata.{name}", _PROGBITS, ALLOC, content)
        symbols.append(_SYMBOL.pack(len(names), _OBJECT, _HIDDEN, place, 0, memoryview(content).nbytes))
        names += name.encode() + b"\0"
    add(".symtab", _SYMTAB, 0, b"".join(symbols), link=len(rows) + 1, info=1, entry=_SYMBOL.size)
    add(".strtab", _STRTAB, 0, names)
    add(".note.GNU-stack", _PROGBITS, 0, b"")
    add(".shstrtab", _STRTAB, 0, section_names + b".shstrtab\0")
    gap = -end % 8
    table = _HEADER.pack(b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), _RELOCATABLE, number, 1, 0, 0, end + gap, _FLAGS.get(number, 0),
                         _HEADER.size, 0, 0, _SECTION.size, len(rows), len(rows) - 1)  # fmt: skip
    return [table, *pieces, bytes(gap), *rows]
