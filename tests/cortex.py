"""Runs ARM objects for microcontrollers in an emulated processor: placed in memory by the rules of ELF, helpers of C libraries in Python."""

from __future__ import annotations

import struct

import numpy as np
import unicorn
from unicorn import arm_const as arm

from graphc.runtime.elf_layout import layout_of

BASE, HELPERS, STACK, HEAP = 0x10000, 0x1000000, 0x2000000, 0x4000000
_STACK_SIZE, _HEAP_SIZE = 1 << 20, 1 << 26
_SYMTAB, _NOBITS, _REL, _ALLOC = 2, 8, 9, 2
_MASK = 0xFFFFFFFF


class Cortex:
    """A Cortex-M4 with an object in its memory."""

    heap = HEAP

    def __init__(self, code: bytes):
        self._cpu = cpu = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        cpu.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._helpers: list[str] = []
        cpu.mem_map(HELPERS, 1 << 16)
        cpu.mem_write(HELPERS, b"\x70\x47" * (1 << 15))  # bx lr
        cpu.mem_map(STACK, _STACK_SIZE)
        cpu.mem_map(HEAP, _HEAP_SIZE)
        self.symbols = self._load(code)
        cpu.hook_add(unicorn.UC_HOOK_CODE, self._help, begin=HELPERS, end=HELPERS + (1 << 16) - 1)

    def write(self, place: int, content) -> None:
        self._cpu.mem_write(place, bytes(content))

    def read(self, place: int, size: int) -> bytes:
        return bytes(self._cpu.mem_read(place, size))

    def call(self, name: str, *arguments: int) -> int:
        """A function of up to five words."""
        cpu, stack = self._cpu, STACK + _STACK_SIZE - 64
        for register, value in zip(range(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R0 + 4), arguments):
            cpu.reg_write(register, value)
        cpu.mem_write(stack, b"".join(struct.pack("<I", word) for word in arguments[4:]))
        cpu.reg_write(arm.UC_ARM_REG_SP, stack)
        cpu.reg_write(arm.UC_ARM_REG_LR, HELPERS | 1)
        cpu.emu_start(self.symbols[name] | 1, HELPERS)
        return cpu.reg_read(arm.UC_ARM_REG_R0)

    def call_wide(self, name: str, *arguments: int) -> int:
        """A function that answers with 64 bits."""
        low = self.call(name, *arguments)
        return low | self._cpu.reg_read(arm.UC_ARM_REG_R1) << 32

    def _load(self, code: bytes) -> dict[str, int]:
        """Put the sections into memory; the addresses of the symbols that the object defines."""
        layout = layout_of(code)
        headers, image, places = layout.headers(code), bytearray(), {}
        for k, (_, kind, flags, _, offset, size, _, _, align, _) in enumerate(headers):
            if flags & _ALLOC:
                image += bytes(-len(image) % max(align, 1))
                places[k] = BASE + len(image)
                image += bytes(size) if kind == _NOBITS else code[offset : offset + size]
        (table,) = [h for h in headers if h[1] == _SYMTAB]
        strings = headers[table[6]][4]
        addresses, found = [], {}
        for at in range(table[4], table[4] + table[5], layout.entry.size):
            symbol = layout.symbol(code, at)
            name = code[strings + symbol.name : code.index(0, strings + symbol.name)].decode()
            if symbol.section == 0 and name:
                self._helpers.append(name)
                addresses.append(HELPERS + 4 * len(self._helpers) | 1)
            else:
                addresses.append(places.get(symbol.section, 0) + symbol.value)
            if symbol.section and symbol.binding:
                found[name] = addresses[-1]
        for _, kind, _, _, offset, size, _, target, _, _ in headers:
            if kind == _REL and target in places:
                for at in range(offset, offset + size, 8):
                    where, info = struct.unpack_from("<II", code, at)
                    _relocate(image, places[target] - BASE + where, info & 0xFF, addresses[info >> 8])
        self._cpu.mem_map(BASE, -(-len(image) // 0x1000) * 0x1000)
        self._cpu.mem_write(BASE, bytes(image))
        return found

    def _help(self, cpu, address: int, size: int, _) -> None:
        number = (address - HELPERS) // 4
        if number == 0:
            return
        name = self._helpers[number - 1]
        words = [cpu.reg_read(arm.UC_ARM_REG_R0 + k) for k in range(4)]
        if name == "sqrt":  # takes and gives its number in d0, as the rules for hardware with floats say
            with np.errstate(all="ignore"):
                cpu.reg_write(arm.UC_ARM_REG_D0, _bits(np.sqrt(_double(cpu.reg_read(arm.UC_ARM_REG_D0)))))
            return
        if name == "__aeabi_memmove":
            cpu.mem_write(words[0], bytes(cpu.mem_read(words[1], words[2])))
            return
        with np.errstate(all="ignore"):
            answer = _ARITHMETIC[name](*words)
        for k, word in enumerate(answer):
            cpu.reg_write(arm.UC_ARM_REG_R0 + k, int(word))


def _relocate(image: bytearray, at: int, kind: int, value: int) -> None:
    """Relocations of the ABI for ARM whose addend is in place."""
    place = BASE + at
    if kind in (47, 48):  # R_ARM_THM_MOVW_ABS_NC, R_ARM_THM_MOVT_ABS
        high, low = struct.unpack_from("<HH", image, at)
        addend = (high & 15) << 12 | (high >> 10 & 1) << 11 | (low >> 12 & 7) << 8 | low & 255
        addend -= (addend & 0x8000) << 1
        half = (value + addend) >> (16 if kind == 48 else 0) & 0xFFFF
        high = high & 0xFBF0 | half >> 12 | (half >> 11 & 1) << 10
        struct.pack_into("<HH", image, at, high, low & 0x8F00 | (half >> 8 & 7) << 12 | half & 255)
    elif kind in (10, 30):  # R_ARM_THM_CALL, R_ARM_THM_JUMP24, both with an addend of -4
        step = (value & ~1) - place - 4
        assert -(1 << 24) <= step < 1 << 24
        sign, first, second = step >> 24 & 1, step >> 23 & 1, step >> 22 & 1
        high, low = struct.unpack_from("<HH", image, at)
        high = 0xF000 | sign << 10 | step >> 12 & 0x3FF
        low = low & 0xD000 | (first ^ sign ^ 1) << 13 | (second ^ sign ^ 1) << 11 | step >> 1 & 0x7FF
        struct.pack_into("<HH", image, at, high, low)
    elif kind == 2:  # R_ARM_ABS32
        (addend,) = struct.unpack_from("<I", image, at)
        struct.pack_into("<I", image, at, value + addend & _MASK)
    else:
        assert kind in (0, 42), f"relocation {kind}"  # R_ARM_NONE, and R_ARM_PREL31 of tables for exceptions


def _double(bits: int) -> np.float64:
    return np.array(bits, np.uint64).view(np.float64)[()]


def _bits(value) -> int:
    return int(np.array(value, np.float64).view(np.uint64))


def _halves(bits: int) -> tuple[int, int]:
    return bits & _MASK, bits >> 32 & _MASK


def _signed(bits: int, width: int = 64) -> int:
    return bits - (bits >> (width - 1) << width)


def _on_doubles(function):
    return lambda a, b, c, d: _halves(_bits(function(_double(a | b << 32), _double(c | d << 32))))


def _test(function):
    return lambda a, b, c, d: (function(_double(a | b << 32), _double(c | d << 32)),)


def _float(word: int) -> np.float32:
    return np.array(word, np.uint32).view(np.float32)[()]


def _word(value) -> tuple[int]:
    return (int(np.array(value, np.float32).view(np.uint32)),)


def _whole(value, low: int, high: int) -> int:
    """A float as an integer, and the nearest one where it does not fit."""
    return 0 if np.isnan(value) else int(min(max(float(value), low), high)) if np.isfinite(value) else (high if value > 0 else low)


def _divided(x: int, y: int) -> tuple[int, ...]:
    quotient = abs(x) // abs(y) if y else 0
    quotient = -quotient if (x < 0) != (y < 0) else quotient
    return (*_halves(quotient), *_halves(x - quotient * y))


_I64, _U64 = (-(1 << 63), (1 << 63) - 1), (0, (1 << 64) - 1)
_ARITHMETIC = {
    "__aeabi_dadd": _on_doubles(lambda x, y: x + y),
    "__aeabi_dsub": _on_doubles(lambda x, y: x - y),
    "__aeabi_dmul": _on_doubles(lambda x, y: x * y),
    "__aeabi_ddiv": _on_doubles(lambda x, y: x / y),
    "__aeabi_dcmpeq": _test(lambda x, y: x == y),
    "__aeabi_dcmplt": _test(lambda x, y: x < y),
    "__aeabi_dcmple": _test(lambda x, y: x <= y),
    "__aeabi_dcmpge": _test(lambda x, y: x >= y),
    "__aeabi_dcmpgt": _test(lambda x, y: x > y),
    "__aeabi_dcmpun": _test(lambda x, y: x != x or y != y),
    "__aeabi_d2f": lambda a, b, c, d: _word(_double(a | b << 32)),
    "__aeabi_f2d": lambda a, b, c, d: _halves(_bits(_float(a))),
    "__aeabi_d2iz": lambda a, b, c, d: (_whole(_double(a | b << 32), -(1 << 31), (1 << 31) - 1) & _MASK,),
    "__aeabi_d2uiz": lambda a, b, c, d: (_whole(_double(a | b << 32), 0, _MASK),),
    "__aeabi_d2lz": lambda a, b, c, d: _halves(_whole(_double(a | b << 32), *_I64)),
    "__aeabi_d2ulz": lambda a, b, c, d: _halves(_whole(_double(a | b << 32), *_U64)),
    "__aeabi_f2lz": lambda a, b, c, d: _halves(_whole(_float(a), *_I64)),
    "__aeabi_f2ulz": lambda a, b, c, d: _halves(_whole(_float(a), *_U64)),
    "__aeabi_i2d": lambda a, b, c, d: _halves(_bits(_signed(a, 32))),
    "__aeabi_ui2d": lambda a, b, c, d: _halves(_bits(a)),
    "__aeabi_l2d": lambda a, b, c, d: _halves(_bits(np.int64(_signed(a | b << 32)))),
    "__aeabi_ul2d": lambda a, b, c, d: _halves(_bits(np.uint64(a | b << 32))),
    "__aeabi_l2f": lambda a, b, c, d: _word(np.int64(_signed(a | b << 32))),
    "__aeabi_ul2f": lambda a, b, c, d: _word(np.uint64(a | b << 32)),
    "__aeabi_ldivmod": lambda a, b, c, d: _divided(_signed(a | b << 32), _signed(c | d << 32)),
    "__aeabi_uldivmod": lambda a, b, c, d: _divided(a | b << 32, c | d << 32),
}
HELPED = frozenset(_ARITHMETIC) | {"sqrt", "__aeabi_memmove"}
