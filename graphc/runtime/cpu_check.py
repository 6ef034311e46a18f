"""A function in LLVM IR that tells whether a processor has what code for a target uses, before any of that code runs."""

from __future__ import annotations

import struct

from graphc.ir.target import Target
from graphc.runtime.cpu_levels import FEATURES, LEVELS

_AVX, _AVX512 = 0x6, 0xE6  # registers that the system must keep, as xgetbv tells
_OSXSAVE = 1 << 27  # bit of leaf 1, ecx: xgetbv exists
_TEST = {"eax": (b"\x25", b"\x3d"), "ebx": (b"\x81\xe3", b"\x81\xfb"), "ecx": (b"\x81\xe1", b"\x81\xf9")}  # and, cmp


def check_text(target: Target, name: str) -> str:
    """``i32 NAME()``, which answers 1 where the processor that it runs on has all features of the target, else 0.

    For x86-64 it is machine code, as LLVM has no intrinsic for ``cpuid`` and reads assembly of its own machine only. Elsewhere
    it answers 1: these targets ask for nothing that some processor of the family lacks.
    """
    needs = LEVELS.get(target.name)
    if not needs:
        return f"define i32 @{name}() nounwind {{\n  ret i32 1\n}}\n"
    code = _machine_code(needs)
    said = "".join(f"\\{byte:02X}" for byte in code)
    return f'define i32 @{name}() nounwind prologue [{len(code)} x i8] c"{said}" {{\n  unreachable\n}}\n'


def _machine_code(needs: frozenset[str]) -> bytes:
    """Compares what ``cpuid`` answers with the features, one register after the other."""
    masks: dict[tuple[int, str], int] = {}
    for name in needs:
        leaf, register, bit = FEATURES[name]
        masks[leaf, register] = masks.get((leaf, register), 0) | 1 << bit
    if "avx" in needs:
        masks[1, "ecx"] |= _OSXSAVE
    tests = [_highest_leaf(max(leaf for leaf, _ in masks if leaf < 0x80000000))]
    tests += [_cpuid(leaf) + _has(register, masks[leaf, register]) for leaf, register in sorted(masks)]
    if "avx" in needs:
        kept = _AVX512 if "avx512f" in needs else _AVX
        tests.insert(2, b"\x31\xc9\x0f\x01\xd0" + _has("eax", kept))  # xor ecx, ecx; xgetbv: after leaf 1 said that it exists
    yes, no = b"\xb8\x01\x00\x00\x00\x5b\xc3", b"\x31\xc0\x5b\xc3"  # mov eax, 1 or xor eax, eax; pop rbx; ret
    code, rest = b"\x53", sum(map(len, tests)) + 6 * len(tests) + len(yes)  # push rbx, which cpuid changes
    for k, test in enumerate(tests):
        rest -= len(test) + 6
        code += test + (b"\x0f\x82" if k == 0 else b"\x0f\x85") + struct.pack("<i", rest)  # jb no, or jne no
    return code + yes + no


def _cpuid(leaf: int) -> bytes:
    """mov eax, leaf; xor ecx, ecx; cpuid."""
    return b"\xb8" + struct.pack("<I", leaf) + b"\x31\xc9\x0f\xa2"


def _highest_leaf(leaf: int) -> bytes:
    """Compares the highest leaf with one that is asked for; what is above it would be answered as the highest."""
    return _cpuid(0) + b"\x3d" + struct.pack("<I", leaf)


def _has(register: str, mask: int) -> bytes:
    """and register, mask; cmp register, mask."""
    keep, compare = _TEST[register]
    bits = struct.pack("<I", mask)
    return keep + bits + compare + bits
