"""What each relocation kind of x86-64, aarch64 and riscv64 writes, and the stubs through which imported functions are called."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Callable

from graphc.errors import CompileError
from graphc.runtime.elf_object import AARCH64, RISCV64, X86_64

_U32 = struct.Struct("<I")

# How a relocation looks for its symbol.
DIRECT = "direct"  # at the symbol itself, which must be in this file
CALL = "call"  # at the symbol, or at a stub where it is imported
GOT = "got"  # at the slot of the symbol in the global offset table
WORD = "word"  # a 64-bit address, completed by the loader
PAIR = "pair"  # at the instruction with the upper bits of a distance, which knows the real symbol


@dataclass(frozen=True)
class Kind:
    """One relocation type: its name, how it looks for its symbol, and ``patch(data, offset, value, place)``."""

    name: str
    look: str
    patch: Callable | None


@dataclass(frozen=True)
class Machine:
    """What the linker must know about a machine."""

    name: str
    page: int
    kinds: dict[int, Kind]
    relative: int
    glob_dat: int
    absolute: int
    stub_size: int
    stub: Callable[[int, int], bytes]  # (address of the stub, address of the slot)
    abi: int = 0  # flags of the file's header
    uppers: frozenset[int] = frozenset()  # the relocations at which those of look PAIR find their symbols


def _range(value: int, bits: int, name: str) -> int:
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise CompileError(f"relocation {name}: a distance of {value} bytes does not fit {bits} bits; the program is too large")
    return value


def _relative(name: str, size: int) -> Callable:
    def patch(data, offset, value, place):
        distance = _range(value - place, size * 8, name)
        data[offset : offset + size] = distance.to_bytes(size, "little", signed=True)

    return patch


def _absolute_32(name: str) -> Callable:
    def patch(data, offset, value, place):
        raise CompileError(f"relocation {name}: a 32-bit absolute address cannot be used in a shared object; compile with reloc=pic")

    return patch


def _modify(data, offset: int, keep: int, bits: int) -> None:
    word = _U32.unpack_from(data, offset)[0]
    _U32.pack_into(data, offset, word & keep | bits)


def _adr_page(name: str) -> Callable:
    def patch(data, offset, value, place):
        pages = _range((value >> 12) - (place >> 12), 21, name)
        _modify(data, offset, 0x9F00001F, (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5)

    return patch


def _low_12(name: str, shift: int) -> Callable:
    def patch(data, offset, value, place):
        low = value & 0xFFF
        if low & (1 << shift) - 1:
            raise CompileError(f"relocation {name}: address {value:#x} is not a multiple of {1 << shift}")
        _modify(data, offset, 0xFFC003FF, low >> shift << 10)

    return patch


def _branch_26(name: str) -> Callable:
    def patch(data, offset, value, place):
        _modify(data, offset, 0xFC000000, _range(value - place, 28, name) >> 2 & 0x3FFFFFF)

    return patch


def _x86_stub(stub: int, slot: int) -> bytes:
    """jmp *[rip + slot], padded with int3."""
    return b"\xff\x25" + struct.pack("<i", slot - (stub + 6)) + b"\xcc\xcc"


def _aarch64_stub(stub: int, slot: int) -> bytes:
    """adrp x16, slot; ldr x17, [x16, slot]; br x17; nop."""
    code = bytearray(struct.pack("<IIII", 0x90000010, 0xF9400211, 0xD61F0220, 0xD503201F))
    _adr_page("stub")(code, 0, slot, stub)
    _low_12("stub", 3)(code, 4, slot, stub)
    return bytes(code)


def _upper_20(distance: int, name: str) -> int:
    """The bits of ``auipc`` for a distance whose low 12 bits another instruction adds, with their sign."""
    return _range(distance + 0x800, 32, name) & 0xFFFFF000


def _riscv_upper(name: str) -> Callable:
    def patch(data, offset, value, place):
        _modify(data, offset, 0xFFF, _upper_20(value - place, name))

    return patch


def _riscv_load(name: str) -> Callable:
    def patch(data, offset, value, place):
        _modify(data, offset, 0xFFFFF, (value - place & 0xFFF) << 20)

    return patch


def _riscv_store(name: str) -> Callable:
    def patch(data, offset, value, place):
        low = value - place & 0xFFF
        _modify(data, offset, 0x1FFF07F, low >> 5 << 25 | (low & 31) << 7)

    return patch


def _riscv_call(name: str) -> Callable:
    def patch(data, offset, value, place):
        if offset + 8 > len(data):
            raise CompileError(f"relocation {name}: the section ends between the two instructions of a call")
        _riscv_upper(name)(data, offset, value, place)
        _riscv_load(name)(data, offset + 4, value, place)

    return patch


def _riscv_stub(stub: int, slot: int) -> bytes:
    """auipc t3, slot; ld t3, slot(t3); jr t3; nop."""
    code = bytearray(struct.pack("<IIII", 0x00000E17, 0x000E3E03, 0x000E0067, 0x00000013))
    _riscv_upper("stub")(code, 0, slot, stub)
    _riscv_load("stub")(code, 4, slot, stub)
    return bytes(code)


def _kinds(rows) -> dict[int, Kind]:
    return {number: Kind(name, look, make(name) if make else None) for number, name, look, make in rows}


def _sized(size: int):
    return lambda name: _relative(name, size)


def _shifted(shift: int):
    return lambda name: _low_12(name, shift)


_X86_64_KINDS = _kinds((
    (1, "R_X86_64_64", WORD, None),
    (2, "R_X86_64_PC32", DIRECT, _sized(4)),
    (4, "R_X86_64_PLT32", CALL, _sized(4)),
    (9, "R_X86_64_GOTPCREL", GOT, _sized(4)),
    (10, "R_X86_64_32", DIRECT, _absolute_32),
    (11, "R_X86_64_32S", DIRECT, _absolute_32),
    (24, "R_X86_64_PC64", DIRECT, _sized(8)),
    (41, "R_X86_64_GOTPCRELX", GOT, _sized(4)),
    (42, "R_X86_64_REX_GOTPCRELX", GOT, _sized(4)),
))  # fmt: skip

_AARCH64_KINDS = _kinds((
    (257, "R_AARCH64_ABS64", WORD, None),
    (260, "R_AARCH64_PREL64", DIRECT, _sized(8)),
    (261, "R_AARCH64_PREL32", DIRECT, _sized(4)),
    (275, "R_AARCH64_ADR_PREL_PG_HI21", DIRECT, _adr_page),
    (277, "R_AARCH64_ADD_ABS_LO12_NC", DIRECT, _shifted(0)),
    (278, "R_AARCH64_LDST8_ABS_LO12_NC", DIRECT, _shifted(0)),
    (282, "R_AARCH64_JUMP26", CALL, _branch_26),
    (283, "R_AARCH64_CALL26", CALL, _branch_26),
    (284, "R_AARCH64_LDST16_ABS_LO12_NC", DIRECT, _shifted(1)),
    (285, "R_AARCH64_LDST32_ABS_LO12_NC", DIRECT, _shifted(2)),
    (286, "R_AARCH64_LDST64_ABS_LO12_NC", DIRECT, _shifted(3)),
    (299, "R_AARCH64_LDST128_ABS_LO12_NC", DIRECT, _shifted(4)),
    (311, "R_AARCH64_ADR_GOT_PAGE", GOT, _adr_page),
    (312, "R_AARCH64_LD64_GOT_LO12_NC", GOT, _shifted(3)),
    (314, "R_AARCH64_PLT32", CALL, _sized(4)),
))  # fmt: skip

_RISCV64_KINDS = _kinds((
    (2, "R_RISCV_64", WORD, None),
    (19, "R_RISCV_CALL_PLT", CALL, _riscv_call),
    (20, "R_RISCV_GOT_HI20", GOT, _riscv_upper),
    (23, "R_RISCV_PCREL_HI20", DIRECT, _riscv_upper),
    (24, "R_RISCV_PCREL_LO12_I", PAIR, _riscv_load),
    (25, "R_RISCV_PCREL_LO12_S", PAIR, _riscv_store),
))  # fmt: skip
_RISCV_ABI = 0x5  # compressed instructions, arguments of type double in registers

BY_NUMBER = {
    X86_64: Machine("x86-64", 0x1000, _X86_64_KINDS, relative=8, glob_dat=6, absolute=1, stub_size=8, stub=_x86_stub),
    AARCH64: Machine(
        "aarch64", 0x10000, _AARCH64_KINDS, relative=1027, glob_dat=1025, absolute=257, stub_size=16, stub=_aarch64_stub
    ),
    RISCV64: Machine(
        "riscv64", 0x1000, _RISCV64_KINDS, relative=3, glob_dat=2, absolute=2, stub_size=16, stub=_riscv_stub,
        abi=_RISCV_ABI, uppers=frozenset({20, 23}),
    ),  # fmt: skip
}
