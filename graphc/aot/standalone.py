"""Modules that stand alone: a program's functions as C calls them, its thread pool, and a name for its constants."""

from __future__ import annotations

import hashlib
import re
import struct

from graphc.aot.signature import SUFFIX, signature_bytes
from graphc.codegen.llvm.module import program_text
from graphc.ir.program import Program
from graphc.ir.target import Target
from graphc.runtime.cpu_check import check_text
from graphc.runtime.pool import pool_text

_C_NAMES = """\

; What the C header declares, and what the program says of itself.
@{name}{suffix} = constant [{size} x i8] c"{said}"

define i64 @{name}_arena(ptr %dims) nounwind {{
  %size = call i64 @{inner}_arena(ptr %dims)
  ret i64 %size
}}

define void @{name}_shapes(ptr %dims, ptr %shapes) nounwind {{
  call void @{inner}_shapes(ptr %dims, ptr %shapes)
  ret void
}}
"""
_INSIDE = """\

; The constants are put into the object file under their name when it is written.
@{name}_constants = {room}, align 64

define i32 @{name}(ptr %inputs, ptr %outputs, ptr %dims, ptr %arena) nounwind {{
  %code = call i32 @{inner}(ptr %inputs, ptr %outputs, ptr %dims, ptr @{name}_constants, ptr %arena)
  ret i32 %code
}}
"""
_ELF_ROOM = "external hidden constant i8"
_WASM_ROOM = 'hidden global [{size} x i8] zeroinitializer, section ".data.{name}_constants"'  # constant zeros would be folded
_SEPARATE = """\

@{name}_weights = internal global ptr null, align 8

define i32 @{name}(ptr %inputs, ptr %outputs, ptr %dims, ptr %arena) nounwind {{
  %weights = load atomic ptr, ptr @{name}_weights acquire, align 8
  %none = icmp eq ptr %weights, null
  br i1 %none, label %refuse, label %run

refuse:
  ret i32 -1

run:
  %constants = getelementptr i8, ptr %weights, i64 {header}
  %code = call i32 @{inner}(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena)
  ret i32 %code
}}

define i32 @{name}_init(ptr %weights, i64 %size) nounwind {{
  %short = icmp ult i64 %size, {total}
  %address = ptrtoint ptr %weights to i64
  %rest = and i64 %address, 63
  %askew = icmp ne i64 %rest, 0
  %absent = icmp eq ptr %weights, null
  %misplaced = or i1 %askew, %absent
  %unusable = or i1 %short, %misplaced
  br i1 %unusable, label %unfit, label %compare

unfit:
  ret i32 1

compare:
{compared}
  %other = icmp ne i64 %d{last}, 0
  br i1 %other, label %foreign, label %take

foreign:
  ret i32 2

take:
  store atomic ptr %weights, ptr @{name}_weights release, align 8
  ret i32 0
}}
"""
_COMPARED = """\
  %p{k} = getelementptr i8, ptr %weights, i64 {at}
  %w{k} = load i64, ptr %p{k}, align 8
  %x{k} = xor i64 %w{k}, {word}
  %d{k} = or i64 {before}, %x{k}"""
_THREADS = """\

define void @{name}_threads(i32 %threads) nounwind {{
  call void @gc_pool_configure(i32 %threads)
  ret void
}}

define void @{name}_after_fork() nounwind {{
  call void @gc_pool_reset_after_fork()
  ret void
}}
"""
_PUBLIC = re.compile(r"^define (?!internal)", re.MULTILINE)
_SUFFIXES = ("", "_arena", "_shapes", "_supported", SUFFIX)
_WEIGHTS = struct.Struct("<8sIIQ32s8x")  # magic, version, bytes of this header, bytes that follow, their SHA-256
_OF_THREADS = ("_threads", "_after_fork")


def standalone_text(program: Program, target: Target, name: str, threads: bool = True, weights: bytes | None = None) -> str:
    """The module of a program without host steps that needs nothing but libc.

    Every object has the pool in it under weak names, so that objects linked into one program share one pool. Without
    ``threads`` it has none, shares nothing with others, and calls nothing that starts a thread.

    Args:
        weights: the header of the file with the constants; None where they are put into the object.

    Raises:
        CompileError: the program cannot be written, or the target has no thread pool.
    """
    inner = f"{name}_with_constants"
    pool = _PUBLIC.sub("define weak hidden " if threads else "define internal ", pool_text(target, threads))
    text = program_text(program, target, inner, pool)
    text = re.sub(rf"^define (?=\w+ @{inner}\w*\()", "define internal ", text, flags=re.MULTILINE)
    said = signature_bytes(program, target, name)
    escaped = "".join(f"\\{b:02X}" for b in said)
    names = _C_NAMES + _THREADS * threads
    text += names.format(name=name, inner=inner, suffix=SUFFIX, size=len(said), said=escaped)
    text += "\n" + check_text(target, f"{name}_supported")
    if weights is None:
        room = _WASM_ROOM.format(size=len(program.constants), name=name) if target.is_wasm else _ELF_ROOM
        return text + _INSIDE.format(name=name, inner=inner, room=room)
    words = struct.unpack(f"<{len(weights) // 8}q", weights)
    lines = [_COMPARED.format(k=k, at=8 * k, word=word, before=f"%d{k - 1}" if k else 0) for k, word in enumerate(words)]
    total = len(weights) + _WEIGHTS.unpack(weights)[3]
    return text + _SEPARATE.format(
        name=name, inner=inner, header=len(weights), total=total, compared="\n".join(lines), last=len(words) - 1
    )


def weights_header(content) -> bytes:
    """The 64 bytes before the constants in a file of their own, by which a program knows its constants."""
    return _WEIGHTS.pack(b"gcweight", 1, _WEIGHTS.size, len(content), hashlib.sha256(content).digest())


def public_names(name: str, threads: bool = True, separate: bool = False) -> list[str]:
    """The functions, and the data, that a module of this name offers."""
    return [name + suffix for suffix in (*_SUFFIXES, *_OF_THREADS * threads, *("_init",) * separate)]


def constants_name(name: str) -> str:
    """The symbol under which the module looks for its constants."""
    return f"{name}_constants"
