"""Modules that stand alone: a program's functions as C calls them, its thread pool, and a name for its constants."""

from __future__ import annotations

import re

from graphc.aot.signature import SUFFIX, signature_bytes
from graphc.codegen.llvm.module import program_text
from graphc.ir.program import Program
from graphc.ir.target import Target
from graphc.runtime.pool import pool_text

_C_NAMES = """\

; What the C header declares. The constants are put into the object file under their name when it is written.
@{name}_constants = external hidden constant i8, align 64

@{name}{suffix} = constant [{size} x i8] c"{said}"

define i32 @{name}(ptr %inputs, ptr %outputs, ptr %dims, ptr %arena) nounwind {{
  %code = call i32 @{inner}(ptr %inputs, ptr %outputs, ptr %dims, ptr @{name}_constants, ptr %arena)
  ret i32 %code
}}

define i64 @{name}_arena(ptr %dims) nounwind {{
  %size = call i64 @{inner}_arena(ptr %dims)
  ret i64 %size
}}

define void @{name}_shapes(ptr %dims, ptr %shapes) nounwind {{
  call void @{inner}_shapes(ptr %dims, ptr %shapes)
  ret void
}}

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
_SUFFIXES = ("", "_arena", "_shapes", "_threads", "_after_fork", SUFFIX)


def standalone_text(program: Program, target: Target, name: str) -> str:
    """The module of a program without host steps that needs nothing but libc.

    Every object has the pool in it under weak names, so that objects linked into one program share one pool.

    Raises:
        CompileError: the program cannot be written, or the target has no thread pool.
    """
    inner = f"{name}_with_constants"
    pool = _PUBLIC.sub("define weak hidden ", pool_text(target))
    text = program_text(program, target, inner, pool)
    text = re.sub(rf"^define (?=\w+ @{inner}\w*\()", "define internal ", text, flags=re.MULTILINE)
    said = signature_bytes(program, target, name)
    escaped = "".join(f"\\{b:02X}" for b in said)
    return text + _C_NAMES.format(name=name, inner=inner, suffix=SUFFIX, size=len(said), said=escaped)


def public_names(name: str) -> list[str]:
    """The functions, and the data, that a module of this name offers."""
    return [name + suffix for suffix in _SUFFIXES]


def constants_name(name: str) -> str:
    """The symbol under which the module looks for its constants."""
    return f"{name}_constants"
